package dev.cadre.kernels;

import static dev.cadre.kernels.KernelDuelTest.assertOutputsDoNotDependOnNeighbours;
import static dev.cadre.kernels.KernelDuelTest.assertProducts;
import static dev.cadre.kernels.KernelDuelTest.e4m3Codes;
import static dev.cadre.kernels.KernelDuelTest.factors;
import static dev.cadre.kernels.KernelDuelTest.finiteBlocks;
import static dev.cadre.kernels.KernelDuelTest.randomBlocks;
import static dev.cadre.kernels.KernelDuelTest.rowScales;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.cadre.kernels.format.BlockFormat;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** As {@link KernelDuelTest}: what safetensors files have, nibbles whose scales lie apart and rows that take turns. */
class NibblePairsDuelTest {
    @BeforeAll
    static void requireVectorKernels() {
        KernelDuelTest.requireVectorKernels();
    }

    static Stream<Arguments> nibblePairs() {
        return Stream.of(BlockFormat.INT4_PAIRS, BlockFormat.FP4_PAIRS)
                .flatMap(format -> Stream.of(
                                BlockFormat.BF16, BlockFormat.F16, BlockFormat.F32, BlockFormat.F8_E8M0, BlockFormat.U8)
                        .map(scales -> Arguments.of(format, scales)));
    }

    /** Also of every second row, as files have them where two matrices take turns, and groups that no kernel takes. */
    @ParameterizedTest
    @MethodSource("nibblePairs")
    void scalesOfNibblePairsApplyToTheirGroups(BlockFormat format, BlockFormat scaleFormat) {
        Random random = TestSeed.random(9);
        int rows = 45;
        try (Arena arena = Arena.ofConfined()) {
            for (int k : new int[] {32, 96, 192, 2144, 4608}) {
                for (int group : new int[] {32, 64, 96, 192, 256}) {
                    if (k % group != 0) {
                        continue;
                    }
                    MemorySegment data = randomBlocks(arena, format, (long) rows * k, random);
                    Matrix w = Matrix.of(format, rows, k, data, rowScales(scaleFormat, rows, k, group, random));
                    for (int tokens : new int[] {1, 2, 3, 7, 12}) {
                        assertProducts(w.rows(3, 39), tokens, random);
                        assertProducts(w.rows(2, 43).rows(1, 21, 2), tokens, random);
                    }
                }
            }
        }
    }

    @Test
    void zeroPointsOfInt4ApplyToTheirGroups() {
        Random random = TestSeed.random(14);
        int rows = 45;
        try (Arena arena = Arena.ofConfined()) {
            for (int k : new int[] {32, 96, 192, 2144}) {
                for (int group : new int[] {32, 64, 96}) {
                    if (k % group != 0) {
                        continue;
                    }
                    MemorySegment data = randomBlocks(arena, BlockFormat.INT4_PAIRS, (long) rows * k, random);
                    Matrix.Scales plain = rowScales(BlockFormat.BF16, rows, k, group, random);
                    byte[] zeros = new byte[(rows + 7) / 8 * (k / group) * Integer.BYTES];
                    random.nextBytes(zeros);
                    Matrix.Scales scales = new Matrix.Scales(
                            plain.values(), plain.format(), 1, group, k / group, MemorySegment.ofArray(zeros));
                    Matrix w = Matrix.of(BlockFormat.INT4_PAIRS, rows, k, data, scales);
                    for (int tokens : new int[] {1, 2, 3, 7, 12}) {
                        assertProducts(w.rows(3, 39), tokens, random);
                        assertProducts(w.rows(2, 43).rows(1, 21, 2), tokens, random);
                    }
                    assertOutputsDoNotDependOnNeighbours(w, 9, random);
                }
            }
        }
    }

    /** The least E8M0 scale is a subnormal float, and the last code is none. */
    @ParameterizedTest
    @ValueSource(ints = {1, 5})
    void extremeScalesOfNibblePairs(int tokens) {
        int k = 192;
        byte[] codes = new byte[3 * k / 2];
        Arrays.fill(codes, (byte) 0x22); // 1
        byte[] stored = new byte[3 * k / 32];
        Arrays.fill(stored, (byte) 127);
        stored[6 + 4] = 0;
        stored[12 + 5] = (byte) 255;
        Matrix.Scales scales = new Matrix.Scales(MemorySegment.ofArray(stored), BlockFormat.U8, 1, 32, k / 32);
        Matrix w = Matrix.of(BlockFormat.FP4_PAIRS, 3, k, MemorySegment.ofArray(codes), scales);
        float[] x = new float[k];
        Arrays.fill(x, 4 * 32, 6 * 32, 0x1p100f);
        float[] y = new float[3];
        int[] places = new int[tokens]; // the same row for all
        Kernels.vector().matrices().multiply(w, 0, 3, x, places, tokens, y, places, new Workspace());
        assertArrayEquals(new float[] {0x1p106f, 0x1p105f + 0x1p-22f, Float.NaN}, y, 0f);
        Arrays.fill(x, 5 * 32, 6 * 32, 0f);
        Kernels.vector().matrices().multiply(w, 1, 1, x, places, tokens, y, places, new Workspace());
        assertEquals(0x1p-22f, y[1]);
    }

    /** Every other row of a matrix with blocks, scaled or not. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 7, 12})
    void rowsThatTakeTurns(int tokens) {
        Random random = TestSeed.random(10);
        int rows = 61;
        int k = 768;
        try (Arena arena = Arena.ofConfined()) {
            for (BlockFormat format : List.of(
                    BlockFormat.BF16, BlockFormat.Q8_0, BlockFormat.Q4_K, BlockFormat.Q6_K, BlockFormat.IQ3_S)) {
                Matrix w = Matrix.of(format, rows, k, finiteBlocks(arena, format, (long) rows * k, random));
                assertProducts(w.rows(1, 30, 2), tokens, random);
                assertProducts(w.rows(1, 30, 2).rows(3, 9, 3), tokens, random);
                assertThrows(IndexOutOfBoundsException.class, () -> w.rows(1, 31, 2));
            }
            Matrix.Scales scales =
                    new Matrix.Scales(MemorySegment.ofArray(factors(13 * 6, random)), BlockFormat.F32, 5, 128, 6);
            Matrix w = Matrix.of(BlockFormat.F8_E4M3, rows, k, e4m3Codes(arena, rows * k, 100, random), scales);
            assertProducts(w.rows(1, 30, 2), tokens, random);
        }
    }
}
