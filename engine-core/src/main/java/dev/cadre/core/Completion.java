package dev.cadre.core;

import java.util.List;

/**
 * The result of a generation.
 *
 * @param text all text
 * @param tokens ids of all generated tokens, an end token not included
 * @param stopReason why it ended
 * @param usage counts
 * @param timings seconds
 */
public record Completion(String text, List<Integer> tokens, StopReason stopReason, Usage usage, Timings timings) {
    /**
     * Token counts.
     *
     * @param promptTokens tokens of the prompt
     * @param cachedPromptTokens those of them that were not computed, since another session had the same beginning and
     *     its pages were still in the prefix cache ({@link LoadOptions#withPrefixCacheBytes}): whole pages of 64, and
     *     never the last token
     * @param generatedTokens tokens generated
     */
    public record Usage(int promptTokens, int cachedPromptTokens, int generatedTokens) {}

    /**
     * Times in seconds.
     *
     * @param promptSeconds from the first prompt token to the first logits
     * @param generationSeconds all later steps together
     */
    public record Timings(double promptSeconds, double generationSeconds) {}
}
