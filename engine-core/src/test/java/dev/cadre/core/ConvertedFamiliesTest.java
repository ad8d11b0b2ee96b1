package dev.cadre.core;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cadre.kernels.format.BlockFormat;
import dev.cadre.weights.Checkpoint;
import dev.cadre.weights.CheckpointConverter;
import dev.cadre.weights.CheckpointFormatException;
import dev.cadre.weights.ConversionOptions;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** Families without a GGUF twin from Python: the converted file gives the logits of the folder. */
class ConvertedFamiliesTest {
    private static final JsonMapper JSON = JsonMapper.shared();

    @TempDir
    private Path temp;

    private float[] logits(Path model, int[] tokens) {
        try (MoeModel loaded = MoeModel.load(model, Golden.exact());
                Session session = loaded.newSession()) {
            return session.forward(tokens).values();
        }
    }

    private Path convert(Path folder) {
        return CheckpointConverter.convert(folder, temp.resolve("out.gguf"), new ConversionOptions(BlockFormat.BF16))
                .getFirst();
    }

    @Test
    void deepSeekV32() throws IOException {
        Golden golden = Golden.of("families/deepseek_v32");
        Path file = convert(golden.folder());
        assertArrayEquals(
                golden.logits().values(), logits(file, golden.prompt()), (float) (1e-4 * golden.logitsDeviation()));
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            assertEquals("deepseek32", checkpoint.metadata().requireString("general.architecture"));
        }
    }

    @Test
    void llama4() throws IOException {
        Path folder = expressibleLlama4();
        int[] prompt = Golden.of("families/llama4_text").prompt();
        float[] expected = logits(folder, prompt);
        Path file = convert(folder);
        assertArrayEquals(expected, logits(file, prompt), 1e-4f);
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            assertEquals(2, checkpoint.metadata().requireInt("llama4.interleave_moe_layer_step"));
            assertEquals(8, checkpoint.require("rope_freqs.weight").elements());
        }
    }

    @ParameterizedTest
    @CsvSource({
        "attention_chunk_size, 16, 8192",
        "floor_scale, 8, 8192.0",
        "attn_scale, 0.2, 0.1",
        "attn_temperature_tuning, false, true",
        "use_qk_norm, false, true",
        "interleave_moe_layer_step, 1, '[0, 1, 2, 3]'",
    })
    void whatLlama4InGgufCannotSayIsRefusedByName(String key, String value, String implied) throws IOException {
        Path folder = expressibleLlama4();
        Path config = folder.resolve("config.json");
        ObjectNode changed = (ObjectNode) JSON.readTree(Files.readAllBytes(config));
        changed.set(key, JSON.readTree(value));
        Files.write(config, JSON.writeValueAsBytes(changed));
        CheckpointFormatException e = assertThrows(CheckpointFormatException.class, () -> convert(folder));
        assertTrue(e.getMessage().contains(key.replace("interleave_moe_layer_step", "moe_layers")), e.getMessage());
        assertTrue(e.getMessage().endsWith("llama4 in GGUF implies " + implied), e.getMessage());
    }

    /** The golden model has sizes and a mixture of layers that GGUF cannot say; two of its layers, twice, it can. */
    private Path expressibleLlama4() throws IOException {
        Path golden = Golden.of("families/llama4_text").folder();
        Path folder = Files.createDirectories(temp.resolve("llama4"));
        ObjectNode config = (ObjectNode) JSON.readTree(Files.readAllBytes(golden.resolve("config.json")));
        config.put("num_hidden_layers", 4)
                .put("attention_chunk_size", 8192)
                .put("floor_scale", 8192)
                .put("interleave_moe_layer_step", 2);
        config.set("no_rope_layers", JSON.readTree("[1, 1, 1, 0]"));
        config.set("moe_layers", JSON.readTree("[1, 3]"));
        config.set(
                "layer_types",
                JSON.readTree(
                        "[\"chunked_attention\",\"chunked_attention\",\"chunked_attention\",\"full_attention\"]"));
        Files.write(folder.resolve("config.json"), JSON.writeValueAsBytes(config));

        byte[] file = Files.readAllBytes(golden.resolve("model.safetensors"));
        int length = (int) ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getLong();
        JsonNode header = JSON.readTree(new String(file, 8, length, StandardCharsets.UTF_8));
        TreeMap<String, JsonNode> tensors = new TreeMap<>();
        header.properties().forEach(entry -> {
            String name = entry.getKey();
            if (name.startsWith("model.layers.0.") || name.startsWith("model.layers.1.")) {
                tensors.put(name.replace("layers.0.", "layers.2.").replace("layers.1.", "layers.3."), entry.getValue());
            }
            if (!name.startsWith("model.layers.2.") && !name.equals("__metadata__")) {
                tensors.put(name, entry.getValue());
            }
        });
        ObjectNode changed = JSON.createObjectNode();
        ByteArrayOutputStream data = new ByteArrayOutputStream();
        tensors.forEach((name, entry) -> {
            int from = entry.path("data_offsets").get(0).asInt();
            int to = entry.path("data_offsets").get(1).asInt();
            ObjectNode copy = (ObjectNode) entry.deepCopy();
            copy.putArray("data_offsets").add(data.size()).add(data.size() + to - from);
            data.write(file, 8 + length + from, to - from);
            changed.set(name, copy);
        });
        byte[] json = JSON.writeValueAsBytes(changed);
        ByteBuffer result = ByteBuffer.allocate(8 + json.length + data.size()).order(ByteOrder.LITTLE_ENDIAN);
        result.putLong(json.length).put(json).put(data.toByteArray());
        Files.write(folder.resolve("model.safetensors"), result.array());
        return folder;
    }
}
