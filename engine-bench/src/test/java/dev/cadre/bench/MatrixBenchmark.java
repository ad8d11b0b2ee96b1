package dev.cadre.bench;

import dev.cadre.core.model.SyntheticWeights;
import dev.cadre.kernels.Matrix;
import dev.cadre.kernels.Workspace;
import dev.cadre.kernels.format.BlockFormat;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;

/**
 * Products of stored matrices. Weights come from memory far beyond the caches, as those of a model do; an operation
 * takes the next {@value #ROWS} rows, about what a worker of the engine gets at a time.
 */
public class MatrixBenchmark extends KernelBenchmark {
    private static final int ROWS = 64;

    /** How the weights are stored. */
    @Param({
        "F32",
        "F16",
        "BF16",
        "F8_E4M3",
        "F8_E5M2",
        "Q8_0",
        "Q4_0",
        "Q4_1",
        "Q5_0",
        "Q5_1",
        "Q2_K",
        "Q3_K",
        "Q4_K",
        "Q5_K",
        "Q6_K",
        "IQ4_XS",
        "IQ4_NL",
        "IQ3_S",
        "IQ3_XXS",
        "IQ2_S",
        "IQ2_XS",
        "IQ2_XXS",
        "IQ1_M",
        "IQ1_S",
        "MXFP4",
        "NVFP4",
        "TQ1_0",
        "TQ2_0",
        "Q1_0",
        "Q2_0",
        "INT4_PAIRS",
        "FP4_PAIRS"
    })
    public BlockFormat format;

    /** Rows of activations. */
    @Param({"1", "4", "32"})
    public int tokens;

    /** K. */
    @Param("2048")
    public int columns;

    /** Stored weights. */
    @Param("256")
    public int megabytes;

    private final Workspace workspace = new Workspace();
    private SyntheticWeights weights;
    private Matrix matrix;
    private float[] x;
    private float[] y;
    private int[] xAt;
    private int[] yAt;
    private long row;

    /** Made by JMH. */
    public MatrixBenchmark() {}

    /** Random weights and activations. */
    @Setup(Level.Trial)
    public void setUp() {
        long rowBytes = format.bytes(columns);
        long rows = Math.max(1, ((long) megabytes << 20) / rowBytes / ROWS) * ROWS;
        weights = new SyntheticWeights(format);
        matrix = weights.matrix("w", rows, columns);
        x = randomFloats(tokens * columns);
        y = new float[Math.toIntExact(tokens * rows)];
        xAt = new int[tokens];
        yAt = new int[tokens];
        for (int t = 0; t < tokens; t++) {
            xAt[t] = t * columns;
            yAt[t] = Math.toIntExact(t * rows);
        }
    }

    /** Gives the weights back. */
    @TearDown(Level.Trial)
    public void tearDown() {
        weights.close();
    }

    /** y = w · x for the next rows; bytes are those of the weights and their scales. */
    @Benchmark
    public float[] multiply(Rates rates) {
        kernels.matrices().multiply(matrix, row, ROWS, x, xAt, tokens, y, yAt, workspace);
        row = (row + ROWS) % matrix.rows();
        rates.add((double) ROWS * matrix.bytes() / matrix.rows(), (double) ROWS * columns * tokens);
        return y;
    }
}
