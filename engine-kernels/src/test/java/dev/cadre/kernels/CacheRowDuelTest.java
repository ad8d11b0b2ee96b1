package dev.cadre.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.cadre.kernels.format.E4m3;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Cache rows by the Vector API against the scalar twin: the same bits, at every width of vectors and of rows. */
class CacheRowDuelTest {
    private static final CacheRowKernel SCALAR = new ScalarCacheRows();
    private static final CacheRowKernel VECTOR = Kernels.vector().cacheRows();
    private static final int[] WIDTHS = {1, 3, 4, 7, 8, 15, 16, 17, 31, 33, 64, 100, 128, 512, 700};
    private static final float[] SCALES = {
        1f, 0.37f, 1e-30f, Float.MIN_VALUE, 0f, 0x1p7f, 0x1p8f, 3e38f, Float.POSITIVE_INFINITY, Float.NaN, -0.5f
    };

    /** Bits, with one pattern for every NaN. */
    private static int[] bits(float[] values) {
        int[] bits = new int[values.length];
        for (int i = 0; i < bits.length; i++) {
            bits[i] = Float.floatToIntBits(values[i]);
        }
        return bits;
    }

    @Test
    void everyE4m3CodeDecodesAlike() {
        for (int n : WIDTHS) {
            for (int group : new int[] {64, 128, 256}) { // in groups of 128 whole steps are asked for NaN at once
                for (int shift = 0; shift < SCALES.length; shift++) {
                    assertDecodesAlike(n, group, shift);
                }
            }
        }
    }

    private static void assertDecodesAlike(int n, int group, int shift) {
        int rows = 5;
        int groups = (n + group - 1) / group;
        int rowBytes = n + 4 * groups + 3;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate((long) rows * rowBytes + 1);
            float[] expected = new float[rows * (n + 1) + 2];
            float[] actual = new float[expected.length];
            for (int first = 0; first < 256; first += Math.min(n, 128)) {
                for (int r = 0; r < rows; r++) {
                    long row = 1 + (long) r * rowBytes;
                    for (int i = 0; i < n; i++) {
                        int code = first + i + r;
                        boolean replaced = r % 2 == 1 && (code & 0x7f) == 0x7f; // rows with NaN and rows without
                        memory.set(ValueLayout.JAVA_BYTE, row + i, (byte) (replaced ? code - 1 : code));
                    }
                    for (int g = 0; g < groups; g++) {
                        float scale = SCALES[(shift + r + g) % SCALES.length];
                        memory.set(ValueLayout.JAVA_FLOAT_UNALIGNED, row + n + 4L * g, scale);
                    }
                }
                SCALAR.decodeE4m3(memory, 1, rows, rowBytes, n, group, expected, 2, n + 1);
                VECTOR.decodeE4m3(memory, 1, rows, rowBytes, n, group, actual, 2, n + 1);
                assertArrayEquals(bits(expected), bits(actual), "width " + n + ", groups of " + group);
            }
            float scale = memory.get(ValueLayout.JAVA_FLOAT_UNALIGNED, 1L + n);
            assertEquals(
                    Float.floatToIntBits(scale * E4m3.decode(memory.get(ValueLayout.JAVA_BYTE, 1))),
                    Float.floatToIntBits(expected[2]));
        }
    }

    @Test
    void everyBfloat16DecodesAlike() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(2 << 16);
            for (int i = 0; i < 1 << 16; i++) {
                memory.set(ValueLayout.JAVA_SHORT_UNALIGNED, 2L * i, (short) i);
            }
            float[] expected = new float[1 << 16];
            float[] actual = new float[1 << 16];
            SCALAR.decodeBfloat16(memory, 0, 1, 2 << 16, 1 << 16, expected, 0, 0);
            VECTOR.decodeBfloat16(memory, 0, 1, 2 << 16, 1 << 16, actual, 0, 0);
            assertArrayEquals(bits(expected), bits(actual));
            assertEquals(1f, expected[0x3f80]);
            for (int n : WIDTHS) {
                expected = new float[3 * (n + 2)];
                actual = new float[3 * (n + 2)];
                SCALAR.decodeBfloat16(memory, 0x7f70, 3, 2 * n + 6, n, expected, 1, n + 1);
                VECTOR.decodeBfloat16(memory, 0x7f70, 3, 2 * n + 6, n, actual, 1, n + 1);
                assertArrayEquals(bits(expected), bits(actual), "width " + n);
            }
        }
    }

    @Test
    void everySignedByteDecodesAlike() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(1024);
            for (int i = 0; i < 1024; i++) {
                memory.set(ValueLayout.JAVA_BYTE, i, (byte) (i * 3));
            }
            for (int n : WIDTHS) {
                float[] expected = new float[n + 3];
                float[] actual = new float[n + 3];
                SCALAR.decodeInt8(memory, 5, n, expected, 1);
                VECTOR.decodeInt8(memory, 5, n, actual, 1);
                assertArrayEquals(bits(expected), bits(actual), "width " + n);
                assertEquals((byte) ((5 + n - 1) * 3), actual[n]);
                assertEquals(0f, actual[n + 1]);
            }
        }
    }

    /** Random magnitudes over the whole range, every code's value and its neighbours, ties, and special values. */
    private static float[] interesting(Random random) {
        float[] values = new float[4096];
        for (int i = 0; i < values.length; i++) {
            values[i] = Float.intBitsToFloat(random.nextInt());
        }
        for (int i = 0; i < 2048; i++) {
            float tie = Float.intBitsToFloat((120 << 23) + (i << 19)) * (i % 2 == 0 ? 1 : -1);
            values[i] = i % 3 == 0 ? Math.nextUp(tie) : tie;
        }
        for (int i = 0; i < 64; i++) {
            values[2048 + i] = i / 1024f; // subnormal codes and the ties between them
        }
        float[] special = {
            0f,
            -0f,
            448f,
            -448f,
            464f,
            1e9f,
            Float.NaN,
            Float.POSITIVE_INFINITY,
            Float.NEGATIVE_INFINITY,
            Float.MIN_VALUE,
            Float.MAX_VALUE,
            0x1p-6f,
            Math.nextDown(0x1p-6f),
            447.99f,
            Float.intBitsToFloat(0xffc12345)
        };
        System.arraycopy(special, 0, values, 3000, special.length);
        return values;
    }

    @Test
    void encodingAgreesByteForByte() {
        float[] values = interesting(TestSeed.random(3));
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment expected = arena.allocate(2L * values.length + 2);
            MemorySegment actual = arena.allocate(2L * values.length + 2);
            for (float scale : SCALES) {
                SCALAR.encodeE4m3(values, 0, values.length, scale, expected, 1);
                VECTOR.encodeE4m3(values, 0, values.length, scale, actual, 1);
                assertEquals(-1, expected.mismatch(actual), "scale " + scale);
            }
            SCALAR.encodeBfloat16(values, 0, values.length, expected, 1);
            VECTOR.encodeBfloat16(values, 0, values.length, actual, 1);
            assertEquals(-1, expected.mismatch(actual));
            for (int n : WIDTHS) {
                expected.fill((byte) 0);
                actual.fill((byte) 0);
                SCALAR.encodeE4m3(values, 2990, n, 0.7f, expected, 3);
                VECTOR.encodeE4m3(values, 2990, n, 0.7f, actual, 3);
                assertEquals(-1, expected.mismatch(actual), "width " + n);
                SCALAR.encodeBfloat16(values, 2990, n, expected, 3);
                VECTOR.encodeBfloat16(values, 2990, n, actual, 3);
                assertEquals(-1, expected.mismatch(actual), "width " + n);
            }
        }
    }
}
