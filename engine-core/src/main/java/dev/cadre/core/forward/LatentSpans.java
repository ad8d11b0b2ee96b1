package dev.cadre.core.forward;

import dev.cadre.core.cache.CacheLayout;
import dev.cadre.core.cache.SequenceCache;
import dev.cadre.core.model.AttentionConfig;
import dev.cadre.kernels.AttentionKernel;
import dev.cadre.kernels.VectorMath;
import dev.cadre.kernels.WorkerTeam;
import java.util.Arrays;

/**
 * Absorbed queries against cached latents. The positions that a row attends to are cut into spans; each span has a
 * softmax of its own, and the spans' results are combined in their order. Where the cuts are depends on the number of
 * positions alone, so a row gets the same bits whether one worker takes all its spans in turn, as in a prefill, or the
 * workers share them, as for a single token. Within a span every latent is decoded once and serves all heads.
 */
final class LatentSpans {
    /** Positions of one block of the softmax. */
    private static final int BLOCK = CacheLayout.PAGE_TOKENS;

    /** Positions of a span: a few blocks, so that 2,048 selected positions are work for many workers. */
    private static final int SPAN = 2 * BLOCK;

    /** A row with more positions has longer spans, not more of them. */
    private static final int MOST_SPANS = 64;

    /** Floats of the spans' results that wait to be combined; more rows come in parts. */
    private static final int PARTIAL_BUDGET = 1 << 24;

    private final Team team;
    private final AttentionKernel kernel;
    private final VectorMath math;
    private final Floats packed = new Floats(); // [rows of a part, r + dr, columns]
    private final Floats partials = new Floats(); // [spans of a part, heads · r]
    private final Worker[] workers;
    private final WorkerTeam.Task rowTask = this::attendRow;
    private final WorkerTeam.Task packTask = this::packRow;
    private final WorkerTeam.Task spanTask = this::attendSpan;
    private final WorkerTeam.Task combineTask = this::combineHeads;

    // the run at hand
    private AttentionConfig.Latent c;
    private int layer;
    private Batch batch;
    private Selection selection;
    private float[] queries; // [T, heads, r + dr]
    private float[] out; // [T, heads, r]
    private int columns;

    // the part at hand: rows, and their spans one after the other
    private int partRow;
    private int[] firstSpan = new int[16]; // of each row of the part, and their number at the end
    private int[] spanRow = new int[64];
    private SpanState[] spanStates = {};
    private int headGroups;

    /** Scratch space of one worker. */
    private static final class Worker {
        private final Floats tile = new Floats(); // [BLOCK, r + dr]
        private final Floats scores = new Floats(); // [BLOCK, columns]
        private final Floats kept = new Floats(); // [columns]
        private final Floats packed = new Floats(); // [r + dr, columns]
        private final Floats values = new Floats(); // [heads, r]
        private final SpanState row = new SpanState();
        private final SpanState span = new SpanState();
    }

    LatentSpans(Team team) {
        this.team = team;
        this.kernel = team.kernels().attention();
        this.math = team.kernels().math();
        workers = new Worker[team.size()];
        Arrays.setAll(workers, worker -> new Worker());
    }

    /**
     * Attends for all rows of a batch.
     *
     * @param absorbed [T, heads, r + dr], the queries in the form of cached rows
     * @param mixed [T, heads, r], receives the weighted latents
     */
    void run(
            AttentionConfig.Latent config,
            int layerNumber,
            Batch rows,
            Selection chosen,
            float[] absorbed,
            float[] mixed) {
        c = config;
        layer = layerNumber;
        batch = rows;
        selection = chosen;
        queries = absorbed;
        out = mixed;
        columns = kernel.columns(c.heads());
        try {
            if (rows.rows() >= 4 * team.size()) {
                team.workers().run(rows.rows(), rowTask);
            } else {
                runInParts();
            }
        } finally {
            batch = null;
            selection = null;
        }
    }

    private int positions(int row) {
        return selection.isAll(row) ? batch.position(row) + 1 : selection.count(row);
    }

    private static int spanLength(int positions) {
        int even = (positions + MOST_SPANS - 1) / MOST_SPANS;
        return Math.max(SPAN, (even + BLOCK - 1) / BLOCK * BLOCK);
    }

    private static int spans(int positions) {
        int length = spanLength(positions);
        return (positions + length - 1) / length;
    }

    private int width() {
        return c.cacheWidth();
    }

    private int valuesWidth() {
        return c.heads() * c.latentRank();
    }

    /** All spans of one row by one worker. */
    private void attendRow(int row, int number) {
        Worker worker = workers[number];
        float[] q = worker.packed.of(width(), columns);
        pack(row, q, 0);
        int positions = positions(row);
        int length = spanLength(positions);
        int at = row * valuesWidth();
        span(row, 0, Math.min(length, positions), q, 0, out, at, worker.row, worker);
        for (int from = length; from < positions; from += length) {
            float[] values = worker.values.of(1, valuesWidth());
            span(row, from, Math.min(from + length, positions), q, 0, values, 0, worker.span, worker);
            combine(0, c.heads(), out, at, worker.row, values, 0, worker.span);
        }
        finish(0, c.heads(), out, at, worker.row);
    }

    private void pack(int row, float[] q, int at) {
        kernel.pack(queries, row * c.heads() * width(), width(), c.heads(), width(), q, at, columns);
    }

    /** Weighted latents of positions [from, to) of a row's list, not yet divided by the sum of the weights. */
    private void span(
            int row, int from, int to, float[] q, int qAt, float[] values, int at, SpanState state, Worker worker) {
        int rank = c.latentRank();
        float[] tile = worker.tile.of(BLOCK, width());
        float[] s = worker.scores.of(BLOCK, columns);
        float[] kept = worker.kept.of(1, columns);
        state.begin(columns);
        Arrays.fill(values, at, at + valuesWidth(), 0f);
        for (int block = from; block < to; block += BLOCK) {
            int n = Math.min(BLOCK, to - block);
            gather(row, block, n, tile);
            kernel.scores(q, qAt, columns, tile, 0, width(), n, width(), s);
            kernel.softmax(s, columns, c.heads(), n, c.scale(), state.max(), state.sum(), kept);
            if (block > from) {
                SpanState.rescale(math, kept, c.heads(), values, at, rank);
            }
            kernel.accumulate(s, 0, columns, c.heads(), tile, 0, width(), n, rank, values, at, rank);
        }
    }

    /** Decodes n positions of a row's list, from its {@code from}-th on. */
    private void gather(int row, int from, int n, float[] tile) {
        SequenceCache cache = batch.cache(row);
        if (selection.isAll(row)) {
            cache.readLatents(layer, from, n, tile);
            return;
        }
        int[] positions = selection.positions();
        int start = selection.start(row) + from;
        for (int i = 0; i < n; i++) {
            cache.readLatent(layer, positions[start + i], tile, i * width());
        }
    }

    /** Adds a later span to what the spans before it came to, for a range of heads. */
    private void combine(
            int firstHead,
            int end,
            float[] values,
            int at,
            SpanState state,
            float[] more,
            int moreAt,
            SpanState moreState) {
        int rank = c.latentRank();
        for (int h = firstHead; h < end; h++) {
            state.add(math, h, values, at + h * rank, moreState, h, more, moreAt + h * rank, rank);
        }
    }

    private void finish(int firstHead, int end, float[] values, int at, SpanState state) {
        for (int h = firstHead; h < end; h++) {
            state.finish(math, h, values, at + h * c.latentRank(), c.latentRank());
        }
    }

    /** The spans of few rows over all workers, as many rows at a time as the budget holds. */
    private void runInParts() {
        headGroups = Math.max(1, Math.min(team.size(), c.heads() / 4));
        int row = 0;
        while (row < batch.rows()) {
            partRow = row;
            int rows = 0;
            int count = 0;
            while (row + rows < batch.rows()) {
                int more = spans(positions(row + rows));
                if (rows > 0 && (long) (count + more) * valuesWidth() > PARTIAL_BUDGET) {
                    break;
                }
                listSpans(rows, count, more);
                count += more;
                rows++;
            }
            packed.of(rows, width() * columns);
            partials.of(count, valuesWidth());
            team.workers().run(rows, packTask);
            team.workers().run(count, spanTask);
            team.workers().run(rows * headGroups, combineTask);
            row += rows;
        }
    }

    private void listSpans(int rowOfPart, int first, int count) {
        if (rowOfPart + 2 > firstSpan.length) {
            firstSpan = Arrays.copyOf(firstSpan, 2 * firstSpan.length);
        }
        firstSpan[rowOfPart] = first;
        firstSpan[rowOfPart + 1] = first + count;
        if (first + count > spanRow.length) {
            spanRow = Arrays.copyOf(spanRow, Math.max(first + count, 2 * spanRow.length));
        }
        Arrays.fill(spanRow, first, first + count, rowOfPart);
        spanStates = SpanState.atLeast(spanStates, first + count);
    }

    private void packRow(int rowOfPart, int worker) {
        int size = width() * columns;
        pack(partRow + rowOfPart, packed.of(rowOfPart + 1, size), rowOfPart * size);
    }

    private void attendSpan(int span, int worker) {
        int rowOfPart = spanRow[span];
        int row = partRow + rowOfPart;
        int length = spanLength(positions(row));
        int from = (span - firstSpan[rowOfPart]) * length;
        int to = Math.min(from + length, positions(row));
        int size = width() * columns;
        float[] values = partials.of(span + 1, valuesWidth());
        span(
                row,
                from,
                to,
                packed.of(rowOfPart + 1, size),
                rowOfPart * size,
                values,
                span * valuesWidth(),
                spanStates[span],
                workers[worker]);
    }

    private void combineHeads(int item, int worker) {
        int rowOfPart = item / headGroups;
        int group = item % headGroups;
        int first = c.heads() * group / headGroups;
        int end = c.heads() * (group + 1) / headGroups;
        int at = (partRow + rowOfPart) * valuesWidth();
        int span = firstSpan[rowOfPart];
        SpanState state = spanStates[span];
        float[] values = partials.of(firstSpan[rowOfPart + 1], valuesWidth());
        int rank = c.latentRank();
        System.arraycopy(values, span * valuesWidth() + first * rank, out, at + first * rank, (end - first) * rank);
        for (int next = span + 1; next < firstSpan[rowOfPart + 1]; next++) {
            combine(first, end, out, at, state, values, next * valuesWidth(), spanStates[next]);
        }
        finish(first, end, out, at, state);
    }
}
