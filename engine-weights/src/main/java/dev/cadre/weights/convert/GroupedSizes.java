package dev.cadre.weights.convert;

import dev.cadre.weights.Metadata;

/** Dimensions of a family with grouped-query attention, from its config. */
final class GroupedSizes {
    private static final int MOST = 1 << 28;

    private final Metadata config;
    final int layers;
    final long hidden;
    final long vocabulary;
    final long denseWidth;
    final long heads;
    final long keyHeads;
    final long headWidth;
    final long experts;
    final long sharedExperts;
    final long expertWidth;

    GroupedSizes(Metadata config) {
        this.config = config;
        layers = (int) size("num_hidden_layers", 100_000);
        hidden = size("hidden_size", MOST);
        vocabulary = size("vocab_size", MOST);
        // Llama 4 calls the experts' width so, and has another key for its dense layers
        denseWidth = size(config.isNull("intermediate_size_mlp") ? "intermediate_size" : "intermediate_size_mlp", MOST);
        heads = size("num_attention_heads", 1 << 16);
        keyHeads = config.isNull("num_key_value_heads") ? heads : size("num_key_value_heads", 1 << 16);
        headWidth = config.isNull("head_dim") ? hidden / heads : size("head_dim", 1 << 16);
        experts = size(expertKey(), 1 << 20);
        sharedExperts = config.intOr("n_shared_experts", 0);
        expertWidth = config.isNull("moe_intermediate_size")
                ? size("intermediate_size", MOST)
                : size("moe_intermediate_size", MOST);
    }

    private String expertKey() {
        for (String key : new String[] {"n_routed_experts", "num_experts"}) {
            if (!config.isNull(key)) {
                return key;
            }
        }
        return "num_local_experts";
    }

    private long size(String key, int most) {
        int value = config.requireInt(key);
        if (value < 1 || value > most) {
            throw ConfigKeys.wrong(config, key, "is " + value + ", allowed are 1 to " + most);
        }
        return value;
    }
}
