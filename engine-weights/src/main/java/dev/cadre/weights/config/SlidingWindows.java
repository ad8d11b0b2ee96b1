package dev.cadre.weights.config;

import dev.cadre.weights.Metadata;
import java.util.List;
import java.util.function.BiFunction;

/**
 * For which layers transformers lets a family's {@code sliding_window} hold. In the last three {@code layer_types}
 * decides, where it is there.
 */
public enum SlidingWindows {
    NONE,
    ALL,
    /** All, if {@code use_sliding_window} says so, as for the next two. */
    ALL_IF_USED,
    /** From {@code max_window_layers} on. */
    UPPER_IF_USED,
    /** Every other one below {@code max_window_layers}, from the first on. */
    EVEN_LOWER_IF_USED,
    /** Every other one, from the first on. */
    EVEN;

    private static final int MAX_WINDOW_LAYERS = 28;

    /**
     * Whether the window holds, for each layer.
     *
     * @param refusal makes the error for a key and what is wrong with it
     */
    public boolean[] layers(Metadata config, int layers, BiFunction<String, String, RuntimeException> refusal) {
        boolean[] slides = new boolean[layers];
        if (config.isNull("sliding_window") || mustBeUsed() && !config.booleanOr("use_sliding_window", false)) {
            return slides;
        }
        List<String> types = this == UPPER_IF_USED || this == EVEN_LOWER_IF_USED || this == EVEN
                ? config.stringsOrNull("layer_types")
                : null;
        if (types != null && types.size() < layers) {
            throw refusal.apply("layer_types", "has " + types.size() + " entries for " + layers + " layers");
        }
        int limit = config.intOr("max_window_layers", MAX_WINDOW_LAYERS);
        for (int i = 0; i < layers; i++) {
            slides[i] = types != null ? slides(types.get(i), i, refusal) : slides(i, limit);
        }
        return slides;
    }

    private boolean mustBeUsed() {
        return this == ALL_IF_USED || this == UPPER_IF_USED || this == EVEN_LOWER_IF_USED;
    }

    private boolean slides(int layer, int limit) {
        return switch (this) {
            case NONE -> false;
            case ALL, ALL_IF_USED -> true;
            case UPPER_IF_USED -> layer >= limit;
            case EVEN_LOWER_IF_USED -> layer % 2 == 0 && layer < limit;
            case EVEN -> layer % 2 == 0;
        };
    }

    private static boolean slides(String type, int layer, BiFunction<String, String, RuntimeException> refusal) {
        return switch (type) {
            case "sliding_attention" -> true;
            case "full_attention" -> false;
            default ->
                throw refusal.apply(
                        "layer_types[" + layer + "]",
                        "is " + type + ", known are full_attention and sliding_attention");
        };
    }
}
