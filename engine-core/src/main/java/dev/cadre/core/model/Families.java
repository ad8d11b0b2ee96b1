package dev.cadre.core.model;

import dev.cadre.core.UnsupportedModelException;
import dev.cadre.weights.Checkpoint;
import dev.cadre.weights.Metadata;
import dev.cadre.weights.config.ConfigDefaults;
import java.util.Map;

/** The families that this engine runs, by the names that checkpoints give them. */
public final class Families {
    private static final Map<String, Family> HUGGING_FACE = Map.ofEntries(
            Map.entry("glm_moe_dsa", LatentFamily.GLM_MOE_DSA),
            Map.entry("deepseek_v32", LatentFamily.DEEPSEEK_V32),
            Map.entry("deepseek_v3", LatentFamily.DEEPSEEK_V3),
            Map.entry("kimi_k2", LatentFamily.DEEPSEEK_V3),
            Map.entry("glm4_moe_lite", LatentFamily.GLM4_MOE_LITE),
            Map.entry("mistral4", LatentFamily.MISTRAL4),
            Map.entry("glm4_moe", GroupedFamily.GLM4_MOE),
            Map.entry("qwen2_moe", GroupedFamily.QWEN2_MOE),
            Map.entry("qwen3_moe", GroupedFamily.QWEN3_MOE),
            Map.entry("qwen3", GroupedFamily.QWEN3),
            Map.entry("gpt_oss", GroupedFamily.GPT_OSS),
            Map.entry("mixtral", GroupedFamily.MIXTRAL),
            Map.entry("olmoe", GroupedFamily.OLMOE),
            Map.entry("llama4_text", GroupedFamily.LLAMA4),
            Map.entry("llama", GroupedFamily.LLAMA));

    private static final Map<String, Family> GGUF = Map.ofEntries(
            Map.entry("glm-dsa", LatentFamily.GLM_MOE_DSA),
            Map.entry("deepseek32", LatentFamily.DEEPSEEK_V32),
            Map.entry("deepseek2", LatentFamily.DEEPSEEK_V3),
            Map.entry("mistral4", LatentFamily.MISTRAL4),
            Map.entry("glm4moe", GroupedFamily.GLM4_MOE),
            Map.entry("qwen2moe", GroupedFamily.QWEN2_MOE),
            Map.entry("qwen3moe", GroupedFamily.QWEN3_MOE),
            Map.entry("qwen3", GroupedFamily.QWEN3),
            Map.entry("gpt-oss", GroupedFamily.GPT_OSS),
            Map.entry("olmoe", GroupedFamily.OLMOE),
            Map.entry("llama4", GroupedFamily.LLAMA4),
            Map.entry("llama", GroupedFamily.LLAMA));

    private Families() {}

    /** A model's configuration and the place of its weights. */
    public record Described(ModelConfig config, WeightSource weights) implements AutoCloseable {
        /** Frees the memory that weights took beside the mapped files. */
        @Override
        public void close() {
            weights.close();
        }
    }

    /**
     * Finds out what a checkpoint holds. Reads headers only.
     *
     * @throws UnsupportedModelException if the family, or an option of it, is not supported
     */
    public static Described describe(Checkpoint checkpoint) {
        Metadata metadata = checkpoint.metadata();
        try {
            return describe(checkpoint, metadata);
        } catch (IllegalArgumentException e) { // numbers that do not go together
            throw new UnsupportedModelException(metadata.source() + ": " + e.getMessage());
        }
    }

    private static Described describe(Checkpoint checkpoint, Metadata metadata) {
        if (checkpoint.format().equals("gguf")) {
            String architecture = metadata.requireString("general.architecture");
            Family family = GGUF.get(architecture);
            if (family == null) {
                throw unknown(metadata, "general.architecture", architecture, GGUF);
            }
            return new Described(family.fromGguf(checkpoint, architecture), new GgufWeights(checkpoint));
        }
        Metadata config = metadata.child("text_config") == null ? metadata : metadata.child("text_config");
        String type = config.stringOr("model_type", metadata.stringOr("model_type", ""));
        Family family = HUGGING_FACE.get(type);
        if (family == null) {
            throw unknown(metadata, "model_type", type, HUGGING_FACE);
        }
        ModelConfig described = family.fromHuggingFace(ConfigDefaults.complete(config, type));
        return new Described(described, new HuggingFaceWeights(checkpoint, family.names()));
    }

    private static UnsupportedModelException unknown(
            Metadata metadata, String key, String found, Map<String, Family> known) {
        return new UnsupportedModelException(
                metadata.source() + ": " + key + " is '" + found + "', which is not supported; known are "
                        + String.join(", ", known.keySet().stream().sorted().toList()));
    }
}
