package dev.cadre.core.model;

import dev.cadre.core.UnsupportedModelException;
import dev.cadre.core.model.AttentionConfig.IndexerConfig;
import dev.cadre.core.model.AttentionConfig.Temperature;
import dev.cadre.core.model.FeedForwardConfig.RouterConfig;
import dev.cadre.core.model.FeedForwardConfig.Scoring;
import dev.cadre.weights.Checkpoint;
import dev.cadre.weights.Metadata;
import dev.cadre.weights.config.RopeOptions;
import java.util.ArrayList;
import java.util.List;

/**
 * The families with multi-head latent attention. They differ in whether they have an indexer, how it rotates, and in
 * defaults.
 *
 * @param indexed the attention is sparse
 * @param interleavedIndexer the indexer's rotation takes pairs as attention does; otherwise half-split
 * @param scoring the router's, where the checkpoint does not say
 * @param denseLayers layers without experts at the beginning, where the checkpoint does not say
 */
record LatentFamily(boolean indexed, boolean interleavedIndexer, Scoring scoring, int denseLayers) implements Family {
    static final Family GLM_MOE_DSA = new LatentFamily(true, true, Scoring.SIGMOID, 3);
    static final Family DEEPSEEK_V32 = new LatentFamily(true, false, Scoring.SIGMOID, 3);

    /** DeepSeek-V3 and R1, Kimi-K2, Mistral Large 3. */
    static final Family DEEPSEEK_V3 = new LatentFamily(false, false, Scoring.SIGMOID, 3);

    static final Family GLM4_MOE_LITE = new LatentFamily(false, false, Scoring.SIGMOID, 1);
    static final Family MISTRAL4 = new LatentFamily(false, false, Scoring.SOFTMAX, 0);

    /** eps of the LayerNorm on index keys: no checkpoint stores it, all implementations agree on it. */
    private static final float INDEX_NORM_EPS = 1e-6f;

    @Override
    public TensorNames names() {
        return TensorNames.latent();
    }

    @Override
    public ModelConfig fromHuggingFace(Metadata c) {
        HuggingFaceOptions.require(c, "hidden_act", "silu");
        HuggingFaceOptions.require(c, "topk_method", "noaux_tc");
        HuggingFaceOptions.requireFalse(c, "attention_bias");
        HuggingFaceOptions.requireFalse(c, "mlp_bias");
        int layerCount = Counts.positive(c, "num_hidden_layers");
        int nope = c.requireInt("qk_nope_head_dim");
        int ropeWidth = c.requireInt("qk_rope_head_dim");
        float eps = (float) c.doubleOr("rms_norm_eps", 1e-6);
        RopeOptions ropeOptions = RopeOptions.of(c);
        RopeFrequencies frequencies = RopeFrequencies.fromHuggingFace(ropeOptions);
        RopeConfig rope = frequencies.of(ropeWidth, c.booleanOr("rope_interleave", true));
        IndexerConfig indexer = null;
        boolean[] full = new boolean[layerCount];
        if (indexed) {
            boolean interleaved = c.booleanOr("indexer_rope_interleave", interleavedIndexer);
            indexer = new IndexerConfig(
                    c.requireInt("index_n_heads"),
                    c.requireInt("index_head_dim"),
                    c.requireInt("index_topk"),
                    INDEX_NORM_EPS,
                    rope.withInterleaved(interleaved));
            full = IndexerSchedule.fromHuggingFace(c, layerCount);
        }
        float scale = (float) (Math.pow(nope + ropeWidth, -0.5) * frequencies.scoreFactor());
        RouterConfig router = new RouterConfig(
                HuggingFaceOptions.experts(c),
                c.requireInt("num_experts_per_tok"),
                scoring(c),
                c.intOr("n_group", 1),
                c.intOr("topk_group", 1),
                c.booleanOr("norm_topk_prob", true),
                (float) c.doubleOr("routed_scaling_factor", 1));
        int width = c.requireInt("moe_intermediate_size");
        FeedForwardConfig experts =
                FeedForwardConfig.Experts.plain(router, width, c.intOr("n_shared_experts", 0) * width);
        boolean[] sparse = HuggingFaceOptions.sparseLayers(c, layerCount, denseLayers);
        FeedForwardConfig dense = new FeedForwardConfig.Dense(c.requireInt("intermediate_size"));
        List<ModelConfig.Layer> layers = new ArrayList<>();
        for (int i = 0; i < layerCount; i++) {
            AttentionConfig attention = new AttentionConfig.Latent(
                    c.requireInt("num_attention_heads"),
                    c.intOr("q_lora_rank", 0),
                    c.requireInt("kv_lora_rank"),
                    nope,
                    ropeWidth,
                    c.requireInt("v_head_dim"),
                    scale,
                    eps,
                    rope,
                    indexer,
                    indexer != null && !full[i],
                    temperature(ropeOptions.options()));
            layers.add(new ModelConfig.Layer(attention, sparse[i] ? experts : dense));
        }
        return new ModelConfig(
                c.stringOr("model_type", "glm_moe_dsa"),
                c.requireInt("vocab_size"),
                c.requireInt("hidden_size"),
                eps,
                c.intOr("max_position_embeddings", 4096),
                List.copyOf(layers),
                c.intOr("num_nextn_predict_layers", 0),
                HuggingFaceOptions.stopTokens(c));
    }

    @Override
    public ModelConfig fromGguf(Checkpoint checkpoint, String architecture) {
        Metadata m = checkpoint.metadata();
        String p = architecture + ".";
        int beyond = m.intOr(p + "nextn_predict_layers", 0);
        int layerCount = Counts.trunkLayers(m, p, beyond);
        int ropeWidth = m.requireInt(p + "rope.dimension_count");
        int queryWidth = m.requireInt(p + "attention.key_length_mla");
        int latent = m.requireInt(p + "attention.kv_lora_rank");
        float eps = (float) m.requireDouble(p + "attention.layer_norm_rms_epsilon");
        RopeFrequencies frequencies = RopeFrequencies.fromGguf(m, p, true);
        RopeConfig rope = frequencies.of(ropeWidth, true);
        IndexerConfig indexer = null;
        boolean[] full = new boolean[layerCount];
        if (indexed) {
            indexer = new IndexerConfig(
                    m.requireInt(p + "attention.indexer.head_count"),
                    m.requireInt(p + "attention.indexer.key_length"),
                    m.requireInt(p + "attention.indexer.top_k"),
                    INDEX_NORM_EPS,
                    rope.withInterleaved(interleavedIndexer));
            full = IndexerSchedule.fromGguf(m, p, layerCount);
        }
        int gating = m.intOr(p + "expert_gating_func", scoring == Scoring.SOFTMAX ? 1 : 2);
        if (gating != 1 && gating != 2) {
            throw new UnsupportedModelException(m.source() + ": " + p + "expert_gating_func is " + gating
                    + "; known are 1 (softmax) and 2 (sigmoid)");
        }
        RouterConfig router = new RouterConfig(
                m.requireInt(p + "expert_count"),
                m.requireInt(p + "expert_used_count"),
                gating == 1 ? Scoring.SOFTMAX : Scoring.SIGMOID,
                m.intOr(p + "expert_group_count", 1),
                m.intOr(p + "expert_group_used_count", 1),
                m.booleanOr(p + "expert_weights_norm", true),
                (float) m.doubleOr(p + "expert_weights_scale", 1));
        int width = m.requireInt(p + "expert_feed_forward_length");
        FeedForwardConfig experts =
                FeedForwardConfig.Experts.plain(router, width, m.intOr(p + "expert_shared_count", 0) * width);
        FeedForwardConfig dense = new FeedForwardConfig.Dense(m.requireInt(p + "feed_forward_length"));
        int leadingDense = m.intOr(p + "leading_dense_block_count", 0);
        float scale = (float) (Math.pow(queryWidth, -0.5) * frequencies.scoreFactor());
        List<ModelConfig.Layer> layers = new ArrayList<>();
        for (int i = 0; i < layerCount; i++) {
            AttentionConfig attention = new AttentionConfig.Latent(
                    m.requireInt(p + "attention.head_count"),
                    m.intOr(p + "attention.q_lora_rank", 0),
                    latent,
                    queryWidth - ropeWidth,
                    ropeWidth,
                    m.requireInt(p + "attention.value_length_mla"),
                    scale,
                    eps,
                    rope,
                    indexer,
                    indexer != null && !full[i],
                    temperature(m, p));
            layers.add(new ModelConfig.Layer(attention, i < leadingDense ? dense : experts));
        }
        return new ModelConfig(
                architecture,
                GgufOptions.vocabulary(m, p),
                m.requireInt(p + "embedding_length"),
                eps,
                m.intOr(p + "context_length", 4096),
                List.copyOf(layers),
                beyond,
                GgufOptions.stopTokens(m));
    }

    private Scoring scoring(Metadata c) {
        if (c.isNull("scoring_func")) {
            return scoring;
        }
        String name = c.requireString("scoring_func");
        return switch (name) {
            case "sigmoid" -> Scoring.SIGMOID;
            case "softmax" -> Scoring.SOFTMAX;
            default ->
                throw new UnsupportedModelException(
                        c.source() + ": scoring_func '" + name + "' is not supported; known are sigmoid and softmax");
        };
    }

    /** Mistral 4: queries grow with the logarithm of how often the original context fits before them. */
    private static Temperature temperature(Metadata rope) {
        if (rope == null || rope.isNull("llama_4_scaling_beta")) {
            return null;
        }
        return new Temperature(
                (float) rope.requireDouble("llama_4_scaling_beta"),
                (float) rope.requireDouble("original_max_position_embeddings"),
                0);
    }

    private static Temperature temperature(Metadata m, String prefix) {
        if (!m.has(prefix + "attention.temperature_scale")) {
            return null;
        }
        return new Temperature(
                (float) m.requireDouble(prefix + "attention.temperature_scale"),
                (float) m.requireDouble(prefix + "rope.scaling.original_context_length"),
                0);
    }
}
