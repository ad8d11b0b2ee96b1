package dev.cadre.weights;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NpyWriterTest {
    @TempDir
    Path temp;

    @Test
    void theFormatIsThatOfNumpy() throws IOException {
        Path file = temp.resolve("a.npy");
        NpyWriter.write(new float[] {1, 2, 3, 4, 5, 6}, new long[] {2, 3}, file);
        byte[] bytes = Files.readAllBytes(file);
        // as numpy.save writes it: magic, version 1.0, length 0x76, the dictionary padded to 128 bytes
        String header = "\u0093NUMPY\u0001\0v\0{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
        assertEquals(header, new String(bytes, 0, header.length(), StandardCharsets.ISO_8859_1));
        assertEquals('\n', bytes[127]);
        assertEquals(128 + 24, bytes.length);
        ByteBuffer data = ByteBuffer.wrap(bytes, 128, 24).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 1; i <= 6; i++) {
            assertEquals(i, data.getFloat());
        }
        assertFalse(Files.exists(temp.resolve("a.npy.partial")));
    }

    @Test
    void shapesOfOtherRanks() throws IOException {
        NpyWriter.write(new float[] {7}, new long[] {}, temp.resolve("0.npy"));
        NpyWriter.write(new float[] {7, 8}, new long[] {2}, temp.resolve("1.npy"));
        assertTrue(Files.readString(temp.resolve("0.npy"), StandardCharsets.ISO_8859_1)
                .contains("'shape': (), }"));
        assertTrue(Files.readString(temp.resolve("1.npy"), StandardCharsets.ISO_8859_1)
                .contains("'shape': (2,), }"));
        assertThrows(
                IllegalArgumentException.class,
                () -> NpyWriter.write(new float[] {7, 8}, new long[] {3}, temp.resolve("x.npy")));
    }

    @Test
    void aTensorLargerThanTheBuffer() throws IOException {
        TestFiles.safetensorsFolder(temp.resolve("hf"), "w", "F8_E4M3 1000,301", "w_scale", "F32 1000,1");
        Path file = temp.resolve("w.npy");
        try (Checkpoint checkpoint = Checkpoint.open(temp.resolve("hf"))) {
            StoredTensor stored = StoredTensors.require(checkpoint, "w");
            NpyWriter.write(stored, file);
            byte[] bytes = Files.readAllBytes(file);
            assertEquals(128 + 4 * 301_000, bytes.length);
            float[] row = new float[301];
            stored.decodeRow(999, row, 0);
            float[] written = new float[301];
            ByteBuffer.wrap(bytes, bytes.length - 4 * 301, 4 * 301)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .asFloatBuffer()
                    .get(written);
            assertArrayEquals(row, written);
        }
    }

    @Test
    void aFolderThatIsNotThere() {
        CheckpointIOException error = assertThrows(
                CheckpointIOException.class,
                () -> NpyWriter.write(new float[1], new long[] {1}, temp.resolve("none/a.npy")));
        assertTrue(error.getMessage().contains("none/a.npy"), error.getMessage());
    }
}
