package dev.cadre.core;

import java.util.List;

/**
 * How the next token is chosen, and when a generation ends.
 *
 * <p>The order of the steps is: penalties, temperature, top-k, min-p, top-p, draw. With the same seed, model, kernels
 * and prompt the text is the same.
 *
 * @param temperature divides the logits; 0 takes the most likely token, and the steps after it have no effect
 * @param topK keep the k most likely tokens; 0 for all
 * @param topP keep the most likely tokens whose probabilities reach this sum; 1 for all
 * @param minP keep tokens with at least this share of the best one's probability; 0 for all
 * @param repetitionPenalty divides positive and multiplies negative logits of tokens already there; 1 for none
 * @param presencePenalty subtracted from the logit of every token already generated; 0 for none
 * @param frequencyPenalty subtracted once for each time that a token was generated; 0 for none
 * @param seed of the random numbers
 * @param maxTokens most tokens to generate
 * @param stop texts that end the generation; they are not part of the result
 */
public record Sampling(
        double temperature,
        int topK,
        double topP,
        double minP,
        double repetitionPenalty,
        double presencePenalty,
        double frequencyPenalty,
        long seed,
        int maxTokens,
        List<String> stop) {
    private static final int DEFAULT_MAX_TOKENS = 512;

    /**
     * Checks the values.
     *
     * @throws IllegalArgumentException naming the value that is out of range
     */
    public Sampling {
        check(temperature >= 0 && temperature <= 100, "temperature", temperature, "from 0 to 100");
        check(topK >= 0, "topK", topK, "0 or more");
        check(topP > 0 && topP <= 1, "topP", topP, "above 0 and at most 1");
        check(minP >= 0 && minP <= 1, "minP", minP, "from 0 to 1");
        check(
                repetitionPenalty > 0 && repetitionPenalty <= 100,
                "repetitionPenalty",
                repetitionPenalty,
                "above 0 and at most 100");
        check(Math.abs(presencePenalty) <= 100, "presencePenalty", presencePenalty, "from -100 to 100");
        check(Math.abs(frequencyPenalty) <= 100, "frequencyPenalty", frequencyPenalty, "from -100 to 100");
        check(maxTokens >= 0, "maxTokens", maxTokens, "0 or more");
        stop = List.copyOf(stop);
        for (String text : stop) {
            if (text.isEmpty()) {
                throw new IllegalArgumentException("a stop text must not be empty");
            }
        }
    }

    private static void check(boolean good, String name, Number value, String allowed) {
        if (!good) {
            throw new IllegalArgumentException(name + " is " + value + "; it must be " + allowed);
        }
    }

    /** Always the most likely token. */
    public static Sampling greedy() {
        return new Sampling(0, 0, 1, 0, 1, 0, 0, 0, DEFAULT_MAX_TOKENS, List.of());
    }

    /** Draws at random from the model's distribution at this temperature. */
    public static Sampling ofTemperature(double temperature, long seed) {
        return greedy().withTemperature(temperature).withSeed(seed);
    }

    public Sampling withTemperature(double value) {
        return new Sampling(
                value, topK, topP, minP, repetitionPenalty, presencePenalty, frequencyPenalty, seed, maxTokens, stop);
    }

    public Sampling withTopK(int value) {
        return new Sampling(
                temperature,
                value,
                topP,
                minP,
                repetitionPenalty,
                presencePenalty,
                frequencyPenalty,
                seed,
                maxTokens,
                stop);
    }

    public Sampling withTopP(double value) {
        return new Sampling(
                temperature,
                topK,
                value,
                minP,
                repetitionPenalty,
                presencePenalty,
                frequencyPenalty,
                seed,
                maxTokens,
                stop);
    }

    public Sampling withMinP(double value) {
        return new Sampling(
                temperature,
                topK,
                topP,
                value,
                repetitionPenalty,
                presencePenalty,
                frequencyPenalty,
                seed,
                maxTokens,
                stop);
    }

    /** All three penalties: repetition, presence, frequency. */
    public Sampling withPenalties(double repetition, double presence, double frequency) {
        return new Sampling(temperature, topK, topP, minP, repetition, presence, frequency, seed, maxTokens, stop);
    }

    public Sampling withSeed(long value) {
        return new Sampling(
                temperature,
                topK,
                topP,
                minP,
                repetitionPenalty,
                presencePenalty,
                frequencyPenalty,
                value,
                maxTokens,
                stop);
    }

    public Sampling withMaxTokens(int value) {
        return new Sampling(
                temperature, topK, topP, minP, repetitionPenalty, presencePenalty, frequencyPenalty, seed, value, stop);
    }

    public Sampling withStop(List<String> value) {
        return new Sampling(
                temperature,
                topK,
                topP,
                minP,
                repetitionPenalty,
                presencePenalty,
                frequencyPenalty,
                seed,
                maxTokens,
                value);
    }
}
