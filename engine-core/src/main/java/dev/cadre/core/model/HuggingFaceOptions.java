package dev.cadre.core.model;

import dev.cadre.core.UnsupportedModelException;
import dev.cadre.weights.Metadata;
import java.util.List;

/** Options of {@code config.json} that several families have. */
final class HuggingFaceOptions {
    private HuggingFaceOptions() {}

    /** Refuses the model if {@code key} is there with another value than the one we implement. */
    static void require(Metadata c, String key, String value) {
        String found = c.stringOr(key, value);
        if (!found.equals(value)) {
            throw new UnsupportedModelException(
                    c.source() + ": " + key + " '" + found + "' is not supported; known is '" + value + "'");
        }
    }

    static void requireFalse(Metadata c, String key) {
        if (c.booleanOr(key, false)) {
            throw new UnsupportedModelException(c.source() + ": " + key + " is true, which is not supported");
        }
    }

    /** Routed experts, under any of the three names in use. */
    static int experts(Metadata c) {
        for (String key : List.of("n_routed_experts", "num_experts", "num_local_experts")) {
            if (!c.isNull(key)) {
                return c.requireInt(key);
            }
        }
        return c.requireInt("n_routed_experts");
    }

    /** Which layers have routed experts: {@code mlp_layer_types} if given, else all after the first dense ones. */
    static boolean[] sparseLayers(Metadata c, int layers, int denseByDefault) {
        boolean[] sparse = new boolean[layers];
        if (c.isNull("mlp_layer_types")) {
            int dense = Math.min(c.intOr("first_k_dense_replace", denseByDefault), layers);
            int frequency = c.intOr("moe_layer_freq", 1);
            for (int i = dense; i < layers; i++) {
                sparse[i] = i % Math.max(frequency, 1) == 0;
            }
            return sparse;
        }
        List<String> types = c.requireStrings("mlp_layer_types");
        if (types.size() < layers) {
            throw new UnsupportedModelException(
                    c.source() + ": mlp_layer_types has " + types.size() + " entries for " + layers + " layers");
        }
        for (int i = 0; i < layers; i++) {
            sparse[i] = switch (types.get(i)) {
                case "sparse" -> true;
                case "dense" -> false;
                default ->
                    throw new UnsupportedModelException(c.source() + ": mlp_layer_types[" + i + "] is '" + types.get(i)
                            + "'; known are dense and sparse");
            };
        }
        return sparse;
    }

    /** {@code eos_token_id}: none, one, or a list. */
    static int[] stopTokens(Metadata c) {
        if (c.isNull("eos_token_id")) {
            return new int[0];
        }
        if (c.value("eos_token_id") instanceof List<?>) {
            return c.requireInts("eos_token_id");
        }
        int[] one = {c.requireInt("eos_token_id")};
        return one;
    }
}
