package dev.cadre.core.forward;

import dev.cadre.core.Trace;
import dev.cadre.core.model.FeedForwardConfig;
import dev.cadre.core.model.FeedForwardConfig.Activation;
import dev.cadre.core.model.FeedForwardConfig.RouterConfig;
import dev.cadre.core.model.ModelWeights;
import dev.cadre.kernels.VectorMath;
import java.util.Arrays;

/**
 * The feed-forward half of a layer: one MLP for all, or a router that sends each token to some of many experts. Tokens
 * are grouped by expert, so that the weights of an expert are read once for all its tokens, and those of an expert
 * without tokens not at all.
 */
final class ExpertLayer {
    private final Team team;
    private final Products products;
    private final GatedMlps mlps;
    private final ExpertRouter router;
    private final Floats logits = new Floats(); // [T, E]
    private final Floats weights = new Floats(); // [T, topK]
    private final Floats scaledInputs = new Floats(); // [T + T·topK, H]
    private final Floats sharedWeights = new Floats(); // [T]
    private int[] chosen = {}; // [T, topK]
    private int[] assignment = {}; // [T, topK]
    private int[] tokensOf = {}; // [E], then the start of each expert's list
    private int[] order = {}; // (token, choice) pairs, sorted by expert

    ExpertLayer(Team team, Products products) {
        this.team = team;
        this.products = products;
        this.mlps = new GatedMlps(team);
        this.router = new ExpertRouter(team.kernels().math());
    }

    /** One dense MLP for every row: out = MLP(normed), both [T, H]. */
    void dense(ModelWeights.Gated w, float[] normed, float[] out, int rows, int hidden) {
        mlps.clear();
        mlps.begin(w.gate(), w.up(), w.down());
        for (int row = 0; row < rows; row++) {
            mlps.add(row);
        }
        System.arraycopy(mlps.run(normed, hidden, Activation.SWIGLU), 0, out, 0, rows * hidden);
    }

    /** Routed experts and the shared one: out = Σ w_e · E_e(normed) + shared(normed), both [T, H]. */
    void experts(
            FeedForwardConfig.Experts c,
            ModelWeights.Experts w,
            int layer,
            float[] normed,
            float[] out,
            int rows,
            int hidden,
            Trace trace) {
        RouterConfig r = c.router();
        route(r, w, layer, normed, rows, trace);
        sortByExpert(r, rows);
        float[] in = c.weightsScaleInput() ? scaleInputs(r, normed, rows, hidden) : normed;
        mlps.clear();
        for (int e = 0; e < r.experts(); e++) {
            if (tokensOf[e] < tokensOf[e + 1]) {
                begin(w, e);
                for (int i = tokensOf[e]; i < tokensOf[e + 1]; i++) {
                    int row = c.weightsScaleInput() ? rows + order[i] : order[i] / r.topK();
                    assignment[order[i]] = mlps.add(row);
                }
            }
        }
        int shared = -1;
        if (w.shared() != null) {
            mlps.begin(w.shared().gate(), w.shared().up(), w.shared().down());
            for (int row = 0; row < rows; row++) {
                int number = mlps.add(row);
                shared = row == 0 ? number : shared;
            }
        }
        float[] sharedFactors = w.sharedGate() == null ? null : sharedFactors(w, normed, rows);
        sum(mlps.run(in, hidden, c.activation()), r.topK(), shared, sharedFactors, out, rows, hidden);
    }

    private void begin(ModelWeights.Experts w, int e) {
        if (w.biases() == null) {
            mlps.begin(w.gate()[e], w.up()[e], w.down()[e]);
        } else {
            mlps.begin(
                    w.gate()[e],
                    w.up()[e],
                    w.down()[e],
                    w.biases().gate()[e],
                    w.biases().up()[e],
                    w.biases().down()[e]);
        }
    }

    /** The rows as they are, [T, H], then each once more for each of its experts, times the weight, [T·topK, H]. */
    private float[] scaleInputs(RouterConfig r, float[] normed, int rows, int hidden) {
        int pairs = rows * r.topK();
        float[] all = scaledInputs.of(rows + pairs, hidden);
        float[] factors = weights.of(rows, r.topK());
        System.arraycopy(normed, 0, all, 0, rows * hidden);
        for (int i = 0; i < pairs; i++) {
            int at = (rows + i) * hidden;
            System.arraycopy(normed, i / r.topK() * hidden, all, at, hidden);
            team.kernels().math().scale(all, at, factors[i], hidden);
            factors[i] = 1f;
        }
        return all;
    }

    /** The weight of the shared expert for each row: the sigmoid of its own logit. */
    private float[] sharedFactors(ModelWeights.Experts w, float[] normed, int rows) {
        float[] factors = sharedWeights.of(rows, 1);
        products.add(w.sharedGate(), normed, factors, rows).run();
        team.kernels().math().sigmoid(factors, 0, rows);
        return factors;
    }

    private void route(RouterConfig r, ModelWeights.Experts w, int layer, float[] normed, int rows, Trace trace) {
        float[] scores = logits.of(rows, r.experts());
        products.add(w.router(), normed, scores, rows).run();
        if (w.routerBias() != null) {
            for (int row = 0; row < rows; row++) {
                team.kernels().math().add(scores, row * r.experts(), w.routerBias(), 0, r.experts());
            }
        }
        if (trace != null) {
            trace.tensor("ffn_moe_logits", layer, scores, rows, r.experts());
        }
        if (chosen.length < rows * r.topK()) {
            chosen = new int[rows * r.topK()];
            assignment = new int[rows * r.topK()];
            order = new int[rows * r.topK()];
        }
        float[] factors = weights.of(rows, r.topK());
        for (int row = 0; row < rows; row++) {
            router.route(r, scores, row * r.experts(), w.correctionBias(), chosen, factors, row * r.topK());
        }
        if (trace != null) {
            trace.tensor("ffn_moe_weights", layer, factors, rows, r.topK());
        }
    }

    /** Counting sort of all (token, choice) pairs by expert; {@code tokensOf} becomes the lists' starts. */
    private void sortByExpert(RouterConfig r, int rows) {
        if (tokensOf.length < r.experts() + 2) {
            tokensOf = new int[r.experts() + 2];
        }
        Arrays.fill(tokensOf, 0, r.experts() + 2, 0);
        int pairs = rows * r.topK();
        for (int i = 0; i < pairs; i++) {
            tokensOf[chosen[i] + 2]++;
        }
        for (int e = 2; e < r.experts() + 2; e++) {
            tokensOf[e] += tokensOf[e - 1];
        }
        for (int i = 0; i < pairs; i++) {
            order[tokensOf[chosen[i] + 1]++] = i;
        }
    }

    /** Adds up each token's experts in the order of their numbers, then the shared one. */
    private void sum(float[] outputs, int topK, int shared, float[] sharedFactors, float[] out, int rows, int hidden) {
        VectorMath math = team.kernels().math();
        float[] factors = weights.of(rows, topK);
        for (int row = 0; row < rows; row++) {
            int to = row * hidden;
            Arrays.fill(out, to, to + hidden, 0f);
            for (int i = row * topK; i < (row + 1) * topK; i++) {
                math.addScaled(out, to, outputs, assignment[i] * hidden, factors[i], hidden);
            }
            if (shared >= 0) {
                float factor = sharedFactors == null ? 1f : sharedFactors[row];
                math.addScaled(out, to, outputs, (shared + row) * hidden, factor, hidden);
            }
        }
    }
}
