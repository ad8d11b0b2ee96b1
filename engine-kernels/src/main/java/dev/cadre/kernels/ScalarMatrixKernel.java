package dev.cadre.kernels;

import dev.cadre.kernels.format.BlockCodec;

/** The reference of {@link MatrixKernel}: one row at a time, one product at a time. */
final class ScalarMatrixKernel implements MatrixKernel {
    @Override
    public void multiply(
            Matrix w,
            long firstRow,
            int rowCount,
            float[] x,
            int[] xAt,
            int tokens,
            float[] y,
            int[] yAt,
            Workspace workspace) {
        float[] row = workspace.tile(w.columns());
        for (int n = 0; n < rowCount; n++) {
            decodeRow(w, firstRow + n, row, 0, workspace);
            for (int t = 0; t < tokens; t++) {
                float sum = 0;
                for (int k = 0; k < w.columns(); k++) {
                    sum = Math.fma(row[k], x[xAt[t] + k], sum);
                }
                y[yAt[t] + n + Math.toIntExact(firstRow)] = sum;
            }
        }
    }

    @Override
    public void decodeRow(Matrix w, long row, float[] dst, int at, Workspace workspace) {
        if (w.reader() != null) {
            w.reader().read(w.storedRow(row), dst, at);
            return;
        }
        BlockCodec.of(w.format()).decode(w.data(), w.offset(row, 0), dst, at, w.columns());
        applyScales(w, row, 0, dst, at, w.columns());
    }

    /** Applies zero points and scales, if there are any, to the decoded elements [column, column + count) of a row. */
    static void applyScales(Matrix w, long row, int column, float[] dst, int at, int count) {
        Matrix.Scales scales = w.scales();
        if (scales == null) {
            return;
        }
        for (int k = 0; k < count; ) {
            int tileEnd = Math.min(count, k + scales.tileColumns() - (column + k) % scales.tileColumns());
            float scale = scales.at(w.storedRow(row), column + k);
            if (scales.zeroPoints() != null) {
                int less = 8 - scales.zeroPoint(w.storedRow(row), column + k);
                for (int i = k; i < tileEnd; i++) {
                    dst[at + i] += less;
                }
            }
            for (; k < tileEnd; k++) {
                dst[at + k] *= scale;
            }
        }
    }
}
