package dev.cadre.bench;

import dev.cadre.kernels.IndexKernel;
import java.util.Arrays;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** The index scan: one query of all heads against decoded tiles of {@value IndexKernel#KEYS} keys. */
public class IndexBenchmark extends KernelBenchmark {
    private static final int WIDTH = 128;
    private static final int TILES = 16; // what the engine gives a worker at a time

    /** Heads of the indexer: 32 in GLM-5, 64 in DeepSeek-V3.2. */
    @Param({"32", "64"})
    public int heads;

    private final IndexKernel kernel = kernels.index();
    private final float[] sums = new float[IndexKernel.KEYS];
    private final float[] out = new float[TILES * IndexKernel.KEYS];
    private float[] query;
    private float[] weights;
    private float[] tiles;

    /** Made by JMH. */
    public IndexBenchmark() {}

    /** Random queries and keys. */
    @Setup(Level.Trial)
    public void setUp() {
        query = randomFloats(heads * WIDTH);
        weights = randomFloats(heads);
        int size = IndexKernel.tileSize(WIDTH);
        tiles = randomFloats(TILES * size);
        for (int t = 0; t < TILES; t++) { // factors are positive
            Arrays.fill(tiles, t * size + WIDTH * IndexKernel.KEYS, (t + 1) * size, 0.5f);
        }
    }

    /** Scores of all keys; bytes are those of the decoded tiles. */
    @Benchmark
    public float[] scan(Rates rates) {
        int size = IndexKernel.tileSize(WIDTH);
        for (int t = 0; t < TILES; t++) {
            int n = IndexKernel.KEYS;
            kernel.scores(query, 0, heads, WIDTH, weights, 0, tiles, t * size, n, sums, out, t * n);
        }
        rates.add(4.0 * tiles.length, (double) TILES * IndexKernel.KEYS * heads * WIDTH);
        return out;
    }
}
