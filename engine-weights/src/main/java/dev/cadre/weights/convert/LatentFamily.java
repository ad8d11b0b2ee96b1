package dev.cadre.weights.convert;

import dev.cadre.weights.Metadata;
import dev.cadre.weights.RowSource;
import dev.cadre.weights.StoredTensor;
import dev.cadre.weights.config.RopeOptions;
import dev.cadre.weights.convert.Plan.Role;
import java.util.Set;

/**
 * Families with latent attention: GLM-5.x and DeepSeek-V3.2 with their sparse indexers and layers for multi-token
 * prediction behind the trunk, and DeepSeek-V3 with its relatives, which llama.cpp converts without those layers.
 *
 * <p>Shapes: H hidden, rq and r latent ranks of queries and keys, dn and dr head dimensions without and with rotation,
 * dv that of values, Hi·Di indexer heads, E experts of width I.
 *
 * @param modelType in config.json
 * @param architecture in GGUF
 * @param preTokenizer llama.cpp's name of the rule that cuts text before it is tokenised
 */
record LatentFamily(String modelType, String architecture, String preTokenizer, Set<Trait> traits)
        implements Families.Family {
    LatentFamily(String modelType, String architecture, String preTokenizer, Trait... traits) {
        this(modelType, architecture, preTokenizer, Set.of(traits));
    }

    /** What sets a family apart from DeepSeek-V3. */
    enum Trait {
        /** Full layers have an indexer. */
        INDEXER,
        /** The indexer rotates neighbours, as attention does, and which layers have one is written. */
        INTERLEAVED_INDEXER,
        /** Layers behind the trunk are kept. */
        PREDICTION,
        /** The router takes softmax; gate and up of the experts stay one tensor (Mistral 4). */
        SOFTMAX_FUSED
    }

    private boolean has(Trait trait) {
        return traits.contains(trait);
    }

    @Override
    public void plan(Plan plan) {
        refuseOtherRotations(plan.config());
        LatentSizes sizes = new LatentSizes(plan.config(), has(Trait.INDEXER));
        boolean prediction = has(Trait.PREDICTION);
        int predictionLayers = prediction ? plan.predictionLayers(sizes.layers) : 0;
        keys(plan, sizes, predictionLayers);
        TokenizerKeys.put(plan, preTokenizer, sizes.vocabulary);
        plan.embeddings(sizes.vocabulary, sizes.hidden);
        for (int layer = 0; layer < sizes.layers + predictionLayers; layer++) {
            layer(plan, sizes, layer);
        }
        int left = prediction ? 0 : plan.config().intOr("num_nextn_predict_layers", 0);
        for (int layer = sizes.layers; layer < sizes.layers + left; layer++) {
            plan.skipAll("model.layers." + layer + ".");
        }
    }

    /** GGUF has no key for the order of rotated pairs: the architecture implies it. */
    private void refuseOtherRotations(Metadata c) {
        if (!c.booleanOr("rope_interleave", true)) {
            throw ConfigKeys.wrong(c, "rope_interleave", "is false, which " + architecture + " cannot say in GGUF");
        }
        boolean interleaved = has(Trait.INTERLEAVED_INDEXER);
        if (has(Trait.INDEXER) && c.booleanOr("indexer_rope_interleave", interleaved) != interleaved) {
            throw ConfigKeys.wrong(
                    c, "indexer_rope_interleave", "is " + !interleaved + ", which " + architecture + " cannot say");
        }
    }

    private void keys(Plan plan, LatentSizes s, int predictionLayers) {
        Metadata c = plan.config();
        RopeOptions rope = RopeOptions.of(c);
        ConfigKeys keys = new ConfigKeys(plan, architecture)
                .size("context_length", c.requireInt("max_position_embeddings"))
                .size("embedding_length", s.hidden)
                .size("block_count", s.layers + predictionLayers)
                .size("feed_forward_length", s.denseWidth)
                .size("leading_dense_block_count", s.denseLayers)
                .size("vocab_size", s.vocabulary)
                .size("attention.head_count", s.heads)
                // the latent is one head that all query heads share
                .size("attention.head_count_kv", 1)
                .size("attention.kv_lora_rank", s.rank)
                .size("attention.key_length", s.rank + s.ropeDim)
                .size("attention.value_length", s.rank)
                .size("attention.key_length_mla", s.plainDim + s.ropeDim)
                .size("attention.value_length_mla", s.valueDim)
                .rope(rope, s.ropeDim, ConfigKeys.Yarn.WITH_MULTIPLIER)
                .real("attention.layer_norm_rms_epsilon", c.doubleOr("rms_norm_eps", 1e-6))
                .size("expert_count", s.experts)
                .size("expert_used_count", c.requireInt("num_experts_per_tok"))
                .size("expert_shared_count", s.sharedExperts)
                .size("expert_feed_forward_length", s.expertWidth)
                .size("expert_group_count", c.intOr("n_group", 1))
                .size("expert_group_used_count", c.intOr("topk_group", 1))
                .gating(has(Trait.SOFTMAX_FUSED) ? "softmax" : "sigmoid")
                .real("expert_weights_scale", c.doubleOr("routed_scaling_factor", 1))
                .flag("expert_weights_norm", c.booleanOr("norm_topk_prob", true));
        if (s.queryRank > 0) {
            keys.size("attention.q_lora_rank", s.queryRank);
        }
        if (has(Trait.PREDICTION)) {
            keys.size("nextn_predict_layers", predictionLayers);
        }
        if (has(Trait.INDEXER)) {
            keys.size("attention.indexer.head_count", s.indexHeads)
                    .size("attention.indexer.key_length", s.indexDim)
                    .size("attention.indexer.top_k", c.requireInt("index_topk"));
        }
        if (has(Trait.INTERLEAVED_INDEXER)) {
            keys.flags("attention.indexer.types", s.fullIndexer);
        }
        if (rope.options() != null && !rope.options().isNull("llama_4_scaling_beta")) {
            keys.real("attention.temperature_scale", rope.number("llama_4_scaling_beta"))
                    .size("attention.temperature_length", rope.wholeOriginalContext());
        }
    }

    private void layer(Plan plan, LatentSizes s, int layer) {
        String from = "model.layers." + layer + ".";
        String to = "blk." + layer + ".";
        String attention = from + "self_attn.";
        plan.rename(from + "input_layernorm.weight", to + "attn_norm.weight", Role.EXACT, s.hidden);
        long queries = s.heads * (s.plainDim + s.ropeDim);
        if (s.queryRank > 0) {
            plan.rename(attention + "q_a_proj.weight", to + "attn_q_a.weight", Role.MATRIX, s.queryRank, s.hidden);
            plan.rename(attention + "q_a_layernorm.weight", to + "attn_q_a_norm.weight", Role.EXACT, s.queryRank);
            plan.rename(attention + "q_b_proj.weight", to + "attn_q_b.weight", Role.MATRIX, queries, s.queryRank);
        } else {
            plan.rename(attention + "q_proj.weight", to + "attn_q.weight", Role.MATRIX, queries, s.hidden);
        }
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
            plan.gatedMlp(from + "mlp.", to + "ffn_", ".weight", s.denseWidth, s.hidden);
        } else {
            experts(plan, s, from + "mlp.", to);
        }
        if (layer >= s.layers) {
            plan.prediction(from, to + "nextn.", s.vocabulary, s.hidden);
        }
    }

    private static void indexer(Plan plan, LatentSizes s, String from, String to) {
        plan.rename(from + "wq_b.weight", to + "attn_q_b.weight", Role.MATRIX, s.indexHeads * s.indexDim, s.queryRank);
        plan.rename(from + "wk.weight", to + "attn_k.weight", Role.MATRIX, s.indexDim, s.hidden);
        plan.rename(from + "k_norm.weight", to + "k_norm.weight", Role.EXACT, s.indexDim);
        plan.rename(from + "k_norm.bias", to + "k_norm.bias", Role.EXACT, s.indexDim);
        plan.rename(from + "weights_proj.weight", to + "proj.weight", Role.EXACT, s.indexHeads, s.hidden);
    }

    private void experts(Plan plan, LatentSizes s, String from, String to) {
        plan.rename(from + "gate.weight", to + "ffn_gate_inp.weight", Role.EXACT, s.experts, s.hidden);
        if (has(Trait.SOFTMAX_FUSED)) {
            long both = 2 * s.expertWidth;
            plan.rename(
                    from + "experts.gate_up_proj",
                    to + "ffn_gate_up_exps.weight",
                    Role.MATRIX,
                    s.experts,
                    both,
                    s.hidden);
            plan.rename(
                    from + "experts.down_proj",
                    to + "ffn_down_exps.weight",
                    Role.MATRIX,
                    s.experts,
                    s.hidden,
                    s.expertWidth);
        } else {
            plan.rename(from + "gate.e_score_correction_bias", to + "exp_probs_b.bias", Role.EXACT, s.experts);
            plan.experts(from + "experts.", to, s.experts, s.expertWidth, s.hidden);
        }
        if (s.sharedExperts > 0) {
            long width = s.sharedExperts * s.expertWidth;
            plan.gatedMlp(from + "shared_experts.", to + "ffn_", "_shexp.weight", width, s.hidden);
        }
    }

    /**
     * kv_b [heads·(dn + dv), r] becomes attn_k_b [heads, r, dn], transposed for each head so that a query is absorbed
     * by plain products with rows, and attn_v_b [heads, dv, r].
     */
    private static void splitKeysAndValues(Plan plan, LatentSizes s, String from, String to) {
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

    private static RowSource transposed(StoredTensor both, LatentSizes s) {
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
}
