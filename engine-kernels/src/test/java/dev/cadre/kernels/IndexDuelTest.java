package dev.cadre.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The index scan by the Vector API against the scalar twin, bit for bit, and against its definition. */
class IndexDuelTest {
    private static final IndexKernel SCALAR = new ScalarIndex();
    private static final IndexKernel VECTOR = Kernels.vector().index();
    private static final int[] HEADS = {1, 3, 4, 7, 32, 64};
    private static final int[] WIDTHS = {1, 5, 32, 128};
    private static final int[] COUNTS = {1, 15, 16, 17, 33, 63, 64};

    private final Random random = TestSeed.random(6);

    private float[] noise(int n) {
        float[] x = new float[n];
        for (int i = 0; i < n; i++) {
            x[i] = (float) random.nextGaussian();
        }
        return x;
    }

    private static float[] scores(
            IndexKernel kernel, float[] q, int heads, int width, float[] weights, float[] tile, int n) {
        float[] out = new float[n + 2];
        Arrays.fill(out, 7f);
        float[] sums = new float[IndexKernel.KEYS];
        Arrays.fill(sums, 9f); // left by another tile
        kernel.scores(q, 1, heads, width, weights, 2, tile, 3, n, sums, out, 1);
        return out;
    }

    @Test
    void scoresAgreeBitForBitAndAreTheDefinition() {
        for (int heads : HEADS) {
            for (int width : WIDTHS) {
                float[] q = noise(1 + heads * width);
                float[] weights = noise(2 + heads);
                float[] tile = noise(3 + IndexKernel.tileSize(width));
                for (int n : COUNTS) {
                    float[] expected = scores(SCALAR, q, heads, width, weights, tile, n);
                    float[] actual = scores(VECTOR, q, heads, width, weights, tile, n);
                    String where = heads + " heads, width " + width + ", " + n + " keys";
                    assertArrayEquals(expected, actual, 0f, where);
                    assertEquals(7f, actual[0]);
                    assertEquals(7f, actual[n + 1]);
                    assertEquals(byDefinition(q, heads, width, weights, tile, n - 1), actual[n], heads * 1e-4, where);
                }
            }
        }
    }

    private static double byDefinition(float[] q, int heads, int width, float[] weights, float[] tile, int key) {
        double sum = 0;
        for (int h = 0; h < heads; h++) {
            double dot = 0;
            for (int d = 0; d < width; d++) {
                dot += (double) q[1 + h * width + d] * tile[3 + d * IndexKernel.KEYS + key];
            }
            sum += weights[2 + h] * Math.max(0, dot);
        }
        return sum * tile[3 + width * IndexKernel.KEYS + key];
    }

    /** What lies in the slots beyond, and in the neighbours, reaches no score. */
    @Test
    void neighboursDoNotMatter() {
        int heads = 5;
        int width = 12;
        float[] q = noise(1 + heads * width);
        float[] weights = noise(2 + heads);
        float[] tile = noise(3 + IndexKernel.tileSize(width));
        float[] among = scores(VECTOR, q, heads, width, weights, tile, 20);
        for (int d = 0; d <= width; d++) {
            for (int j = 0; j < IndexKernel.KEYS; j++) {
                if (j != 19) {
                    tile[3 + d * IndexKernel.KEYS + j] = Float.NaN;
                }
            }
        }
        assertEquals(among[20], scores(VECTOR, q, heads, width, weights, tile, 20)[20]);
    }
}
