package dev.cadre.weights.convert;

import dev.cadre.weights.Metadata;
import dev.cadre.weights.RowSource;
import dev.cadre.weights.StoredTensor;
import dev.cadre.weights.config.RopeOptions;
import dev.cadre.weights.config.SlidingWindows;
import dev.cadre.weights.convert.Plan.Role;
import java.util.Set;

/**
 * Families with grouped-query attention. Most differences between them are tensors that are there or not; the traits
 * name the others.
 *
 * @param modelType in config.json
 * @param architecture in GGUF
 * @param preTokenizer llama.cpp's name of the rule that cuts text before it is tokenised
 * @param windows for which layers a sliding window holds
 */
record GroupedFamily(
        String modelType, String architecture, String preTokenizer, SlidingWindows windows, Set<Trait> traits)
        implements Families.Family {
    GroupedFamily(String modelType, String architecture, String preTokenizer, SlidingWindows windows, Trait... traits) {
        this(modelType, architecture, preTokenizer, windows, Set.of(traits));
    }

    /** What tensors do not show. */
    enum Trait {
        /** The router takes sigmoids and a correction bias, and its keys are written. */
        SIGMOID_ROUTER,
        /** GGUF names the norm before the feed-forward block by its place after attention. */
        POST_ATTENTION_NORM,
        /** Rows of queries and keys are reordered so that rotated pairs are neighbours. */
        PERMUTED,
        /** A part of each head is rotated, half of it where the config does not say; others rotate whole heads. */
        PARTLY_ROTATED,
        /** Weights of experts are divided by their sum only if {@code norm_topk_prob}. */
        NORMED_ON_REQUEST,
        /** Queries, keys and values are clipped if {@code clip_qkv}. */
        CLIPPED,
        /** Experts with biases, gate and up rows taking turns (gpt-oss). */
        INTERLEAVED_EXPERTS,
        /** Attention in chunks, layers without rotation, fused and transposed experts (Llama 4). */
        CHUNKED
    }

    @Override
    public void plan(Plan plan) {
        GroupedSizes s = new GroupedSizes(plan.config());
        int predictionLayers = has(Trait.SIGMOID_ROUTER) ? plan.predictionLayers(s.layers) : 0;
        if (has(Trait.CHUNKED)) {
            Llama4Layout.check(plan.config(), s);
        }
        RopeOptions rope = RopeOptions.of(plan.config());
        keys(plan, s, rope, predictionLayers);
        TokenizerKeys.put(plan, preTokenizer, s.vocabulary);
        plan.embeddings(s.vocabulary, s.hidden);
        RopeFactors.add(plan, rope, architecture, s.headWidth);
        for (int layer = 0; layer < s.layers + predictionLayers; layer++) {
            String from = "model.layers." + layer + ".";
            String to = "blk." + layer + ".";
            plan.rename(from + "input_layernorm.weight", to + "attn_norm.weight", Role.EXACT, s.hidden);
            attention(plan, s, from + "self_attn.", to);
            String norm = has(Trait.POST_ATTENTION_NORM) ? "post_attention_norm.weight" : "ffn_norm.weight";
            plan.rename(from + "post_attention_layernorm.weight", to + norm, Role.EXACT, s.hidden);
            feedForward(plan, s, from, to);
            if (layer >= s.layers) {
                plan.prediction(from, to + "nextn.", s.vocabulary, s.hidden);
            }
        }
    }

    private boolean has(Trait trait) {
        return traits.contains(trait);
    }

    private void keys(Plan plan, GroupedSizes s, RopeOptions rope, int predictionLayers) {
        Metadata c = plan.config();
        ConfigKeys keys = new ConfigKeys(plan, architecture)
                .size("context_length", c.requireInt("max_position_embeddings"))
                .size("embedding_length", s.hidden)
                .size("block_count", s.layers + predictionLayers)
                .size("feed_forward_length", s.denseWidth)
                .size("vocab_size", s.vocabulary)
                .size("attention.head_count", s.heads)
                .size("attention.head_count_kv", s.keyHeads)
                .size("attention.key_length", s.headWidth)
                .size("attention.value_length", s.headWidth)
                .rope(
                        rope,
                        rotated(rope, s.headWidth),
                        has(Trait.INTERLEAVED_EXPERTS) ? ConfigKeys.Yarn.UNROUNDED : ConfigKeys.Yarn.PLAIN)
                .real("attention.layer_norm_rms_epsilon", c.doubleOr("rms_norm_eps", 1e-6))
                .size("expert_count", s.experts)
                .size("expert_used_count", c.requireInt("num_experts_per_tok"))
                .size("expert_feed_forward_length", s.expertWidth);
        if (has(Trait.SIGMOID_ROUTER)) {
            keys.size("expert_shared_count", s.sharedExperts)
                    .size("expert_group_count", c.intOr("n_group", 1))
                    .size("expert_group_used_count", c.intOr("topk_group", 1))
                    .real("expert_weights_scale", c.doubleOr("routed_scaling_factor", 1))
                    .flag("expert_weights_norm", c.booleanOr("norm_topk_prob", true))
                    .gating("sigmoid")
                    .size("leading_dense_block_count", c.intOr("first_k_dense_replace", 0));
        }
        if (has(Trait.NORMED_ON_REQUEST)) {
            // readers imply one or the other, by family
            keys.flag("expert_weights_norm", c.booleanOr("norm_topk_prob", false));
        }
        if (has(Trait.CHUNKED)) {
            keys.size("interleave_moe_layer_step", c.intOr("interleave_moe_layer_step", 1));
        }
        if (predictionLayers > 0) {
            keys.size("nextn_predict_layers", predictionLayers);
        }
        if (!c.isNull("shared_expert_intermediate_size")) {
            keys.size("expert_shared_feed_forward_length", c.requireInt("shared_expert_intermediate_size"));
        }
        if (has(Trait.CLIPPED) && !c.isNull("clip_qkv")) {
            keys.real("attention.clamp_kqv", c.requireDouble("clip_qkv"));
        }
        int size = SlidingWindow.size(c, windows, s.layers);
        if (size > 0) {
            keys.size("attention.sliding_window", size);
        }
    }

    /** Dimensions of a head that are rotated; a part makes no difference to transformers but in some families. */
    private long rotated(RopeOptions rope, long headWidth) {
        if (has(Trait.PARTLY_ROTATED)) {
            return (long) (headWidth * rope.share(0.5));
        }
        if (!rope.type().equals("default") && rope.share(1) != 1) {
            throw ConfigKeys.wrong(
                    rope, "partial_rotary_factor", "is " + rope.share(1) + ", " + modelType + " rotates whole heads");
        }
        return headWidth;
    }

    private void attention(Plan plan, GroupedSizes s, String from, String to) {
        projection(plan, s, from + "q_proj.", to + "attn_q.", s.heads);
        projection(plan, s, from + "k_proj.", to + "attn_k.", s.keyHeads);
        long keys = s.keyHeads * s.headWidth;
        plan.rename(from + "v_proj.weight", to + "attn_v.weight", Role.MATRIX, keys, s.hidden);
        plan.renameIfPresent(from + "v_proj.bias", to + "attn_v.bias", Role.EXACT, keys);
        long queries = s.heads * s.headWidth;
        plan.rename(from + "o_proj.weight", to + "attn_output.weight", Role.MATRIX, s.hidden, queries);
        plan.renameIfPresent(from + "o_proj.bias", to + "attn_output.bias", Role.EXACT, s.hidden);
        plan.renameIfPresent(from + "sinks", to + "attn_sinks.weight", Role.EXACT, s.heads);
        // a norm of each head, or of all heads together
        for (String kind : new String[] {"q", "k"}) {
            String norm = from + kind + "_norm.weight";
            if (plan.has(norm)) {
                long width = plan.columns(norm) == s.headWidth
                        ? s.headWidth
                        : (kind.equals("q") ? s.heads : s.keyHeads) * s.headWidth;
                plan.rename(norm, to + "attn_" + kind + "_norm.weight", Role.EXACT, width);
            }
        }
    }

    private void projection(Plan plan, GroupedSizes s, String from, String to, long heads) {
        long rows = heads * s.headWidth;
        if (!has(Trait.PERMUTED)) {
            plan.rename(from + "weight", to + "weight", Role.MATRIX, rows, s.hidden);
            plan.renameIfPresent(from + "bias", to + "bias", Role.EXACT, rows);
            return;
        }
        StoredTensor stored = plan.take(from + "weight", rows, s.hidden);
        int columns = Math.toIntExact(s.hidden);
        plan.add(to + "weight", Role.MATRIX, new long[] {rows, s.hidden}, (first, count, dst) -> {
            for (int i = 0; i < count; i++) {
                stored.decodeRow(unpermuted(first + i, s.headWidth), dst, i * columns);
            }
        });
    }

    /** Where row {@code row}, one of a pair of neighbours, is in a head whose pairs are half a head apart. */
    private static long unpermuted(long row, long headWidth) {
        long head = row / headWidth;
        long inHead = row % headWidth;
        return head * headWidth + inHead % 2 * (headWidth / 2) + inHead / 2;
    }

    private void feedForward(Plan plan, GroupedSizes s, String layer, String to) {
        String block = plan.has(layer + "block_sparse_moe.gate.weight") ? "block_sparse_moe." : "mlp.";
        String from = layer + (has(Trait.CHUNKED) ? "feed_forward." : block);
        String router = from + (plan.has(from + "router.weight") ? "router." : "gate.");
        if (!plan.has(router + "weight")) {
            plan.gatedMlp(from, to + "ffn_", ".weight", s.denseWidth, s.hidden);
            return;
        }
        plan.rename(router + "weight", to + "ffn_gate_inp.weight", Role.EXACT, s.experts, s.hidden);
        plan.renameIfPresent(router + "bias", to + "ffn_gate_inp.bias", Role.EXACT, s.experts);
        plan.renameIfPresent(from + "gate.e_score_correction_bias", to + "exp_probs_b.bias", Role.EXACT, s.experts);
        String experts = from + "experts.";
        if (has(Trait.INTERLEAVED_EXPERTS)) {
            interleavedExperts(plan, s, experts, to);
        } else if (has(Trait.CHUNKED)) {
            transposedExperts(plan, s, experts, to);
        } else if (plan.has(experts + "0.w1.weight")) {
            int count = Math.toIntExact(s.experts);
            plan.stack(e -> experts + e + ".w1.weight", count, to + "ffn_gate_exps.weight", s.expertWidth, s.hidden);
            plan.stack(e -> experts + e + ".w3.weight", count, to + "ffn_up_exps.weight", s.expertWidth, s.hidden);
            plan.stack(e -> experts + e + ".w2.weight", count, to + "ffn_down_exps.weight", s.hidden, s.expertWidth);
        } else {
            plan.experts(experts, to, s.experts, s.expertWidth, s.hidden);
        }
        if (plan.has(from + "shared_expert.gate_proj.weight")) {
            long width = plan.config().intOr("shared_expert_intermediate_size", Math.toIntExact(s.expertWidth));
            plan.gatedMlp(from + "shared_expert.", to + "ffn_", "_shexp.weight", width, s.hidden);
            plan.renameIfPresent(
                    from + "shared_expert_gate.weight", to + "ffn_gate_inp_shexp.weight", Role.EXACT, 1, s.hidden);
        }
        if (plan.has(from + "shared_experts.gate_proj.weight")) {
            long width = s.sharedExperts * s.expertWidth;
            plan.gatedMlp(from + "shared_experts.", to + "ffn_", "_shexp.weight", width, s.hidden);
        }
    }

    /**
     * gpt-oss: MXFP4 pairs hold rows of outputs [E, 2I, H]; the form in plain floats is transposed, [E, H, 2I]. Gate is
     * every even output, up every odd one.
     */
    private static void interleavedExperts(Plan plan, GroupedSizes s, String from, String to) {
        long width = s.expertWidth;
        boolean packed = plan.has(from + "gate_up_proj") && plan.isMxfp4(from + "gate_up_proj");
        StoredTensor both = packed
                ? plan.take(from + "gate_up_proj", s.experts, 2 * width, s.hidden)
                : plan.take(from + "gate_up_proj", s.experts, s.hidden, 2 * width);
        StoredTensor down = packed
                ? plan.take(from + "down_proj", s.experts, s.hidden, width)
                : plan.take(from + "down_proj", s.experts, width, s.hidden);
        long[] shape = {s.experts, width, s.hidden};
        Role role = packed ? Role.MXFP4 : Role.MATRIX;
        for (int odd = 0; odd < 2; odd++) {
            RowSource rows =
                    packed ? everySecondRow(both, odd) : new TransposedRows(both, s.hidden, 2 * width, 2, odd, width);
            plan.add(to + (odd == 0 ? "ffn_gate_exps.weight" : "ffn_up_exps.weight"), role, shape, rows);
        }
        plan.add(
                to + "ffn_down_exps.weight",
                role,
                new long[] {s.experts, s.hidden, width},
                packed ? Plan.rowsOf(down, 0) : new TransposedRows(down, width, s.hidden, 1, 0, s.hidden));
        StoredTensor biases = plan.take(from + "gate_up_proj_bias", s.experts, 2 * width);
        long[] biasShape = {s.experts, width};
        plan.add(to + "ffn_gate_exps.bias", Role.EXACT, biasShape, everySecondElement(biases, 0));
        plan.add(to + "ffn_up_exps.bias", Role.EXACT, biasShape, everySecondElement(biases, 1));
        plan.rename(from + "down_proj_bias", to + "ffn_down_exps.bias", Role.EXACT, s.experts, s.hidden);
    }

    /** Llama 4: [E, H, 2I], gate columns first, and [E, I, H]. */
    private static void transposedExperts(Plan plan, GroupedSizes s, String from, String to) {
        int width = Math.toIntExact(s.expertWidth);
        StoredTensor both = plan.take(from + "gate_up_proj", s.experts, s.hidden, 2L * width);
        StoredTensor down = plan.take(from + "down_proj", s.experts, width, s.hidden);
        long[] shape = {s.experts, width, s.hidden};
        for (String part : new String[] {"gate", "up"}) {
            int offset = part.equals("gate") ? 0 : width;
            plan.add(
                    to + "ffn_" + part + "_exps.weight",
                    Role.MATRIX,
                    shape,
                    new TransposedRows(both, s.hidden, 2L * width, 1, offset, width));
        }
        plan.add(
                to + "ffn_down_exps.weight",
                Role.MATRIX,
                new long[] {s.experts, s.hidden, width},
                new TransposedRows(down, width, s.hidden, 1, 0, s.hidden));
    }

    private static RowSource everySecondRow(StoredTensor both, int odd) {
        int columns = Math.toIntExact(both.columns());
        return (first, count, dst) -> {
            for (int i = 0; i < count; i++) {
                both.decodeRow(2 * (first + i) + odd, dst, i * columns);
            }
        };
    }

    private static RowSource everySecondElement(StoredTensor both, int odd) {
        int half = Math.toIntExact(both.columns() / 2);
        return (first, count, dst) -> {
            float[] row = new float[2 * half];
            for (int i = 0; i < count; i++) {
                both.decodeRow(first + i, row, 0);
                for (int k = 0; k < half; k++) {
                    dst[i * half + k] = row[2 * k + odd];
                }
            }
        };
    }
}
