package dev.cadre.core.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.cadre.kernels.Kernels;
import dev.cadre.kernels.Matrix;
import dev.cadre.kernels.Workspace;
import dev.cadre.kernels.format.BlockFormat;
import dev.cadre.weights.Checkpoint;
import dev.cadre.weights.StoredTensor;
import dev.cadre.weights.StoredTensors;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Weights in several tensors as matrices: which of them the kernels read themselves, and that each row has the values
 * that the file's own decoder gives.
 */
class StoredMatricesTest {
    @TempDir
    Path folder;

    private final ByteArrayOutputStream data = new ByteArrayOutputStream();
    private final StringBuilder header = new StringBuilder();
    private final Random random = new Random(1);

    @Test
    void mxfp4() throws IOException {
        add("w_blocks", "U8", "3,40,2,16", 3 * 40 * 32);
        addScales("w_scales", "U8", "3,40,2", 240);
        check(BlockFormat.FP4_PAIRS);
    }

    @Test
    void int4() throws IOException {
        addInt4(96, 32, "BF16", 2);
        check(BlockFormat.INT4_PAIRS);
    }

    @Test
    void int4WithZeroPoints() throws IOException {
        add("w_zero_point", "I32", "5,3", 60);
        addInt4(96, 32, "BF16", 2);
        check(BlockFormat.INT4_PAIRS);
    }

    @Test
    void int4InGroupsThatNoKernelTakes() throws IOException {
        addInt4(96, 24, "F32", 4);
        check(BlockFormat.INT4_PAIRS);
    }

    @Test
    void int4WithPartOfABlock() throws IOException {
        addInt4(72, 24, "BF16", 2);
        check(BlockFormat.F32);
    }

    @Test
    void int4WithWideScales() throws IOException {
        addInt4(96, 32, "F64", 8);
        check(BlockFormat.F32);
    }

    @Test
    void stackedFp8() throws IOException {
        addFp8(256);
        check(BlockFormat.F8_E4M3);
    }

    @Test
    void stackedFp8WithPartsOfTiles() throws IOException {
        addFp8(200);
        check(BlockFormat.F32);
    }

    private void addInt4(int columns, int group, String scaleType, int scaleBytes) throws IOException {
        add("w_packed", "I32", "40," + columns / 8, 40 * columns / 2);
        byte[] scales = new byte[40 * columns / group * scaleBytes];
        for (int i = scaleBytes - 1; i < scales.length; i += scaleBytes) {
            scales[i] = 0x3f;
        }
        add("w_scale", scaleType, "40," + columns / group, scales);
        add("w_shape", "I32", "2", ints(40, columns));
    }

    private void addFp8(int rows) throws IOException {
        byte[] codes = new byte[3 * rows * 256];
        for (int i = 0; i < codes.length; i++) {
            codes[i] = (byte) random.nextInt(0x60); // no NaN
        }
        add("w", "F8_E4M3", "3," + rows + ",256", codes);
        addScales("w_scale_inv", "F8_E8M0", "3,2,2", 12);
    }

    private void add(String name, String type, String shape, int bytes) throws IOException {
        byte[] noise = new byte[bytes];
        random.nextBytes(noise);
        add(name, type, shape, noise);
    }

    /** Powers of two. */
    private void addScales(String name, String type, String shape, int count) throws IOException {
        byte[] scales = new byte[count];
        for (int i = 0; i < count; i++) {
            scales[i] = (byte) (120 + random.nextInt(8));
        }
        add(name, type, shape, scales);
    }

    private static byte[] ints(int... values) {
        ByteBuffer buffer = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        for (int value : values) {
            buffer.putInt(value);
        }
        return buffer.array();
    }

    private void add(String name, String type, String shape, byte[] bytes) throws IOException {
        header.append(header.isEmpty() ? "{" : ",")
                .append('"' + name + "\":{\"dtype\":\"" + type + "\",\"shape\":[" + shape + "],\"data_offsets\":["
                        + data.size() + "," + (data.size() + bytes.length) + "]}");
        data.write(bytes);
    }

    private void check(BlockFormat format) throws IOException {
        byte[] text = header.append('}').toString().getBytes(StandardCharsets.UTF_8);
        ByteBuffer file = ByteBuffer.allocate(8 + text.length + data.size()).order(ByteOrder.LITTLE_ENDIAN);
        file.putLong(text.length).put(text).put(data.toByteArray());
        Files.write(folder.resolve("model.safetensors"), file.array());
        Files.writeString(folder.resolve("config.json"), "{}");
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            StoredTensor stored = StoredTensors.require(checkpoint, "w");
            Matrix matrix = CheckpointWeights.matrix(stored);
            assertEquals(format, matrix.format());
            Matrix part = matrix.rows(3, 30);
            float[] expected = new float[(int) stored.columns()];
            float[] actual = new float[expected.length];
            for (int row = 0; row < stored.rows(); row++) {
                stored.decodeRow(row, expected, 0);
                Kernels.scalar().matrices().decodeRow(matrix, row, actual, 0, new Workspace());
                assertArrayEquals(expected, actual, "row " + row);
                if (row >= 3 && row < 33) {
                    Kernels.lookup().matrices().decodeRow(part, row - 3, actual, 0, new Workspace());
                    assertArrayEquals(expected, actual, "row " + row + " of a part");
                }
            }
        }
    }
}
