package dev.cadre.core;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cadre.kernels.format.BlockEncoder;
import dev.cadre.kernels.format.BlockFormat;
import dev.cadre.weights.Checkpoint;
import dev.cadre.weights.CheckpointConverter;
import dev.cadre.weights.CheckpointFormatException;
import dev.cadre.weights.ConversionOptions;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Checkpoints as they occur in the wild: other spellings of the same configuration, other storage of the weights. */
class CheckpointVariantsTest {
    @TempDir
    private Path temp;

    /** A copy of a golden folder whose config.json, and tensor names, are rewritten. */
    private Path variant(String name, UnaryOperator<String> config, UnaryOperator<String> header) throws IOException {
        Path from = Golden.resource("golden/" + name);
        Path to = Files.createDirectories(temp.resolve(name.replace('/', '-')));
        Files.writeString(to.resolve("config.json"), config.apply(Files.readString(from.resolve("config.json"))));
        byte[] file = Files.readAllBytes(from.resolve("model.safetensors"));
        ByteBuffer bytes = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
        int length = (int) bytes.getLong(0);
        byte[] changed = header.apply(new String(file, 8, length, StandardCharsets.UTF_8))
                .getBytes(StandardCharsets.UTF_8);
        byte[] all = new byte[8 + changed.length + file.length - 8 - length];
        ByteBuffer.wrap(all)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(changed.length)
                .put(changed);
        System.arraycopy(file, 8 + length, all, 8 + changed.length, file.length - 8 - length);
        Files.write(to.resolve("model.safetensors"), all);
        return to;
    }

    private static void assertGolden(String name, Path folder) throws IOException {
        Golden golden = Golden.of(name);
        try (MoeModel model = MoeModel.load(folder, Golden.exact());
                Session session = model.newSession()) {
            float[] values = session.forward(golden.prompt()).values();
            assertArrayEquals(golden.logits().values(), values, (float) (1e-4 * golden.logitsDeviation()));
        }
    }

    @Test
    void oldSpellingOfYarn() throws IOException {
        Path folder = variant(
                "families/deepseek_v3",
                json -> json.replace("\"rope_parameters\"", "\"rope_theta\": 10000.0, \"rope_scaling\"")
                        .replace("\"rope_type\"", "\"type\"")
                        .replaceFirst("(?s)\"rope_theta\": 10000.0,(?=[^{]*\"type\")", "")
                        .replace("\"dtype\"", "\"torch_dtype\""),
                header -> header);
        assertGolden("families/deepseek_v3", folder);
    }

    @Test
    void kimiIsDeepSeekUnderAnotherName() throws IOException {
        Path folder = variant(
                "families/deepseek_v3", json -> json.replace("\"deepseek_v3\"", "\"kimi_k2\""), header -> header);
        assertGolden("families/deepseek_v3", folder);
    }

    @Test
    void textPartOfAMultimodalCheckpoint() throws IOException {
        for (String prefix : new String[] {"language_model.model.", "model.language_model."}) {
            Path folder = variant(
                    "families/qwen3_moe",
                    json -> "{\"model_type\": \"some_vision_model\", \"vision_config\": {}, \"text_config\": " + json
                            + "}",
                    header -> header.replace("\"model.", "\"" + prefix)
                            .replace(
                                    "\"lm_head.",
                                    prefix.startsWith("language") ? "\"language_model.lm_head." : "\"lm_head."));
            assertGolden("families/qwen3_moe", folder);
            Path converted = temp.resolve(prefix + "gguf");
            CheckpointConverter.convert(folder, converted, new ConversionOptions(BlockFormat.F32));
            assertGolden("families/qwen3_moe", converted);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "families/deepseek_v3, \"yarn\", \"longrope\", longrope",
        "families/deepseek_v3, \"silu\", \"relu2\", relu2",
        "full, \"silu\", \"gelu\", gelu",
        "full, glm_moe_dsa, glm5_next, glm5_next",
        "full, glm_moe_dsa, deepseek_v4, deepseek_v4",
        "full, glm_moe_dsa, kimi_linear, kimi_linear",
        "families/qwen3_moe, \"silu\", \"gelu_tanh\", gelu_tanh"
    })
    void unsupportedOptionsAreRefusedByName(String name, String old, String other, String named) throws IOException {
        String quotedOld = old.replace("'", "\"");
        Path folder = variant(name, json -> json.replace(quotedOld, other), header -> header);
        UnsupportedModelException e = assertThrows(UnsupportedModelException.class, () -> MoeModel.load(folder));
        assertTrue(e.getMessage().contains("'" + named + "'"), e.getMessage());
    }

    @Test
    void unknownScoringIsRefusedByName() throws IOException {
        Path folder = variant(
                "full",
                json -> json.replaceFirst("\"scoring_func\": \"sigmoid\"", "\"scoring_func\": \"sqrtsoftplus\""),
                h -> h);
        UnsupportedModelException e = assertThrows(UnsupportedModelException.class, () -> MoeModel.load(folder));
        assertTrue(e.getMessage().contains("'sqrtsoftplus'"), e.getMessage());
    }

    @Test
    void aShapeThatDisagreesNamesTheTensor() throws IOException {
        Path folder = variant(
                "full",
                json -> json.replaceFirst("\"moe_intermediate_size\": \\d+", "\"moe_intermediate_size\": 24"),
                h -> h);
        CheckpointFormatException e = assertThrows(CheckpointFormatException.class, () -> MoeModel.load(folder));
        assertTrue(e.getMessage().contains("experts.0.gate_proj.weight"), e.getMessage());
        assertTrue(e.getMessage().contains("[24, "), e.getMessage());
    }

    @Test
    void generationConfigNamesEndTokens() throws IOException {
        Golden golden = Golden.of("full");
        Path folder = variant("full", json -> json, header -> header);
        Files.writeString(
                folder.resolve("generation_config.json"), "{\"eos_token_id\": [" + golden.greedy()[3] + ", 99999]}");
        try (MoeModel model = MoeModel.load(folder, Golden.exact());
                Session session = model.newSession()) {
            Completion completion =
                    session.generate(golden.prompt(), Sampling.greedy()).result();
            assertEquals(StopReason.STOP, completion.stopReason());
            assertEquals(3, completion.tokens().size());
        }
        Files.writeString(folder.resolve("generation_config.json"), "[1");
        assertThrows(CheckpointFormatException.class, () -> MoeModel.load(folder));
    }

    @Test
    void layersBeyondTheTrunkAreLeftOut() throws IOException {
        Golden golden = Golden.of("mixed");
        Path folder = variant(
                "mixed",
                json -> json.replaceFirst(
                        "\"num_hidden_layers\": \\d+", "\"num_nextn_predict_layers\": 1, \"num_hidden_layers\": 6"),
                header -> header);
        try (MoeModel model = MoeModel.load(folder, Golden.exact());
                Session session = model.newSession()) {
            assertEquals(6, model.info().layers());
            assertEquals(
                    golden.prompt().length, session.forward(golden.prompt()).rows());
        }
        ModelInspection inspection = ModelInspection.of(folder, 0, KvPrecision.F32);
        assertTrue(inspection.activeParameters() < inspection.parameters());
    }

    /** What a format may cost: mean KL divergence from float32 weights, on this noise-like model. */
    @ParameterizedTest
    @CsvSource({"F32, 1e-9", "BF16, 1e-9", "F16, 1e-4", "Q8_0, 2e-2"})
    void convertedToOtherFormats(BlockFormat format, double mostKld) throws IOException {
        assertTrue(BlockEncoder.supports(format));
        Golden golden = Golden.of("mixed");
        Path target = temp.resolve(format + ".gguf");
        CheckpointConverter.convert(golden.folder(), target, new ConversionOptions(format));
        try (MoeModel model = MoeModel.load(target, Golden.exact());
                Session session = model.newSession()) {
            int v = model.info().vocabulary();
            float[] values = session.forward(golden.prompt()).values();
            double kld = 0;
            for (int row = 0; row < golden.prompt().length; row++) {
                kld += kld(golden.logits().values(), values, row * v, v);
            }
            double mean = kld / golden.prompt().length;
            assertTrue(mean <= mostKld, () -> format + ": mean KL divergence " + mean);
        }
    }

    /** KL divergence of one row of {@code values} from one of {@code reference}. */
    static double kld(float[] reference, float[] values, int at, int n) {
        double[] p = logSoftmax(reference, at, n);
        double[] q = logSoftmax(values, at, n);
        double sum = 0;
        for (int i = 0; i < n; i++) {
            sum += Math.exp(p[i]) * (p[i] - q[i]);
        }
        return sum;
    }

    private static double[] logSoftmax(float[] x, int at, int n) {
        double sum = 0;
        for (int i = 0; i < n; i++) {
            sum += Math.exp(x[at + i]);
        }
        double log = Math.log(sum);
        double[] result = new double[n];
        Arrays.setAll(result, i -> x[at + i] - log);
        return result;
    }

    @Test
    void missingFilesAndFoldersWithoutConfig() throws IOException {
        Path empty = Files.createDirectories(temp.resolve("empty"));
        for (Path path : new Path[] {temp.resolve("absent"), empty}) {
            RuntimeException e = assertThrows(RuntimeException.class, () -> MoeModel.load(path));
            assertTrue(e.getMessage().contains(path.toString()), e.getMessage());
        }
        byte[] whole = Files.readAllBytes(Golden.resource("golden/mixed/model.gguf"));
        Path cut = Files.write(temp.resolve("cut.gguf"), Arrays.copyOf(whole, whole.length / 2));
        CheckpointFormatException e = assertThrows(CheckpointFormatException.class, () -> MoeModel.load(cut));
        assertTrue(e.offset() >= 0, e.getMessage());
        try (Checkpoint intact = Checkpoint.open(Golden.resource("golden/mixed/model.gguf"))) {
            assertTrue(intact.tensors().size() > 10);
        }
    }
}
