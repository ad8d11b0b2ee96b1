package dev.cadre.weights.convert;

import dev.cadre.weights.CheckpointFormatException;
import dev.cadre.weights.GgufWriter;
import dev.cadre.weights.Metadata;
import dev.cadre.weights.RowSource;
import dev.cadre.weights.StoredTensor;
import dev.cadre.weights.convert.Plan.Role;
import java.nio.file.Path;
import java.util.List;

/**
 * GLM-5.x ({@code glm_moe_dsa} to {@code glm-dsa}): latent attention with a sparse indexer, routed and shared experts,
 * dense first layers, optional layers for multi-token prediction behind the trunk.
 *
 * <p>Shapes: H hidden, rq and r latent ranks of queries and keys, dn and dr head dimensions without and with rotation,
 * dv that of values, Hi·Di indexer heads, E experts of width I.
 */
final class GlmDsaFamily implements Families.Family {
    private static final String ARCH = "glm-dsa";

    @Override
    public String modelType() {
        return "glm_moe_dsa";
    }

    @Override
    public void plan(Plan plan) {
        Sizes sizes = new Sizes(plan.config());
        int predictionLayers = predictionLayers(plan, sizes);
        keys(plan, sizes, predictionLayers);
        TokenizerKeys.put(plan, "glm4", sizes.vocabulary);
        plan.rename("model.embed_tokens.weight", "token_embd.weight", Role.MATRIX, sizes.vocabulary, sizes.hidden);
        plan.rename("model.norm.weight", "output_norm.weight", Role.EXACT, sizes.hidden);
        if (plan.config().booleanOr("tie_word_embeddings", false)) {
            plan.skip("lm_head.weight");
        } else {
            plan.rename("lm_head.weight", "output.weight", Role.MATRIX, sizes.vocabulary, sizes.hidden);
        }
        for (int layer = 0; layer < sizes.layers + predictionLayers; layer++) {
            layer(plan, sizes, layer);
        }
    }

    /** The layers behind the trunk that are there; saving by transformers drops them, whatever the config says. */
    private static int predictionLayers(Plan plan, Sizes sizes) {
        int declared = plan.config().intOr("num_nextn_predict_layers", 0);
        int found = 0;
        while (found < declared && plan.has("model.layers." + (sizes.layers + found) + ".eh_proj.weight")) {
            found++;
        }
        return found;
    }

    private static void keys(Plan plan, Sizes s, int predictionLayers) {
        Metadata c = plan.config();
        GgufWriter w = plan.writer();
        String name = plan.options().name() != null
                ? plan.options().name()
                : plan.source()
                        .path()
                        .toAbsolutePath()
                        .normalize()
                        .getFileName()
                        .toString();
        w.putString("general.architecture", ARCH)
                .putString("general.type", "model")
                .putString("general.name", name)
                .putUint32(
                        "general.file_type", TypeChooser.fileType(plan.options().type()))
                .putUint32("general.quantization_version", 2)
                .putUint32(ARCH + ".context_length", c.requireInt("max_position_embeddings"))
                .putUint32(ARCH + ".embedding_length", s.hidden)
                .putUint32(ARCH + ".block_count", s.layers + predictionLayers)
                .putUint32(ARCH + ".feed_forward_length", s.denseWidth)
                .putUint32(ARCH + ".leading_dense_block_count", s.denseLayers)
                .putUint32(ARCH + ".vocab_size", s.vocabulary)
                .putUint32(ARCH + ".attention.head_count", s.heads)
                // the latent is one head that all query heads share
                .putUint32(ARCH + ".attention.head_count_kv", 1)
                .putUint32(ARCH + ".attention.q_lora_rank", s.queryRank)
                .putUint32(ARCH + ".attention.kv_lora_rank", s.rank)
                .putUint32(ARCH + ".attention.key_length", s.rank + s.ropeDim)
                .putUint32(ARCH + ".attention.value_length", s.rank)
                .putUint32(ARCH + ".attention.key_length_mla", s.plainDim + s.ropeDim)
                .putUint32(ARCH + ".attention.value_length_mla", s.valueDim)
                .putUint32(ARCH + ".rope.dimension_count", s.ropeDim)
                .putFloat32(ARCH + ".rope.freq_base", ropeBase(c))
                .putFloat32(ARCH + ".attention.layer_norm_rms_epsilon", c.doubleOr("rms_norm_eps", 1e-5))
                .putUint32(ARCH + ".expert_count", s.experts)
                .putUint32(ARCH + ".expert_used_count", c.requireInt("num_experts_per_tok"))
                .putUint32(ARCH + ".expert_shared_count", s.sharedExperts)
                .putUint32(ARCH + ".expert_feed_forward_length", s.expertWidth)
                .putUint32(ARCH + ".expert_group_count", c.intOr("n_group", 1))
                .putUint32(ARCH + ".expert_group_used_count", c.intOr("topk_group", 1))
                .putUint32(ARCH + ".expert_gating_func", gatingFunction(c))
                .putFloat32(ARCH + ".expert_weights_scale", c.doubleOr("routed_scaling_factor", 1))
                .putBoolean(ARCH + ".expert_weights_norm", c.booleanOr("norm_topk_prob", true))
                .putUint32(ARCH + ".nextn_predict_layers", predictionLayers)
                .putUint32(ARCH + ".attention.indexer.head_count", s.indexHeads)
                .putUint32(ARCH + ".attention.indexer.key_length", s.indexDim)
                .putUint32(ARCH + ".attention.indexer.top_k", c.requireInt("index_topk"))
                .putBooleans(ARCH + ".attention.indexer.types", s.fullIndexer);
    }

    private static double ropeBase(Metadata config) {
        Metadata rope = config.child("rope_parameters");
        Metadata scaling = config.child("rope_scaling");
        for (Metadata source : new Metadata[] {rope, scaling}) {
            String type = source == null ? "default" : source.stringOr("rope_type", source.stringOr("type", "default"));
            if (!type.equals("default")) {
                throw wrong(config, "rope_parameters.rope_type", "is \"" + type + "\", only \"default\" is known here");
            }
        }
        return rope != null && !rope.isNull("rope_theta")
                ? rope.requireDouble("rope_theta")
                : config.requireDouble("rope_theta");
    }

    private static int gatingFunction(Metadata config) {
        String function = config.stringOr("scoring_func", "sigmoid");
        return switch (function) {
            case "softmax" -> 1;
            case "sigmoid" -> 2;
            default -> throw wrong(config, "scoring_func", "is \"" + function + "\", known are softmax and sigmoid");
        };
    }

    private static CheckpointFormatException wrong(Metadata config, String key, String problem) {
        return new CheckpointFormatException(Path.of(config.source()), -1, key, problem);
    }

    private static void layer(Plan plan, Sizes s, int layer) {
        String from = "model.layers." + layer + ".";
        String to = "blk." + layer + ".";
        String attention = from + "self_attn.";
        plan.rename(from + "input_layernorm.weight", to + "attn_norm.weight", Role.EXACT, s.hidden);
        plan.rename(attention + "q_a_proj.weight", to + "attn_q_a.weight", Role.MATRIX, s.queryRank, s.hidden);
        plan.rename(attention + "q_a_layernorm.weight", to + "attn_q_a_norm.weight", Role.EXACT, s.queryRank);
        plan.rename(
                attention + "q_b_proj.weight",
                to + "attn_q_b.weight",
                Role.MATRIX,
                s.heads * (s.plainDim + s.ropeDim),
                s.queryRank);
        plan.rename(
                attention + "kv_a_proj_with_mqa.weight",
                to + "attn_kv_a_mqa.weight",
                Role.MATRIX,
                s.rank + s.ropeDim,
                s.hidden);
        plan.rename(attention + "kv_a_layernorm.weight", to + "attn_kv_a_norm.weight", Role.EXACT, s.rank);
        splitKeysAndValues(plan, s, attention + "kv_b_proj.weight", to);
        plan.rename(
                attention + "o_proj.weight", to + "attn_output.weight", Role.MATRIX, s.hidden, s.heads * s.valueDim);
        if (layer < s.layers ? s.fullIndexer[layer] : plan.has(attention + "indexer.wq_b.weight")) {
            indexer(plan, s, attention + "indexer.", to + "indexer.");
        }
        plan.rename(from + "post_attention_layernorm.weight", to + "ffn_norm.weight", Role.EXACT, s.hidden);
        if (layer < s.denseLayers) {
            feedForward(plan, from + "mlp.", to + "ffn_", ".weight", s.denseWidth, s.hidden);
        } else {
            experts(plan, s, from + "mlp.", to);
        }
        if (layer >= s.layers) {
            prediction(plan, s, from, to + "nextn.");
        }
    }

    private static void indexer(Plan plan, Sizes s, String from, String to) {
        plan.rename(from + "wq_b.weight", to + "attn_q_b.weight", Role.MATRIX, s.indexHeads * s.indexDim, s.queryRank);
        plan.rename(from + "wk.weight", to + "attn_k.weight", Role.MATRIX, s.indexDim, s.hidden);
        plan.rename(from + "k_norm.weight", to + "k_norm.weight", Role.EXACT, s.indexDim);
        plan.rename(from + "k_norm.bias", to + "k_norm.bias", Role.EXACT, s.indexDim);
        plan.rename(from + "weights_proj.weight", to + "proj.weight", Role.EXACT, s.indexHeads, s.hidden);
    }

    private static void feedForward(Plan plan, String from, String to, String suffix, long width, long hidden) {
        plan.rename(from + "gate_proj.weight", to + "gate" + suffix, Role.MATRIX, width, hidden);
        plan.rename(from + "up_proj.weight", to + "up" + suffix, Role.MATRIX, width, hidden);
        plan.rename(from + "down_proj.weight", to + "down" + suffix, Role.MATRIX, hidden, width);
    }

    private static void experts(Plan plan, Sizes s, String from, String to) {
        plan.rename(from + "gate.weight", to + "ffn_gate_inp.weight", Role.EXACT, s.experts, s.hidden);
        plan.rename(from + "gate.e_score_correction_bias", to + "exp_probs_b.bias", Role.EXACT, s.experts);
        int count = Math.toIntExact(s.experts);
        String fused = from + "experts.gate_up_proj";
        if (plan.has(fused)) {
            StoredTensor both = plan.take(fused, s.experts, 2 * s.expertWidth, s.hidden);
            half(plan, both, s, 0, to + "ffn_gate_exps.weight");
            half(plan, both, s, s.expertWidth, to + "ffn_up_exps.weight");
            plan.rename(
                    from + "experts.down_proj",
                    to + "ffn_down_exps.weight",
                    Role.MATRIX,
                    s.experts,
                    s.hidden,
                    s.expertWidth);
        } else {
            String each = from + "experts.";
            plan.stack(
                    e -> each + e + ".gate_proj.weight", count, to + "ffn_gate_exps.weight", s.expertWidth, s.hidden);
            plan.stack(e -> each + e + ".up_proj.weight", count, to + "ffn_up_exps.weight", s.expertWidth, s.hidden);
            plan.stack(
                    e -> each + e + ".down_proj.weight", count, to + "ffn_down_exps.weight", s.hidden, s.expertWidth);
        }
        if (s.sharedExperts > 0) {
            long width = s.sharedExperts * s.expertWidth;
            feedForward(plan, from + "shared_experts.", to + "ffn_", "_shexp.weight", width, s.hidden);
        }
    }

    /** I of the 2·I rows of every expert, from {@code offset} on. */
    private static void half(Plan plan, StoredTensor both, Sizes s, long offset, String target) {
        int columns = Math.toIntExact(s.hidden);
        plan.add(target, Role.MATRIX, new long[] {s.experts, s.expertWidth, s.hidden}, (first, count, dst) -> {
            for (int i = 0; i < count; i++) {
                long expert = (first + i) / s.expertWidth;
                long row = expert * 2 * s.expertWidth + offset + (first + i) % s.expertWidth;
                both.decodeRow(row, dst, i * columns);
            }
        });
    }

    /**
     * kv_b [heads·(dn + dv), r] becomes attn_k_b [heads, r, dn], transposed for each head so that a query is absorbed
     * by plain products with rows, and attn_v_b [heads, dv, r].
     */
    private static void splitKeysAndValues(Plan plan, Sizes s, String from, String to) {
        StoredTensor both = plan.take(from, s.heads * (s.plainDim + s.valueDim), s.rank);
        plan.add(to + "attn_k_b.weight", Role.MATRIX, new long[] {s.heads, s.rank, s.plainDim}, transposed(both, s));
        int columns = Math.toIntExact(s.rank);
        plan.add(to + "attn_v_b.weight", Role.MATRIX, new long[] {s.heads, s.valueDim, s.rank}, (first, count, dst) -> {
            for (int i = 0; i < count; i++) {
                long head = (first + i) / s.valueDim;
                long row = head * (s.plainDim + s.valueDim) + s.plainDim + (first + i) % s.valueDim;
                both.decodeRow(row, dst, i * columns);
            }
        });
    }

    private static RowSource transposed(StoredTensor both, Sizes s) {
        int plainDim = Math.toIntExact(s.plainDim);
        return (first, count, dst) -> {
            float[] row = new float[Math.toIntExact(s.rank)];
            long end = first + count;
            for (long head = first / s.rank; head * s.rank < end; head++) {
                long from = Math.max(first, head * s.rank);
                long to = Math.min(end, (head + 1) * s.rank);
                for (int d = 0; d < plainDim; d++) {
                    both.decodeRow(head * (s.plainDim + s.valueDim) + d, row, 0);
                    for (long c = from; c < to; c++) {
                        dst[(int) (c - first) * plainDim + d] = row[(int) (c - head * s.rank)];
                    }
                }
            }
        };
    }

    private static void prediction(Plan plan, Sizes s, String from, String to) {
        plan.rename(from + "eh_proj.weight", to + "eh_proj.weight", Role.MATRIX, s.hidden, 2 * s.hidden);
        plan.rename(from + "enorm.weight", to + "enorm.weight", Role.EXACT, s.hidden);
        plan.rename(from + "hnorm.weight", to + "hnorm.weight", Role.EXACT, s.hidden);
        plan.rename(from + "shared_head.norm.weight", to + "shared_head_norm.weight", Role.EXACT, s.hidden);
        plan.renameIfPresent(
                from + "embed_tokens.weight", to + "embed_tokens.weight", Role.MATRIX, s.vocabulary, s.hidden);
        plan.renameIfPresent(
                from + "shared_head.head.weight", to + "shared_head_head.weight", Role.MATRIX, s.vocabulary, s.hidden);
    }

    /** Dimensions from the config. */
    private static final class Sizes {
        private static final int MOST = 1 << 28;

        private final Metadata config;
        final int layers;
        final long denseLayers;
        final long hidden;
        final long vocabulary;
        final long denseWidth;
        final long heads;
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

        Sizes(Metadata config) {
            this.config = config;
            layers = (int) size("num_hidden_layers", 100_000);
            hidden = size("hidden_size", MOST);
            vocabulary = size("vocab_size", MOST);
            denseWidth = size("intermediate_size", MOST);
            heads = size("num_attention_heads", 1 << 16);
            queryRank = size("q_lora_rank", MOST);
            rank = size("kv_lora_rank", 1 << 20);
            plainDim = size("qk_nope_head_dim", 1 << 20);
            ropeDim = size("qk_rope_head_dim", 1 << 20);
            valueDim = size("v_head_dim", 1 << 20);
            experts = size("n_routed_experts", 1 << 20);
            sharedExperts = config.intOr("n_shared_experts", 0);
            expertWidth = size("moe_intermediate_size", MOST);
            indexHeads = size("index_n_heads", 1 << 20);
            indexDim = size("index_head_dim", 1 << 20);
            denseLayers = denseLayers();
            fullIndexer = fullIndexer();
        }

        private long size(String key, int most) {
            int value = config.requireInt(key);
            if (value < 1 || value > most) {
                throw wrong(config, key, "is " + value + ", allowed are 1 to " + most);
            }
            return value;
        }

        private long denseLayers() {
            List<String> types = config.stringsOrNull("mlp_layer_types");
            int first = types == null ? -1 : types.indexOf("sparse");
            return first >= 0 ? first : config.intOr("first_k_dense_replace", 0);
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
                throw wrong(config, "indexer_types", "names " + given + " layers, there are " + layers);
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
}
