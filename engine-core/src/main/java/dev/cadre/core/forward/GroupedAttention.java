package dev.cadre.core.forward;

import dev.cadre.core.PhaseTimes;
import dev.cadre.core.Trace;
import dev.cadre.core.model.AttentionConfig;
import dev.cadre.core.model.AttentionConfig.QueryKeyNorm;
import dev.cadre.core.model.ModelWeights;
import dev.cadre.kernels.VectorMath;
import dev.cadre.kernels.WorkerTeam;

/** Grouped-query attention: the query heads of a group share the keys and values of one head. */
final class GroupedAttention {
    private final Team team;
    private final Products products;
    private final Rotary rotary;
    private final PhaseTimes times;
    private final Floats queries = new Floats(); // [T, nH, dh]
    private final Floats keys = new Floats(); // [T, nKV, dh]
    private final Floats values = new Floats(); // [T, nKV, dh]
    private final Floats mixed = new Floats(); // [T, nH, dh]
    private final PrepareTask prepare = new PrepareTask();
    private final GroupedTiles tiles;

    GroupedAttention(Team team, Products products, Rotary rotary, PhaseTimes times) {
        this.team = team;
        this.products = products;
        this.rotary = rotary;
        this.times = times;
        this.tiles = new GroupedTiles(team);
    }

    /**
     * One attention block.
     *
     * @param normed [T, H], the normed input
     * @param out [T, H], receives the block's output
     */
    void run(
            AttentionConfig.Grouped c,
            ModelWeights.Grouped w,
            int layer,
            Batch batch,
            float[] normed,
            float[] out,
            Trace trace) {
        int rows = batch.rows();
        int queryWidth = c.heads() * c.headWidth();
        int keyWidth = c.keyValueHeads() * c.headWidth();
        float[] q = queries.of(rows, queryWidth);
        float[] k = keys.of(rows, keyWidth);
        float[] v = values.of(rows, keyWidth);
        products.add(w.query(), normed, q, rows)
                .add(w.key(), normed, k, rows)
                .add(w.value(), normed, v, rows)
                .run();
        addBias(q, w.queryBias(), rows);
        addBias(k, w.keyBias(), rows);
        addBias(v, w.valueBias(), rows);
        prepare.c = c;
        prepare.w = w;
        prepare.layer = layer;
        prepare.batch = batch;
        prepare.q = q;
        prepare.k = k;
        prepare.v = v;
        team.workers().run(rows, prepare);
        prepare.batch = null;
        long start = System.nanoTime();
        float[] u = mixed.of(rows, queryWidth);
        tiles.run(c, layer, batch, q, u, w.sinks());
        times.add(PhaseTimes.Phase.ATTENTION, start);
        if (trace != null) {
            trace.tensor("attn_values", layer, u, rows, queryWidth);
        }
        products.add(w.output(), u, out, rows).run();
        addBias(out, w.outputBias(), rows);
    }

    private void addBias(float[] x, float[] bias, int rows) {
        if (bias != null) {
            for (int row = 0; row < rows; row++) {
                team.kernels().math().add(x, row * bias.length, bias, 0, bias.length);
            }
        }
    }

    /** Norm, clamping and rotation of one row's heads, in the order that the family has. */
    private void prepare(
            AttentionConfig.Grouped c, Batch batch, int row, float[] x, int at, int heads, float[] normWeight) {
        VectorMath math = team.kernels().math();
        int width = c.headWidth();
        if (c.norm() == QueryKeyNorm.WHOLE) {
            math.rmsNorm(x, at, normWeight, c.normEps(), x, at, heads * width);
        }
        if (c.clip() != Float.POSITIVE_INFINITY) {
            clamp(x, at, heads * width, c.clip());
        }
        for (int h = 0; h < heads; h++) {
            int head = at + h * width;
            if (c.norm() == QueryKeyNorm.HEAD) {
                math.rmsNorm(x, head, normWeight, c.normEps(), x, head, width);
            }
            if (c.rope() != null) {
                rotary.apply(c.rope(), row, x, head);
            }
            if (c.norm() == QueryKeyNorm.PLAIN_AFTER_ROTATION) {
                math.rmsNorm(x, head, null, c.normEps(), x, head, width);
            }
        }
    }

    private static void clamp(float[] x, int at, int n, float limit) {
        for (int i = at; i < at + n; i++) {
            x[i] = Math.clamp(x[i], -limit, limit);
        }
    }

    /** Norms, rotation and cache rows of one row. */
    private final class PrepareTask implements WorkerTeam.Task {
        private AttentionConfig.Grouped c;
        private ModelWeights.Grouped w;
        private int layer;
        private Batch batch;
        private float[] q;
        private float[] k;
        private float[] v;

        @Override
        public void run(int row, int worker) {
            int queryWidth = c.heads() * c.headWidth();
            int keyWidth = c.keyValueHeads() * c.headWidth();
            prepare(c, batch, row, q, row * queryWidth, c.heads(), w.queryNorm());
            prepare(c, batch, row, k, row * keyWidth, c.keyValueHeads(), w.keyNorm());
            if (c.clip() != Float.POSITIVE_INFINITY) {
                clamp(v, row * keyWidth, keyWidth, c.clip());
            }
            if (c.temperature() != null) {
                float factor = c.temperature().at(batch.position(row));
                team.kernels().math().scale(q, row * queryWidth, factor, queryWidth);
            }
            for (int h = 0; h < c.keyValueHeads(); h++) {
                int at = row * keyWidth + h * c.headWidth();
                batch.cache(row).writeKey(layer, h, batch.position(row), k, at);
                batch.cache(row).writeValue(layer, h, batch.position(row), v, at);
            }
        }
    }
}
