package dev.cadre.bench;

import dev.cadre.kernels.TopK;
import dev.cadre.kernels.VectorMath;
import org.openjdk.jmh.annotations.Benchmark;

/** Operations on rows of floats, at sizes of large models; bytes are those of all floats read and written. */
public class VectorMathBenchmark extends KernelBenchmark {
    private static final int HIDDEN = 2048;
    private static final int EXPERT_WIDTH = 768;
    private static final int LOGITS = 4096;
    private static final int POSITIONS = 131_072;
    private static final int SELECTED = 2048;

    private final VectorMath math = kernels.math();
    private final float[] x = randomFloats(HIDDEN);
    private final float[] weight = randomFloats(HIDDEN);
    private final float[] normed = new float[HIDDEN];
    private final float[] gateInput = randomFloats(EXPERT_WIDTH);
    private final float[] gate = new float[EXPERT_WIDTH];
    private final float[] up = randomFloats(EXPERT_WIDTH);
    private final float[] logits = randomFloats(LOGITS);
    private final float[] scores = randomFloats(POSITIONS);
    private final int[] selected = new int[SELECTED];
    private final TopK topK = new TopK();

    /** Made by JMH. */
    public VectorMathBenchmark() {}

    /** RMSNorm of 2,048 numbers. */
    @Benchmark
    public float[] rmsNorm(Rates rates) {
        math.rmsNorm(x, 0, weight, 1e-6f, normed, 0, HIDDEN);
        rates.add(12.0 * HIDDEN, 0);
        return normed;
    }

    /** LayerNorm of 2,048 numbers. */
    @Benchmark
    public float[] layerNorm(Rates rates) {
        math.layerNorm(x, 0, weight, weight, 1e-6f, normed, 0, HIDDEN);
        rates.add(16.0 * HIDDEN, 0);
        return normed;
    }

    /** SwiGLU of an expert of 768, with a copy of the gate, since the product takes its place. */
    @Benchmark
    public float[] swiGlu(Rates rates) {
        System.arraycopy(gateInput, 0, gate, 0, EXPERT_WIDTH);
        math.swiGlu(gate, 0, up, 0, EXPERT_WIDTH);
        rates.add(12.0 * EXPERT_WIDTH, 0);
        return gate;
    }

    /** The softmax of 4,096 numbers, in place: again and again, which brings them near to each other. */
    @Benchmark
    public float[] softmax(Rates rates) {
        math.softmax(logits, 0, LOGITS, Float.NEGATIVE_INFINITY);
        rates.add(8.0 * LOGITS, 0);
        return logits;
    }

    /** The 2,048 greatest of 131,072 scores. */
    @Benchmark
    public int[] topK(Rates rates) {
        topK.select(scores, 0, POSITIONS, SELECTED, selected, 0);
        rates.add(4.0 * POSITIONS, 0);
        return selected;
    }
}
