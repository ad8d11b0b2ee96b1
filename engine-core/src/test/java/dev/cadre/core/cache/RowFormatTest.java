package dev.cadre.core.cache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cadre.core.KvPrecision;
import dev.cadre.kernels.format.BlockCodec;
import dev.cadre.kernels.format.BlockFormat;
import dev.cadre.kernels.format.E4m3;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class RowFormatTest {
    @Test
    void bytesAtGlmSizes() {
        assertEquals(512 + 16 + 128, new RowFormat(KvPrecision.FP8, 576, 64).bytes());
        assertEquals(128 + 4, new RowFormat(KvPrecision.FP8, 128, 0).bytes());
        assertEquals(1152, new RowFormat(KvPrecision.BF16, 576, 64).bytes());
        assertEquals(2304, new RowFormat(KvPrecision.F32, 576, 64).bytes());
    }

    @ParameterizedTest
    @EnumSource
    void rowsComeBackWithinTheirPrecision(KvPrecision precision) {
        Random random = new Random(4);
        for (int[] shape : new int[][] {{576, 64}, {48, 16}, {132, 4}, {28, 0}, {1, 0}}) {
            RowFormat format = new RowFormat(precision, shape[0], shape[1]);
            int rows = 5;
            float[] written = new float[rows * shape[0]];
            for (int i = 0; i < written.length; i++) {
                written[i] = (float) (random.nextGaussian() * Math.exp(3 * random.nextGaussian()));
            }
            float[] read = new float[written.length + 1];
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment memory = arena.allocate((long) rows * format.bytes());
                for (int r = 0; r < rows; r++) {
                    format.write(written, r * shape[0], memory, (long) r * format.bytes());
                }
                format.read(memory, 0, rows, read, 1);
            }
            for (int i = 0; i < written.length; i++) {
                assertEquals(written[i], read[i + 1], tolerance(format, written, i), precision + " " + i);
            }
        }
    }

    /** Half a step: of a bfloat16, or of an e4m3 at its group's scale. */
    private static double tolerance(RowFormat format, float[] x, int i) {
        int column = i % format.width();
        boolean tail = column >= format.width() - format.tail();
        if (format.precision() == KvPrecision.F32) {
            return 0;
        }
        if (format.precision() == KvPrecision.BF16 || tail) {
            return Math.abs(x[i]) / 256;
        }
        int from = i - column + column / RowFormat.GROUP * RowFormat.GROUP;
        int to = Math.min(from + RowFormat.GROUP, i - column + format.width() - format.tail());
        return Math.max(Math.abs(x[i]) / 16, E4m3.scaleFor(x, from, to - from) / 1000) * 1.001;
    }

    @Test
    void everyE4m3CodeDecodesAsTheWeightsDoAndEncodesToItself() {
        float[] values = new float[256];
        byte[] codes = new byte[256];
        for (int i = 0; i < 256; i++) {
            codes[i] = (byte) i;
        }
        BlockCodec.of(BlockFormat.F8_E4M3).decode(MemorySegment.ofArray(codes), 0, values, 0, 256);
        for (int i = 0; i < 256; i++) {
            float value = E4m3.decode((byte) i);
            assertEquals(values[i], value);
            byte again = E4m3.encode(value);
            assertTrue(Float.isNaN(value) ? (again & 0x7f) == 0x7f : again == (byte) i, "code " + i);
        }
    }

    @Test
    void encodingTakesTheNearestCode() {
        Random random = new Random(9);
        for (int i = 0; i < 20_000; i++) {
            float x = (float) (random.nextGaussian() * Math.exp(4 * random.nextGaussian()));
            double error = Math.abs(E4m3.decode(E4m3.encode(x)) - x);
            double best = Double.MAX_VALUE;
            for (int code = 0; code < 256; code++) {
                float value = E4m3.decode((byte) code);
                best = Float.isNaN(value) ? best : Math.min(best, Math.abs(value - x));
            }
            assertEquals(best, error, 0);
        }
        float[] zeros = new float[3];
        assertEquals(1f, E4m3.scaleFor(zeros, 0, 3));
        assertArrayEquals(zeros, new float[] {E4m3.decode(E4m3.encode(0f)), 0, 0});
    }
}
