package dev.cadre.kernels;

import static dev.cadre.kernels.Lanes.F;
import static dev.cadre.kernels.Lanes.L;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * The register-blocked core of products with stored weights: four weight rows against four (or two) tokens, over packed
 * panels.
 *
 * <p>Columns are dealt out to four <em>planes</em> in groups of 16: plane p has the groups p, p + 4, p + 8, …. Each
 * pair of a row and a token has one vector of sums for each plane, taken through the plane's columns in order, and adds
 * the planes' vectors in order. The planes exist for the sake of a single token ({@link FusedDots}): there, a pair has
 * nothing to overlap with, and one chain of sums would wait for the latency of every addition. With four, that is
 * hidden; here, where sixteen pairs overlap anyway, they cost little and make one token's bits equal to a batch's.
 *
 * <p>A panel of m rows holds a plane after the other, each as {@code [column group][row][16]}, so that the inner loop
 * reads two streams of whole cache lines.
 */
final class PanelDots {
    /** Columns of a group. */
    static final int GROUP = 16;

    /** Columns that one step of all four planes takes: panels are padded to this. */
    static final int STEP = 4 * GROUP;

    /** Rows of a weight panel, and tokens of a full activation panel. */
    static final int ROWS = 4;

    /** Tokens of a narrow activation panel. */
    static final int PAIR = 2;

    /** Floats of a tile's sums for one plane: [4 tokens][4 rows][L]. */
    static final int TILE = 16 * L;

    private PanelDots() {}

    /**
     * One plane's products of four tokens with four rows. The sums of (token t, row r) are left in the vector at
     * {@code pAt + 4t·L + r·L} of {@code p}.
     *
     * @param a holds both panels
     * @param x start of the activations' plane, {@code [groups][4][16]}
     * @param w start of the weights' plane, {@code [groups][4][16]}
     * @param groups column groups of the plane
     */
    static void fourTokens(float[] a, int x, int w, int groups, float[] p, int pAt) {
        FloatVector zero = FloatVector.zero(F);
        FloatVector s00 = zero;
        FloatVector s01 = zero;
        FloatVector s02 = zero;
        FloatVector s03 = zero;
        FloatVector s10 = zero;
        FloatVector s11 = zero;
        FloatVector s12 = zero;
        FloatVector s13 = zero;
        FloatVector s20 = zero;
        FloatVector s21 = zero;
        FloatVector s22 = zero;
        FloatVector s23 = zero;
        FloatVector s30 = zero;
        FloatVector s31 = zero;
        FloatVector s32 = zero;
        FloatVector s33 = zero;
        for (int i = 0; i < 4 * GROUP * groups; i += 4 * GROUP) {
            for (int j = 0; j < GROUP; j += L) {
                FloatVector x0 = FloatVector.fromArray(F, a, x + i + j);
                FloatVector x1 = FloatVector.fromArray(F, a, x + i + j + GROUP);
                FloatVector x2 = FloatVector.fromArray(F, a, x + i + j + 2 * GROUP);
                FloatVector x3 = FloatVector.fromArray(F, a, x + i + j + 3 * GROUP);
                FloatVector v = FloatVector.fromArray(F, a, w + i + j);
                s00 = v.fma(x0, s00);
                s10 = v.fma(x1, s10);
                s20 = v.fma(x2, s20);
                s30 = v.fma(x3, s30);
                v = FloatVector.fromArray(F, a, w + i + j + GROUP);
                s01 = v.fma(x0, s01);
                s11 = v.fma(x1, s11);
                s21 = v.fma(x2, s21);
                s31 = v.fma(x3, s31);
                v = FloatVector.fromArray(F, a, w + i + j + 2 * GROUP);
                s02 = v.fma(x0, s02);
                s12 = v.fma(x1, s12);
                s22 = v.fma(x2, s22);
                s32 = v.fma(x3, s32);
                v = FloatVector.fromArray(F, a, w + i + j + 3 * GROUP);
                s03 = v.fma(x0, s03);
                s13 = v.fma(x1, s13);
                s23 = v.fma(x2, s23);
                s33 = v.fma(x3, s33);
            }
        }
        int p1 = pAt + 4 * L;
        int p2 = p1 + 4 * L;
        int p3 = p2 + 4 * L;
        s00.intoArray(p, pAt);
        s01.intoArray(p, pAt + L);
        s02.intoArray(p, pAt + 2 * L);
        s03.intoArray(p, pAt + 3 * L);
        s10.intoArray(p, p1);
        s11.intoArray(p, p1 + L);
        s12.intoArray(p, p1 + 2 * L);
        s13.intoArray(p, p1 + 3 * L);
        s20.intoArray(p, p2);
        s21.intoArray(p, p2 + L);
        s22.intoArray(p, p2 + 2 * L);
        s23.intoArray(p, p2 + 3 * L);
        s30.intoArray(p, p3);
        s31.intoArray(p, p3 + L);
        s32.intoArray(p, p3 + 2 * L);
        s33.intoArray(p, p3 + 3 * L);
    }

    /** As {@link #fourTokens}, for a panel of two tokens: {@code x} is {@code [groups][2][16]}. */
    static void twoTokens(float[] a, int x, int w, int groups, float[] p, int pAt) {
        FloatVector zero = FloatVector.zero(F);
        FloatVector s00 = zero;
        FloatVector s01 = zero;
        FloatVector s02 = zero;
        FloatVector s03 = zero;
        FloatVector s10 = zero;
        FloatVector s11 = zero;
        FloatVector s12 = zero;
        FloatVector s13 = zero;
        for (int g = 0; g < groups; g++) {
            for (int j = 0; j < GROUP; j += L) {
                int i = w + 4 * GROUP * g + j;
                FloatVector x0 = FloatVector.fromArray(F, a, x + 2 * GROUP * g + j);
                FloatVector x1 = FloatVector.fromArray(F, a, x + 2 * GROUP * g + j + GROUP);
                FloatVector v = FloatVector.fromArray(F, a, i);
                s00 = v.fma(x0, s00);
                s10 = v.fma(x1, s10);
                v = FloatVector.fromArray(F, a, i + GROUP);
                s01 = v.fma(x0, s01);
                s11 = v.fma(x1, s11);
                v = FloatVector.fromArray(F, a, i + 2 * GROUP);
                s02 = v.fma(x0, s02);
                s12 = v.fma(x1, s12);
                v = FloatVector.fromArray(F, a, i + 3 * GROUP);
                s03 = v.fma(x0, s03);
                s13 = v.fma(x1, s13);
            }
        }
        int p1 = pAt + 4 * L;
        s00.intoArray(p, pAt);
        s01.intoArray(p, pAt + L);
        s02.intoArray(p, pAt + 2 * L);
        s03.intoArray(p, pAt + 3 * L);
        s10.intoArray(p, p1);
        s11.intoArray(p, p1 + L);
        s12.intoArray(p, p1 + 2 * L);
        s13.intoArray(p, p1 + 3 * L);
    }

    /**
     * Copies {@code count} columns of one row (or token) into its place in a panel, padded with zeros to whole steps.
     *
     * @param at the row's first group: start of the panel + 16 · the row's number
     * @param rows rows of the panel
     * @param plane distance of the planes
     */
    static void pack(float[] src, int from, int count, float[] panel, int at, int rows, int plane) {
        int whole = count / STEP;
        for (int n = 0; n < whole; n++) {
            int i = from + STEP * n;
            int to = at + rows * GROUP * n;
            for (int j = 0; j < GROUP; j += L) {
                FloatVector.fromArray(F, src, i + j).intoArray(panel, to + j);
                FloatVector.fromArray(F, src, i + j + GROUP).intoArray(panel, to + j + plane);
                FloatVector.fromArray(F, src, i + j + 2 * GROUP).intoArray(panel, to + j + 2 * plane);
                FloatVector.fromArray(F, src, i + j + 3 * GROUP).intoArray(panel, to + j + 3 * plane);
            }
        }
        for (int c = STEP * whole; c < count; c += GROUP) {
            int to = at + rows * GROUP * whole + c / GROUP % 4 * plane;
            int n = Math.min(GROUP, count - c);
            System.arraycopy(src, from + c, panel, to, n);
            Arrays.fill(panel, to + n, to + GROUP, 0f);
        }
        clear(count, panel, at, rows, plane);
    }

    /** Zeros in the groups between {@code count} columns and the next whole step. */
    static void clear(int count, float[] panel, int at, int rows, int plane) {
        int first = (count + GROUP - 1) / GROUP;
        for (int g = first; g % 4 != 0; g++) {
            int to = at + g / 4 * rows * GROUP + g % 4 * plane;
            Arrays.fill(panel, to, to + GROUP, 0f);
        }
    }
}
