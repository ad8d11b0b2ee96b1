package dev.cadre.kernels;

import static dev.cadre.kernels.Lanes.F;
import static dev.cadre.kernels.Lanes.L;

import jdk.incubator.vector.FloatVector;

/**
 * The register-blocked core of all products: four rows of weights (or keys) against one, two or four rows of
 * activations, along the inner dimension.
 *
 * <p>Each pair of rows has one vector of sums, which goes through {@code k} in order. The sums start from and return to
 * {@code partials}, so a long inner dimension may come in pieces, and any blocking gives the same bits. The inner
 * dimension must be a multiple of the vector length.
 *
 * <p>Four by four is as large as C2 compiles well: it stops inlining vector operations after some sixty in one method,
 * and spills registers well before it has used all 32.
 */
final class DotTile {
    /** Rows of weights in one tile. */
    static final int ROWS = 4;

    private DotTile() {}

    /**
     * Sums of all {@code tokens} x {@code rows} pairs. Weight row r starts at {@code wAt + r·wStride}, activation row t
     * at {@code xAt[firstToken + t] + xOffset}; the sums of (t, r) are the vector at
     * {@code pAt + t·pStride + r·L} of {@code partials}.
     *
     * @param rows a multiple of {@link #ROWS}
     */
    static void run(
            float[] x,
            int[] xAt,
            int firstToken,
            int tokens,
            int xOffset,
            float[] w,
            int wAt,
            int wStride,
            int rows,
            int k,
            float[] partials,
            int pAt,
            int pStride) {
        int t = 0;
        for (; t <= tokens - 4; t += 4) {
            int i = firstToken + t;
            for (int r = 0; r < rows; r += ROWS) {
                fourTokens(
                        x,
                        xAt[i] + xOffset,
                        xAt[i + 1] + xOffset,
                        xAt[i + 2] + xOffset,
                        xAt[i + 3] + xOffset,
                        w,
                        wAt + r * wStride,
                        wStride,
                        k,
                        partials,
                        pAt + t * pStride + r * L,
                        pStride);
            }
        }
        if (t <= tokens - 2) {
            int i = firstToken + t;
            for (int r = 0; r < rows; r += ROWS) {
                twoTokens(
                        x,
                        xAt[i] + xOffset,
                        xAt[i + 1] + xOffset,
                        w,
                        wAt + r * wStride,
                        wStride,
                        k,
                        partials,
                        pAt + t * pStride + r * L,
                        pStride);
            }
            t += 2;
        }
        if (t < tokens) {
            for (int r = 0; r < rows; r += ROWS) {
                oneToken(
                        x,
                        xAt[firstToken + t] + xOffset,
                        w,
                        wAt + r * wStride,
                        wStride,
                        k,
                        partials,
                        pAt + t * pStride + r * L);
            }
        }
    }

    private static void oneToken(float[] x, int x0, float[] w, int wAt, int wStride, int k, float[] p, int pAt) {
        int w1 = wAt + wStride;
        int w2 = w1 + wStride;
        int w3 = w2 + wStride;
        FloatVector s0 = FloatVector.fromArray(F, p, pAt);
        FloatVector s1 = FloatVector.fromArray(F, p, pAt + L);
        FloatVector s2 = FloatVector.fromArray(F, p, pAt + 2 * L);
        FloatVector s3 = FloatVector.fromArray(F, p, pAt + 3 * L);
        for (int i = 0; i < k; i += L) {
            FloatVector a = FloatVector.fromArray(F, x, x0 + i);
            s0 = FloatVector.fromArray(F, w, wAt + i).fma(a, s0);
            s1 = FloatVector.fromArray(F, w, w1 + i).fma(a, s1);
            s2 = FloatVector.fromArray(F, w, w2 + i).fma(a, s2);
            s3 = FloatVector.fromArray(F, w, w3 + i).fma(a, s3);
        }
        s0.intoArray(p, pAt);
        s1.intoArray(p, pAt + L);
        s2.intoArray(p, pAt + 2 * L);
        s3.intoArray(p, pAt + 3 * L);
    }

    private static void twoTokens(
            float[] x, int x0, int x1, float[] w, int wAt, int wStride, int k, float[] p, int pAt, int pStride) {
        int w1 = wAt + wStride;
        int w2 = w1 + wStride;
        int w3 = w2 + wStride;
        int q = pAt + pStride;
        FloatVector s00 = FloatVector.fromArray(F, p, pAt);
        FloatVector s01 = FloatVector.fromArray(F, p, pAt + L);
        FloatVector s02 = FloatVector.fromArray(F, p, pAt + 2 * L);
        FloatVector s03 = FloatVector.fromArray(F, p, pAt + 3 * L);
        FloatVector s10 = FloatVector.fromArray(F, p, q);
        FloatVector s11 = FloatVector.fromArray(F, p, q + L);
        FloatVector s12 = FloatVector.fromArray(F, p, q + 2 * L);
        FloatVector s13 = FloatVector.fromArray(F, p, q + 3 * L);
        for (int i = 0; i < k; i += L) {
            FloatVector a = FloatVector.fromArray(F, x, x0 + i);
            FloatVector b = FloatVector.fromArray(F, x, x1 + i);
            FloatVector v = FloatVector.fromArray(F, w, wAt + i);
            s00 = v.fma(a, s00);
            s10 = v.fma(b, s10);
            v = FloatVector.fromArray(F, w, w1 + i);
            s01 = v.fma(a, s01);
            s11 = v.fma(b, s11);
            v = FloatVector.fromArray(F, w, w2 + i);
            s02 = v.fma(a, s02);
            s12 = v.fma(b, s12);
            v = FloatVector.fromArray(F, w, w3 + i);
            s03 = v.fma(a, s03);
            s13 = v.fma(b, s13);
        }
        s00.intoArray(p, pAt);
        s01.intoArray(p, pAt + L);
        s02.intoArray(p, pAt + 2 * L);
        s03.intoArray(p, pAt + 3 * L);
        s10.intoArray(p, q);
        s11.intoArray(p, q + L);
        s12.intoArray(p, q + 2 * L);
        s13.intoArray(p, q + 3 * L);
    }

    private static void fourTokens(
            float[] x,
            int x0,
            int x1,
            int x2,
            int x3,
            float[] w,
            int wAt,
            int wStride,
            int k,
            float[] p,
            int p0,
            int pStride) {
        int w1 = wAt + wStride;
        int w2 = w1 + wStride;
        int w3 = w2 + wStride;
        int p1 = p0 + pStride;
        int p2 = p1 + pStride;
        int p3 = p2 + pStride;
        FloatVector s00 = FloatVector.fromArray(F, p, p0);
        FloatVector s01 = FloatVector.fromArray(F, p, p0 + L);
        FloatVector s02 = FloatVector.fromArray(F, p, p0 + 2 * L);
        FloatVector s03 = FloatVector.fromArray(F, p, p0 + 3 * L);
        FloatVector s10 = FloatVector.fromArray(F, p, p1);
        FloatVector s11 = FloatVector.fromArray(F, p, p1 + L);
        FloatVector s12 = FloatVector.fromArray(F, p, p1 + 2 * L);
        FloatVector s13 = FloatVector.fromArray(F, p, p1 + 3 * L);
        FloatVector s20 = FloatVector.fromArray(F, p, p2);
        FloatVector s21 = FloatVector.fromArray(F, p, p2 + L);
        FloatVector s22 = FloatVector.fromArray(F, p, p2 + 2 * L);
        FloatVector s23 = FloatVector.fromArray(F, p, p2 + 3 * L);
        FloatVector s30 = FloatVector.fromArray(F, p, p3);
        FloatVector s31 = FloatVector.fromArray(F, p, p3 + L);
        FloatVector s32 = FloatVector.fromArray(F, p, p3 + 2 * L);
        FloatVector s33 = FloatVector.fromArray(F, p, p3 + 3 * L);
        for (int i = 0; i < k; i += L) {
            FloatVector a = FloatVector.fromArray(F, x, x0 + i);
            FloatVector b = FloatVector.fromArray(F, x, x1 + i);
            FloatVector c = FloatVector.fromArray(F, x, x2 + i);
            FloatVector d = FloatVector.fromArray(F, x, x3 + i);
            FloatVector v = FloatVector.fromArray(F, w, wAt + i);
            s00 = v.fma(a, s00);
            s10 = v.fma(b, s10);
            s20 = v.fma(c, s20);
            s30 = v.fma(d, s30);
            v = FloatVector.fromArray(F, w, w1 + i);
            s01 = v.fma(a, s01);
            s11 = v.fma(b, s11);
            s21 = v.fma(c, s21);
            s31 = v.fma(d, s31);
            v = FloatVector.fromArray(F, w, w2 + i);
            s02 = v.fma(a, s02);
            s12 = v.fma(b, s12);
            s22 = v.fma(c, s22);
            s32 = v.fma(d, s32);
            v = FloatVector.fromArray(F, w, w3 + i);
            s03 = v.fma(a, s03);
            s13 = v.fma(b, s13);
            s23 = v.fma(c, s23);
            s33 = v.fma(d, s33);
        }
        s00.intoArray(p, p0);
        s01.intoArray(p, p0 + L);
        s02.intoArray(p, p0 + 2 * L);
        s03.intoArray(p, p0 + 3 * L);
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
}
