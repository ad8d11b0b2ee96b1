package dev.cadre.bench;

import dev.cadre.kernels.AttentionKernel;
import java.util.Arrays;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** The steps of attention over one tile of {@value #KEYS} decoded keys, which the caches hold. */
public class AttentionBenchmark extends KernelBenchmark {
    private static final int KEYS = 64;

    /** Shapes of tiles. */
    public enum Shape {
        /** Latents as 32 heads of GLM-5 see them: keys of 512 + 64, whose first 512 are the values. */
        LATENT(32, 576, 512),
        /** 64 queries, heads of a group and rows of a prompt, with keys and values of 128. */
        GROUPED(64, 128, 128);

        private final int queries;
        private final int keyWidth;
        private final int valueWidth;

        Shape(int queries, int keyWidth, int valueWidth) {
            this.queries = queries;
            this.keyWidth = keyWidth;
            this.valueWidth = valueWidth;
        }
    }

    /** What the tile is for. */
    @Param
    public Shape shape;

    private final AttentionKernel kernel = kernels.attention();
    private int columns;
    private float[] packed;
    private float[] keys;
    private float[] scores;
    private float[] max;
    private float[] sum;
    private float[] kept;
    private float[] mixed;

    /** Made by JMH. */
    public AttentionBenchmark() {}

    /** Random queries and keys, and a first round of all steps. */
    @Setup(Level.Trial)
    public void setUp() {
        columns = kernel.columns(shape.queries);
        packed = new float[shape.keyWidth * columns];
        float[] queries = randomFloats(shape.queries * shape.keyWidth);
        kernel.pack(queries, 0, shape.keyWidth, shape.queries, shape.keyWidth, packed, 0, columns);
        keys = randomFloats(KEYS * shape.keyWidth);
        scores = new float[KEYS * columns];
        max = new float[columns];
        sum = new float[columns];
        kept = new float[columns];
        mixed = new float[shape.queries * shape.valueWidth];
        kernel.scores(packed, 0, columns, keys, 0, shape.keyWidth, KEYS, shape.keyWidth, scores);
        Arrays.fill(max, Float.NEGATIVE_INFINITY);
        kernel.softmax(scores, columns, shape.queries, KEYS, 0.1f, max, sum, kept);
    }

    /** Products of all queries with all keys; bytes are those of the keys. */
    @Benchmark
    public float[] scores(Rates rates) {
        kernel.scores(packed, 0, columns, keys, 0, shape.keyWidth, KEYS, shape.keyWidth, scores);
        rates.add(4.0 * keys.length, (double) KEYS * shape.queries * shape.keyWidth);
        return scores;
    }

    /** A block of the softmax, over probabilities of the block before: their values do not change the work. */
    @Benchmark
    public float[] softmax(Rates rates) {
        kernel.softmax(scores, columns, shape.queries, KEYS, 0.1f, max, sum, kept);
        rates.add(4.0 * scores.length, 0);
        return scores;
    }

    /** The sum of values by their probabilities; bytes are those of the values. */
    @Benchmark
    public float[] accumulate(Rates rates) {
        kernel.accumulate(
                scores,
                0,
                columns,
                shape.queries,
                keys,
                0,
                shape.keyWidth,
                KEYS,
                shape.valueWidth,
                mixed,
                0,
                shape.valueWidth);
        rates.add(4.0 * KEYS * shape.valueWidth, (double) KEYS * shape.queries * shape.valueWidth);
        return mixed;
    }
}
