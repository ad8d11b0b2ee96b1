package dev.cadre.weights.convert;

import dev.cadre.weights.Checkpoint;
import dev.cadre.weights.CheckpointFormatException;
import dev.cadre.weights.ConversionOptions;
import dev.cadre.weights.Metadata;
import dev.cadre.weights.config.SlidingWindows;
import dev.cadre.weights.convert.GroupedFamily.Trait;
import java.util.List;

/** The model families that can be converted. */
public final class Families {
    private static final List<Family> ALL = List.of(
            new LatentFamily(
                    "glm_moe_dsa",
                    "glm-dsa",
                    "glm4",
                    LatentFamily.Trait.INDEXER,
                    LatentFamily.Trait.INTERLEAVED_INDEXER,
                    LatentFamily.Trait.PREDICTION),
            new LatentFamily(
                    "deepseek_v32",
                    "deepseek32",
                    "deepseek-v3",
                    LatentFamily.Trait.INDEXER,
                    LatentFamily.Trait.PREDICTION),
            new LatentFamily("deepseek_v3", "deepseek2", "deepseek-v3"),
            new LatentFamily("kimi_k2", "deepseek2", "kimi-k2"),
            new LatentFamily("glm4_moe_lite", "deepseek2", "glm4"),
            new LatentFamily("mistral4", "mistral4", "tekken", LatentFamily.Trait.SOFTMAX_FUSED),
            new GroupedFamily(
                    "glm4_moe",
                    "glm4moe",
                    "glm4",
                    SlidingWindows.NONE,
                    Trait.SIGMOID_ROUTER,
                    Trait.POST_ATTENTION_NORM,
                    Trait.PARTLY_ROTATED),
            new GroupedFamily("qwen3_moe", "qwen3moe", "qwen2", SlidingWindows.ALL_IF_USED, Trait.NORMED_ON_REQUEST),
            new GroupedFamily(
                    "qwen2_moe", "qwen2moe", "qwen2", SlidingWindows.EVEN_LOWER_IF_USED, Trait.NORMED_ON_REQUEST),
            new GroupedFamily("olmoe", "olmoe", "olmo", SlidingWindows.NONE, Trait.NORMED_ON_REQUEST, Trait.CLIPPED),
            new GroupedFamily("mixtral", "llama", "default", SlidingWindows.ALL, Trait.PERMUTED),
            new GroupedFamily(
                    "gpt_oss",
                    "gpt-oss",
                    "gpt-4o",
                    SlidingWindows.EVEN,
                    Trait.POST_ATTENTION_NORM,
                    Trait.INTERLEAVED_EXPERTS),
            new GroupedFamily("llama4_text", "llama4", "llama4", SlidingWindows.NONE, Trait.CHUNKED));

    private Families() {}

    /** What a family knows about its checkpoints. */
    interface Family {
        /** {@code model_type} in config.json. */
        String modelType();

        /** Puts all keys and tensors into the plan. */
        void plan(Plan plan);
    }

    /** The conversion of {@code source}: all keys and tensors, nothing read yet but headers. */
    public static Plan plan(Checkpoint source, ConversionOptions options) {
        Metadata config = Plan.textConfig(source);
        String modelType = config.requireString("model_type");
        for (Family family : ALL) {
            if (family.modelType().equals(modelType)) {
                String activation = config.stringOr("hidden_act", "silu");
                if (!activation.equals("silu")) {
                    throw ConfigKeys.wrong(
                            config, "hidden_act", "is \"" + activation + "\", these families in GGUF imply silu");
                }
                Plan plan = new Plan(source, options);
                family.plan(plan);
                plan.finish();
                return plan;
            }
        }
        throw new CheckpointFormatException(
                source.path(),
                -1,
                "model_type",
                "is \"" + modelType + "\"; convertible are "
                        + ALL.stream().map(Family::modelType).toList());
    }
}
