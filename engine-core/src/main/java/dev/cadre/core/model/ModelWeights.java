package dev.cadre.core.model;

import dev.cadre.kernels.Matrix;
import java.util.List;
import java.util.function.ToLongFunction;

/**
 * All weights of a model, ready for the kernels.
 *
 * @param embedding [V, H]
 * @param layers the trunk
 * @param outputNorm [H]
 * @param output [V, H]; the embedding itself where the two are tied
 */
public record ModelWeights(Matrix embedding, List<Layer> layers, float[] outputNorm, Matrix output) {
    /**
     * One layer.
     *
     * @param attentionNorm [H]
     * @param feedForwardNorm [H]
     */
    public record Layer(float[] attentionNorm, Attention attention, float[] feedForwardNorm, FeedForward feedForward) {}

    /** Weights of an attention block. */
    public sealed interface Attention {}

    /**
     * Latent attention. For head h: keyUp[h] is W_UKᵀ, so that the query is taken into the latent space by a plain
     * product; valueUp[h] is W_UV.
     *
     * @param queryDown [rq, H], or null where queries are projected directly
     * @param queryNorm [rq], or null
     * @param queryUp [nH·(dn + dr), rq], or [nH·(dn + dr), H] without a bottleneck
     * @param latentDown [r + dr, H]
     * @param latentNorm [r]
     * @param keyUp nH of [r, dn]
     * @param valueUp nH of [dv, r]
     * @param output [H, nH·dv]
     * @param indexer null on layers without one
     */
    public record Latent(
            Matrix queryDown,
            float[] queryNorm,
            Matrix queryUp,
            Matrix latentDown,
            float[] latentNorm,
            Matrix[] keyUp,
            Matrix[] valueUp,
            Matrix output,
            Indexer indexer)
            implements Attention {}

    /**
     * The lightning indexer.
     *
     * @param queryUp [Hi·Di, rq]
     * @param key [Di, H]
     * @param keyNorm [Di]
     * @param keyNormBias [Di]
     * @param headWeights [Hi, H]
     */
    public record Indexer(Matrix queryUp, Matrix key, float[] keyNorm, float[] keyNormBias, Matrix headWeights) {}

    /**
     * Grouped-query attention. Biases, norms and sinks are null where there are none.
     *
     * @param query [nH·dh, H]
     * @param key [nKV·dh, H]
     * @param value [nKV·dh, H]
     * @param output [H, nH·dh]
     * @param queryBias [nH·dh]
     * @param keyBias [nKV·dh]
     * @param valueBias [nKV·dh]
     * @param outputBias [H]
     * @param queryNorm [dh] or [nH·dh]
     * @param keyNorm [dh] or [nKV·dh]
     * @param sinks [nH]
     */
    public record Grouped(
            Matrix query,
            Matrix key,
            Matrix value,
            Matrix output,
            float[] queryBias,
            float[] keyBias,
            float[] valueBias,
            float[] outputBias,
            float[] queryNorm,
            float[] keyNorm,
            float[] sinks)
            implements Attention {}

    /** Weights of a feed-forward block. */
    public sealed interface FeedForward {}

    /**
     * One gated MLP.
     *
     * @param gate [F, H]
     * @param up [F, H]
     * @param down [H, F]
     */
    public record Gated(Matrix gate, Matrix up, Matrix down) implements FeedForward {}

    /**
     * Routed experts.
     *
     * @param router [E, H]
     * @param routerBias [E], added to the logits; null for none
     * @param correctionBias [E], added to scores for the choice only; null for none
     * @param gate E of [I, H]
     * @param up E of [I, H]
     * @param down E of [H, I]
     * @param biases of the experts, or null
     * @param shared the expert of every token, or null
     * @param sharedGate [1, H], the logit of the shared expert's weight; null for weight 1
     */
    public record Experts(
            Matrix router,
            float[] routerBias,
            float[] correctionBias,
            Matrix[] gate,
            Matrix[] up,
            Matrix[] down,
            ExpertBiases biases,
            Gated shared,
            Matrix sharedGate)
            implements FeedForward {}

    /**
     * Biases of experts.
     *
     * @param gate E of [I]
     * @param up E of [I]
     * @param down E of [H]
     */
    public record ExpertBiases(float[][] gate, float[][] up, float[][] down) {}

    /**
     * A sum over the matrices that one token's step multiplies with: of experts the routed ones; not the embedding, of
     * which it reads one row.
     *
     * @param measure of one matrix, such as its bytes
     */
    public long perToken(ModelConfig config, ToLongFunction<Matrix> measure) {
        long sum = measure.applyAsLong(output);
        for (int i = 0; i < layers.size(); i++) {
            sum += switch (layers.get(i).attention()) {
                case Latent w ->
                    sum(measure, w.queryDown(), w.queryUp(), w.latentDown(), w.output())
                            + sum(measure, w.keyUp())
                            + sum(measure, w.valueUp())
                            + (w.indexer() == null
                                    ? 0
                                    : sum(
                                            measure,
                                            w.indexer().queryUp(),
                                            w.indexer().key(),
                                            w.indexer().headWeights()));
                case Grouped w -> sum(measure, w.query(), w.key(), w.value(), w.output());
            };
            sum += feedForward(i, config, measure);
        }
        return sum;
    }

    /**
     * The part of {@link #perToken} that only positions with logits are multiplied with: the last layer's feed-forward
     * and the output.
     */
    public long forLogits(ModelConfig config, ToLongFunction<Matrix> measure) {
        return feedForward(layers.size() - 1, config, measure) + measure.applyAsLong(output);
    }

    private long feedForward(int layer, ModelConfig config, ToLongFunction<Matrix> measure) {
        return switch (layers.get(layer).feedForward()) {
            case Gated w -> sum(measure, w.gate(), w.up(), w.down());
            case Experts w -> {
                FeedForwardConfig.Experts e =
                        (FeedForwardConfig.Experts) config.layers().get(layer).feedForward();
                Gated s = w.shared();
                yield measure.applyAsLong(w.router())
                        + e.router().topK() * sum(measure, w.gate()[0], w.up()[0], w.down()[0])
                        + (s == null ? 0 : sum(measure, s.gate(), s.up(), s.down()));
            }
        };
    }

    private static long sum(ToLongFunction<Matrix> measure, Matrix... matrices) {
        long sum = 0;
        for (Matrix matrix : matrices) {
            sum += matrix == null ? 0 : measure.applyAsLong(matrix);
        }
        return sum;
    }
}
