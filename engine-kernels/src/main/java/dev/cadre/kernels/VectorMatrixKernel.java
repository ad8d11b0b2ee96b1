package dev.cadre.kernels;

import static dev.cadre.kernels.Lanes.L;

import java.util.Arrays;

/**
 * {@link MatrixKernel} by the Vector API. Four to sixteen rows of blocks at a time are decoded into panels of floats
 * that stay in the cache, and {@link PanelDots} multiplies them with all tokens; one to three tokens in turn are
 * multiplied straight from the blocks by {@link FusedDots}. Both use the same values in the same order, so that
 * prefill, decode and any batch give the same bits.
 */
final class VectorMatrixKernel implements MatrixKernel {
    /** Weight rows of one block of work, a multiple of every vector length. */
    static final int BLOCK_ROWS = 16;

    /** Columns whose four planes are summed one after the other. A plane of 16 rows is then 32 KiB. */
    static final int CHUNK = 2048;

    /** Up to this many tokens, panels have as few rows as possible: they are used hardly more than once. */
    private static final int FEW_TOKENS = 8;

    /** Columns of which a row of weights may have so many that eight rows leave half of the first-level cache free. */
    private static final int NARROW = 768;

    /** Tokens whose sums stay in the cache while the planes go over them. */
    private static final int TOKEN_BLOCK = 32;

    /**
     * Stored weights brought into the cache at a time before they are decoded, in bytes. A core follows a stream only
     * while it reads without a pause: between products it would begin anew at each row.
     */
    private static final long FETCHED = 32 << 10;

    /** Of wide rows, no more than leaves half of a small second-level cache free. */
    private static final long FETCHED_AT_MOST = 128 << 10;

    /** Rows of more bytes, times the tokens, are fetched for {@link #rowByRow} where there is more than one token. */
    private static final long LONG_ROW = 5 << 10;

    /** Rows of more columns are fetched for a single token: its activations fill half of a small first-level cache. */
    private static final int WIDE = 4096;

    /** Stored weights that stay in the first-level cache while two or three tokens are multiplied with them in turn. */
    private static final long IN_TURN = 8 << 10;

    /**
     * Activations packed at a time, in floats: 1 MiB, since 16 rows of weights after the other go over all of them, and
     * the third-level cache may be busy with others' work. Weights are decoded again for the next ones.
     */
    private static final int PACKED = 1 << 18;

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
        FaultGuard.beforeRows(w, firstRow, rowCount, ws);
        multiplyUnguarded(w, firstRow, rowCount, x, xAt, tokens, y, yAt, ws);
    }

    /** As {@link #multiply}, by kernels that C2 has compiled: no others survive a fault. */
    static void multiplyUnguarded(
            Matrix w,
            long firstRow,
            int rowCount,
            float[] x,
            int[] xAt,
            int tokens,
            float[] y,
            int[] yAt,
            Workspace ws) {
        if (tokens <= RowKernels.tokensInTurn(w.format()) && FusedDots.supports(w)) {
            rowByRow(w, firstRow, rowCount, x, xAt, tokens, y, yAt, ws);
            return;
        }
        if (ColumnProducts.supports(w)) {
            ColumnProducts.multiply(w, firstRow, rowCount, x, xAt, tokens, y, yAt, ws);
            return;
        }
        int atOnce = tokensPackedAtOnce(w.columns());
        for (int t = 0; t < tokens; t += atOnce) {
            panels(w, firstRow, rowCount, x, xAt, t, Math.min(atOnce, tokens - t), y, yAt, ws);
        }
    }

    /** Tokens of k activations that are packed before weights are decoded: a multiple of four, which a tile has. */
    static int tokensPackedAtOnce(int k) {
        return Math.max(PanelDots.ROWS, PACKED / roundUp(k, PanelDots.STEP) / PanelDots.ROWS * PanelDots.ROWS);
    }

    private static void panels(
            Matrix w,
            long firstRow,
            int rowCount,
            float[] x,
            int[] xAt,
            int firstToken,
            int tokens,
            float[] y,
            int[] yAt,
            Workspace ws) {
        int k = w.columns();
        int paddedK = roundUp(k, PanelDots.STEP);
        int chunk = chunk(w, paddedK);
        int panelRows = panelRows(tokens, chunk);
        int padded = roundUp(tokens, PanelDots.ROWS);
        int xPanels = Workspace.ALIGNED;
        int wPanels = xPanels + padded * paddedK;
        int totals = wPanels + panelRows * chunk;
        int tiles = totals + padded * BLOCK_ROWS * L;
        float[] area = ws.area(tiles + TOKEN_BLOCK * panelRows * 4 * L);
        packTokens(w, x, xAt, firstToken, tokens, chunk, area, xPanels, paddedK, ws);
        boolean folds = TileSums.FOLDS && chunk == paddedK;
        int fetched = 0;
        for (int r = 0; r < rowCount; r += BLOCK_ROWS) {
            int rows = Math.min(BLOCK_ROWS, rowCount - r);
            if (r >= fetched) {
                fetched += fetch(w, firstRow + r, rowCount - r, ws);
            }
            for (int q = 0; q < rows; q += panelRows) {
                int part = Math.min(panelRows, rows - q);
                for (int c = 0; c < k; c += chunk) {
                    int columns = Math.min(chunk, paddedK - c);
                    decodePanels(w, firstRow + r + q, part, c, Math.min(columns, k - c), columns, area, wPanels, ws);
                    if (paddedK <= NARROW) {
                        multiplyNarrow(area, xPanels, paddedK, tokens, wPanels, part, tiles, totals, q, folds);
                    } else {
                        multiplyChunk(
                                area, xPanels, paddedK, tokens, c, wPanels, part, columns, tiles, totals, q, folds);
                    }
                }
            }
            for (int t = 0; t < tokens; t++) {
                int to = yAt[firstToken + t] + Math.toIntExact(firstRow) + r;
                if (folds) {
                    TileSums.finish(area, totals + t * 4 * L, rows, y, to);
                } else {
                    TileSums.foldLanes(area, totals + t * BLOCK_ROWS * L, rows, y, to);
                }
            }
        }
    }

    /** Brings the memory of rows from {@code row} on into the cache; returns how many of them, but for wide rows. */
    private static int fetch(Matrix w, long row, int rows, Workspace ws) {
        if (w.reader() != null) {
            return rows;
        }
        int n = Math.clamp(FETCHED / w.stride() / BLOCK_ROWS * BLOCK_ROWS, Math.min(BLOCK_ROWS, rows), rows);
        touch(w, row, n, ws);
        return n;
    }

    private static void touch(Matrix w, long row, int rows, Workspace ws) {
        long bytes = (rows - 1) * w.stride() + w.rowBytes();
        ws.touched ^= CacheLines.touchNext(w.data(), w.offset(row, 0), Math.min(FETCHED_AT_MOST, bytes));
    }

    /** A reader decodes whole rows only. */
    private static int chunk(Matrix w, int paddedK) {
        return w.reader() != null ? paddedK : Math.min(paddedK, CHUNK);
    }

    /** Rows decoded at a time: few where few tokens use them, or where all their planes fit the first-level cache. */
    private static int panelRows(int tokens, int chunk) {
        if (tokens <= FEW_TOKENS) {
            return PanelDots.ROWS;
        }
        return chunk <= NARROW ? BLOCK_ROWS / 2 : BLOCK_ROWS;
    }

    /** Whether the tokens from t on, which are no four, make a panel of two. */
    private static boolean narrow(int t, int tokens) {
        return tokens - t <= PanelDots.PAIR;
    }

    private static void packTokens(
            Matrix w,
            float[] x,
            int[] xAt,
            int first,
            int tokens,
            int chunk,
            float[] area,
            int to,
            int paddedK,
            Workspace ws) {
        int k = w.columns();
        boolean reorders = RowKernels.reorders(w);
        float[] src = reorders ? ws.reordered(k) : x;
        for (int t = 0; t < tokens; t++) {
            int from = reorders ? 0 : xAt[first + t];
            if (reorders) {
                RowKernels.order(w.format(), x, xAt[first + t], src, 0, k);
            }
            int panel = t / 4 * 4;
            int rows = narrow(panel, tokens) ? PanelDots.PAIR : PanelDots.ROWS;
            for (int c = 0; c < k; c += chunk) {
                int columns = Math.min(chunk, paddedK - c);
                int at = to + panel * paddedK + rows * c + (t - panel) * PanelDots.GROUP;
                TileSums.pack(src, from + c, Math.min(columns, k - c), area, at, rows, rows * columns / 4);
            }
        }
    }

    /**
     * All tokens against the decoded rows of one chunk. One plane of the rows stays in the first-level cache while all
     * tokens go over it.
     *
     * @param tiles room for the planes' sums of a block of tiles
     * @param firstRow number of the first row in its block of rows
     */
    private static void multiplyChunk(
            float[] area,
            int xPanels,
            int paddedK,
            int tokens,
            int chunkStart,
            int wPanels,
            int rows,
            int columns,
            int tiles,
            int totals,
            int firstRow,
            boolean folds) {
        for (int from = 0; from < tokens; from += TOKEN_BLOCK) {
            int end = Math.min(tokens, from + TOKEN_BLOCK);
            int planeSums = TOKEN_BLOCK * roundUp(rows, PanelDots.ROWS) * L;
            for (int plane = 0; plane < 4; plane++) {
                int tile = tiles + plane * planeSums;
                for (int t = from; t < end; t += 4) {
                    boolean narrow = narrow(t, tokens);
                    int x = xPanels + t * paddedK + (narrow ? PanelDots.PAIR : PanelDots.ROWS) * chunkStart;
                    for (int q = 0; q < rows; q += PanelDots.ROWS) {
                        multiplyPlane(area, x, wPanels + q * columns, columns, plane, narrow, tile);
                        tile += PanelDots.TILE;
                    }
                }
            }
            int tile = tiles;
            for (int t = from; t < end; t += 4) {
                for (int q = 0; q < rows; q += PanelDots.ROWS) {
                    closeTile(area, tile, planeSums, totals, t, firstRow + q, chunkStart == 0, folds);
                    tile += PanelDots.TILE;
                }
            }
        }
    }

    /**
     * As {@link #multiplyChunk}, for whole rows of at most {@link #NARROW} columns. They stay in the first-level cache
     * with all their planes, and so do a tile's sums, since its planes follow each other.
     *
     * @param tile room for the planes' sums of one tile
     */
    private static void multiplyNarrow(
            float[] area,
            int xPanels,
            int columns,
            int tokens,
            int wPanels,
            int rows,
            int tile,
            int totals,
            int firstRow,
            boolean folds) {
        for (int t = 0; t < tokens; t += 4) {
            boolean narrow = narrow(t, tokens);
            int x = xPanels + t * columns;
            for (int q = 0; q < rows; q += PanelDots.ROWS) {
                for (int plane = 0; plane < 4; plane++) {
                    int sums = tile + plane * PanelDots.TILE;
                    multiplyPlane(area, x, wPanels + q * columns, columns, plane, narrow, sums);
                }
                closeTile(area, tile, PanelDots.TILE, totals, t, firstRow + q, true, folds);
            }
        }
    }

    /** One plane of a tile: of four tokens, or of two in a narrow panel. */
    private static void multiplyPlane(float[] area, int x, int w, int columns, int plane, boolean narrow, int sums) {
        int groups = columns / PanelDots.STEP;
        int wAt = w + plane * columns;
        if (narrow) {
            PanelDots.twoTokens(area, x + plane * (columns / 2), wAt, groups, area, sums);
        } else {
            PanelDots.fourTokens(area, x + plane * columns, wAt, groups, area, sums);
        }
    }

    /** Adds a tile's planes: folded where a row has one chunk, else to the totals of its chunks. */
    private static void closeTile(
            float[] area, int tile, int plane, int totals, int t, int row, boolean first, boolean folds) {
        if (folds) {
            TileSums.fold(area, tile, plane, area, totals + 4 * L * t + row / 4 * L);
        } else {
            TileSums.add(area, tile, plane, area, totals + (t * BLOCK_ROWS + row) * L, first);
        }
    }

    /** Rows [row, row + rows), columns [c, c + count) of the matrix, padded with zeros to {@code columns}. */
    private static void decodePanels(
            Matrix w, long row, int rows, int c, int count, int columns, float[] area, int wPanels, Workspace ws) {
        boolean pairs = NibblePairs.supports(w);
        boolean scaled = !pairs && w.scales() != null && FusedDots.supports(w);
        boolean direct =
                scaled || w.reader() == null && w.scales() == null && VectorDecoders.supports(w.format(), count);
        boolean together = direct && count == w.columns() && w.stride() == w.rowBytes(); // without gaps
        int atOnce = together ? PanelDots.ROWS : 1;
        for (int r = 0; r < rows; r += atOnce) {
            int at = wPanels + r / 4 * 4 * columns + r % 4 * PanelDots.GROUP;
            int n = Math.min(atOnce, rows - r);
            if (pairs) {
                RowKernels.decodePairs(w, row + r, c, count, area, at, columns);
                PanelDots.clear(count, area, at, PanelDots.ROWS, columns);
            } else if (direct) {
                long a = w.offset(row + r, c);
                if (scaled) {
                    float[] s = ws.scales(RowKernels.scales(n * count));
                    FusedDots.stepScales(w, row + r, n, c, count, s);
                    RowKernels.decodeScaled(w.format(), w.data(), a, w.stride(), n, count, s, area, at, columns, ws);
                } else {
                    RowKernels.decode(w.format(), w.data(), a, w.stride(), n, count, area, at, columns, ws);
                }
                for (int q = 0; q < n; q++) {
                    PanelDots.clear(count, area, at + q * PanelDots.GROUP, PanelDots.ROWS, columns);
                }
            } else {
                float[] line = ws.tile(columns);
                decodeRow(w, row + r, c, count, line, 0, ws);
                TileSums.pack(line, 0, count, area, at, PanelDots.ROWS, columns);
            }
        }
    }

    /** Columns [c, c + count) of a row; all of them if it has a reader. */
    private static void decodeRow(Matrix w, long row, int c, int count, float[] dst, int at, Workspace ws) {
        if (w.reader() != null) {
            w.reader().read(w.storedRow(row), dst, at);
            return;
        }
        VectorDecoders.decode(w.format(), w.data(), w.offset(row, c), dst, at, count, ws);
        ScalarMatrixKernel.applyScales(w, row, c, dst, at, count);
    }

    /** Each row with each token, without panels. */
    private static void rowByRow(
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
        float[] aligned = ws.area(tokens * k);
        for (int t = 0; t < tokens; t++) {
            int to = Workspace.ALIGNED + t * k;
            RowKernels.order(w.format(), x, xAt[t], aligned, to, k);
        }
        float[] sums = ws.partials(tokens * BLOCK_ROWS * L);
        boolean hasScales = RowKernels.takesStepScales(w.format());
        boolean rowScales = hasScales && w.scales() != null && w.scales().tileRows() < BLOCK_ROWS;
        int steps = hasScales ? k / PanelDots.STEP : 0;
        float[] scales = ws.scales(rowScales ? BLOCK_ROWS * steps : steps);
        long scaledEnd = firstRow; // the scales are those of the rows before
        boolean fetches = fetches(w, tokens);
        int atOnce = rowsAtOnce(w, tokens, fetches);
        for (int r = 0; r < rowCount; r += BLOCK_ROWS) {
            int rows = Math.min(BLOCK_ROWS, rowCount - r);
            Arrays.fill(sums, 0, tokens * BLOCK_ROWS * L, -0f); // what leaves everything added to it as it is
            int n;
            for (int q = 0; q < rows; q += n) {
                long row = firstRow + r + q;
                n = Math.min(atOnce, rows - q);
                if (rowScales) {
                    FusedDots.stepScales(w, row, n, 0, k, scales);
                } else if (hasScales) {
                    if (row == scaledEnd) {
                        FusedDots.stepScales(w, row, 1, 0, k, scales);
                        scaledEnd = row + w.rowsScaledAlike(row);
                    }
                    n = (int) Math.min(n, scaledEnd - row);
                }
                if (fetches) {
                    touch(w, row, n, ws);
                }
                for (int t = 0; t < tokens; t++) {
                    int from = Workspace.ALIGNED + t * k;
                    int to = (t * BLOCK_ROWS + q) * L;
                    RowCursor c = ws.cursor().start(w, row, n, fetches, aligned, from, sums, to);
                    RowKernels.dot(c.scaledBy(scales, rowScales));
                }
            }
            for (int t = 0; t < tokens; t++) {
                int to = yAt[t] + Math.toIntExact(firstRow) + r;
                TileSums.foldLanes(sums, t * BLOCK_ROWS * L, rows, y, to);
            }
        }
    }

    /**
     * Whether {@link #rowByRow} brings rows into the cache before it multiplies them. Activations of wide rows do not
     * stay in the first-level cache, and a core that has to read them again and again follows the weights at half of
     * the memory's speed; other rows arrive in time for one token, but not for the second. Weights of less than a byte
     * are slower to multiply than to read.
     */
    private static boolean fetches(Matrix w, int tokens) {
        boolean late = tokens == 1 ? w.columns() > WIDE : tokens * w.rowBytes() > LONG_ROW;
        return late && w.rowBytes() >= w.columns();
    }

    /** Rows that {@link #rowByRow} multiplies before it turns to the next token, or fetches at a time. */
    private static int rowsAtOnce(Matrix w, int tokens, boolean fetches) {
        if (tokens == 1 && !fetches) {
            return BLOCK_ROWS;
        }
        return Math.clamp((fetches ? FETCHED_AT_MOST : IN_TURN) / w.rowBytes(), 1, BLOCK_ROWS);
    }

    static int roundUp(int n, int multiple) {
        return (n + multiple - 1) / multiple * multiple;
    }

    @Override
    public void decodeRow(Matrix w, long row, float[] dst, int at, Workspace workspace) {
        FaultGuard.beforeRows(w, row, 1, workspace);
        decodeRow(w, row, 0, w.columns(), dst, at, workspace);
    }
}
