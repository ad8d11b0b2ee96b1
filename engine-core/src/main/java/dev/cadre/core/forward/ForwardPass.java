package dev.cadre.core.forward;

import dev.cadre.core.PhaseTimes;
import dev.cadre.core.Trace;
import dev.cadre.core.model.AttentionConfig;
import dev.cadre.core.model.FeedForwardConfig;
import dev.cadre.core.model.ModelConfig;
import dev.cadre.core.model.ModelWeights;
import dev.cadre.core.model.RopeConfig;
import dev.cadre.kernels.VectorMath;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;

/**
 * A batch's way through the model: embedding → per layer (norm → attention with its cache → norm → router → experts) →
 * norm → logits.
 *
 * <p>It owns all intermediate buffers, so one forward pass runs at a time; they grow to the largest batch seen and are
 * then reused.
 */
public final class ForwardPass {
    private final ModelConfig config;
    private final ModelWeights weights;
    private final Team team;
    private final Products products;
    private final Rotary rotary = new Rotary();
    private final LatentAttention latentAttention;
    private final GroupedAttention groupedAttention;
    private final ExpertLayer expertLayer;
    private final RopeConfig[] rotations; // no list, whose iterator would be an object for each step
    private final PhaseTimes times = new PhaseTimes();

    private final Floats residual = new Floats(); // [T, H], the stream that blocks add to
    private final Floats normed = new Floats(); // [T, H]
    private final Floats blockOut = new Floats(); // [T, H]

    /** A forward pass over a model's weights. */
    public ForwardPass(ModelConfig config, ModelWeights weights, Team team) {
        this.config = config;
        this.weights = weights;
        this.team = team;
        this.products = new Products(team);
        this.latentAttention = new LatentAttention(team, products, rotary, times);
        this.groupedAttention = new GroupedAttention(team, products, rotary, times);
        this.expertLayer = new ExpertLayer(team, products);
        this.rotations = rotations(config);
    }

    /** Where the time of the steps goes. */
    public PhaseTimes times() {
        return times;
    }

    private static RopeConfig[] rotations(ModelConfig config) {
        List<RopeConfig> all = new ArrayList<>();
        for (ModelConfig.Layer layer : config.layers()) {
            RopeConfig rope = switch (layer.attention()) {
                case AttentionConfig.Latent c -> c.rope();
                case AttentionConfig.Grouped c -> c.rope();
            };
            if (rope != null && all.stream().noneMatch(r -> r.inverseFrequencies() == rope.inverseFrequencies())) {
                all.add(rope);
            }
        }
        return all.toArray(RopeConfig[]::new);
    }

    /**
     * Runs a batch. The caches of its sequences grow by their runs when, and only when, this returns true.
     *
     * @param logits receives [batch.logitCount(), V]
     * @param trace receives intermediates, or null
     * @param cancelled asked before each layer; when it says true, the step is dropped
     * @return whether the step was finished
     */
    public boolean run(Batch batch, float[] logits, Trace trace, BooleanSupplier cancelled) {
        if (batch.rows() == 0) {
            return true;
        }
        batch.reserve();
        for (RopeConfig rope : rotations) {
            rotary.prepare(rope, batch);
        }
        int rows = batch.rows();
        int hidden = config.hidden();
        float[] x = residual.of(rows, hidden);
        float[] n = normed.of(rows, hidden);
        float[] block = blockOut.of(rows, hidden);
        embed(batch, x);
        trace(trace, "embedding", -1, x, rows);
        int last = weights.layers().size() - 1;
        for (int i = 0; i < weights.layers().size(); i++) {
            if (cancelled.getAsBoolean()) {
                return false;
            }
            ModelWeights.Layer layer = weights.layers().get(i);

            norm(x, layer.attentionNorm(), n, rows);
            trace(trace, "attn_norm", i, n, rows);
            attention(i, layer, batch, n, block, trace);
            trace(trace, "attn_out", i, block, rows);
            add(x, block, rows);
            trace(trace, "ffn_inp", i, x, rows);

            if (i == last && trace == null) { // a trace shows all rows
                rows = keepRowsWithLogits(batch, x);
                if (rows == 0) {
                    break;
                }
            }
            norm(x, layer.feedForwardNorm(), n, rows);
            trace(trace, "ffn_norm", i, n, rows);
            long start = System.nanoTime();
            feedForward(i, layer, n, block, rows, trace);
            times.add(PhaseTimes.Phase.EXPERTS, start);
            trace(trace, "ffn_out", i, block, rows);
            add(x, block, rows);
            trace(trace, "l_out", i, x, rows);
        }
        if (trace != null) {
            rows = keepRowsWithLogits(batch, x);
        }
        logits(x, n, logits, rows);
        batch.commit();
        return true;
    }

    /**
     * Moves the rows that want logits to the front of {@code x} [T, H]; returns their number. No other row is needed
     * once the last layer has cached its keys and values.
     */
    private int keepRowsWithLogits(Batch batch, float[] x) {
        int hidden = config.hidden();
        for (int i = 0; i < batch.logitCount(); i++) {
            System.arraycopy(x, batch.logitRow(i) * hidden, x, i * hidden, hidden); // i is no later row
        }
        return batch.logitCount();
    }

    private void embed(Batch batch, float[] x) {
        for (int row = 0; row < batch.rows(); row++) {
            team.kernels()
                    .matrices()
                    .decodeRow(weights.embedding(), batch.token(row), x, row * config.hidden(), team.workspaces()[0]);
        }
    }

    private void attention(int i, ModelWeights.Layer layer, Batch batch, float[] in, float[] out, Trace trace) {
        switch (config.layers().get(i).attention()) {
            case AttentionConfig.Latent c ->
                latentAttention.run(c, (ModelWeights.Latent) layer.attention(), i, batch, in, out, trace);
            case AttentionConfig.Grouped c ->
                groupedAttention.run(c, (ModelWeights.Grouped) layer.attention(), i, batch, in, out, trace);
        }
    }

    private void feedForward(int i, ModelWeights.Layer layer, float[] in, float[] out, int rows, Trace trace) {
        switch (config.layers().get(i).feedForward()) {
            case FeedForwardConfig.Dense c ->
                expertLayer.dense((ModelWeights.Gated) layer.feedForward(), in, out, rows, config.hidden());
            case FeedForwardConfig.Experts c ->
                expertLayer.experts(
                        c, (ModelWeights.Experts) layer.feedForward(), i, in, out, rows, config.hidden(), trace);
        }
    }

    private void norm(float[] x, float[] weight, float[] out, int rows) {
        VectorMath math = team.kernels().math();
        int hidden = config.hidden();
        for (int row = 0; row < rows; row++) {
            math.rmsNorm(x, row * hidden, weight, config.normEps(), out, row * hidden, hidden);
        }
    }

    private void add(float[] x, float[] block, int rows) {
        team.kernels().math().add(x, 0, block, 0, rows * config.hidden());
    }

    private void trace(Trace trace, String station, int layer, float[] data, int rows) {
        if (trace != null) {
            trace.tensor(station, layer, data, rows, config.hidden());
        }
    }

    /** The last norm, then the output matrix. */
    private void logits(float[] x, float[] n, float[] logits, int rows) {
        norm(x, weights.outputNorm(), n, rows);
        if (rows > 0) {
            products.add(weights.output(), n, logits, rows).run();
        }
    }
}
