package dev.cadre.core.forward;

import dev.cadre.core.PhaseTimes;
import dev.cadre.core.PhaseTimes.Phase;
import dev.cadre.core.cache.CacheLayout;
import dev.cadre.core.cache.SequenceCache;
import dev.cadre.core.model.AttentionConfig;
import dev.cadre.core.model.AttentionConfig.IndexerConfig;
import dev.cadre.core.model.ModelWeights;
import dev.cadre.kernels.IndexKernel;
import dev.cadre.kernels.TeamTopK;
import dev.cadre.kernels.WorkerTeam;
import java.util.Arrays;

/**
 * The lightning indexer of DeepSeek sparse attention (DeepSeek-V3.2, 2025): for every query it scores all positions
 * before it with small heads of its own and keeps the topK best.
 *
 * <pre>score(t) = Σ_j w_j · relu(q_j · k_t)</pre>
 *
 * The factors Hi^−½ and Di^−½ of the definition are positive and the same for all positions; they are folded into w.
 */
final class LightningIndexer {
    private static final int PAGE = CacheLayout.PAGE_TOKENS;

    /** Positions of one work item: small enough that a single token's scan spreads over all workers. */
    private static final int ITEM_POSITIONS = 16 * PAGE;

    /** Rows of one work item; they share every key that is decoded. */
    private static final int ITEM_ROWS = 64;

    /** Scores held at a time; longer batches are scored in parts. */
    private static final int SCORE_BUDGET = 1 << 24;

    private final Team team;
    private final Products products;
    private final Rotary rotary;
    private final PhaseTimes times;
    private final IndexKernel kernel;
    private final Floats keys = new Floats(); // [T, Di]
    private final Floats queries = new Floats(); // [T, Hi, Di]
    private final Floats headWeights = new Floats(); // [T, Hi]
    private final Floats scores = new Floats(); // [rows of a part, positions]
    private final Floats[] keyTile; // [Di + 1, PAGE]
    private final Floats[] tileSums; // [PAGE]
    private final int[] touched; // written, never read
    private final TeamTopK topK;
    private final ScanTask scan = new ScanTask();
    private final WorkerTeam.Task keyTask = this::storeKey;
    private final WorkerTeam.Task queryTask = this::prepareQueries;
    private final WorkerTeam.Task selectTask = this::select;

    // the run at hand, for the tasks
    private IndexerConfig c;
    private ModelWeights.Indexer w;
    private int layer;
    private Batch batch;
    private Selection selection;

    LightningIndexer(Team team, Products products, Rotary rotary, PhaseTimes times) {
        this.team = team;
        this.products = products;
        this.rotary = rotary;
        this.times = times;
        kernel = team.kernels().index();
        keyTile = Floats.each(team.size());
        tileSums = Floats.each(team.size());
        touched = new int[team.size()];
        topK = new TeamTopK(team.workers());
    }

    /**
     * Stores the batch's index keys and selects positions for every row.
     *
     * @param normed [T, H], the attention block's normed input
     * @param queryInput [T, rq], the normed query bottleneck
     */
    void run(
            AttentionConfig.Latent attention,
            ModelWeights.Indexer weights,
            int layerNumber,
            Batch rows,
            float[] normed,
            float[] queryInput,
            Selection result) {
        c = attention.indexer();
        w = weights;
        layer = layerNumber;
        batch = rows;
        selection = result;
        try {
            int count = batch.rows();
            products.add(w.key(), normed, keys.of(count, c.width()), count).run();
            team.workers().run(count, keyTask);
            selection.begin(count, c.topK());
            if (needsSelection()) {
                products.add(w.queryUp(), queryInput, queries.of(count, c.heads() * c.width()), count)
                        .add(w.headWeights(), normed, headWeights.of(count, c.heads()), count)
                        .run();
                team.workers().run(count, queryTask);
                scoreAndSelect();
            } // else: everything visible is selected; but later steps need the keys
        } finally {
            batch = null;
            selection = null;
        }
    }

    private void storeKey(int row, int worker) {
        float[] k = keys.of(batch.rows(), c.width());
        int at = row * c.width();
        team.kernels().math().layerNorm(k, at, w.keyNorm(), w.keyNormBias(), c.normEps(), k, at, c.width());
        rotary.apply(c.rope(), row, k, at);
        if (batch.cache(row).spreadsIndexKeys()) {
            Hadamard.rotate(k, at, c.width());
        }
        batch.cache(row).writeIndexKey(layer, batch.position(row), k, at);
    }

    private boolean needsSelection() {
        for (int row = 0; row < batch.rows(); row++) {
            if (needsSelection(row)) {
                return true;
            }
        }
        return false;
    }

    private boolean needsSelection(int row) {
        return visible(row) > c.topK();
    }

    private int visible(int row) {
        return batch.position(row) + 1;
    }

    private void prepareQueries(int row, int worker) {
        if (!needsSelection(row)) {
            return;
        }
        float[] q = queries.of(batch.rows(), c.heads() * c.width());
        int first = row * c.heads() * c.width();
        for (int at = first; at < first + c.heads() * c.width(); at += c.width()) {
            rotary.apply(c.rope(), row, q, at);
            if (batch.cache(row).spreadsIndexKeys()) {
                Hadamard.rotate(q, at, c.width());
            }
        }
        float factor = (float) (1 / Math.sqrt((double) c.heads() * c.width()));
        team.kernels().math().scale(headWeights.of(batch.rows(), c.heads()), row * c.heads(), factor, c.heads());
    }

    /** Scores as many rows at a time as the budget holds, then selects for them. */
    private void scoreAndSelect() {
        int row = 0;
        while (row < batch.rows()) {
            int stride = 0;
            int count = 0;
            while (row + count < batch.rows()) {
                int longer = Math.max(stride, visible(row + count));
                if (count > 0 && (long) longer * (count + 1) > SCORE_BUDGET) {
                    break;
                }
                stride = longer;
                count++;
            }
            long start = System.nanoTime();
            scan.run(row, count, stride);
            times.add(Phase.INDEX_SCAN, start);
            start = System.nanoTime();
            if (count < team.size()) {
                for (int i = 0; i < count; i++) {
                    selectTogether(i);
                }
            } else {
                team.workers().run(count, selectTask);
            }
            times.add(Phase.SELECTION, start);
            row += count;
        }
    }

    private void selectTogether(int item) {
        int row = scan.firstRow + item;
        if (needsSelection(row)) {
            int at = selection.start(row);
            int count = topK.select(scan.out, item * scan.stride, visible(row), c.topK(), selection.positions(), at);
            selection.setCount(row, count);
        }
    }

    private void select(int item, int worker) {
        int row = scan.firstRow + item;
        if (needsSelection(row)) {
            int at = selection.start(row);
            int count = topK.of(worker)
                    .select(scan.out, item * scan.stride, visible(row), c.topK(), selection.positions(), at);
            selection.setCount(row, count);
        }
    }

    /** Scores a block of rows of one sequence against a range of its positions; each key is decoded once for all. */
    private final class ScanTask implements WorkerTeam.Task {
        private float[] out;
        private float[] query;
        private float[] weights;
        private int stride;
        private int firstRow;
        private int items;
        private int[] itemRow = new int[64];
        private int[] itemRows = new int[64];
        private int[] itemFrom = new int[64];

        /** Scores {@code count} rows from {@code row} on; row i's scores start at {@code i · rowStride}. */
        void run(int row, int count, int rowStride) {
            firstRow = row;
            stride = rowStride;
            out = scores.of(count, stride);
            query = queries.of(batch.rows(), c.heads() * c.width());
            weights = headWeights.of(batch.rows(), c.heads());
            items = 0;
            int end;
            for (int from = row; from < row + count; from = end) {
                end = from + 1;
                while (end < row + count && end - from < ITEM_ROWS && batch.cache(end) == batch.cache(from)) {
                    end++;
                }
                if (needsSelection(end - 1)) { // a later row of a sequence sees more
                    for (int position = 0; position < visible(end - 1); position += ITEM_POSITIONS) {
                        add(from, end - from, position);
                    }
                }
            }
            team.workers().run(items, this);
        }

        private void add(int row, int rows, int from) {
            if (items == itemRow.length) {
                itemRow = Arrays.copyOf(itemRow, 2 * items);
                itemRows = Arrays.copyOf(itemRows, 2 * items);
                itemFrom = Arrays.copyOf(itemFrom, 2 * items);
            }
            itemRow[items] = row;
            itemRows[items] = rows;
            itemFrom[items++] = from;
        }

        @Override
        public void run(int item, int worker) {
            int first = itemRow[item];
            int end = first + itemRows[item];
            float[] tile = keyTile[worker].of(1, IndexKernel.tileSize(c.width()));
            float[] sums = tileSums[worker].of(1, PAGE);
            SequenceCache cache = batch.cache(first);
            int to = Math.min(visible(end - 1), itemFrom[item] + ITEM_POSITIONS);
            touched[worker] = cache.touchIndexKeys(layer, itemFrom[item], to);
            for (int p = itemFrom[item]; p < to; p += PAGE) {
                cache.readIndexKeys(layer, p, tile);
                for (int row = first; row < end; row++) {
                    int n = Math.min(PAGE, visible(row) - p);
                    if (n > 0 && needsSelection(row)) {
                        score(row, p, n, tile, sums);
                    }
                }
            }
        }

        /** Scores n positions from {@code from} on, the page whose keys are in the tile. */
        private void score(int row, int from, int n, float[] tile, float[] sums) {
            int queryAt = row * c.heads() * c.width();
            int outAt = (row - firstRow) * stride + from;
            kernel.scores(query, queryAt, c.heads(), c.width(), weights, row * c.heads(), tile, 0, n, sums, out, outAt);
        }
    }
}
