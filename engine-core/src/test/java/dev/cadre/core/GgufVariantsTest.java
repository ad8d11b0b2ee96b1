package dev.cadre.core;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cadre.kernels.format.BlockCodec;
import dev.cadre.kernels.format.BlockEncoder;
import dev.cadre.kernels.format.BlockFormat;
import dev.cadre.weights.Checkpoint;
import dev.cadre.weights.GgufWriter;
import dev.cadre.weights.TensorEntry;
import dev.cadre.weights.WriteOptions;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** GGUF files as other converters write them. */
class GgufVariantsTest {
    @TempDir
    private Path temp;

    /** A writer with the keys, but for some, and the chosen tensors of a checkpoint. */
    private static GgufWriter copy(Checkpoint source, Predicate<String> tensors, Set<String> leftOut) {
        GgufWriter writer = new GgufWriter();
        for (String key : source.metadata().keys()) {
            if (leftOut.contains(key)) {
                continue;
            }
            switch (source.metadata().value(key)) {
                case String text -> writer.putString(key, text);
                case Boolean flag -> writer.putBoolean(key, flag);
                case Long number -> writer.putUint32(key, number);
                case Double number -> writer.putFloat32(key, number);
                case List<?> list -> {
                    boolean[] flags = new boolean[list.size()];
                    for (int i = 0; i < flags.length; i++) {
                        flags[i] = (Boolean) list.get(i);
                    }
                    writer.putBooleans(key, flags);
                }
                default -> throw new IllegalStateException("unexpected value of " + key);
            }
        }
        for (TensorEntry tensor : source.tensors()) {
            if (tensors.test(tensor.name())) {
                writer.addTensor(tensor.name(), tensor.format(), tensor.shape(), tensor.data());
            }
        }
        return writer;
    }

    private static float[] logits(Path model, int[] prompt) {
        try (MoeModel loaded = MoeModel.load(model, Golden.exact());
                Session session = loaded.newSession()) {
            return session.forward(prompt).values();
        }
    }

    @Test
    void indexersOfSharedLayersAreIgnored() throws IOException {
        Golden golden = Golden.of("mixed");
        Path original = golden.folder().resolve("model.gguf");
        Path scrambled = temp.resolve("scrambled.gguf");
        Random random = new Random(3);
        int added = 0;
        try (Checkpoint source = Checkpoint.open(original)) {
            GgufWriter writer = copy(source, name -> true, Set.of());
            int layers = source.metadata().requireInt("glm-dsa.block_count");
            for (int layer = 0; layer < layers; layer++) {
                for (String part :
                        List.of("attn_q_b.weight", "attn_k.weight", "k_norm.weight", "k_norm.bias", "proj.weight")) {
                    String name = "blk." + layer + ".indexer." + part;
                    if (source.find(name) == null) {
                        TensorEntry like = source.require("blk.0.indexer." + part);
                        float[] noise = new float[(int) like.elements()];
                        for (int i = 0; i < noise.length; i++) {
                            noise[i] = (float) random.nextGaussian();
                        }
                        writer.addTensor(name, BlockFormat.F32, like.shape(), MemorySegment.ofArray(noise));
                        added++;
                    }
                }
            }
            writer.write(scrambled, WriteOptions.DEFAULTS);
        }
        assertTrue(added > 0, "the model has shared layers");
        assertArrayEquals(logits(original, golden.prompt()), logits(scrambled, golden.prompt()), 0f);
    }

    @Test
    void keysAndValuesInOneTensor() throws IOException {
        Golden golden = Golden.of("mixed");
        Path target = temp.resolve("kv_b.gguf");
        try (Checkpoint gguf = Checkpoint.open(golden.folder().resolve("model.gguf"));
                Checkpoint folder = Checkpoint.open(golden.folder())) {
            GgufWriter writer = copy(gguf, name -> !name.contains("attn_k_b") && !name.contains("attn_v_b"), Set.of());
            int layers = gguf.metadata().requireInt("glm-dsa.block_count");
            for (int layer = 0; layer < layers; layer++) {
                TensorEntry both = folder.require("model.layers." + layer + ".self_attn.kv_b_proj.weight");
                writer.addTensor("blk." + layer + ".attn_kv_b.weight", both.format(), both.shape(), both.data());
            }
            writer.write(target, WriteOptions.DEFAULTS);
        }
        float[] values = logits(target, golden.prompt());
        assertArrayEquals(golden.logits().values(), values, (float) (1e-4 * golden.logitsDeviation()));
    }

    @Test
    void layersForPredictionAreCountedAndLeftOut() throws IOException {
        Golden golden = Golden.of("mixed");
        Path target = temp.resolve("mtp.gguf");
        try (Checkpoint source = Checkpoint.open(golden.folder().resolve("model.gguf"))) {
            Set<String> changed = Set.of("glm-dsa.block_count", "glm-dsa.nextn_predict_layers");
            GgufWriter writer = copy(source, name -> true, changed);
            int layers = source.metadata().requireInt("glm-dsa.block_count");
            writer.putUint32("glm-dsa.block_count", layers + 1).putUint32("glm-dsa.nextn_predict_layers", 1);
            TensorEntry norm = source.require("blk.0.attn_norm.weight");
            writer.addTensor("blk." + layers + ".nextn.enorm.weight", norm.format(), norm.shape(), norm.data());
            writer.write(target, WriteOptions.DEFAULTS);
        }
        assertArrayEquals(
                logits(golden.folder().resolve("model.gguf"), golden.prompt()), logits(target, golden.prompt()), 0f);
        ModelInspection inspection = ModelInspection.of(target, 0, KvPrecision.F32);
        assertEquals(null, inspection.unsupported());
        assertTrue(inspection.tensors().stream().anyMatch(t -> t.name().contains("nextn.enorm")));
    }

    static Stream<String> families() throws IOException {
        try (Stream<Path> folders = Files.list(Golden.resource("golden/families"))) {
            return folders
                    .filter(f -> Files.exists(f.resolve("model.gguf")))
                    .map(f -> f.getFileName().toString())
                    .sorted()
                    .toList()
                    .stream();
        }
    }

    /** What Q8_0 may cost on these models of noise: mean KL divergence from the reference, and agreement. */
    @ParameterizedTest
    @MethodSource("families")
    void quantisedToQ8(String family) throws IOException {
        Golden golden = Golden.of("families/" + family);
        Path target = temp.resolve("q8.gguf");
        try (Checkpoint source = Checkpoint.open(golden.folder().resolve("model.gguf"));
                Arena arena = Arena.ofShared()) {
            GgufWriter writer = copy(source, name -> !quantisable(source.require(name)), Set.of());
            for (TensorEntry tensor : source.tensors()) {
                if (quantisable(tensor)) {
                    writer.addTensor(tensor.name(), BlockFormat.Q8_0, tensor.shape(), toQ8(tensor, arena));
                }
            }
            writer.write(target, WriteOptions.DEFAULTS);
        }
        float[] values = logits(target, golden.prompt());
        int rows = golden.prompt().length;
        int v = values.length / rows;
        Logits mine = new Logits(values, rows, v);
        Logits reference = new Logits(golden.logits().values(), rows, v);
        double kld = 0;
        int agreed = 0;
        for (int row = 0; row < rows; row++) {
            kld += CheckpointVariantsTest.kld(reference.values(), values, row * v, v) / rows;
            agreed += mine.argmax(row) == reference.argmax(row) ? 1 : 0;
        }
        assertTrue(kld > 0 && kld < 0.03, family + ": mean KL divergence " + kld);
        assertTrue(agreed >= 0.8 * rows, family + ": the best token agrees in " + agreed + " of " + rows);
    }

    private static boolean quantisable(TensorEntry tensor) {
        return tensor.shape().length > 1
                && tensor.columns() % 32 == 0
                && !tensor.name().contains("gate_inp");
    }

    private static MemorySegment toQ8(TensorEntry tensor, Arena arena) {
        int n = (int) tensor.elements();
        float[] values = new float[n];
        BlockCodec.of(tensor.format()).decode(tensor.data(), 0, values, 0, n);
        MemorySegment blocks = arena.allocate(BlockFormat.Q8_0.bytes(n));
        BlockEncoder.of(BlockFormat.Q8_0).encode(values, 0, n, blocks, 0);
        return blocks;
    }
}
