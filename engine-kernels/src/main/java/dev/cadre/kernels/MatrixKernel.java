package dev.cadre.kernels;

/**
 * Products of stored matrices with rows of activations.
 *
 * <p>An output depends only on its weight row and its activation row: not on the other rows of the call, on the range
 * of weight rows asked for, or on the thread. Both twins accumulate in float32.
 */
public interface MatrixKernel {
    /**
     * y[t][n] = Σ_k w[n, k]·x[t][k] for the weight rows n in [firstRow, firstRow + rowCount).
     *
     * @param w weights [N, K]
     * @param firstRow first output row to compute
     * @param rowCount number of output rows to compute
     * @param x activations; row t starts at {@code xAt[t]} and has K elements
     * @param xAt where the activation rows start
     * @param tokens number of activation rows T
     * @param y results; output row n of token t goes to {@code yAt[t] + n}
     * @param yAt where the result rows start
     * @param workspace scratch of the calling worker
     */
    void multiply(
            Matrix w,
            long firstRow,
            int rowCount,
            float[] x,
            int[] xAt,
            int tokens,
            float[] y,
            int[] yAt,
            Workspace workspace);

    /** Decodes one row of K elements, scales applied, to {@code dst[at..at + K)}. */
    void decodeRow(Matrix w, long row, float[] dst, int at, Workspace workspace);
}
