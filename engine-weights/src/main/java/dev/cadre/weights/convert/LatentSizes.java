package dev.cadre.weights.convert;

import dev.cadre.weights.Metadata;
import java.util.List;

/**
 * Dimensions of a family with latent attention, from its config.
 */
final class LatentSizes {
    private static final int MOST = 1 << 28;

    private final Metadata config;
    final int layers;
    final long denseLayers;
    final long hidden;
    final long vocabulary;
    final long denseWidth;
    final long heads;
    /** 0 if queries are not compressed. */
    final long queryRank;

    final long rank;
    final long plainDim;
    final long ropeDim;
    final long valueDim;
    final long experts;
    final long sharedExperts;
    final long expertWidth;
    final long indexHeads;
    final long indexDim;
    final boolean[] fullIndexer;

    LatentSizes(Metadata config, boolean indexer) {
        this.config = config;
        layers = (int) size("num_hidden_layers", 100_000);
        hidden = size("hidden_size", MOST);
        vocabulary = size("vocab_size", MOST);
        denseWidth = size("intermediate_size", MOST);
        heads = size("num_attention_heads", 1 << 16);
        queryRank = config.isNull("q_lora_rank") ? 0 : size("q_lora_rank", MOST);
        rank = size("kv_lora_rank", 1 << 20);
        plainDim = size("qk_nope_head_dim", 1 << 20);
        ropeDim = size("qk_rope_head_dim", 1 << 20);
        valueDim = size("v_head_dim", 1 << 20);
        experts = size("n_routed_experts", 1 << 20);
        sharedExperts = config.intOr("n_shared_experts", 0);
        expertWidth = size("moe_intermediate_size", MOST);
        indexHeads = indexer ? size("index_n_heads", 1 << 20) : 0;
        indexDim = indexer ? size("index_head_dim", 1 << 20) : 0;
        denseLayers = denseLayers();
        fullIndexer = indexer ? fullIndexer() : new boolean[layers];
    }

    private long size(String key, int most) {
        int value = config.requireInt(key);
        if (value < 1 || value > most) {
            throw ConfigKeys.wrong(config, key, "is " + value + ", allowed are 1 to " + most);
        }
        return value;
    }

    /** Layers without experts, which in GGUF can only be the first ones. */
    private long denseLayers() {
        List<String> types = config.stringsOrNull("mlp_layer_types");
        if (types == null) {
            return Math.min(config.intOr("first_k_dense_replace", 0), layers);
        }
        int first = types.indexOf("sparse");
        int dense = first >= 0 ? first : types.size();
        int last = types.lastIndexOf("dense");
        if (last > dense) {
            throw ConfigKeys.wrong(
                    config,
                    "mlp_layer_types[" + last + "]",
                    "is dense after layers with experts; GGUF can only say how many dense layers are at the beginning"
                            + ConfigKeys.RUN_FOLDER);
        }
        return Math.min(dense, layers);
    }

    /** Which layers have an indexer of their own; the others share the last one's choice. */
    private boolean[] fullIndexer() {
        boolean[] full = new boolean[layers];
        List<String> types = config.stringsOrNull("indexer_types");
        String pattern = types == null && config.value("index_topk_pattern") instanceof String text ? text : null;
        if (types == null && pattern == null) {
            types = config.stringsOrNull("index_topk_pattern");
        }
        int frequency = Math.max(1, config.intOr("index_topk_freq", 1));
        int offset = config.intOr("index_skip_topk_offset", 2);
        int given = types != null ? types.size() : pattern != null ? pattern.length() : layers;
        if (given < layers) {
            throw ConfigKeys.wrong(config, "indexer_types", "names " + given + " layers, there are " + layers);
        }
        for (int i = 0; i < layers; i++) {
            if (types != null) {
                full[i] = types.get(i).equals("full") || types.get(i).equals("F");
            } else if (pattern != null) {
                full[i] = pattern.charAt(i) == 'F';
            } else {
                full[i] = Math.max(i - offset + 1, 0) % frequency == 0;
            }
        }
        return full;
    }
}
