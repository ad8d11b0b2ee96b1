package dev.cadre.kernels;

import static dev.cadre.kernels.KernelDuelTest.assertOutputsDoNotDependOnNeighbours;
import static dev.cadre.kernels.KernelDuelTest.assertProducts;
import static dev.cadre.kernels.KernelDuelTest.finiteBlocks;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cadre.kernels.format.BlockFormat;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** As {@link KernelDuelTest}: matrices that are stored by columns, alone or two of them taking turns. */
class ColumnProductsDuelTest {
    @BeforeAll
    static void requireVectorKernels() {
        KernelDuelTest.requireVectorKernels();
    }

    /** Rows beside a tile's and a run's, columns beside a chunk's, and views of some of the rows. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 7, 12})
    void productsAreThoseOfTheScalarTwin(int tokens) {
        Random random = TestSeed.random(11);
        try (Arena arena = Arena.ofConfined()) {
            for (int k : new int[] {1, 6, 130, 259}) {
                for (int rows : new int[] {1, 15, 64, 301, 1100}) {
                    Matrix w = matrix(arena, rows, k, rows, 0, 1, random);
                    assertTrue(ColumnProducts.supports(w));
                    assertProducts(w, tokens, random);
                    assertProducts(w.rows(rows / 3, rows / 2), tokens, random);
                    assertProducts(w.rows(0, (rows + 2) / 3, 3), tokens, random);
                }
                for (int odd = 0; odd < 2; odd++) {
                    Matrix turns = matrix(arena, 301, k, 602, odd, 2, random);
                    assertTrue(ColumnProducts.supports(turns));
                    assertProducts(turns, tokens, random);
                    assertProducts(turns.rows(7, 130), tokens, random);
                }
                Matrix third = matrix(arena, 40, k, 120, 1, 3, random);
                assertFalse(ColumnProducts.supports(third));
                assertProducts(third, tokens, random);
            }
        }
    }

    @Test
    void anOutputDoesNotDependOnItsNeighbours() {
        Random random = TestSeed.random(12);
        try (Arena arena = Arena.ofConfined()) {
            assertOutputsDoNotDependOnNeighbours(matrix(arena, 301, 517, 301, 0, 1, random), 90, random);
            assertOutputsDoNotDependOnNeighbours(matrix(arena, 301, 517, 602, 1, 2, random), 90, random);
        }
    }

    /** Other types than bfloat16 have no kernel of their own. */
    @ParameterizedTest
    @EnumSource(names = {"F32", "F16", "F8_E4M3"})
    void otherElements(BlockFormat format) {
        Random random = TestSeed.random(13);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment data = finiteBlocks(arena, format, 40 * 66, random);
            Matrix w = Matrix.ofColumns(format, 33, 40, data, 1, 66, 2);
            assertProducts(w, 1, random);
            assertProducts(w, 7, random);
        }
    }

    /** The last element is the segment's last. */
    @Test
    void nothingIsReadBehindTheEnd() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment data = arena.allocate(2 * 4 * 64);
            data.set(ValueLayout.JAVA_SHORT, 2 * 255, (short) 0x3f80); // 1
            float[] x = {0, 0, 0, 5};
            for (int step = 1; step <= 2; step++) {
                int rows = 64 / step;
                Matrix w = Matrix.ofColumns(BlockFormat.BF16, rows, 4, data, step - 1, 64, step);
                for (int tokens = 1; tokens <= 2; tokens++) {
                    float[] y = new float[rows];
                    int[] places = new int[tokens]; // the same for both
                    Kernels.vector().matrices().multiply(w, 0, rows, x, places, tokens, y, places, new Workspace());
                    assertEquals(5f, y[rows - 1]);
                    assertEquals(0f, y[rows - 2]);
                }
            }
        }
    }

    @Test
    void whatDoesNotFitIsRefused() {
        MemorySegment data = MemorySegment.ofArray(new byte[2 * 4 * 64]);
        Matrix.ofColumns(BlockFormat.BF16, 32, 4, data, 1, 64, 2);
        assertThrows(IllegalArgumentException.class, () -> Matrix.ofColumns(BlockFormat.BF16, 32, 4, data, 2, 64, 2));
        assertThrows(IllegalArgumentException.class, () -> Matrix.ofColumns(BlockFormat.BF16, 64, 5, data, 0, 64, 1));
        assertThrows(IllegalArgumentException.class, () -> Matrix.ofColumns(BlockFormat.Q8_0, 64, 4, data, 0, 64, 1));
    }

    private static Matrix matrix(Arena arena, int rows, int k, int apart, int first, int step, Random random) {
        MemorySegment data = finiteBlocks(arena, BlockFormat.BF16, (long) k * apart, random);
        return Matrix.ofColumns(BlockFormat.BF16, rows, k, data, first, apart, step);
    }
}
