package dev.cadre.weights.convert;

import dev.cadre.weights.RowSource;
import dev.cadre.weights.StoredTensor;

/**
 * Columns of stored matrices [..., inner, outer] as rows: row r of matrix m is column {@code step · r + offset}, for r
 * below {@code perMatrix}. Each call reads all rows of its matrices once.
 *
 * @param stored the matrices
 * @param inner rows of a stored matrix, the length of a result row
 * @param outer columns of a stored matrix
 */
record TransposedRows(StoredTensor stored, long inner, long outer, int step, int offset, long perMatrix)
        implements RowSource {
    @Override
    public void rows(long first, int count, float[] dst) {
        int length = Math.toIntExact(inner);
        float[] row = new float[Math.toIntExact(outer)];
        long end = first + count;
        for (long matrix = first / perMatrix; matrix * perMatrix < end; matrix++) {
            long from = Math.max(first, matrix * perMatrix);
            long to = Math.min(end, (matrix + 1) * perMatrix);
            for (int k = 0; k < length; k++) {
                stored.decodeRow(matrix * inner + k, row, 0);
                for (long r = from; r < to; r++) {
                    dst[(int) (r - first) * length + k] = row[(int) (r - matrix * perMatrix) * step + offset];
                }
            }
        }
    }
}
