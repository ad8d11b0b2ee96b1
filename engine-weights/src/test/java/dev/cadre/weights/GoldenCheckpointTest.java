package dev.cadre.weights;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cadre.kernels.format.BlockCodec;
import java.io.IOException;
import java.math.BigInteger;
import java.net.URISyntaxException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Files written by the gguf and safetensors packages; {@code make_golden_checkpoints.py} made them. */
class GoldenCheckpointTest {
    static Path golden(String name) {
        try {
            return Path.of(
                    GoldenCheckpointTest.class.getResource("/golden/" + name).toURI());
        } catch (URISyntaxException e) {
            throw new AssertionError(e);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "gguf-types",
                "gguf-types/model.gguf",
                "gguf-split",
                "gguf-split/model-00001-of-00003.gguf",
                "gguf-split/model-00003-of-00003.gguf",
                "safetensors-single",
                "safetensors-single/config.json",
                "safetensors-single/model.safetensors",
                "safetensors-sharded",
                "safetensors-sharded/model-00002-of-00003.safetensors"
            })
    void everyTensorIsThereWithItsValues(String name) throws IOException {
        Path path = golden(name);
        Path folder = Files.isDirectory(path) ? path : path.getParent();
        List<String> expected = Files.readAllLines(folder.resolve("expected.txt"));
        try (Checkpoint checkpoint = Checkpoint.open(path)) {
            assertEquals(expected.size(), checkpoint.tensors().size());
            for (String line : expected) {
                String[] fields = line.split(" ", -1);
                TensorEntry tensor = checkpoint.require(fields[0]);
                assertEquals(line, describe(tensor));
                assertTrue(checkpoint.files().contains(tensor.file()));
            }
            assertNull(checkpoint.find("no.such.tensor"));
            CheckpointFormatException error =
                    assertThrows(CheckpointFormatException.class, () -> checkpoint.require("no.such.tensor"));
            assertEquals("no.such.tensor", error.item());
            assertTrue(error.getMessage().contains(checkpoint.path().toString()), error.getMessage());
            checkpoint.checkUnchanged();
        }
    }

    private static String describe(TensorEntry tensor) {
        float[] values = new float[Math.toIntExact(tensor.elements())];
        BlockCodec.of(tensor.format()).decode(tensor.data(), 0, values, 0, values.length);
        ByteBuffer bits = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : values) {
            bits.putInt(Float.floatToIntBits(value));
        }
        CRC32 crc = new CRC32();
        crc.update(bits.flip());
        StringBuilder shape = new StringBuilder();
        for (long dimension : tensor.shape()) {
            shape.append(shape.isEmpty() ? "" : ",").append(dimension);
        }
        return tensor.name() + " " + tensor.format() + " " + shape + " " + String.format("%08x", crc.getValue());
    }

    @ParameterizedTest
    @ValueSource(strings = {"gguf-types", "gguf-split"})
    void everyValueTypeOfGguf(String name) {
        try (Checkpoint checkpoint = Checkpoint.open(golden(name))) {
            Metadata m = checkpoint.metadata();
            assertEquals("gguf", checkpoint.format());
            assertEquals("golden-arch", m.requireString("general.architecture"));
            assertEquals(255, m.requireInt("u8"));
            assertEquals(-128, m.requireInt("i8"));
            assertEquals(65535, m.requireInt("u16"));
            assertEquals(-32768, m.requireInt("i16"));
            assertEquals(4294967295L, m.requireLong("u32"));
            assertThrows(CheckpointFormatException.class, () -> m.requireInt("u32"));
            assertEquals(Integer.MIN_VALUE, m.requireInt("i32"));
            assertEquals(1.5, m.requireDouble("f32"));
            assertEquals(255.0, m.requireDouble("u8"));
            assertTrue(m.requireBoolean("bool"));
            assertEquals("naïve 漢字 👩\u200d🚀 \0 end", m.requireString("string"));
            assertEquals(new BigInteger("18446744073709551615"), m.value("u64"));
            assertThrows(CheckpointFormatException.class, () -> m.requireLong("u64"));
            assertEquals(0x1p64, m.requireDouble("u64"));
            assertEquals(Long.MIN_VALUE, m.requireLong("i64"));
            assertEquals(0.1, m.requireDouble("f64"));
            assertArrayEquals(new int[] {1, -2, 3}, m.requireInts("ints"));
            assertArrayEquals(new double[] {1, -2, 3}, m.requireDoubles("ints"));
            assertArrayEquals(new double[] {0.5, -0.25}, m.requireDoubles("floats"));
            assertArrayEquals(new boolean[] {true, false, true}, m.requireBooleans("bools"));
            assertEquals(List.of("", "a", "Ġthe", "漢"), m.requireStrings("strings"));
            assertEquals(List.of(1L, -2L, 3L), m.value("ints"));
            assertEquals(7, m.intOr("absent", 7));
            assertNull(m.stringsOrNull("absent"));
        }
    }

    @Test
    void configJson() {
        try (Checkpoint checkpoint = Checkpoint.open(golden("safetensors-sharded"))) {
            Metadata m = checkpoint.metadata();
            assertEquals("safetensors", checkpoint.format());
            assertEquals(List.of("GoldenForCausalLM"), m.requireStrings("architectures"));
            assertEquals(64, m.requireInt("hidden_size"));
            assertEquals(1e-5, m.requireDouble("rms_norm_eps"));
            assertFalse(m.requireBoolean("tie_word_embeddings"));
            assertTrue(m.has("rope_scaling") && m.isNull("rope_scaling"));
            assertNull(m.child("rope_scaling"));
            assertEquals(10000.0, m.child("rope_parameters").requireDouble("rope_theta"));
            assertEquals(Map.of("rope_theta", 10000L, "type", "yarn"), m.value("rope_parameters"));
            assertArrayEquals(new double[] {0, Double.POSITIVE_INFINITY}, m.requireDoubles("time_step_limit"));
            assertEquals(1e30, m.requireDouble("max"));
            assertThrows(CheckpointFormatException.class, () -> m.requireLong("max"));
            CheckpointFormatException error = assertThrows(
                    CheckpointFormatException.class,
                    () -> m.child("rope_parameters").requireInt("type"));
            assertEquals("rope_parameters.type", error.item());
            assertTrue(error.getMessage().contains("the string \"yarn\""), error.getMessage());
        }
    }

    @Test
    void closedMeansUnmapped() {
        Checkpoint checkpoint = Checkpoint.open(golden("gguf-types"));
        TensorEntry tensor = checkpoint.tensors().iterator().next();
        checkpoint.close();
        checkpoint.close();
        float[] one = new float[1];
        assertThrows(
                IllegalStateException.class,
                () -> BlockCodec.of(tensor.format()).decode(tensor.data(), 0, one, 0, 1));
    }
}
