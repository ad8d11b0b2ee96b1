package dev.cadre.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * Attention by the Vector API against the scalar twin. Scores, probabilities and values have the same order of sums in
 * both and must agree bit for bit.
 */
class AttentionDuelTest {
    private static final AttentionKernel SCALAR = new ScalarAttention();
    private static final AttentionKernel VECTOR = Kernels.vector().attention();
    private static final int[] QUERIES = {1, 3, 4, 8, 16, 17, 32, 37, 64};
    private static final int[] KEYS = {1, 2, 7, 8, 9, 33, 64};
    private static final int[] WIDTHS = {1, 5, 16, 24, 33, 48, 56, 64, 80, 132};

    private final Random random = TestSeed.random(5);

    private float[] noise(int n) {
        float[] x = new float[n];
        for (int i = 0; i < n; i++) {
            x[i] = (float) random.nextGaussian();
        }
        return x;
    }

    /** Scores [n, queries] without the padding. */
    private static float[] scores(
            AttentionKernel kernel, float[] q, int queries, int width, float[] keys, int keyStride, int n) {
        int columns = kernel.columns(queries);
        float[] packed = new float[3 + width * columns];
        kernel.pack(q, 1, width + 2, queries, width, packed, 3, columns);
        float[] s = tile(n, columns);
        kernel.scores(packed, 3, columns, keys, 1, keyStride, n, width, s);
        return without(s, n, columns, queries);
    }

    private static float[] tile(int n, int columns) {
        return new float[(n + AttentionKernel.KEYS - 1) / AttentionKernel.KEYS * AttentionKernel.KEYS * columns];
    }

    private static float[] without(float[] s, int n, int columns, int queries) {
        float[] dense = new float[n * queries];
        for (int j = 0; j < n; j++) {
            System.arraycopy(s, j * columns, dense, j * queries, queries);
        }
        return dense;
    }

    private static float[] padded(float[] dense, int n, int columns, int queries) {
        float[] s = tile(n, columns);
        for (int j = 0; j < n; j++) {
            System.arraycopy(dense, j * queries, s, j * columns, queries);
        }
        return s;
    }

    @Test
    void scoresAgreeBitForBit() {
        for (int queries : QUERIES) {
            for (int n : KEYS) {
                for (int width : WIDTHS) {
                    float[] q = noise(queries * (width + 2) + 1);
                    float[] keys = noise((n + AttentionKernel.KEYS) * (width + 3) + 1);
                    assertArrayEquals(
                            scores(SCALAR, q, queries, width, keys, width + 3, n),
                            scores(VECTOR, q, queries, width, keys, width + 3, n),
                            0f,
                            queries + " queries, " + n + " keys of " + width);
                }
            }
        }
    }

    /** Probabilities of two blocks, then the running maxima, sums and factors. */
    private static float[] softmax(AttentionKernel kernel, float[] first, float[] second, int queries, int n) {
        int columns = kernel.columns(queries);
        float[] max = new float[columns];
        float[] sum = new float[columns];
        float[] kept = new float[columns];
        Arrays.fill(max, Float.NEGATIVE_INFINITY);
        float[] a = padded(first, n, columns, queries);
        float[] b = padded(second, n, columns, queries);
        kernel.softmax(a, columns, queries, n, 0.7f, max, sum, kept);
        for (int i = 0; i < queries; i++) {
            assertEquals(0f, kept[i]);
        }
        kernel.softmax(b, columns, queries, n, 0.7f, max, sum, kept);
        float[] all = Arrays.copyOf(without(a, n, columns, queries), 2 * n * queries + 3 * queries);
        System.arraycopy(without(b, n, columns, queries), 0, all, n * queries, n * queries);
        System.arraycopy(max, 0, all, 2 * n * queries, queries);
        System.arraycopy(sum, 0, all, 2 * n * queries + queries, queries);
        System.arraycopy(kept, 0, all, 2 * n * queries + 2 * queries, queries);
        return all;
    }

    @Test
    void softmaxAgreesBitForBit() {
        for (int queries : QUERIES) {
            for (int n : KEYS) {
                float[] first = noise(n * queries);
                float[] second = noise(n * queries);
                for (int i = 0; i < second.length; i++) {
                    second[i] *= 30;
                }
                if (queries > 1 || n % 2 == 1) {
                    for (int j = 0; j < n; j++) { // a query that sees nothing yet
                        first[j * queries + queries / 2] = Float.NEGATIVE_INFINITY;
                    }
                }
                if (n > 1) {
                    second[0] = Float.NEGATIVE_INFINITY;
                }
                float[] expected = softmax(SCALAR, first, second, queries, n);
                assertArrayEquals(expected, softmax(VECTOR, first, second, queries, n), 0f, queries + ", " + n);
                double total = 0;
                for (int j = 0; j < n; j++) {
                    total += expected[(n + j) * queries];
                }
                int at = 2 * n * queries;
                total += expected[at + 2 * queries] * sumOfFirst(expected, n, queries);
                assertEquals(expected[at + queries], total, 1e-4 * total);
            }
        }
    }

    private static double sumOfFirst(float[] all, int n, int queries) {
        double total = 0;
        for (int j = 0; j < n; j++) {
            total += all[j * queries];
        }
        return total;
    }

    @Test
    void valuesAgreeBitForBit() {
        for (int queries : QUERIES) {
            for (int n : KEYS) {
                for (int width : WIDTHS) {
                    float[] p = noise(n * queries);
                    float[] v = noise(n * (width + 3) + 1);
                    float[] expected = noise(queries * (width + 1) + 2);
                    float[] actual = expected.clone();
                    accumulate(SCALAR, p, queries, v, n, width, expected);
                    accumulate(VECTOR, p, queries, v, n, width, actual);
                    assertArrayEquals(expected, actual, 0f, queries + " queries, " + n + " values of " + width);
                }
            }
        }
    }

    private static void accumulate(
            AttentionKernel kernel, float[] p, int queries, float[] v, int n, int width, float[] c) {
        int columns = kernel.columns(queries);
        kernel.accumulate(
                padded(p, n, columns, queries), 0, columns, queries, v, 1, width + 3, n, width, c, 2, width + 1);
    }
}
