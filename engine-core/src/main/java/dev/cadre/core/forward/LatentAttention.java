package dev.cadre.core.forward;

import dev.cadre.core.PhaseTimes;
import dev.cadre.core.Trace;
import dev.cadre.core.model.AttentionConfig;
import dev.cadre.core.model.ModelWeights;
import dev.cadre.kernels.VectorMath;
import dev.cadre.kernels.WorkerTeam;

/**
 * Multi-head latent attention in absorbed form (DeepSeek-V2, 2024): the cache holds one latent vector and one rotated
 * key per position, shared by all heads; queries are taken into the latent space, and values out of it.
 *
 * <pre>
 *   q̃_h = W_UK,hᵀ q_nope,h            [r]
 *   s_t = scale · (q̃_h · c_t + q_rope,h · k_rope,t)
 *   o_h = W_UV,h Σ_t softmax(s)_t c_t  [dv]
 * </pre>
 */
final class LatentAttention {
    private final Team team;
    private final Products products;
    private final Rotary rotary;
    private final PhaseTimes times;
    private final LightningIndexer indexer;
    private final Selection selection = new Selection();

    private final Floats queryLow = new Floats(); // [T, rq]
    private final Floats queries = new Floats(); // [T, nH, dn + dr]
    private final Floats latents = new Floats(); // [T, r + dr]
    private final Floats absorbed = new Floats(); // [T, nH, r + dr]
    private final Floats mixed = new Floats(); // [T, nH, r]
    private final Floats values = new Floats(); // [T, nH, dv]
    private final PrepareTask prepare = new PrepareTask();
    private final LatentSpans spans;

    LatentAttention(Team team, Products products, Rotary rotary, PhaseTimes times) {
        this.team = team;
        this.products = products;
        this.rotary = rotary;
        this.times = times;
        this.indexer = new LightningIndexer(team, products, rotary, times);
        this.spans = new LatentSpans(team);
    }

    /**
     * One attention block.
     *
     * @param normed [T, H], the normed input
     * @param out [T, H], receives the block's output
     */
    void run(
            AttentionConfig.Latent c,
            ModelWeights.Latent w,
            int layer,
            Batch batch,
            float[] normed,
            float[] out,
            Trace trace) {
        int rows = batch.rows();
        float[] queryInput = projectQueriesAndLatents(c, w, layer, batch, normed);
        if (c.ownsIndexer()) {
            indexer.run(c, w.indexer(), layer, batch, normed, queryInput, selection);
        } else if (c.indexer() == null) {
            selection.selectAll(rows);
        } // else: the selection of the nearest full layer below still stands
        absorbQueries(c, w, rows);

        long start = System.nanoTime();
        float[] u = mixed.of(rows, c.heads() * c.latentRank());
        spans.run(c, layer, batch, selection, absorbed.of(rows, c.heads() * c.cacheWidth()), u);
        times.add(PhaseTimes.Phase.ATTENTION, start);

        float[] v = values.of(rows, c.heads() * c.valueWidth());
        for (int h = 0; h < c.heads(); h++) {
            products.add(
                    w.valueUp()[h],
                    u,
                    h * c.latentRank(),
                    c.heads() * c.latentRank(),
                    v,
                    h * c.valueWidth(),
                    c.heads() * c.valueWidth(),
                    rows);
        }
        products.run();
        if (trace != null) {
            trace.tensor("attn_values", layer, v, rows, c.heads() * c.valueWidth());
        }
        products.add(w.output(), v, out, rows).run();
    }

    /** Queries, rotated; latents, normed, rotated and stored in the cache. Returns the indexer's query input. */
    private float[] projectQueriesAndLatents(
            AttentionConfig.Latent c, ModelWeights.Latent w, int layer, Batch batch, float[] normed) {
        int rows = batch.rows();
        VectorMath math = team.kernels().math();
        float[] q = queries.of(rows, c.heads() * c.queryWidth());
        float[] kv = latents.of(rows, c.cacheWidth());
        products.add(w.latentDown(), normed, kv, rows);
        float[] queryInput = normed;
        if (w.queryDown() != null) {
            float[] low = queryLow.of(rows, c.queryRank());
            products.add(w.queryDown(), normed, low, rows).run();
            for (int row = 0; row < rows; row++) {
                int at = row * c.queryRank();
                math.rmsNorm(low, at, w.queryNorm(), c.latentNormEps(), low, at, c.queryRank());
            }
            queryInput = low;
        }
        products.add(w.queryUp(), queryInput, q, rows).run();
        prepare.c = c;
        prepare.w = w;
        prepare.layer = layer;
        prepare.batch = batch;
        prepare.q = q;
        prepare.kv = kv;
        team.workers().run(rows, prepare);
        prepare.batch = null;
        return queryInput;
    }

    /** Queries in the form of cached rows: q̃ of r dimensions, then the rotated part. */
    private void absorbQueries(AttentionConfig.Latent c, ModelWeights.Latent w, int rows) {
        float[] q = queries.of(rows, c.heads() * c.queryWidth());
        float[] a = absorbed.of(rows, c.heads() * c.cacheWidth());
        for (int h = 0; h < c.heads(); h++) {
            products.add(
                    w.keyUp()[h],
                    q,
                    h * c.queryWidth(),
                    c.heads() * c.queryWidth(),
                    a,
                    h * c.cacheWidth(),
                    c.heads() * c.cacheWidth(),
                    rows);
        }
        products.run();
        for (int i = 0; i < rows * c.heads(); i++) {
            System.arraycopy(
                    q, i * c.queryWidth() + c.nopeWidth(), a, i * c.cacheWidth() + c.latentRank(), c.ropeWidth());
        }
    }

    /** Norm, rotation and cache row of one row's latent, rotation of its queries. */
    private final class PrepareTask implements WorkerTeam.Task {
        private AttentionConfig.Latent c;
        private ModelWeights.Latent w;
        private int layer;
        private Batch batch;
        private float[] q;
        private float[] kv;

        @Override
        public void run(int row, int worker) {
            VectorMath math = team.kernels().math();
            int at = row * c.cacheWidth();
            math.rmsNorm(kv, at, w.latentNorm(), c.latentNormEps(), kv, at, c.latentRank());
            rotary.apply(c.rope(), row, kv, at + c.latentRank());
            batch.cache(row).writeLatent(layer, batch.position(row), kv, at);
            for (int h = 0; h < c.heads(); h++) {
                rotary.apply(c.rope(), row, q, (row * c.heads() + h) * c.queryWidth() + c.nopeWidth());
            }
            if (c.temperature() != null) {
                int width = c.heads() * c.queryWidth();
                math.scale(q, row * width, c.temperature().at(batch.position(row)), width);
            }
        }
    }
}
