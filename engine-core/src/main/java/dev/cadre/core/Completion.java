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
     * @param generatedTokens tokens generated
     */
    public record Usage(int promptTokens, int generatedTokens) {}

    /**
     * Times in seconds.
     *
     * @param promptSeconds from the first prompt token to the first logits
     * @param generationSeconds all later steps together
     */
    public record Timings(double promptSeconds, double generationSeconds) {}
}
