package dev.cadre.weights.convert;

import dev.cadre.weights.Checkpoint;
import dev.cadre.weights.CheckpointFormatException;
import dev.cadre.weights.ConversionOptions;
import dev.cadre.weights.Metadata;
import dev.cadre.weights.convert.GroupedFamily.Trait;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.TreeMap;

/** The model families that can be converted. */
public final class Families {
    /** DeepSeek-V3's and V3.2's; Kimi-K2 comes with the same code. */
    private static final Defaults DEEPSEEK = Defaults.eps(1e-6).shared(2.5, 3).groups(8, 4);

    private static final SequencedMap<String, Object> MISTRAL4_ROPE =
            new TreeMap<>(Map.of("mscale", 1.0, "mscale_all_dim", 1.0, "llama_4_scaling_beta", 0.1));
    private static final SequencedMap<String, Object> GPT_OSS_ROPE = new TreeMap<>(Map.of("truncate", false));

    private static final List<Family> ALL = List.of(
            new LatentFamily(
                    "glm_moe_dsa",
                    "glm-dsa",
                    "glm4",
                    Defaults.eps(1e-5).shared(2.5, 3),
                    LatentFamily.Trait.INDEXER,
                    LatentFamily.Trait.INTERLEAVED_INDEXER,
                    LatentFamily.Trait.PREDICTION),
            new LatentFamily(
                    "deepseek_v32",
                    "deepseek32",
                    "deepseek-v3",
                    DEEPSEEK,
                    LatentFamily.Trait.INDEXER,
                    LatentFamily.Trait.PREDICTION),
            new LatentFamily("deepseek_v3", "deepseek2", "deepseek-v3", DEEPSEEK),
            new LatentFamily("kimi_k2", "deepseek2", "kimi-k2", DEEPSEEK),
            new LatentFamily(
                    "glm4_moe_lite", "deepseek2", "glm4", Defaults.eps(1e-5).shared(1.8, 1)),
            new LatentFamily(
                    "mistral4",
                    "mistral4",
                    "tekken",
                    Defaults.eps(1e-6).shared(1, 0).yarn(128, 8192, MISTRAL4_ROPE),
                    LatentFamily.Trait.SOFTMAX_FUSED),
            new GroupedFamily(
                    "glm4_moe",
                    "glm4moe",
                    "glm4",
                    SlidingWindow.NONE,
                    Defaults.eps(1e-5).shared(1, 1),
                    Trait.SIGMOID_ROUTER,
                    Trait.POST_ATTENTION_NORM,
                    Trait.PARTLY_ROTATED),
            new GroupedFamily(
                    "qwen3_moe",
                    "qwen3moe",
                    "qwen2",
                    SlidingWindow.SWITCHED,
                    Defaults.eps(1e-6),
                    Trait.NORMED_ON_REQUEST),
            new GroupedFamily(
                    "qwen2_moe",
                    "qwen2moe",
                    "qwen2",
                    SlidingWindow.SWITCHED_BY_LAYER,
                    Defaults.eps(1e-6),
                    Trait.NORMED_ON_REQUEST),
            new GroupedFamily(
                    "olmoe",
                    "olmoe",
                    "olmo",
                    SlidingWindow.NONE,
                    Defaults.eps(1e-5),
                    Trait.NORMED_ON_REQUEST,
                    Trait.CLIPPED),
            new GroupedFamily(
                    "mixtral",
                    "llama",
                    "default",
                    SlidingWindow.EVERY_LAYER,
                    Defaults.eps(1e-5).ropeBase(1_000_000),
                    Trait.PERMUTED),
            new GroupedFamily(
                    "gpt_oss",
                    "gpt-oss",
                    "gpt-4o",
                    SlidingWindow.ALTERNATING,
                    Defaults.eps(1e-5).ropeBase(150_000).yarn(32, 4096, GPT_OSS_ROPE),
                    Trait.POST_ATTENTION_NORM,
                    Trait.INTERLEAVED_EXPERTS),
            new GroupedFamily(
                    "llama4_text",
                    "llama4",
                    "llama4",
                    SlidingWindow.NONE,
                    Defaults.eps(1e-5).ropeBase(500_000),
                    Trait.CHUNKED));

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
