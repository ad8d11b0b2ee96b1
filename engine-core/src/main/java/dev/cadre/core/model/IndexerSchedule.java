package dev.cadre.core.model;

import dev.cadre.core.UnsupportedModelException;
import dev.cadre.weights.Metadata;
import java.util.Arrays;
import java.util.List;

/**
 * Which layers own an indexer ("full"); the others take the selection of the nearest full layer below ("shared").
 */
final class IndexerSchedule {
    /** From this context length on, a GLM checkpoint without a schedule is a 5.2, which shares. */
    private static final int SHARING_CONTEXT = 1_048_576;

    private IndexerSchedule() {}

    /** The list {@code indexer_types}, else {@code index_topk_pattern}, else the formula over freq and offset. */
    static boolean[] fromHuggingFace(Metadata c, int layers) {
        if (!c.isNull("indexer_types")) {
            return fromWords(c, "indexer_types", c.requireStrings("indexer_types"), layers);
        }
        if (!c.isNull("index_topk_pattern")) {
            List<String> words = c.value("index_topk_pattern") instanceof String s
                    ? Arrays.asList(s.split(""))
                    : c.requireStrings("index_topk_pattern");
            return fromWords(c, "index_topk_pattern", words, layers);
        }
        return checked(c, byFormula(layers, c.intOr("index_topk_freq", 1), c.intOr("index_skip_topk_offset", 2)));
    }

    /** The array {@code attention.indexer.types}; without it, by the context length, as llama.cpp decides. */
    static boolean[] fromGguf(Metadata m, String prefix, int layers) {
        String key = prefix + "attention.indexer.types";
        if (!m.has(key)) {
            boolean shares = m.intOr(prefix + "context_length", 0) >= SHARING_CONTEXT;
            return shares ? byFormula(layers, 4, 3) : byFormula(layers, 1, 2);
        }
        boolean[] full = m.requireBooleans(key);
        if (full.length < layers) {
            throw new UnsupportedModelException(
                    m.source() + ": " + key + " has " + full.length + " entries for " + layers + " layers");
        }
        return checked(m, Arrays.copyOf(full, layers));
    }

    private static boolean[] byFormula(int layers, int frequency, int offset) {
        boolean[] full = new boolean[layers];
        for (int i = 0; i < layers; i++) {
            full[i] = Math.max(i - offset + 1, 0) % Math.max(frequency, 1) == 0;
        }
        return full;
    }

    private static boolean[] fromWords(Metadata c, String key, List<String> words, int layers) {
        if (words.size() < layers) {
            throw new UnsupportedModelException(
                    c.source() + ": " + key + " has " + words.size() + " entries for " + layers + " layers");
        }
        boolean[] full = new boolean[layers];
        for (int i = 0; i < layers; i++) {
            full[i] = switch (words.get(i)) {
                case "full", "F" -> true;
                case "shared", "S" -> false;
                default ->
                    throw new UnsupportedModelException(c.source() + ": " + key + "[" + i + "] is '" + words.get(i)
                            + "'; known are full and shared");
            };
        }
        return checked(c, full);
    }

    private static boolean[] checked(Metadata source, boolean[] full) {
        if (full.length > 0 && !full[0]) {
            throw new UnsupportedModelException(
                    source.source() + ": layer 0 shares an index selection, but there is no layer below it");
        }
        return full;
    }
}
