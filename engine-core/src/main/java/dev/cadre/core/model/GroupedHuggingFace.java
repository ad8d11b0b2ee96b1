package dev.cadre.core.model;

import dev.cadre.core.UnsupportedModelException;
import dev.cadre.core.model.AttentionConfig.QueryKeyNorm;
import dev.cadre.core.model.AttentionConfig.Span;
import dev.cadre.core.model.AttentionConfig.Temperature;
import dev.cadre.core.model.FeedForwardConfig.RouterConfig;
import dev.cadre.weights.Metadata;
import dev.cadre.weights.config.RopeOptions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Reads a {@link GroupedFamily}'s configuration from {@code config.json}. */
final class GroupedHuggingFace {
    private final GroupedFamily family;
    private final Metadata c;
    private final int layers;
    private final int headWidth;
    private final float eps;
    private final RopeConfig rope;
    private final boolean[] slides;

    GroupedHuggingFace(GroupedFamily family, Metadata c) {
        this.family = family;
        this.c = c;
        this.layers = Counts.positive(c, "num_hidden_layers");
        int heads = Counts.positive(c, "num_attention_heads");
        this.headWidth = c.intOr("head_dim", c.requireInt("hidden_size") / heads);
        this.eps = (float) c.doubleOr("rms_norm_eps", 1e-6);
        RopeOptions options = RopeOptions.of(c);
        this.rope = RopeFrequencies.fromHuggingFace(options).of(rotatedWidth(options), family.interleaved());
        this.slides = family.windows()
                .layers(
                        c,
                        layers,
                        (key, problem) -> new UnsupportedModelException(c.source() + ": " + key + " " + problem));
    }

    private int rotatedWidth(RopeOptions options) {
        double share = options.share(family.defaultPartial());
        if (family.defaultPartial() != 1) {
            return (int) (headWidth * share);
        }
        if (share != 1 && !options.type().equals("default")) {
            throw new UnsupportedModelException(c.source() + ": partial_rotary_factor is " + share
                    + " beside a scaled rotation, but this family rotates whole heads");
        }
        return headWidth;
    }

    ModelConfig read() {
        HuggingFaceOptions.require(c, "hidden_act", "silu");
        HuggingFaceOptions.requireFalse(c, "mlp_bias");
        boolean[] sparse = sparseLayers();
        FeedForwardConfig experts = family.scoring() == null ? null : experts();
        FeedForwardConfig dense =
                contains(sparse, false) ? new FeedForwardConfig.Dense(c.requireInt(family.denseWidthKey())) : null;
        List<ModelConfig.Layer> all = new ArrayList<>();
        for (int i = 0; i < layers; i++) {
            all.add(new ModelConfig.Layer(attention(i), sparse[i] ? experts : dense));
        }
        return new ModelConfig(
                c.stringOr("model_type", "unknown"),
                c.requireInt("vocab_size"),
                c.requireInt("hidden_size"),
                eps,
                c.intOr("max_position_embeddings", 4096),
                List.copyOf(all),
                c.intOr("num_nextn_predict_layers", 0),
                HuggingFaceOptions.stopTokens(c));
    }

    private static boolean contains(boolean[] flags, boolean value) {
        for (boolean flag : flags) {
            if (flag == value) {
                return true;
            }
        }
        return false;
    }

    private AttentionConfig attention(int layer) {
        boolean rotates = !family.chunked() || rotates(layer);
        boolean biases = family.biasKey() != null && c.booleanOr(family.biasKey(), family.biasByDefault());
        boolean normed = family.normKey() == null || c.booleanOr(family.normKey(), family.chunked());
        double clip = family.clips() ? c.doubleOr("clip_qkv", Double.POSITIVE_INFINITY) : Double.POSITIVE_INFINITY;
        return new AttentionConfig.Grouped(
                c.requireInt("num_attention_heads"),
                c.intOr("num_key_value_heads", c.requireInt("num_attention_heads")),
                headWidth,
                (float) Math.pow(headWidth, -0.5),
                rotates ? rope : null,
                span(layer, rotates),
                normed && rotates ? family.norm() : QueryKeyNorm.NONE,
                eps,
                biases,
                biases && family.outputBias(),
                family.sinks(),
                (float) clip,
                rotates || !c.booleanOr("attn_temperature_tuning", true) ? null : temperature());
    }

    /** Llama 4: the list {@code no_rope_layers} has 1 for layers with rotation; else all but every fourth. */
    private boolean rotates(int layer) {
        int[] list = c.intsOrNull("no_rope_layers");
        if (list != null && list.length > layer) {
            return list[layer] != 0;
        }
        return (layer + 1) % c.intOr("no_rope_layer_interval", 4) != 0;
    }

    private Temperature temperature() {
        return new Temperature((float) c.doubleOr("attn_scale", 0.1), (float) c.doubleOr("floor_scale", 8192), 1);
    }

    private Span span(int layer, boolean rotates) {
        if (family.chunked()) {
            return rotates && !c.isNull("attention_chunk_size")
                    ? new Span(0, c.requireInt("attention_chunk_size"))
                    : Span.ALL;
        }
        int window = slides[layer] ? c.requireInt("sliding_window") : 0;
        return window > 0 ? new Span(window, 0) : Span.ALL;
    }

    private FeedForwardConfig.Experts experts() {
        int width = c.requireInt(family.expertWidthKey());
        int shared = family.sharedWidthKey() != null
                ? c.requireInt(family.sharedWidthKey())
                : c.intOr("n_shared_experts", 0) * width;
        RouterConfig router = new RouterConfig(
                HuggingFaceOptions.experts(c),
                c.requireInt("num_experts_per_tok"),
                family.scoring(),
                c.intOr("n_group", 1),
                c.intOr("topk_group", 1),
                family.normalisesOnRequest()
                        ? c.booleanOr("norm_topk_prob", family.normalisesByDefault())
                        : family.normalisesByDefault(),
                (float) c.doubleOr("routed_scaling_factor", 1));
        return new FeedForwardConfig.Experts(
                router,
                width,
                shared,
                family.gatedShared(),
                family.chunked(),
                family.expertBiases(),
                family.activation());
    }

    private boolean[] sparseLayers() {
        boolean[] sparse = new boolean[layers];
        if (family.scoring() == null) {
            return sparse;
        }
        if (family.chunked()) {
            int[] list = c.intsOrNull("moe_layers");
            int step = c.intOr("interleave_moe_layer_step", 1);
            for (int i = 0; i < layers; i++) {
                int layer = i;
                sparse[i] =
                        list != null ? Arrays.stream(list).anyMatch(n -> n == layer) : (i + 1) % Math.max(step, 1) == 0;
            }
            return sparse;
        }
        if (!c.isNull("first_k_dense_replace") || !c.isNull("mlp_layer_types")) {
            return HuggingFaceOptions.sparseLayers(c, layers, 0);
        }
        int[] dense = c.intsOrNull("mlp_only_layers");
        int step = Math.max(1, c.intOr("decoder_sparse_step", 1));
        for (int i = 0; i < layers; i++) {
            int layer = i;
            boolean only = dense != null && Arrays.stream(dense).anyMatch(n -> n == layer);
            sparse[i] = !only && (i + 1) % step == 0;
        }
        return sparse;
    }
}
