package dev.cadre.core.model;

import java.util.List;

/**
 * Everything the forward pass must know of a model, whatever its family and file format.
 *
 * @param architecture name of the family as its checkpoint gives it
 * @param vocabulary V, rows of the embedding
 * @param hidden H
 * @param normEps eps of the block norms and the final norm
 * @param contextLength positions that the model was made for
 * @param layers the trunk, from the first layer to the last
 * @param layersBeyondTrunk multi-token-prediction layers in the checkpoint, which the forward pass leaves out
 * @param stopTokens token ids that end a generation
 */
public record ModelConfig(
        String architecture,
        int vocabulary,
        int hidden,
        float normEps,
        int contextLength,
        List<Layer> layers,
        int layersBeyondTrunk,
        int[] stopTokens) {
    public ModelConfig {
        if (vocabulary < 1 || hidden < 1) {
            throw new IllegalArgumentException(
                    "a model cannot have a vocabulary of " + vocabulary + " and a width of " + hidden);
        }
        if (!(normEps >= 0)) {
            throw new IllegalArgumentException("a norm's epsilon must not be " + normEps);
        }
    }

    /** One layer: attention, then feed-forward, each behind a norm and beside a residual. */
    public record Layer(AttentionConfig attention, FeedForwardConfig feedForward) {}
}
