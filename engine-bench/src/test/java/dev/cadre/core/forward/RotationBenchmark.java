package dev.cadre.core.forward;

import dev.cadre.bench.KernelBenchmark;
import dev.cadre.bench.Rates;
import dev.cadre.core.KvPrecision;
import dev.cadre.core.cache.CacheLayout;
import dev.cadre.core.cache.PagePool;
import dev.cadre.core.cache.SequenceCache;
import dev.cadre.core.model.ModelConfig;
import dev.cadre.core.model.RopeConfig;
import java.util.List;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Setup;

/** Rotations of 32 heads of 128 in place, which keep their size; bytes are those of all floats read and written. */
public class RotationBenchmark extends KernelBenchmark {
    private static final int HEADS = 32;
    private static final int WIDTH = 128;

    private final float[] x = randomFloats(HEADS * WIDTH);
    private final Rotary rotary = new Rotary();
    private final RopeConfig halves = new RopeConfig(frequencies(), false, 1);
    private final RopeConfig pairs = halves.withInterleaved(true);

    /** Made by JMH. */
    public RotationBenchmark() {}

    private static float[] frequencies() {
        float[] frequencies = new float[WIDTH / 2];
        for (int i = 0; i < frequencies.length; i++) {
            frequencies[i] = (float) Math.pow(1e6, -2.0 * i / WIDTH);
        }
        return frequencies;
    }

    /** The angles of one position. */
    @Setup(Level.Trial)
    public void setUp() {
        ModelConfig config = new ModelConfig("none", 1, 1, 0, 1, List.of(), 0, new int[0]);
        try (PagePool pool = new PagePool(1, 1);
                SequenceCache cache = new SequenceCache(new CacheLayout(config, KvPrecision.F32), pool)) {
            Batch batch = new Batch();
            batch.add(cache, new int[2], 0, 2, Batch.Logits.NONE);
            rotary.prepare(halves, batch);
        }
    }

    /** Rotary embedding of pairs (i, i + 64). */
    @Benchmark
    public float[] rotaryHalves(Rates rates) {
        return rotary(halves, rates);
    }

    /** Rotary embedding of pairs (2i, 2i + 1). */
    @Benchmark
    public float[] rotaryPairs(Rates rates) {
        return rotary(pairs, rates);
    }

    private float[] rotary(RopeConfig rope, Rates rates) {
        for (int h = 0; h < HEADS; h++) {
            rotary.apply(rope, 1, x, h * WIDTH);
        }
        rates.add(8.0 * x.length, 0);
        return x;
    }

    /** Hadamard transforms. */
    @Benchmark
    public float[] hadamard(Rates rates) {
        for (int h = 0; h < HEADS; h++) {
            Hadamard.rotate(x, h * WIDTH, WIDTH);
        }
        rates.add(8.0 * x.length, 0);
        return x;
    }
}
