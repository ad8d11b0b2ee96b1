package dev.cadre.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cadre.kernels.format.BlockFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Options of config.json reach the GGUF file, also where they are absent and transformers has a value for them, or the
 * conversion fails.
 */
class ConvertedConfigTest {
    private static final Path GOLDEN = Path.of("../engine-core/src/test/resources/golden/families");

    @TempDir
    Path temp;

    /** A golden folder whose config has other values, {@code key=json;key=json}; a value of "-" removes the key. */
    private Path folder(String family, String changes) {
        try {
            Path folder = Files.createDirectories(temp.resolve("hf"));
            Files.copy(GOLDEN.resolve(family).resolve("model.safetensors"), folder.resolve("model.safetensors"));
            String config = Files.readString(GOLDEN.resolve(family).resolve("config.json"));
            if (!config.startsWith("{\n  ")) {
                config = config.replaceAll("(?m)^( +)", "$1$1"); // one is indented by single spaces
            }
            for (String change : changes.split(";")) {
                String key = change.substring(0, change.indexOf('='));
                String value = change.substring(key.length() + 1);
                config = config.replaceFirst(
                        "(?s)\n  \"" + key + "\": (\\{\n.*?\n  \\}|\\[\n.*?\n  \\]|[^\n]*?),(?=\n)", "");
                assertFalse(config.contains("\n  \"" + key + "\""), key);
                config = value.equals("-") ? config : "{\n  \"" + key + "\": " + value + "," + config.substring(1);
            }
            Files.writeString(folder.resolve("config.json"), config);
            return folder;
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private Checkpoint convert(Path folder) {
        return Checkpoint.open(
                CheckpointConverter.convert(folder, temp.resolve("out.gguf"), new ConversionOptions(BlockFormat.BF16))
                        .getFirst());
    }

    /** Expected is "none" where the key must not be there. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "qwen3_moe   | norm_topk_prob=false    | qwen3moe.expert_weights_norm | false",
                "qwen3_moe   | norm_topk_prob=-        | qwen3moe.expert_weights_norm | false",
                "qwen2_moe   | norm_topk_prob=true     | qwen2moe.expert_weights_norm | true",
                "olmoe       | norm_topk_prob=true     | olmoe.expert_weights_norm    | true",
                "mixtral     | norm_topk_prob=false    | llama.expert_weights_norm    | none",
                "mixtral     | clip_qkv=1.5            | llama.attention.clamp_kqv    | none",
                // windows
                "mixtral     | sliding_window=8        | llama.attention.sliding_window   | 8",
                "mixtral     | sliding_window=-        | llama.attention.sliding_window   | none",
                "olmoe       | sliding_window=8        | olmoe.attention.sliding_window   | none",
                "qwen3_moe   | sliding_window=8        | qwen3moe.attention.sliding_window | none",
                "qwen3_moe   | sliding_window=8;use_sliding_window=-   | qwen3moe.attention.sliding_window | none",
                "qwen3_moe   | sliding_window=8;use_sliding_window=true | qwen3moe.attention.sliding_window | 8",
                "qwen3_moe   | sliding_window=-;use_sliding_window=true | qwen3moe.attention.sliding_window | 4096",
                "qwen3_moe   | sliding_window=null;use_sliding_window=true | qwen3moe.attention.sliding_window | none",
                "qwen3_moe   | sliding_window=8;use_sliding_window=true;"
                        + "layer_types=[\"full_attention\",\"full_attention\",\"full_attention\"]"
                        + "| qwen3moe.attention.sliding_window | 8",
                "qwen2_moe   | sliding_window=8;use_sliding_window=true | qwen2moe.attention.sliding_window | none",
                "qwen2_moe   | sliding_window=8;use_sliding_window=true;"
                        + "layer_types=[\"sliding_attention\",\"sliding_attention\",\"sliding_attention\"]"
                        + "| qwen2moe.attention.sliding_window | 8",
                "qwen2_moe   | sliding_window=8;use_sliding_window=true;layer_types=-;max_window_layers=0"
                        + "| qwen2moe.attention.sliding_window | none",
                "gpt_oss     | layer_types=-           | gpt-oss.attention.sliding_window | 12",
                "gpt_oss     | sliding_window=-        | gpt-oss.attention.sliding_window | 128",
                "gpt_oss     | layer_types=[\"full_attention\",\"full_attention\",\"full_attention\"]"
                        + "| gpt-oss.attention.sliding_window | none",
                // rotation
                "mixtral     | rope_parameters=-       | llama.rope.freq_base         | 1000000",
                "olmoe       | rope_parameters=-       | olmoe.rope.freq_base         | 10000",
                "gpt_oss     | rope_parameters=-       | gpt-oss.rope.freq_base       | 150000",
                "gpt_oss     | rope_parameters=-       | gpt-oss.rope.scaling.factor  | 32",
                "gpt_oss     | rope_parameters=-       | gpt-oss.rope.scaling.original_context_length | 4096",
                "gpt_oss     | rope_parameters={}      | gpt-oss.rope.scaling.type    | none",
                "mistral4    | rope_parameters=-       | mistral4.rope.scaling.factor | 128",
                "mistral4    | rope_parameters=-       | mistral4.rope.scaling.yarn_log_multiplier | 0.1",
                "mistral4    | rope_parameters=-       | mistral4.attention.temperature_length | 8192",
                "olmoe       | rope_scaling={\"type\":\"linear\",\"factor\":3}  | olmoe.rope.scaling.factor | 3",
                "qwen2_moe   | rope_scaling={\"type\":\"default\"} | qwen2moe.rope.scaling.factor | none",
                "qwen2_moe   | rope_scaling=null       | qwen2moe.rope.scaling.factor | 2",
                "qwen2_moe   | rope_scaling={}         | qwen2moe.rope.scaling.factor | 2",
                "qwen3_moe   | original_max_position_embeddings=32"
                        + "| qwen3moe.rope.scaling.original_context_length | 32",
                "qwen3_moe   | rope_parameters={\"rope_type\":\"yarn\",\"factor\":2}"
                        + "| qwen3moe.rope.scaling.original_context_length | 512",
                "qwen3_moe   | rope_parameters={\"rope_type\":\"yarn\",\"factor\":2,\"beta_fast\":0}"
                        + "| qwen3moe.rope.scaling.yarn_beta_fast | none",
                "olmoe       | partial_rotary_factor=0.5 | olmoe.rope.dimension_count | 16",
                // what else can be absent
                "mixtral     | rms_norm_eps=-          | llama.attention.layer_norm_rms_epsilon     | 1e-5",
                "qwen3_moe   | rms_norm_eps=-          | qwen3moe.attention.layer_norm_rms_epsilon  | 1e-6",
                "qwen2_moe   | rms_norm_eps=-          | qwen2moe.attention.layer_norm_rms_epsilon  | 1e-6",
                "olmoe       | rms_norm_eps=-          | olmoe.attention.layer_norm_rms_epsilon     | 1e-5",
                "gpt_oss     | rms_norm_eps=-          | gpt-oss.attention.layer_norm_rms_epsilon   | 1e-5",
                "glm4_moe    | rms_norm_eps=-          | glm4moe.attention.layer_norm_rms_epsilon   | 1e-5",
                "glm4_moe_lite | rms_norm_eps=-        | deepseek2.attention.layer_norm_rms_epsilon | 1e-5",
                "deepseek_v3 | rms_norm_eps=-          | deepseek2.attention.layer_norm_rms_epsilon | 1e-6",
                "mistral4    | rms_norm_eps=-          | mistral4.attention.layer_norm_rms_epsilon  | 1e-6",
                "../mixed    | rms_norm_eps=-          | glm-dsa.attention.layer_norm_rms_epsilon   | 1e-5",
                "../mixed    | routed_scaling_factor=- | glm-dsa.expert_weights_scale        | 2.5",
                "llama4_text | attention_chunk_size=8192;floor_scale=8192;no_rope_layers=-;"
                        + "layer_types=-;moe_layers=-;rms_norm_eps=-"
                        + "| llama4.attention.layer_norm_rms_epsilon | 1e-5",
                "llama4_text | attention_chunk_size=8192;floor_scale=8192;no_rope_layers=-;"
                        + "layer_types=-;moe_layers=-;rope_parameters=-"
                        + "| llama4.rope.freq_base | 500000",
                "deepseek_v3 | n_shared_experts=-      | deepseek2.expert_shared_count       | 1",
                "glm4_moe    | n_shared_experts=-      | glm4moe.expert_shared_count         | 1",
                "glm4_moe    | first_k_dense_replace=- | glm4moe.leading_dense_block_count   | 1",
                "glm4_moe_lite | mlp_layer_types=-     | deepseek2.leading_dense_block_count | 1",
                "deepseek_v3 | routed_scaling_factor=- | deepseek2.expert_weights_scale      | 2.5",
                "deepseek_v32 | routed_scaling_factor=- | deepseek32.expert_weights_scale    | 2.5",
                "glm4_moe_lite | routed_scaling_factor=- | deepseek2.expert_weights_scale    | 1.8",
                "glm4_moe    | routed_scaling_factor=- | glm4moe.expert_weights_scale        | 1",
                "mistral4    | routed_scaling_factor=- | mistral4.expert_weights_scale       | 1",
                "deepseek_v3 | n_group=-               | deepseek2.expert_group_count        | 8",
                "deepseek_v3 | n_group=null            | deepseek2.expert_group_count        | 1",
                "deepseek_v32 | topk_group=-           | deepseek32.expert_group_used_count  | 4",
                "glm4_moe_lite | n_group=-             | deepseek2.expert_group_count        | 1",
            })
    void written(String family, String changes, String key, String expected) {
        try (Checkpoint converted = convert(folder(family, changes))) {
            Object value = converted.metadata().value(key);
            if (value instanceof Number number) {
                assertEquals(Float.parseFloat(expected), number.floatValue(), key);
            } else {
                assertEquals(expected, value == null ? "none" : value.toString(), key);
            }
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "qwen2_moe | sliding_window=8;use_sliding_window=true;layer_types=-"
                        + "| sliding_window | all layers or none",
                "qwen2_moe | sliding_window=8;use_sliding_window=true;"
                        + "layer_types=[\"full_attention\",\"full_attention\",\"sliding_attention\"]"
                        + "| layer_types[0] | all layers or none",
                "mixtral   | sliding_window=0 | sliding_window | is 0, a window must be 1 or more",
                "gpt_oss   | layer_types=[\"full_attention\",\"sliding_attention\",\"full_attention\"]"
                        + "| layer_types[0] | layers 0, 2, 4 and so on",
                "gpt_oss   | layer_types=[\"sliding_attention\",\"sliding_attention\",\"sliding_attention\"]"
                        + "| layer_types[1] | layers 0, 2, 4 and so on",
                "gpt_oss   | layer_types=[\"sliding_attention\",\"full_attention\",\"odd\"]"
                        + "| layer_types[2] | is odd, known",
                "gpt_oss   | rope_parameters={\"rope_type\":\"yarn\",\"factor\":8,\"truncate\":true}"
                        + "| rope_parameters.truncate | is true; gpt-oss.* in GGUF implies false",
                "gpt_oss   | rope_scaling={\"rope_type\":\"yarn\",\"factor\":8}"
                        + "| rope_scaling.truncate | is true; gpt-oss.* in GGUF implies false",
                "qwen3_moe | rope_parameters={\"rope_type\":\"yarn\",\"factor\":8,\"truncate\":false}"
                        + "| rope_parameters.truncate | is false; qwen3moe.* in GGUF implies true",
                "qwen3_moe | rope_parameters={\"rope_type\":\"yarn\",\"factor\":8,\"truncate\":null}"
                        + "| rope_parameters.truncate | is false",
                "deepseek_v3 | rope_parameters={\"rope_type\":\"yarn\",\"factor\":8,\"truncate\":false}"
                        + "| rope_parameters.truncate | is false; deepseek2.* in GGUF implies true",
                "deepseek_v3 | rope_parameters={\"rope_type\":\"llama3\",\"factor\":8}"
                        + "| rope_parameters.rope_type | llama3",
                "mistral4  | rope_parameters={\"rope_type\":\"llama3\",\"factor\":8}"
                        + "| rope_parameters.rope_type | llama3",
                "qwen3_moe | rope_parameters={\"rope_type\":\"llama3\",\"factor\":8}"
                        + "| rope_parameters.rope_type | llama3",
                "deepseek_v3 | rope_parameters={\"rope_type\":\"linear\",\"factor\":8,\"mscale_all_dim\":0.5}"
                        + "| rope_parameters.mscale_all_dim | is 0.5; GGUF has it for YaRN",
                "qwen3_moe | rope_parameters={\"rope_type\":\"yarn\",\"factor\":8,\"mscale\":1,\"mscale_all_dim\":1}"
                        + "| rope_parameters.mscale | is 1.0 beside mscale_all_dim 1.0",
                "olmoe     | rope_parameters={\"rope_type\":\"linear\",\"factor\":8,\"partial_rotary_factor\":0.5}"
                        + "| rope_parameters.partial_rotary_factor | is 0.5, olmoe rotates whole heads",
                "glm4_moe_lite | mlp_layer_types=[\"sparse\",\"dense\",\"sparse\"]"
                        + "| mlp_layer_types[1] | is dense after",
                "llama4_text | attention_chunk_size=8192;floor_scale=8192;no_rope_layers=- | layer_types[1]"
                        + "| is full_attention; llama4 in GGUF implies chunked_attention",
                "olmoe     | hidden_act=\"gelu\" | hidden_act | is \"gelu\"",
            })
    void refused(String family, String changes, String item, String reason) {
        Path folder = folder(family, changes);
        CheckpointFormatException error = assertThrows(CheckpointFormatException.class, () -> convert(folder));
        assertEquals(item, error.item(), error.getMessage());
        assertTrue(error.getMessage().contains(folder.resolve("config.json").toString()), error.getMessage());
        assertTrue(error.getMessage().contains(reason), error.getMessage());
        assertFalse(Files.exists(temp.resolve("out.gguf")));
    }

    @Test
    void anOutputMatrixThatIsStoredIsKeptThoughTied() {
        try (Checkpoint converted = convert(folder("olmoe", "tie_word_embeddings=true"))) {
            assertNotNull(converted.find("output.weight"));
        }
    }
}
