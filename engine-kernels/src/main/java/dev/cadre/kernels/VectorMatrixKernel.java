package dev.cadre.kernels;

import static dev.cadre.kernels.Lanes.F;
import static dev.cadre.kernels.Lanes.L;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * {@link MatrixKernel} by the Vector API: blocks are decoded into a float tile that stays in the cache, and
 * {@link DotTile} multiplies the tile with all activation rows.
 *
 * <p>Decoding costs two or three operations a vector and is shared by all tokens; for one token it hides behind the
 * memory. One arithmetic for one token and for many keeps decode and prefill bit-equal.
 */
final class VectorMatrixKernel implements MatrixKernel {
    /** Output rows of one tile, a multiple of every vector length. */
    private static final int TILE_ROWS = 16;

    /** Inner elements of one tile; with 16 rows, 128 KiB: a part of a core's second-level cache. */
    private static final int TILE_COLUMNS = 2048;

    /** Up to this many tokens, tiles have as few rows as possible. */
    private static final int FEW_TOKENS = 8;

    /** Tokens whose sums are held at a time: with 16 rows of 64-byte vectors, 128 KiB. */
    private static final int TILE_TOKENS = 128;

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
            Workspace ws) {
        int k = w.columns();
        int paddedK = roundUp(k, L);
        if (paddedK != k) {
            x = pad(x, xAt, tokens, k, paddedK, ws);
            xAt = ws.paddedAt(tokens);
        }
        if (tokens == 1 && FusedDots.supports(w)) {
            oneToken(w, firstRow, rowCount, x, xAt[0], y, yAt[0], ws);
            return;
        }
        // a reader decodes whole rows
        int width = w.reader() != null ? paddedK : Math.min(paddedK, TILE_COLUMNS);
        // for few tokens a tile is used hardly more than once: it should not leave the first-level cache
        int tileRows = tokens <= FEW_TOKENS ? DotTile.ROWS : TILE_ROWS;
        float[] tile = ws.tile(tileRows * width);
        float[] partials = ws.partials(TILE_ROWS * L * Math.min(tokens, TILE_TOKENS));
        boolean onePiece = paddedK <= width;
        for (int r = 0; r < rowCount; r += TILE_ROWS) {
            int rows = Math.min(TILE_ROWS, rowCount - r);
            int quads = roundUp(rows, DotTile.ROWS);
            for (int t = 0; t < tokens; t += TILE_TOKENS) {
                int count = Math.min(TILE_TOKENS, tokens - t);
                Arrays.fill(partials, 0, count * quads * L, 0f);
                for (int q = 0; q < quads; q += tileRows) {
                    int part = Math.min(tileRows, quads - q);
                    int stored = Math.min(part, rows - q);
                    for (int c = 0; c < paddedK; c += width) {
                        int columns = Math.min(width, paddedK - c);
                        if (t == 0 || !onePiece) {
                            decodeTile(
                                    w, firstRow + r + q, stored, part, c, Math.min(columns, k - c), columns, tile, ws);
                        }
                        DotTile.run(x, xAt, t, count, c, tile, 0, columns, part, columns, partials, q * L, quads * L);
                    }
                }
                fold(partials, count, quads, rows, y, yAt, t, Math.toIntExact(firstRow + r));
            }
        }
    }

    private static void oneToken(
            Matrix w, long firstRow, int rowCount, float[] x, int xAt, float[] y, int yAt, Workspace ws) {
        float[] partials = ws.partials(2 * TILE_ROWS * L);
        float[] scratch = ws.tile(64);
        int half = rowCount / 2;
        for (int r = 0; r < half; r += TILE_ROWS) {
            int rows = Math.min(TILE_ROWS, half - r);
            long row = firstRow + r;
            for (int q = 0; q < rows; q++) {
                int at = q * L;
                FusedDots.run(w, row + q, row + half + q, x, xAt, partials, at, at + TILE_ROWS * L, scratch);
            }
            int to = yAt + Math.toIntExact(row);
            foldToken(partials, 0, rows, y, to);
            foldToken(partials, TILE_ROWS * L, rows, y, to + half);
        }
        if (rowCount % 2 != 0) {
            long last = firstRow + rowCount - 1;
            FusedDots.run(w, last, last, x, xAt, partials, 0, L, scratch);
            foldToken(partials, 0, 1, y, yAt + Math.toIntExact(last));
        }
    }

    /** Rows [row, row + rows), columns [c, c + stored) of the matrix, padded with zeros to quads x columns. */
    private static void decodeTile(
            Matrix w, long row, int rows, int quads, int c, int stored, int columns, float[] tile, Workspace ws) {
        for (int r = 0; r < rows; r++) {
            int at = r * columns;
            if (w.reader() != null) {
                w.reader().read(w.firstRow() + row + r, tile, at);
            } else {
                VectorDecoders.decode(w.format(), w.data(), w.offset(row + r, c), tile, at, stored, ws);
                ScalarMatrixKernel.applyScales(w, row + r, c, tile, at, stored);
            }
            Arrays.fill(tile, at + stored, at + columns, 0f);
        }
        Arrays.fill(tile, rows * columns, quads * columns, 0f);
    }

    private static void fold(
            float[] partials, int tokens, int quads, int rows, float[] y, int[] yAt, int firstToken, int row) {
        for (int t = 0; t < tokens; t++) {
            foldToken(partials, t * quads * L, rows, y, yAt[firstToken + t] + row);
        }
    }

    private static void foldToken(float[] partials, int from, int rows, float[] y, int to) {
        int r = 0;
        for (; r <= rows - L; r += L) {
            Lanes.fold(partials, from + r * L).intoArray(y, to + r);
        }
        for (; r < rows; r++) {
            y[to + r] = Lanes.sum(FloatVector.fromArray(F, partials, from + r * L));
        }
    }

    private static float[] pad(float[] x, int[] xAt, int tokens, int k, int paddedK, Workspace ws) {
        float[] padded = ws.padded(tokens * paddedK);
        int[] at = ws.paddedAt(tokens);
        for (int t = 0; t < tokens; t++) {
            at[t] = t * paddedK;
            System.arraycopy(x, xAt[t], padded, at[t], k);
            Arrays.fill(padded, at[t] + k, at[t] + paddedK, 0f);
        }
        return padded;
    }

    static int roundUp(int n, int multiple) {
        return (n + multiple - 1) / multiple * multiple;
    }

    @Override
    public void decodeRow(Matrix w, long row, float[] dst, int at, Workspace workspace) {
        if (w.reader() != null) {
            w.reader().read(w.firstRow() + row, dst, at);
            return;
        }
        VectorDecoders.decode(w.format(), w.data(), w.offset(row, 0), dst, at, w.columns(), workspace);
        ScalarMatrixKernel.applyScales(w, row, 0, dst, at, w.columns());
    }
}
