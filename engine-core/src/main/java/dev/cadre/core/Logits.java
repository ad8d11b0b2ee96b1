package dev.cadre.core;

import java.util.Arrays;

/**
 * Scores of all tokens of the vocabulary as the next one, for one or more positions.
 *
 * @param values [rows, vocabulary], float32, row-major
 * @param rows positions
 * @param vocabulary V
 */
public record Logits(float[] values, int rows, int vocabulary) {
    /** A copy of one position's scores. */
    public float[] row(int row) {
        return Arrays.copyOfRange(values, row * vocabulary, (row + 1) * vocabulary);
    }

    /** The most likely token of one position; of equals, the lowest. */
    public int argmax(int row) {
        int best = row * vocabulary;
        for (int i = best + 1; i < (row + 1) * vocabulary; i++) {
            if (values[i] > values[best]) {
                best = i;
            }
        }
        return best - row * vocabulary;
    }
}
