package dev.cadre.core.model;

import dev.cadre.core.UnsupportedModelException;
import dev.cadre.weights.Metadata;

/** Numbers of things of which a model has at least one. */
final class Counts {
    private Counts() {}

    static int positive(Metadata m, String key) {
        return atLeastOne(m, key, m.requireInt(key));
    }

    /** Layers of a GGUF file's trunk: all but those for multi-token prediction. */
    static int trunkLayers(Metadata m, String prefix, int beyond) {
        return atLeastOne(
                m,
                prefix + "block_count less " + prefix + "nextn_predict_layers",
                m.requireInt(prefix + "block_count") - beyond);
    }

    private static int atLeastOne(Metadata m, String what, int count) {
        if (count < 1) {
            throw new UnsupportedModelException(m.source() + ": " + what + " is " + count + ", must be at least 1");
        }
        return count;
    }
}
