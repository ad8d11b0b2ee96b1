package dev.cadre.core.forward;

import dev.cadre.core.PhaseTimes;
import dev.cadre.core.Trace;
import dev.cadre.core.cache.CacheLayout;
import dev.cadre.core.cache.SequenceCache;
import dev.cadre.core.model.AttentionConfig;
import dev.cadre.core.model.AttentionConfig.QueryKeyNorm;
import dev.cadre.core.model.ModelWeights;
import dev.cadre.kernels.TileKernel;
import dev.cadre.kernels.VectorMath;
import dev.cadre.kernels.WorkerTeam;
import java.util.Arrays;

/** Grouped-query attention: the query heads of a group share the keys and values of one head. */
final class GroupedAttention {
    /** Positions of one block of the streaming softmax. Blocks start at multiples, whatever a query sees. */
    private static final int BLOCK = CacheLayout.PAGE_TOKENS;

    private final Team team;
    private final Products products;
    private final Rotary rotary;
    private final PhaseTimes times;
    private final Floats queries = new Floats(); // [T, nH, dh]
    private final Floats keys = new Floats(); // [T, nKV, dh]
    private final Floats values = new Floats(); // [T, nKV, dh]
    private final Floats mixed = new Floats(); // [T, nH, dh]
    private final AttendTask attend;

    GroupedAttention(Team team, Products products, Rotary rotary, PhaseTimes times) {
        this.team = team;
        this.products = products;
        this.rotary = rotary;
        this.times = times;
        this.attend = new AttendTask(team.size());
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
        for (int row = 0; row < rows; row++) {
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
        long start = System.nanoTime();
        attend.c = c;
        attend.sinks = w.sinks();
        attend.layer = layer;
        attend.batch = batch;
        attend.q = q;
        attend.u = mixed.of(rows, queryWidth);
        team.workers().run(rows * c.keyValueHeads(), attend);
        attend.batch = null;
        times.add(PhaseTimes.Phase.ATTENTION, start);
        if (trace != null) {
            trace.tensor("attn_values", layer, attend.u, rows, queryWidth);
        }
        products.add(w.output(), attend.u, out, rows).run();
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

    /** Attention of one row for the query heads that share one key and value head. */
    private final class AttendTask implements WorkerTeam.Task {
        private final Floats[] tiles; // [BLOCK, dh]
        private final Floats[] scores; // [group, BLOCK]
        private final StreamingSoftmax[] softmax;
        private AttentionConfig.Grouped c;
        private float[] sinks;
        private int layer;
        private Batch batch;
        private float[] q;
        private float[] u;

        AttendTask(int workers) {
            tiles = Floats.each(workers);
            scores = Floats.each(workers);
            softmax = StreamingSoftmax.each(workers, team.kernels().math());
        }

        @Override
        public void run(int item, int worker) {
            int row = item / c.keyValueHeads();
            int head = item % c.keyValueHeads();
            int group = c.group();
            int width = c.headWidth();
            float[] tile = tiles[worker].of(BLOCK, width);
            float[] s = scores[worker].of(group, BLOCK);
            StreamingSoftmax running = softmax[worker];
            running.begin(group);
            TileKernel kernel = team.kernels().tiles();
            SequenceCache cache = batch.cache(row);
            int at = (row * c.heads() + head * group) * width;
            Arrays.fill(u, at, at + group * width, 0f);
            int position = batch.position(row);
            int first = c.span().first(position);
            for (int block = first / BLOCK * BLOCK; block <= position; block += BLOCK) {
                int from = Math.max(block, first);
                int n = Math.min(block + BLOCK, position + 1) - from;
                cache.readKeys(layer, head, from, n, tile);
                kernel.dot(q, at, width, group, tile, 0, width, n, width, s, 0, BLOCK, team.workspaces()[worker]);
                running.block(s, BLOCK, n, c.scale(), u, at, width);
                cache.readValues(layer, head, from, n, tile);
                kernel.accumulate(s, 0, BLOCK, group, tile, 0, width, n, width, u, at, width);
            }
            running.finish(u, at, width, sinks, head * group);
        }
    }
}
