package dev.cadre.core.forward;

import dev.cadre.core.PhaseTimes;
import dev.cadre.core.PhaseTimes.Phase;
import dev.cadre.core.cache.CacheLayout;
import dev.cadre.core.cache.SequenceCache;
import dev.cadre.core.model.AttentionConfig;
import dev.cadre.core.model.AttentionConfig.IndexerConfig;
import dev.cadre.core.model.ModelWeights;
import dev.cadre.kernels.TopK;
import dev.cadre.kernels.VectorMath;
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
    /** Positions of one work item: many pages, so that single-token steps spread over the workers as well. */
    private static final int SCAN_POSITIONS = 64 * CacheLayout.PAGE_TOKENS;

    /** Scores held at a time; longer batches are scored in parts. */
    private static final int SCORE_BUDGET = 1 << 24;

    private final Team team;
    private final Products products;
    private final Rotary rotary;
    private final PhaseTimes times;
    private final Floats keys = new Floats();
    private final Floats queries = new Floats();
    private final Floats headWeights = new Floats();
    private final Floats scores = new Floats();
    private final Floats[] keyTile;
    private final Floats[] tileScores;
    private final TopK[] topK;
    private final ScanTask scan = new ScanTask();
    private final SelectTask select = new SelectTask();

    LightningIndexer(Team team, Products products, Rotary rotary, PhaseTimes times) {
        this.team = team;
        this.products = products;
        this.rotary = rotary;
        this.times = times;
        keyTile = Floats.each(team.size());
        tileScores = Floats.each(team.size());
        topK = new TopK[team.size()];
        Arrays.setAll(topK, worker -> new TopK());
    }

    /**
     * Stores the batch's index keys and selects positions for every row.
     *
     * @param normed [T, H], the attention block's normed input
     * @param queryInput [T, rq], the normed query bottleneck
     */
    void run(
            AttentionConfig.Latent attention,
            ModelWeights.Indexer w,
            int layer,
            Batch batch,
            float[] normed,
            float[] queryInput,
            Selection selection) {
        IndexerConfig c = attention.indexer();
        storeKeys(c, w, layer, batch, normed);
        selection.begin(batch.rows(), c.topK());
        if (!needsSelection(batch, c.topK())) {
            return; // everything visible is selected; but later steps need the keys
        }
        int rows = batch.rows();
        float[] q = queries.of(rows, c.heads() * c.width());
        float[] weights = headWeights.of(rows, c.heads());
        products.add(w.queryUp(), queryInput, q, rows)
                .add(w.headWeights(), normed, weights, rows)
                .run();
        VectorMath math = team.kernels().math();
        float factor = (float) (1 / Math.sqrt((double) c.heads() * c.width()));
        math.scale(weights, 0, factor, rows * c.heads());
        for (int row = 0; row < rows; row++) {
            for (int h = 0; h < c.heads(); h++) {
                int at = (row * c.heads() + h) * c.width();
                rotary.apply(c.rope(), row, q, at);
                if (batch.cache(row).spreadsIndexKeys()) {
                    Hadamard.rotate(q, at, c.width());
                }
            }
        }
        scoreAndSelect(c, layer, batch, q, weights, selection);
    }

    private void storeKeys(IndexerConfig c, ModelWeights.Indexer w, int layer, Batch batch, float[] normed) {
        int rows = batch.rows();
        float[] k = keys.of(rows, c.width());
        products.add(w.key(), normed, k, rows).run();
        for (int row = 0; row < rows; row++) {
            int at = row * c.width();
            team.kernels().math().layerNorm(k, at, w.keyNorm(), w.keyNormBias(), c.normEps(), k, at, c.width());
            rotary.apply(c.rope(), row, k, at);
            if (batch.cache(row).spreadsIndexKeys()) {
                Hadamard.rotate(k, at, c.width());
            }
            batch.cache(row).writeIndexKey(layer, batch.position(row), k, at);
        }
    }

    private static boolean needsSelection(Batch batch, int topK) {
        for (int row = 0; row < batch.rows(); row++) {
            if (batch.position(row) + 1 > topK) {
                return true;
            }
        }
        return false;
    }

    /** Scores as many rows at a time as the budget holds, then selects for them. */
    private void scoreAndSelect(
            IndexerConfig c, int layer, Batch batch, float[] q, float[] weights, Selection selection) {
        int row = 0;
        while (row < batch.rows()) {
            int stride = 0;
            int count = 0;
            while (row + count < batch.rows()) {
                int longer = Math.max(stride, batch.position(row + count) + 1);
                if (count > 0 && (long) longer * (count + 1) > SCORE_BUDGET) {
                    break;
                }
                stride = longer;
                count++;
            }
            long start = System.nanoTime();
            scan.c = c;
            scan.layer = layer;
            scan.batch = batch;
            scan.q = q;
            scan.weights = weights;
            scan.out = scores.of(count, stride);
            scan.stride = stride;
            scan.firstRow = row;
            scan.parts = (stride + SCAN_POSITIONS - 1) / SCAN_POSITIONS;
            team.workers().run(count * scan.parts, scan);
            times.add(Phase.INDEX_SCAN, start);
            start = System.nanoTime();
            select.selection = selection;
            team.workers().run(count, select);
            times.add(Phase.SELECTION, start);
            scan.batch = null;
            row += count;
        }
    }

    /** Scores one row against one range of positions. */
    private final class ScanTask implements WorkerTeam.Task {
        private IndexerConfig c;
        private int layer;
        private Batch batch;
        private float[] q;
        private float[] weights;
        private float[] out;
        private int stride;
        private int firstRow;
        private int parts;

        @Override
        public void run(int item, int worker) {
            int row = firstRow + item / parts;
            int visible = batch.position(row) + 1;
            int from = item % parts * SCAN_POSITIONS;
            int to = Math.min(visible, from + SCAN_POSITIONS);
            if (visible <= c.topK()) {
                return;
            }
            float[] tile = keyTile[worker].of(CacheLayout.PAGE_TOKENS, c.width());
            float[] dots = tileScores[worker].of(c.heads(), CacheLayout.PAGE_TOKENS);
            SequenceCache cache = batch.cache(row);
            VectorMath math = team.kernels().math();
            for (int p = from; p < to; p += CacheLayout.PAGE_TOKENS) {
                int n = Math.min(CacheLayout.PAGE_TOKENS, to - p);
                cache.readIndexKeys(layer, p, n, tile);
                team.kernels()
                        .tiles()
                        .dot(
                                q,
                                row * c.heads() * c.width(),
                                c.width(),
                                c.heads(),
                                tile,
                                0,
                                c.width(),
                                n,
                                c.width(),
                                dots,
                                0,
                                CacheLayout.PAGE_TOKENS,
                                team.workspaces()[worker]);
                int at = (row - firstRow) * stride + p;
                Arrays.fill(out, at, at + n, 0f);
                for (int h = 0; h < c.heads(); h++) {
                    math.addWeightedRelu(dots, h * CacheLayout.PAGE_TOKENS, weights[row * c.heads() + h], out, at, n);
                }
            }
        }
    }

    /** Selects the best positions of one row. */
    private final class SelectTask implements WorkerTeam.Task {
        private Selection selection;

        @Override
        public void run(int item, int worker) {
            int row = scan.firstRow + item;
            int visible = scan.batch.position(row) + 1;
            if (visible <= scan.c.topK()) {
                return;
            }
            int count = topK[worker].select(
                    scan.out, item * scan.stride, visible, scan.c.topK(), selection.positions(), selection.start(row));
            selection.setCount(row, count);
        }
    }
}
