package dev.cadre.core.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cadre.core.UnsupportedModelException;
import dev.cadre.kernels.format.BlockFormat;
import dev.cadre.weights.Checkpoint;
import dev.cadre.weights.GgufWriter;
import dev.cadre.weights.WriteOptions;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What options of {@code config.json} mean, absent ones too: as the classes in transformers 5.18 read them. */
class ConfigOptionsTest {
    private static final String GROUPED = """
            "vocab_size": 97, "hidden_size": 64, "num_hidden_layers": 4, "num_attention_heads": 8, "head_dim": 16,
            "num_key_value_heads": 2, "intermediate_size": 96, "moe_intermediate_size": 32, "num_experts": 8,
            "shared_expert_intermediate_size": 48, "max_position_embeddings": 64""";
    private static final String LATENT = """
            "vocab_size": 97, "hidden_size": 64, "num_hidden_layers": 4, "num_attention_heads": 4,
            "qk_nope_head_dim": 16, "qk_rope_head_dim": 8, "kv_lora_rank": 24, "v_head_dim": 16,
            "index_n_heads": 2, "index_head_dim": 16, "index_topk": 8, "intermediate_size": 96,
            "moe_intermediate_size": 32, "n_routed_experts": 16, "max_position_embeddings": 64""";

    @TempDir
    private Path temp;

    private ModelConfig grouped(String type, String options) throws IOException {
        return read("\"model_type\": \"" + type + "\", " + GROUPED + options);
    }

    private ModelConfig latent(String type, String options) throws IOException {
        return read("\"model_type\": \"" + type + "\", " + LATENT + options);
    }

    private ModelConfig read(String options) throws IOException {
        Files.writeString(temp.resolve("config.json"), "{" + options + "}");
        String header = "{\"model.embed_tokens.weight\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";
        ByteBuffer file = ByteBuffer.allocate(12 + header.length()).order(ByteOrder.LITTLE_ENDIAN);
        file.putLong(header.length()).put(header.getBytes(StandardCharsets.UTF_8));
        Files.write(temp.resolve("model.safetensors"), file.array());
        return describe(temp);
    }

    private static ModelConfig describe(Path model) {
        try (Checkpoint checkpoint = Checkpoint.open(model);
                Families.Described described = Families.describe(checkpoint)) {
            return described.config();
        }
    }

    private static FeedForwardConfig.Experts experts(ModelConfig config) {
        return (FeedForwardConfig.Experts) config.layers().getLast().feedForward();
    }

    private static int[] windows(ModelConfig config) {
        return config.layers().stream()
                .mapToInt(layer ->
                        ((AttentionConfig.Grouped) layer.attention()).span().window())
                .toArray();
    }

    private static RopeConfig rope(ModelConfig config) {
        return switch (config.layers().getFirst().attention()) {
            case AttentionConfig.Grouped c -> c.rope();
            case AttentionConfig.Latent c -> c.rope();
        };
    }

    @ParameterizedTest
    @CsvSource({
        "glm_moe_dsa, 1e-5, 2.5, 1, 1, 8, 3",
        "deepseek_v32, 1e-6, 2.5, 8, 4, 8, 3",
        "deepseek_v3, 1e-6, 2.5, 8, 4, 8, 3",
        "glm4_moe_lite, 1e-5, 1.8, 1, 1, 4, 1",
        "mistral4, 1e-6, 1, 1, 1, 4, 0"
    })
    void absentOptionsOfLatentFamilies(String type, double eps, double scale, int groups, int kept, int topK, int dense)
            throws IOException {
        ModelConfig config = latent(type, "");
        FeedForwardConfig.Experts experts = experts(config);
        assertEquals((float) eps, config.normEps());
        assertEquals((float) scale, experts.router().scale());
        assertEquals(groups, experts.router().groups());
        assertEquals(kept, experts.router().keptGroups());
        assertEquals(topK, experts.router().topK());
        assertEquals(32, experts.sharedWidth());
        assertEquals(
                dense,
                config.layers().stream()
                        .filter(layer -> layer.feedForward() instanceof FeedForwardConfig.Dense)
                        .count());
    }

    @Test
    void optionsThatAreThereWin() throws IOException {
        ModelConfig config = latent("deepseek_v3", """
                , "rms_norm_eps": 1e-4, "n_group": 2, "topk_group": 1, "n_shared_experts": 3,
                "routed_scaling_factor": 1.5, "q_lora_rank": null""");
        assertEquals(1e-4f, config.normEps());
        assertEquals(2, experts(config).router().groups());
        assertEquals(96, experts(config).sharedWidth());
        assertEquals(1.5f, experts(config).router().scale());
        assertEquals(0, ((AttentionConfig.Latent) config.layers().getFirst().attention()).queryRank());
    }

    @ParameterizedTest
    @CsvSource({"mixtral, 1e-5, 2", "olmoe, 1e-5, 8", "gpt_oss, 1e-5, 4", "qwen3_moe, 1e-6, 8", "glm4_moe, 1e-5, 8"})
    void absentOptionsOfGroupedFamilies(String type, double eps, int topK) throws IOException {
        ModelConfig config = grouped(type, "");
        assertEquals((float) eps, config.normEps());
        assertEquals(topK, experts(config).router().topK());
        assertEquals(type.equals("glm4_moe") ? 32 : 0, experts(config).sharedWidth());
    }

    @Test
    void slidingWindows() throws IOException {
        String five = ", \"sliding_window\": 5";
        String used = five + ", \"use_sliding_window\": true, \"max_window_layers\": 3";
        String types = ", \"layer_types\": [\"full_attention\", \"sliding_attention\", \"sliding_attention\", "
                + "\"full_attention\"]";
        int[] none = {0, 0, 0, 0};
        int[] all = {5, 5, 5, 5};
        int[] typed = {0, 5, 5, 0};
        assertArrayEquals(all, windows(grouped("mixtral", five + types)));
        assertArrayEquals(none, windows(grouped("qwen3_moe", five)));
        assertArrayEquals(all, windows(grouped("qwen3_moe", used + types)));
        assertArrayEquals(none, windows(grouped("qwen3", five + types)));
        assertArrayEquals(new int[] {0, 0, 0, 5}, windows(grouped("qwen3", used)));
        assertArrayEquals(typed, windows(grouped("qwen3", used + types)));
        assertArrayEquals(new int[] {5, 0, 5, 0}, windows(grouped("qwen2_moe", used)));
        assertArrayEquals(typed, windows(grouped("qwen2_moe", used + types)));
        assertArrayEquals(new int[] {128, 0, 128, 0}, windows(grouped("gpt_oss", "")));
        assertArrayEquals(typed, windows(grouped("gpt_oss", five + types)));
        assertArrayEquals(none, windows(grouped("llama", five + types)));
        assertArrayEquals(none, windows(grouped("olmoe", five)));
    }

    @Test
    void ropeScalingWinsOverRopeParameters() throws IOException {
        String linear = ", \"rope_scaling\": {\"type\": \"linear\", \"factor\": 4.0}";
        float[] old = rope(grouped("qwen3_moe", linear)).inverseFrequencies();
        String both = linear + ", \"rope_parameters\": {\"rope_type\": \"default\", \"rope_theta\": 500.0}";
        assertArrayEquals(old, rope(grouped("qwen3_moe", both)).inverseFrequencies());
        assertEquals(0.25f, old[0]);
        String empty = both.replace("{\"type\": \"linear\", \"factor\": 4.0}", "{}");
        assertEquals(1f, rope(grouped("qwen3_moe", empty)).inverseFrequencies()[0]);
    }

    @Test
    void gptOssAndMistral4StretchTheirContextByDefault() throws IOException {
        assertEquals(
                (float) (0.1 * Math.log(32) + 1), rope(grouped("gpt_oss", "")).magnitude());
        AttentionConfig.Latent mistral = (AttentionConfig.Latent)
                latent("mistral4", "").layers().getFirst().attention();
        assertEquals(new AttentionConfig.Temperature(0.1f, 8192, 0), mistral.temperature());
        assertEquals((float) (Math.pow(24, -0.5) * Math.pow(0.1 * Math.log(128) + 1, 2)), mistral.scale());
    }

    @Test
    void temperatureInTheOldPlace() throws IOException {
        String yarn = """
                , "rope_scaling": {"type": "yarn", "factor": 8.0, "original_max_position_embeddings": 16,
                "llama_4_scaling_beta": 0.2}""";
        AttentionConfig.Latent old = (AttentionConfig.Latent)
                latent("mistral4", yarn).layers().getFirst().attention();
        assertEquals(new AttentionConfig.Temperature(0.2f, 16, 0), old.temperature());
        assertNull(((AttentionConfig.Latent)
                        latent("deepseek_v3", "").layers().getFirst().attention())
                .temperature());
    }

    @Test
    void yarnThatIsWrittenOddly() throws IOException {
        String yarn = ", \"rope_scaling\": {\"type\": \"yarn\", \"factor\": 8.0, \"rope_theta\": 1000.0, "
                + "\"original_max_position_embeddings\": 16";
        float[] plain = rope(grouped("qwen3_moe", yarn + "}")).inverseFrequencies();
        assertArrayEquals(
                plain,
                rope(grouped("qwen3_moe", yarn + ", \"beta_fast\": 0, \"beta_slow\": 0}"))
                        .inverseFrequencies());
        float[] exact =
                rope(grouped("qwen3_moe", yarn + ", \"truncate\": false}")).inverseFrequencies();
        assertFalse(Arrays.equals(plain, exact));
        assertArrayEquals(
                exact,
                rope(grouped("qwen3_moe", yarn + ", \"truncate\": null}")).inverseFrequencies());
        float[] top = rope(grouped("qwen3_moe", yarn + "}, \"original_max_position_embeddings\": 32"))
                .inverseFrequencies();
        assertArrayEquals(
                rope(grouped("qwen3_moe", yarn.replace(": 16", ": 32") + "}")).inverseFrequencies(), top);
    }

    /** Keys that a family's class in transformers does not have. */
    @Test
    void optionsOfOtherFamiliesMeanNothing() throws IOException {
        String options = ", \"norm_topk_prob\": false, \"clip_qkv\": 2.0, \"partial_rotary_factor\": 0.5";
        ModelConfig mixtral = grouped("mixtral", options);
        AttentionConfig.Grouped attention =
                (AttentionConfig.Grouped) mixtral.layers().getFirst().attention();
        assertTrue(experts(mixtral).router().normalise());
        assertEquals(Float.POSITIVE_INFINITY, attention.clip());
        assertEquals(16, attention.rope().width());
        assertFalse(experts(grouped("glm4_moe", options)).router().normalise());
        assertEquals(8, rope(grouped("glm4_moe", options)).width());
        ModelConfig olmoe = grouped("olmoe", options);
        assertEquals(2f, ((AttentionConfig.Grouped) olmoe.layers().getFirst().attention()).clip());
        String yarn = ", \"rope_scaling\": {\"type\": \"linear\", \"factor\": 2.0}";
        assertThrows(UnsupportedModelException.class, () -> grouped("mixtral", options + yarn));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "num_hidden_layers | 0 | num_hidden_layers is 0",
                "num_hidden_layers | -1 | num_hidden_layers is -1",
                "num_attention_heads | 0 | num_attention_heads is 0",
                "num_key_value_heads | 3 | 8 query heads cannot share 3",
                "num_experts_per_tok | 9 | a token cannot go to 9 of 8 experts",
                "rms_norm_eps | -1 | epsilon must not be -1.0",
                "layer_types | [\"full_attention\"] | layer_types has 1 entries for 4 layers"
            })
    void refusalsNameTheFile(String key, String value, String reason) {
        String options = GROUPED.replaceAll("\"" + key + "\": [^,]*", "\"" + key + "\": " + value);
        String added = options.contains("\"" + key + "\"") ? "" : ", \"" + key + "\": " + value;
        UnsupportedModelException refusal = assertThrows(
                UnsupportedModelException.class, () -> read("\"model_type\": \"gpt_oss\", " + options + added));
        assertTrue(refusal.getMessage().contains("config.json: "), refusal.getMessage());
        assertTrue(refusal.getMessage().contains(reason), refusal.getMessage());
    }

    @Test
    void aSharedExpertIsFoundThoughTheLastLayerIsDense() throws IOException {
        GgufWriter writer = new GgufWriter()
                .putString("general.architecture", "qwen2moe")
                .putUint32("qwen2moe.block_count", 2)
                .putUint32("qwen2moe.embedding_length", 32)
                .putUint32("qwen2moe.feed_forward_length", 64)
                .putUint32("qwen2moe.expert_feed_forward_length", 32)
                .putUint32("qwen2moe.expert_shared_feed_forward_length", 96)
                .putUint32("qwen2moe.attention.head_count", 2)
                .putUint32("qwen2moe.expert_count", 4)
                .putUint32("qwen2moe.expert_used_count", 2)
                .putUint32("qwen2moe.vocab_size", 8)
                .putFloat32("qwen2moe.attention.layer_norm_rms_epsilon", 1e-6);
        for (String name : List.of("ffn_gate_inp", "ffn_gate_shexp", "ffn_gate_inp_shexp")) {
            writer.addTensor(
                    "blk.0." + name + ".weight", BlockFormat.F32, new long[] {1}, MemorySegment.ofArray(new float[1]));
        }
        Path file = temp.resolve("model.gguf");
        writer.write(file, WriteOptions.DEFAULTS);
        ModelConfig config = describe(file);
        FeedForwardConfig.Experts first =
                (FeedForwardConfig.Experts) config.layers().getFirst().feedForward();
        assertEquals(96, first.sharedWidth());
        assertTrue(first.sharedGate());
        assertNotNull(config.layers().getLast());
    }
}
