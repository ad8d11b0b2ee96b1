package dev.cadre.core.forward;

import dev.cadre.core.cache.CacheLayout;
import dev.cadre.core.cache.SequenceCache;
import dev.cadre.core.model.AttentionConfig;
import dev.cadre.kernels.AttentionKernel;
import dev.cadre.kernels.VectorMath;
import dev.cadre.kernels.WorkerTeam;
import java.util.Arrays;

/**
 * Queries against cached keys and values of grouped heads, in tiles: the heads of a group, of several rows of one
 * sequence, lie side by side against blocks of 64 keys that are decoded once.
 *
 * <p>Blocks begin at multiples of 64 and spans at multiples of {@value #SPAN}, whatever a query sees of them. Each span
 * has a softmax of its own; results are combined in order. A row therefore gets the same bits in any tile, and whether
 * one worker takes its spans in turn or several share them.
 */
final class GroupedTiles {
    private static final int BLOCK = CacheLayout.PAGE_TOKENS;
    private static final int SPAN = 32 * BLOCK;

    /** Queries of one tile, about. */
    private static final int QUERIES = 64;

    /** Floats of the spans' results that wait to be combined. */
    private static final int PARTIAL_BUDGET = 1 << 24;

    private final Team team;
    private final AttentionKernel kernel;
    private final VectorMath math;
    private final Worker[] workers;
    private final WorkerTeam.Task tileTask = this::attendTile;
    private final WorkerTeam.Task spanTask = this::attendSpan;
    private final WorkerTeam.Task combineTask = this::combineTile;

    // the run at hand
    private AttentionConfig.Grouped c;
    private int layer;
    private Batch batch;
    private float[] queries; // [T, heads, dh]
    private float[] out; // [T, heads, dh]
    private float[] sinks; // [heads], or null
    private int tiles;
    private int[] tileRow = new int[16]; // first row of each tile, and the number of rows at the end

    // the spans of all tiles one after the other, when few tiles are shared out
    private int[] firstSpan = new int[16]; // of each tile, and their number at the end
    private int[] partialAt = new int[16]; // where each tile's results begin
    private int[] spanTile = new int[16];
    private SpanState[] spanStates = {}; // [spans, key-value heads]
    private final Floats partials = new Floats(); // for each tile [spans, key-value heads, rows, group, dh]
    private float[] partialValues;

    /** Scratch space of one worker. */
    private static final class Worker {
        private final Floats dense = new Floats(); // [queries, dh]
        private final Floats packed = new Floats(); // [dh, columns]
        private final Floats tile = new Floats(); // [BLOCK, dh]
        private final Floats scores = new Floats(); // [BLOCK, columns]
        private final Floats kept = new Floats(); // [columns]
        private final Floats values = new Floats(); // [queries, dh]
        private final SpanState span = new SpanState();
        private final SpanState rows = new SpanState();
        private int touched; // written, never read
    }

    GroupedTiles(Team team) {
        this.team = team;
        this.kernel = team.kernels().attention();
        this.math = team.kernels().math();
        workers = new Worker[team.size()];
        Arrays.setAll(workers, worker -> new Worker());
    }

    /**
     * Attends for all rows of a batch.
     *
     * @param rotated [T, heads, dh], the queries
     * @param mixed [T, heads, dh], receives the weighted values
     * @param sinkLogits a logit for each head that counts in the softmax's sum only, or null
     */
    void run(
            AttentionConfig.Grouped config,
            int layerNumber,
            Batch rows,
            float[] rotated,
            float[] mixed,
            float[] sinkLogits) {
        c = config;
        layer = layerNumber;
        batch = rows;
        queries = rotated;
        out = mixed;
        sinks = sinkLogits;
        try {
            listTiles();
            if (tiles < 4 * team.size() && listSpans()) {
                team.workers().run(firstSpan[tiles] * c.keyValueHeads(), spanTask);
                team.workers().run(tiles * c.keyValueHeads(), combineTask);
            } else {
                team.workers().run(tiles * c.keyValueHeads(), tileTask);
            }
        } finally {
            batch = null;
        }
    }

    /** Cuts the batch into tiles of rows of one sequence. */
    private void listTiles() {
        int most = Math.max(1, QUERIES / c.group());
        tiles = 0;
        int row = 0;
        while (row < batch.rows()) {
            if (tiles + 2 > tileRow.length) {
                tileRow = Arrays.copyOf(tileRow, 2 * tileRow.length);
            }
            tileRow[tiles++] = row;
            int first = row++;
            while (row < batch.rows() && row - first < most && batch.cache(row) == batch.cache(first)) {
                row++;
            }
        }
        tileRow[tiles] = row;
    }

    private int first(int row) {
        return c.span().first(batch.position(row));
    }

    private int end(int row) {
        return batch.position(row) + 1;
    }

    private int rowsOf(int tile) {
        return tileRow[tile + 1] - tileRow[tile];
    }

    /** All spans of one tile for one key-value head. */
    private void attendTile(int item, int number) {
        Worker worker = workers[number];
        int tile = item / c.keyValueHeads();
        int head = item % c.keyValueHeads();
        int count = rowsOf(tile) * c.group();
        pack(tile, head, worker);
        worker.rows.begin(count);
        float[] values = worker.values.of(count, c.headWidth());
        for (int span = firstSpanOf(tile); span < endOf(tile); span += SPAN) {
            span(tile, head, span, values, 0, worker.span, worker);
            combine(tile, head, span, worker.rows, worker.span, values, 0);
        }
        finish(tile, head, worker.rows);
    }

    private int firstSpanOf(int tile) {
        return first(tileRow[tile]) / SPAN * SPAN;
    }

    private int endOf(int tile) {
        return end(tileRow[tile + 1] - 1);
    }

    /** Adds a span to what the spans before it came to. */
    private void combine(int tile, int head, int span, SpanState rows, SpanState state, float[] values, int valuesAt) {
        int width = c.headWidth();
        for (int i = 0; i < rowsOf(tile) * c.group(); i++) {
            int row = tileRow[tile] + i / c.group();
            int from = valuesAt + i * width;
            int at = at(row, head, i % c.group());
            if (first(row) >= span && first(row) < span + SPAN) {
                rows.take(i, out, at, state, i, values, from, width);
            } else if (first(row) < span && end(row) > span) {
                rows.add(math, i, out, at, state, i, values, from, width);
            } // else: the row sees nothing of this span
        }
    }

    private void finish(int tile, int head, SpanState rows) {
        for (int i = 0; i < rowsOf(tile) * c.group(); i++) {
            int member = i % c.group();
            int at = at(tileRow[tile] + i / c.group(), head, member);
            if (sinks == null) {
                rows.finish(math, i, out, at, c.headWidth());
            } else {
                rows.finishWithSink(math, i, sinks[head * c.group() + member], out, at, c.headWidth());
            }
        }
    }

    /** Where a query's numbers are, and its results. */
    private int at(int row, int head, int member) {
        return (row * c.heads() + head * c.group() + member) * c.headWidth();
    }

    private void pack(int tile, int head, Worker worker) {
        int firstRow = tileRow[tile];
        int rows = rowsOf(tile);
        int width = c.headWidth();
        int size = c.group() * width;
        float[] dense = worker.dense.of(rows, size);
        for (int r = 0; r < rows; r++) {
            System.arraycopy(queries, at(firstRow + r, head, 0), dense, r * size, size);
        }
        int count = rows * c.group();
        int columns = kernel.columns(count);
        kernel.pack(dense, 0, width, count, width, worker.packed.of(width, columns), 0, columns);
    }

    /**
     * What the packed queries see of one span: weighted values, not yet divided by the sum of the weights.
     *
     * @param values [rows, group, dh] at {@code at}, receives them
     */
    private void span(int tileNumber, int head, int from, float[] values, int at, SpanState state, Worker worker) {
        int firstRow = tileRow[tileNumber];
        int rows = rowsOf(tileNumber);
        int width = c.headWidth();
        int count = rows * c.group();
        int columns = kernel.columns(count);
        float[] packed = worker.packed.of(width, columns);
        float[] tile = worker.tile.of(BLOCK, width);
        float[] s = worker.scores.of(BLOCK, columns);
        float[] kept = worker.kept.of(1, columns);
        SequenceCache cache = batch.cache(firstRow);
        state.begin(columns);
        Arrays.fill(values, at, at + count * width, 0f);
        int first = Math.max(from, first(firstRow));
        int last = Math.min(from + SPAN, endOf(tileNumber));
        for (int block = first / BLOCK * BLOCK; block < last; block += BLOCK) {
            int low = Math.max(block, first);
            int n = Math.min(block + BLOCK, last) - low;
            worker.touched ^= cache.touchKeysAndValues(layer, head, low, n);
            cache.readKeys(layer, head, low, n, tile);
            kernel.scores(packed, 0, columns, tile, 0, width, n, width, s);
            boolean whole = first(firstRow + rows - 1) <= low && end(firstRow) >= low + n;
            if (!whole) {
                hide(firstRow, rows, low, n, s, columns);
            }
            kernel.softmax(s, columns, count, n, c.scale(), state.max(), state.sum(), kept);
            SpanState.rescale(math, kept, count, values, at, width);
            cache.readValues(layer, head, low, n, tile);
            if (whole) {
                kernel.accumulate(s, 0, columns, count, tile, 0, width, n, width, values, at, width);
            } else {
                accumulateVisible(firstRow, rows, low, n, s, columns, tile, values, at);
            }
        }
    }

    /** Gives positions that a row does not see the score −∞. */
    private void hide(int firstRow, int rows, int low, int n, float[] s, int columns) {
        for (int r = 0; r < rows; r++) {
            int from = first(firstRow + r) - low;
            int to = end(firstRow + r) - low;
            for (int j = 0; j < n; j++) {
                if (j < from || j >= to) {
                    int at = j * columns + r * c.group();
                    Arrays.fill(s, at, at + c.group(), Float.NEGATIVE_INFINITY);
                }
            }
        }
    }

    /** Row by row, since a value that a row does not see may be NaN, which no weight of zero takes away. */
    private void accumulateVisible(
            int firstRow, int rows, int low, int n, float[] s, int columns, float[] tile, float[] values, int at) {
        int width = c.headWidth();
        for (int r = 0; r < rows; r++) {
            int from = Math.max(0, first(firstRow + r) - low);
            int to = Math.min(n, end(firstRow + r) - low);
            if (from < to) {
                int i = r * c.group();
                kernel.accumulate(
                        s,
                        from * columns + i,
                        columns,
                        c.group(),
                        tile,
                        from * width,
                        width,
                        to - from,
                        width,
                        values,
                        at + i * width,
                        width);
            }
        }
    }

    /**
     * Lists the spans of all tiles.
     *
     * @return whether it is worth it: some tile has several, and the budget holds their results
     */
    private boolean listSpans() {
        if (firstSpan.length < tiles + 1) {
            firstSpan = new int[tiles + 1];
            partialAt = new int[tiles + 1];
        }
        int count = 0;
        long floats = 0;
        for (int tile = 0; tile < tiles; tile++) {
            firstSpan[tile] = count;
            partialAt[tile] = (int) floats;
            int more = (endOf(tile) - firstSpanOf(tile) + SPAN - 1) / SPAN;
            floats += (long) more * rowsOf(tile) * c.heads() * c.headWidth();
            if (floats > PARTIAL_BUDGET) {
                return false;
            }
            if (count + more > spanTile.length) {
                spanTile = Arrays.copyOf(spanTile, Math.max(count + more, 2 * spanTile.length));
            }
            Arrays.fill(spanTile, count, count + more, tile);
            count += more;
        }
        firstSpan[tiles] = count;
        if (count == tiles) {
            return false;
        }
        spanStates = SpanState.atLeast(spanStates, count * c.keyValueHeads());
        partialValues = partials.of(1, (int) floats);
        return true;
    }

    private int partialAt(int tile, int span, int head) {
        int size = rowsOf(tile) * c.group() * c.headWidth();
        return partialAt[tile] + ((span - firstSpan[tile]) * c.keyValueHeads() + head) * size;
    }

    private void attendSpan(int item, int number) {
        int span = item / c.keyValueHeads();
        int head = item % c.keyValueHeads();
        int tile = spanTile[span];
        int from = firstSpanOf(tile) + (span - firstSpan[tile]) * SPAN;
        pack(tile, head, workers[number]);
        span(tile, head, from, partialValues, partialAt(tile, span, head), spanStates[item], workers[number]);
    }

    private void combineTile(int item, int number) {
        int tile = item / c.keyValueHeads();
        int head = item % c.keyValueHeads();
        SpanState rows = workers[number].rows;
        rows.begin(rowsOf(tile) * c.group());
        for (int span = firstSpan[tile]; span < firstSpan[tile + 1]; span++) {
            int from = firstSpanOf(tile) + (span - firstSpan[tile]) * SPAN;
            SpanState state = spanStates[span * c.keyValueHeads() + head];
            combine(tile, head, from, rows, state, partialValues, partialAt(tile, span, head));
        }
        finish(tile, head, rows);
    }
}
