package dev.cadre.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cadre.weights.StoredTensor.Fp8Channels;
import dev.cadre.weights.StoredTensor.Fp8Tiles;
import dev.cadre.weights.StoredTensor.Int4Groups;
import dev.cadre.weights.StoredTensor.Mxfp4Pair;
import dev.cadre.weights.StoredTensor.Plain;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Weights in several tensors, against values computed by torch ({@code make_golden_checkpoints.py}). */
class StoredTensorsTest {
    private static final Path SCHEMES = GoldenCheckpointTest.golden("safetensors-schemes");

    @TempDir
    Path temp;

    @Test
    void everySchemeDecodesToTheValuesOfTorch() throws IOException {
        List<String> expected = Files.readAllLines(SCHEMES.resolve("expected.txt"));
        try (Checkpoint checkpoint = Checkpoint.open(SCHEMES)) {
            Set<String> names = new HashSet<>();
            for (String line : expected) {
                String[] fields = line.split(" ");
                names.add(fields[0]);
                StoredTensor stored = StoredTensors.require(checkpoint, fields[0]);
                String shape = Arrays.toString(stored.shape()).replaceAll("[\\[\\] ]", "");
                assertEquals(line, fields[0] + " " + kind(stored) + " " + shape + " " + checksum(stored));
            }
            assertEquals(names, new HashSet<>(StoredTensors.names(checkpoint)));
            assertEquals(names.size(), StoredTensors.names(checkpoint).size());
            assertNull(StoredTensors.find(checkpoint, "absent.weight"));
            assertThrows(CheckpointFormatException.class, () -> StoredTensors.require(checkpoint, "absent.weight"));
        }
    }

    /** As transformers stores a shared expert of width 0. */
    @Test
    void aTensorMayHaveNoElements() throws IOException {
        TestFiles.safetensorsFolder(temp, "a", "F32 2", "none", "F32 0,4", "b", "F32 3");
        try (Checkpoint checkpoint = Checkpoint.open(temp)) {
            assertEquals(3, checkpoint.tensors().size());
            assertEquals(0, checkpoint.find("none").elements());
            assertEquals(0, checkpoint.find("none").bytes());
            assertEquals(12, checkpoint.find("b").bytes());
        }
    }

    private static String kind(StoredTensor stored) {
        return switch (stored) {
            case Plain _ -> "plain";
            case Fp8Tiles _, Fp8Channels _ -> "fp8";
            case Mxfp4Pair _ -> "mxfp4";
            case Int4Groups _ -> "int4";
        };
    }

    private static String checksum(StoredTensor stored) {
        int columns = (int) stored.columns();
        float[] row = new float[columns + 3];
        CRC32 crc = new CRC32();
        for (long r = 0; r < stored.rows(); r++) {
            stored.decodeRow(r, row, 3);
            ByteBuffer bits = ByteBuffer.allocate(4 * columns).order(ByteOrder.LITTLE_ENDIAN);
            for (int k = 0; k < columns; k++) {
                bits.putInt(Float.floatToIntBits(row[k + 3]));
            }
            crc.update(bits.flip());
        }
        assertThrows(IndexOutOfBoundsException.class, () -> stored.decodeRow(stored.rows(), row, 0));
        assertThrows(IndexOutOfBoundsException.class, () -> stored.decodeRow(0, row, 4));
        return String.format("%08x", crc.getValue());
    }

    @Test
    void partsThatDoNotFitAreRefused() {
        refused("tiles do not fit", "w", "F8_E4M3 130,300", "w_scale_inv", "F32 2,2");
        refused("scales of a vector", "w", "F8_E4M3 130", "w_scale_inv", "F32 2");
        refused("scales on BF16", "w", "BF16 2,2", "w_scale", "F32 1");
        refused("scales of integers", "w", "F8_E4M3 2,2", "w_scale", "I32 1");
        refused("nvfp4", "w", "U8 2,16", "w_scale", "F8_E4M3 2,2");
        refused("no scales", "w_blocks", "U8 2,3,16", "x", "U8 2,3");
        refused("15 bytes a block", "w_blocks", "U8 2,3,15", "w_scales", "U8 2,3");
        refused("other rows", "w_blocks", "U8 2,3,16", "w_scales", "U8 3,3");
        refused("float scales", "w_blocks", "U8 2,3,16", "w_scales", "F32 2,3");
        refused("no shape", "w_packed", "I32 2,3", "w_scale", "F32 2,3");
        refused("no scale", "w_packed", "I32 2,3", "w_shape", "I64 2");
        refused("shape is zero", "w_packed", "I32 2,3", "w_scale", "F32 2,3", "w_shape", "I64 2");
        refused("three shapes", "w_packed", "I32 2,3", "w_scale", "F32 2,3", "w_shape", "I64 3");
    }

    private void refused(String why, String... namesAndTypes) {
        Path folder = temp.resolve(why);
        TestFiles.safetensorsFolder(folder, namesAndTypes);
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            CheckpointFormatException error =
                    assertThrows(CheckpointFormatException.class, () -> StoredTensors.find(checkpoint, "w"), why);
            assertTrue(error.getMessage().contains("model.safetensors"), error.getMessage());
        }
    }
}
