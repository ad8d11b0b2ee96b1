package dev.cadre.core.forward;

import dev.cadre.core.model.FeedForwardConfig.RouterConfig;
import dev.cadre.core.model.FeedForwardConfig.Scoring;
import dev.cadre.kernels.TopK;
import dev.cadre.kernels.VectorMath;
import java.util.Arrays;

/**
 * The gating router: from logits to the chosen experts of each token and their weights. A correction bias takes part in
 * the choice and not in the weights (DeepSeek-V3, 2024). All in float32; of equal scores the lower expert wins.
 */
final class ExpertRouter {
    private final VectorMath math;
    private final TopK topK = new TopK();
    private final Floats choice = new Floats();
    private final Floats groupScores = new Floats();
    private int[] keptGroups = {};

    ExpertRouter(VectorMath math) {
        this.math = math;
    }

    /**
     * Routes one token.
     *
     * @param logits [E] at {@code at}; turned into scores in place
     * @param bias [E] or null
     * @param experts receives topK expert numbers, ascending
     * @param weights receives their weights
     */
    void route(RouterConfig c, float[] logits, int at, float[] bias, int[] experts, float[] weights, int outAt) {
        int n = c.experts();
        if (c.scoring() == Scoring.SIGMOID) {
            math.sigmoid(logits, at, n);
        } else {
            math.softmax(logits, at, n, Float.NEGATIVE_INFINITY);
        }
        float[] scores = choice.of(1, n);
        for (int e = 0; e < n; e++) {
            scores[e] = logits[at + e] + (bias == null ? 0f : bias[e]);
        }
        if (c.groups() > 1) {
            dropGroups(c, scores);
        }
        topK.select(scores, 0, n, c.topK(), experts, outAt);
        float sum = 0;
        for (int i = outAt; i < outAt + c.topK(); i++) {
            weights[i] = logits[at + experts[i]];
            sum += weights[i];
        }
        float factor = c.normalise() ? c.scale() / (sum + 1e-20f) : c.scale();
        for (int i = outAt; i < outAt + c.topK(); i++) {
            weights[i] *= factor;
        }
    }

    /** Takes the experts of all but the best groups out of the choice; a group counts by its two best scores. */
    private void dropGroups(RouterConfig c, float[] scores) {
        int size = c.experts() / c.groups();
        float[] best = groupScores.of(1, c.groups());
        if (keptGroups.length < c.groups()) {
            keptGroups = new int[c.groups()];
        }
        for (int g = 0; g < c.groups(); g++) {
            float first = Float.NEGATIVE_INFINITY;
            float second = Float.NEGATIVE_INFINITY;
            for (int e = g * size; e < (g + 1) * size; e++) {
                if (scores[e] > first) {
                    second = first;
                    first = scores[e];
                } else if (scores[e] > second) {
                    second = scores[e];
                }
            }
            best[g] = size == 1 ? first : first + second;
        }
        int kept = topK.select(best, 0, c.groups(), c.keptGroups(), keptGroups, 0);
        int next = 0;
        for (int g = 0; g < c.groups(); g++) {
            if (next < kept && keptGroups[next] == g) {
                next++;
            } else {
                Arrays.fill(scores, g * size, (g + 1) * size, Float.NEGATIVE_INFINITY);
            }
        }
    }
}
