package dev.cadre.core;

/**
 * What a model is.
 *
 * @param architecture family name as the checkpoint gives it
 * @param layers trunk layers
 * @param hidden width of the residual stream
 * @param vocabulary number of token ids
 * @param contextLength positions that the model was made for
 * @param kernels name of the kernels that run it
 * @param cacheBytesPerToken bytes that one position takes in the key-value cache
 * @param weightBytesPerToken bytes of weights that one token's step reads
 * @param weightsPerToken weights that one token's step multiplies with
 * @param weightsForLogits those of them that a prompt's last token alone is multiplied with: the last layer's
 *     feed-forward and the output matrix
 */
public record ModelInfo(
        String architecture,
        int layers,
        int hidden,
        int vocabulary,
        int contextLength,
        String kernels,
        long cacheBytesPerToken,
        long weightBytesPerToken,
        long weightsPerToken,
        long weightsForLogits) {}
