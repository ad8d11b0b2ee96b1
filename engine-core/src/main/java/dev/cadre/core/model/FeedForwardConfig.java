package dev.cadre.core.model;

/** The feed-forward half of one layer. */
public sealed interface FeedForwardConfig {
    /**
     * One gated MLP for every token: down(silu(gate x) ⊙ up x).
     *
     * @param width rows of gate and up
     */
    record Dense(int width) implements FeedForwardConfig {}

    /**
     * Routed experts.
     *
     * @param router how experts are chosen and weighted
     * @param width rows of one expert's gate and up
     * @param sharedWidth rows of the shared expert that every token passes, or 0 for none
     * @param sharedGate the shared expert's output is weighted by the sigmoid of a logit of its own
     * @param weightsScaleInput a weight multiplies its expert's input instead of the output
     * @param biases experts have biases
     * @param activation between gate, up and down
     */
    record Experts(
            RouterConfig router,
            int width,
            int sharedWidth,
            boolean sharedGate,
            boolean weightsScaleInput,
            boolean biases,
            Activation activation)
            implements FeedForwardConfig {
        /** Plain experts: SwiGLU, no biases, an ungated shared expert. */
        public static Experts plain(RouterConfig router, int width, int sharedWidth) {
            return new Experts(router, width, sharedWidth, false, false, false, Activation.SWIGLU);
        }
    }

    /** How gate and up are joined. */
    enum Activation {
        /** silu(gate) · up. */
        SWIGLU,
        /** gpt-oss: both are clamped at 7, gate · sigmoid(1.702 · gate) · (up + 1). */
        CLAMPED_SWIGLU
    }

    /**
     * The router.
     *
     * @param experts E
     * @param topK experts for each token
     * @param scoring from logits to scores
     * @param groups experts come in this many groups of equal size; 1 for no grouping
     * @param keptGroups groups with the highest sums of their two best scores stay in the choice
     * @param normalise the chosen experts' weights are divided by their sum
     * @param scale factor on the weights
     */
    record RouterConfig(
            int experts, int topK, Scoring scoring, int groups, int keptGroups, boolean normalise, float scale) {
        public RouterConfig {
            if (topK < 1 || topK > experts) {
                throw new IllegalArgumentException("a token cannot go to " + topK + " of " + experts + " experts");
            }
            if (groups < 1 || experts % groups != 0 || keptGroups < 1 || keptGroups > groups) {
                throw new IllegalArgumentException(
                        "cannot keep " + keptGroups + " of " + groups + " groups of " + experts + " experts");
            }
            if ((long) keptGroups * (experts / groups) < topK) {
                throw new IllegalArgumentException("the kept groups hold fewer than " + topK + " experts");
            }
        }
    }

    /** From router logits to scores. */
    enum Scoring {
        SIGMOID,
        SOFTMAX
    }
}
