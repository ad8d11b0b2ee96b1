package dev.cadre.weights.convert;

import dev.cadre.weights.Metadata;
import dev.cadre.weights.config.SlidingWindows;
import java.util.stream.IntStream;

/** A sliding window in GGUF, which keeps its size only and implies the layers for which it holds. */
final class SlidingWindow {
    private SlidingWindow() {}

    /** The window to write; 0 for none. Fails if it holds for other layers than those for which GGUF's does. */
    static int size(Metadata c, SlidingWindows windows, int layers) {
        boolean[] slides = windows.layers(c, layers, (key, problem) -> ConfigKeys.wrong(c, key, problem));
        if (IntStream.range(0, layers).noneMatch(i -> slides[i])) {
            return 0;
        }
        int size = c.requireInt("sliding_window");
        if (size < 1) {
            throw ConfigKeys.wrong(c, "sliding_window", "is " + size + ", a window must be 1 or more, or null");
        }
        boolean alternates = windows == SlidingWindows.EVEN;
        for (int i = 0; i < layers; i++) {
            if (slides[i] != (!alternates || i % 2 == 0)) {
                throw ConfigKeys.wrong(
                        c,
                        c.isNull("layer_types") ? "sliding_window" : "layer_types[" + i + "]",
                        "lets the window of " + size + (slides[i] ? " hold" : " not hold") + " for layer " + i
                                + "; in GGUF it holds for "
                                + (alternates ? "layers 0, 2, 4 and so on" : "all layers or none")
                                + ConfigKeys.RUN_FOLDER);
            }
        }
        return size;
    }
}
