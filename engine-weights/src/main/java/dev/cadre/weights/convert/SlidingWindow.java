package dev.cadre.weights.convert;

import dev.cadre.weights.Metadata;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/** For which layers transformers lets a family's {@code sliding_window} hold; GGUF keeps only its size. */
enum SlidingWindow {
    /** None, whatever the config says. */
    NONE,
    /** All. */
    EVERY_LAYER,
    /** All, if {@code use_sliding_window}. */
    SWITCHED,
    /** If {@code use_sliding_window}, those that {@code layer_types} names, else every other one at the beginning. */
    SWITCHED_BY_LAYER,
    /** Those that {@code layer_types} names, else every other one; GGUF implies the latter. */
    ALTERNATING;

    private static final int MAX_WINDOW_LAYERS = 28;

    /** The window to write; 0 for none. Fails if it holds for other layers than those for which GGUF's does. */
    int size(Metadata c, int layers) {
        if (this == NONE || switchedOff(c)) {
            return 0;
        }
        if (c.isNull("sliding_window")) {
            return 0;
        }
        int size = c.requireInt("sliding_window");
        IntPredicate slides = sliding(c);
        if (IntStream.range(0, layers).noneMatch(slides)) {
            return 0;
        }
        if (size < 1) {
            throw ConfigKeys.wrong(c, "sliding_window", "is " + size + ", a window must be 1 or more, or null");
        }
        for (int i = 0; i < layers; i++) {
            boolean implied = this != ALTERNATING || i % 2 == 0;
            if (slides.test(i) != implied) {
                throw ConfigKeys.wrong(
                        c,
                        c.isNull("layer_types") ? "sliding_window" : "layer_types[" + i + "]",
                        "lets the window of " + size + (slides.test(i) ? " hold" : " not hold") + " for layer " + i
                                + "; in GGUF it holds for "
                                + (this == ALTERNATING ? "layers 0, 2, 4 and so on" : "all layers or none")
                                + ConfigKeys.RUN_FOLDER);
            }
        }
        return size;
    }

    private boolean switchedOff(Metadata c) {
        return (this == SWITCHED || this == SWITCHED_BY_LAYER) && !c.booleanOr("use_sliding_window", false);
    }

    private IntPredicate sliding(Metadata c) {
        if (this == EVERY_LAYER || this == SWITCHED) {
            return i -> true;
        }
        List<String> types = c.stringsOrNull("layer_types");
        if (types != null) {
            return i -> {
                String type = i < types.size() ? types.get(i) : "absent";
                return switch (type) {
                    case "sliding_attention" -> true;
                    case "full_attention" -> false;
                    default ->
                        throw ConfigKeys.wrong(
                                c,
                                "layer_types[" + i + "]",
                                "is " + type + ", known are full_attention and sliding_attention");
                };
            };
        }
        int last = this == ALTERNATING ? Integer.MAX_VALUE : c.intOr("max_window_layers", MAX_WINDOW_LAYERS);
        return i -> i % 2 == 0 && i < last;
    }
}
