package dev.cadre.weights.config;

import dev.cadre.weights.Metadata;
import java.util.HashMap;
import java.util.Map;

/**
 * What a {@code config.json} means where it leaves an option out: the defaults of the configuration classes in
 * Hugging Face transformers 5.18. Options are listed whose absence would change results without a word; a missing size
 * is an error wherever it is asked for.
 *
 * <p>An option that is there with the value null is not absent. {@code kimi_k2} has no class of its own.
 */
public final class ConfigDefaults {
    private static final Map<String, Object> YARN_OF_GPT_OSS = Map.of(
            "rope_type",
            "yarn",
            "factor",
            32.0,
            "beta_fast",
            32.0,
            "beta_slow",
            1.0,
            "truncate",
            false,
            "original_max_position_embeddings",
            4096L);

    private static final Map<String, Object> YARN_OF_MISTRAL4 = Map.of(
            "rope_type", "yarn",
            "rope_theta", 10_000.0,
            "factor", 128.0,
            "beta_fast", 32.0,
            "beta_slow", 1.0,
            "mscale", 1.0,
            "mscale_all_dim", 1.0,
            "llama_4_scaling_beta", 0.1,
            "original_max_position_embeddings", 8192L);

    private static final Map<String, Map<String, ?>> BY_MODEL_TYPE = Map.ofEntries(
            Map.entry("glm_moe_dsa", latent(1e-5, 2.5, 1, 1, 8, 3, 2048)),
            Map.entry("deepseek_v32", latent(1e-6, 2.5, 8, 4, 8, 3, 1536)),
            Map.entry("deepseek_v3", latent(1e-6, 2.5, 8, 4, 8, 3, 1536)),
            Map.entry("glm4_moe_lite", latent(1e-5, 1.8, 1, 1, 4, 1, 768)),
            Map.entry("mistral4", with(latent(1e-6, 1, 1, 1, 4, 0, 1024), Map.of("rope_parameters", YARN_OF_MISTRAL4))),
            Map.entry(
                    "glm4_moe",
                    Map.of(
                            "rms_norm_eps", 1e-5,
                            "n_shared_experts", 1L,
                            "num_experts_per_tok", 8L,
                            "first_k_dense_replace", 1L)),
            Map.entry("qwen2_moe", Map.of("rms_norm_eps", 1e-6, "num_experts_per_tok", 4L, "sliding_window", 4096L)),
            Map.entry("qwen3_moe", Map.of("rms_norm_eps", 1e-6, "num_experts_per_tok", 8L, "sliding_window", 4096L)),
            Map.entry("qwen3", Map.of("rms_norm_eps", 1e-6, "head_dim", 128L, "sliding_window", 4096L)),
            Map.entry(
                    "gpt_oss",
                    Map.of(
                            "rms_norm_eps",
                            1e-5,
                            "head_dim",
                            64L,
                            "num_experts_per_tok",
                            4L,
                            "sliding_window",
                            128L,
                            "rope_theta",
                            150_000.0,
                            "rope_parameters",
                            YARN_OF_GPT_OSS)),
            Map.entry("mixtral", Map.of("rms_norm_eps", 1e-5, "num_experts_per_tok", 2L, "rope_theta", 1_000_000.0)),
            Map.entry("olmoe", Map.of("rms_norm_eps", 1e-5, "num_experts_per_tok", 8L)),
            Map.entry(
                    "llama4_text",
                    Map.of(
                            "rms_norm_eps", 1e-5,
                            "head_dim", 128L,
                            "num_experts_per_tok", 1L,
                            "attention_chunk_size", 8192L,
                            "rope_theta", 500_000.0)),
            Map.entry("llama", Map.of("rms_norm_eps", 1e-6)));

    private ConfigDefaults() {}

    /** A configuration with the defaults of its {@code model_type} where an option is absent. */
    public static Metadata complete(Metadata config, String modelType) {
        return config.withDefaults(BY_MODEL_TYPE.getOrDefault(modelType, Map.of()));
    }

    private static Map<String, Object> latent(
            double eps, double scale, long groups, long keptGroups, long topK, long denseLayers, long queryRank) {
        return Map.of(
                "rms_norm_eps", eps,
                "n_shared_experts", 1L,
                "routed_scaling_factor", scale,
                "n_group", groups,
                "topk_group", keptGroups,
                "num_experts_per_tok", topK,
                "first_k_dense_replace", denseLayers,
                "q_lora_rank", queryRank);
    }

    private static Map<String, Object> with(Map<String, ?> some, Map<String, ?> others) {
        Map<String, Object> all = new HashMap<>(some);
        all.putAll(others);
        return Map.copyOf(all);
    }
}
