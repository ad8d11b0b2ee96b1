package dev.cadre.weights;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cadre.kernels.format.BlockCodec;
import dev.cadre.kernels.format.BlockFormat;
import dev.cadre.weights.ConversionOptions.TypeRule;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Conversions of the golden GLM-DSA checkpoint, against the GGUF that the gguf package made of the same weights. */
class CheckpointConverterTest {
    private static final Path MIXED = Path.of("../engine-core/src/test/resources/golden/mixed");
    private static final Path TOKENIZER = Path.of("../engine-core/src/test/resources/golden/tokenizers/glm4");

    @TempDir
    Path temp;

    /** The golden folder, with {@code change} from and to in its config. */
    private Path folder(String from, String to) {
        try {
            Path folder = Files.createDirectories(temp.resolve("hf"));
            Files.copy(MIXED.resolve("model.safetensors"), folder.resolve("model.safetensors"));
            String config = Files.readString(MIXED.resolve("config.json"));
            assertTrue(config.contains(from), from);
            Files.writeString(folder.resolve("config.json"), config.replace(from, to));
            return folder;
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private Path convert(Path folder, ConversionOptions options) {
        return CheckpointConverter.convert(folder, temp.resolve("out.gguf"), options)
                .getFirst();
    }

    @Test
    void namesKeysShapesAndValuesAreThoseOfTheReference() {
        ConversionOptions options = new ConversionOptions(BlockFormat.F32)
                .withName("cadre-golden-mixed")
                .withRules(List.of(TypeRule.parse("ffn_(gate|up|down)_exps=bf16")));
        Path file = convert(MIXED, options);
        try (Checkpoint expected = Checkpoint.open(MIXED.resolve("model.gguf"));
                Checkpoint actual = Checkpoint.open(file)) {
            Set<String> keys = new HashSet<>(expected.metadata().keys());
            assertEquals(keys, new HashSet<>(actual.metadata().keys()));
            for (String key : keys) {
                assertEquals(expected.metadata().value(key), actual.metadata().value(key), key);
            }
            assertEquals(names(expected), names(actual), "tensor names");
            for (TensorEntry tensor : expected.tensors()) {
                TensorEntry converted = actual.require(tensor.name());
                assertEquals(tensor.format(), converted.format(), tensor.name());
                assertArrayEquals(tensor.shape(), converted.shape(), tensor.name());
                assertEquals(-1, tensor.data().mismatch(converted.data()), tensor.name());
            }
        }
    }

    private static Set<String> names(Checkpoint checkpoint) {
        Set<String> names = new HashSet<>();
        checkpoint.tensors().forEach(tensor -> names.add(tensor.name()));
        return names;
    }

    /** Every other family: tensors bit for bit, and every key that the reference has. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "deepseek_v3",
                "glm4_moe_lite",
                "glm4_moe",
                "qwen3_moe",
                "qwen2_moe",
                "olmoe",
                "mixtral",
                "gpt_oss",
                "mistral4"
            })
    void otherFamilies(String family) {
        Path folder = Path.of("../engine-core/src/test/resources/golden/families", family);
        Path file = convert(folder, new ConversionOptions(BlockFormat.BF16));
        try (Checkpoint expected = Checkpoint.open(folder.resolve("model.gguf"));
                Checkpoint actual = Checkpoint.open(file)) {
            for (String key : expected.metadata().keys()) {
                assertEquals(expected.metadata().value(key), actual.metadata().value(key), key);
            }
            assertEquals(names(expected), names(actual), "tensor names");
            for (TensorEntry tensor : expected.tensors()) {
                TensorEntry converted = actual.require(tensor.name());
                assertEquals(tensor.format(), converted.format(), tensor.name());
                assertArrayEquals(tensor.shape(), converted.shape(), tensor.name());
                assertEquals(-1, tensor.data().mismatch(converted.data()), tensor.name());
            }
        }
    }

    @Test
    void quantisedWithFallbackWhereRowsDoNotDivide() {
        // hidden 72, ranks 44 and 36, widths 68 and 3: no row is a multiple of 32, so everything becomes F16
        try (Checkpoint converted = Checkpoint.open(convert(MIXED, new ConversionOptions(BlockFormat.Q4_K)))) {
            assertEquals(
                    BlockFormat.F16, converted.require("blk.0.attn_q_a.weight").format());
            assertEquals(
                    BlockFormat.F32, converted.require("blk.0.attn_norm.weight").format());
            assertEquals(
                    BlockFormat.F32,
                    converted.require("blk.5.ffn_gate_inp.weight").format());
            assertEquals(
                    BlockFormat.F32,
                    converted.require("blk.0.indexer.proj.weight").format());
            assertEquals(14, converted.metadata().requireInt("general.file_type"));
        }
    }

    @Test
    void severalPartsOpenAsOne() {
        WriteOptions write = WriteOptions.DEFAULTS.withMaxPartBytes(500_000);
        List<Path> files = CheckpointConverter.convert(
                MIXED, temp.resolve("out.gguf"), new ConversionOptions(BlockFormat.BF16).withWrite(write));
        assertTrue(files.size() > 2, files.toString());
        try (Checkpoint converted = Checkpoint.open(files.get(1));
                Checkpoint expected = Checkpoint.open(MIXED.resolve("model.gguf"))) {
            assertEquals(names(expected), names(converted));
        }
    }

    @Test
    void tokenizerKeysAreThoseOfTheReference() throws IOException {
        Path folder = folder("\"vocab_size\": 251", "\"vocab_size\": 251");
        // the golden tokenizer is larger than this model's vocabulary
        Files.copy(TOKENIZER.resolve("tokenizer.json"), folder.resolve("tokenizer.json"));
        CheckpointFormatException tooSmall = assertThrows(
                CheckpointFormatException.class, () -> convert(folder, new ConversionOptions(BlockFormat.F16)));
        assertTrue(tooSmall.getMessage().contains("vocab_size"), tooSmall.getMessage());
        assertFalse(Files.exists(temp.resolve("out.gguf")));

        Path tokenizer = Files.createDirectories(temp.resolve("tok"));
        Files.copy(TOKENIZER.resolve("tokenizer.json"), tokenizer.resolve("tokenizer.json"));
        Files.writeString(tokenizer.resolve("chat_template.jinja"), "{{ messages }}");
        TestFiles.glmDsaFolder(tokenizer, 1600);
        try (Checkpoint converted = Checkpoint.open(convert(tokenizer, new ConversionOptions(BlockFormat.Q8_0)));
                Checkpoint expected = Checkpoint.open(TOKENIZER.resolve("vocab.gguf"))) {
            Metadata m = converted.metadata();
            Metadata reference = expected.metadata();
            List<String> tokens = reference.requireStrings("tokenizer.ggml.tokens");
            int[] kinds = reference.requireInts("tokenizer.ggml.token_type");
            for (int i = 0; i < tokens.size(); i++) {
                assertEquals(
                        tokens.get(i), m.requireStrings("tokenizer.ggml.tokens").get(i));
                assertEquals(kinds[i], m.requireInts("tokenizer.ggml.token_type")[i], tokens.get(i));
            }
            assertEquals(1600, m.requireStrings("tokenizer.ggml.tokens").size());
            assertEquals("[PAD1599]", m.requireStrings("tokenizer.ggml.tokens").getLast());
            assertEquals(5, m.requireInts("tokenizer.ggml.token_type")[1599]);
            for (String key : List.of("tokenizer.ggml.model", "tokenizer.ggml.pre", "tokenizer.ggml.merges")) {
                assertEquals(reference.value(key), m.value(key), key);
            }
            assertEquals("{{ messages }}", m.requireString("tokenizer.chat_template"));
            assertEquals("[gMASK]", tokens.get(m.requireInt("tokenizer.ggml.bos_token_id")));
            assertEquals("<|endoftext|>", tokens.get(m.requireInt("tokenizer.ggml.eos_token_id")));
            assertEquals("<|user|>", tokens.get(m.requireInt("tokenizer.ggml.eot_token_id")));
        }
    }

    @Test
    void sentencePieceTokenizer() throws IOException {
        Path folder = Files.createDirectories(temp.resolve("spm"));
        TestFiles.glmDsaFolder(folder, 16);
        Files.writeString(folder.resolve("tokenizer.json"), """
                {"added_tokens": [{"id": 0, "content": "<unk>", "special": true},
                                  {"id": 1, "content": "<s>", "special": true},
                                  {"id": 2, "content": "</s>", "special": true},
                                  {"id": 9, "content": "plain", "special": false}],
                 "model": {"type": "BPE", "byte_fallback": true,
                           "vocab": {"<unk>": 0, "<s>": 1, "</s>": 2, "<0x0A>": 3, "▁": 4, "a": 5, "b": 6, "▁a": 7,
                                     "▁ab": 8},
                           "merges": ["▁ a", ["▁a", "b"]]}}
                """);
        Files.writeString(
                folder.resolve("tokenizer_config.json"),
                "{\"eos_token\": {\"content\": \"</s>\"}, \"pad_token\": null, \"chat_template\": \"t\"}");
        try (Checkpoint converted = Checkpoint.open(convert(folder, new ConversionOptions(BlockFormat.F16)))) {
            Metadata m = converted.metadata();
            assertEquals("llama", m.requireString("tokenizer.ggml.model"));
            assertArrayEquals(
                    new int[] {2, 3, 3, 6, 1, 1, 1, 1, 1, 4, 5, 5, 5, 5, 5, 5},
                    m.requireInts("tokenizer.ggml.token_type"));
            double[] scores = m.requireDoubles("tokenizer.ggml.scores");
            assertEquals(-1, scores[7]);
            assertEquals(-2, scores[8]);
            assertEquals(2, m.requireInt("tokenizer.ggml.eos_token_id"));
            assertFalse(m.has("tokenizer.ggml.padding_token_id"));
            assertEquals("t", m.requireString("tokenizer.chat_template"));
        }
    }

    @Test
    void mxfp4ExpertsOfGptOssStayMxfp4() {
        Path folder = temp.resolve("gpt-oss");
        TestFiles.gptOssFolder(folder);
        try (Checkpoint source = Checkpoint.open(folder);
                Checkpoint converted = Checkpoint.open(convert(folder, new ConversionOptions(BlockFormat.Q8_0)))) {
            assertEquals(
                    BlockFormat.Q8_0, converted.require("blk.0.attn_q.weight").format());
            StoredTensor both = StoredTensors.require(source, "model.layers.0.mlp.experts.gate_up_proj");
            for (int odd = 0; odd < 2; odd++) {
                TensorEntry half =
                        converted.require(odd == 0 ? "blk.0.ffn_gate_exps.weight" : "blk.0.ffn_up_exps.weight");
                assertEquals(BlockFormat.MXFP4, half.format());
                assertArrayEquals(new long[] {2, 32, 64}, half.shape());
                float[] expected = new float[64];
                float[] actual = new float[64];
                for (int row = 0; row < 64; row++) {
                    both.decodeRow(2 * row + odd, expected, 0);
                    BlockCodec.of(half.format()).decode(half.data(), row * 34L, actual, 0, 64);
                    for (int i = 0; i < 64; i++) {
                        assertTrue(expected[i] == actual[i], expected[i] + " became " + actual[i]);
                    }
                }
            }
        }
    }

    @Test
    void fp8FusedExpertsAndPredictionLayer() {
        Path folder = temp.resolve("fp8");
        TestFiles.glmDsaFolder(folder, 64);
        try (Checkpoint source = Checkpoint.open(folder);
                Checkpoint converted = Checkpoint.open(convert(folder, new ConversionOptions(BlockFormat.F32)))) {
            assertEquals(3, converted.metadata().requireInt("glm-dsa.block_count"));
            assertEquals(1, converted.metadata().requireInt("glm-dsa.nextn_predict_layers"));
            assertArrayEquals(
                    new long[] {64, 128},
                    converted.require("blk.2.nextn.eh_proj.weight").shape());
            assertTrue(names(converted).contains("blk.2.indexer.attn_k.weight"));
            StoredTensor fused = StoredTensors.require(source, "model.layers.1.mlp.experts.gate_up_proj");
            assertEquals("F8_E4M3 with 128x128 scales", fused.scheme());
            float[] expected = new float[64];
            float[] actual = new float[64];
            TensorEntry up = converted.require("blk.1.ffn_up_exps.weight");
            assertArrayEquals(new long[] {4, 32, 64}, up.shape());
            for (int row = 0; row < 4 * 32; row++) {
                fused.decodeRow(row / 32 * 64 + 32 + row % 32, expected, 0);
                BlockCodec.of(BlockFormat.F32).decode(up.data(), row * 256L, actual, 0, 64);
                assertArrayEquals(expected, actual);
            }
        }
    }

    @Test
    void deepSeekLeavesPredictionLayersOut() throws IOException {
        Path folder = temp.resolve("v3");
        TestFiles.glmDsaFolder(folder, 64);
        Path config = folder.resolve("config.json");
        Files.writeString(config, Files.readString(config).replace("glm_moe_dsa", "deepseek_v3"));
        // its layers 0 and 2 have an indexer, which DeepSeek-V3 has not
        refused(folder, "it has no place in GGUF");
        Files.writeString(
                config, Files.readString(config).replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1"));
        CheckpointFormatException error = assertThrows(
                CheckpointFormatException.class, () -> convert(folder, new ConversionOptions(BlockFormat.F16)));
        // layer 1, now for prediction, is left out; the indexer of layer 0 and all of layer 2 are not
        assertTrue(error.item().startsWith("model.layers.0.self_attn.indexer."), error.getMessage());
    }

    @Test
    void whatDoesNotFitIsRefused() {
        refused(folder("\"hidden_size\": 72", "\"hidden_size\": 71"), "after config.json it must be [251, 71]");
    }

    @Test
    void aTensorWithoutAPlaceIsRefused() {
        refused(folder("\"num_hidden_layers\": 7", "\"num_hidden_layers\": 6"), "it has no place in GGUF");
    }

    @Test
    void anUnknownFamilyIsRefused() {
        refused(folder("glm_moe_dsa", "gpt_neo"), "convertible are [glm_moe_dsa, deepseek_v3");
    }

    @Test
    void aMissingSizeIsRefused() {
        refused(folder("\"kv_lora_rank\"", "\"kv_lora_rang\""), "kv_lora_rank");
    }

    @Test
    void aTruncatedFolderWritesNothing() throws IOException {
        Path folder = folder("72", "72");
        Path file = folder.resolve("model.safetensors");
        Files.write(file, Arrays.copyOf(Files.readAllBytes(file), 2_000_000));
        refused(folder, "truncated");
    }

    private void refused(Path folder, String reason) {
        CheckpointFormatException error = assertThrows(
                CheckpointFormatException.class, () -> convert(folder, new ConversionOptions(BlockFormat.Q8_0)));
        assertTrue(error.getMessage().contains(reason), error.getMessage());
        assertFalse(Files.exists(temp.resolve("out.gguf")));
        assertFalse(Files.exists(temp.resolve("out.gguf.partial")));
    }

    @Test
    void typeRules() {
        TypeRule rule = TypeRule.parse("a=b|c=q6_k");
        assertEquals("a=b|c", rule.pattern().pattern());
        assertEquals(BlockFormat.Q6_K, rule.type());
        for (String bad : List.of("", "=Q8_0", "x", "x=", "x=Q9", "x=IQ1_S", "(=Q8_0")) {
            assertThrows(IllegalArgumentException.class, () -> TypeRule.parse(bad), bad);
        }
    }
}
