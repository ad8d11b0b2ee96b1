package dev.cadre.kernels;

import static dev.cadre.kernels.Lanes.F;
import static dev.cadre.kernels.Lanes.L;

import jdk.incubator.vector.FloatVector;

/**
 * Register tiles of attention: one broadcast number against one to three vectors, eight or four rows at a time. Sixteen
 * sums and fewer than sixty vector operations in a method are as much as C2 compiles well.
 */
final class AttentionTiles {
    private AttentionTiles() {}

    /** Eight keys against two vectors of queries. Rows of s are as far apart as those of q. */
    static void scoresOfTwo(
            float[] q, int qAt, int qStride, float[] k, int k0, int kStride, int width, float[] s, int sAt) {
        int k1 = k0 + kStride;
        int k2 = k1 + kStride;
        int k3 = k2 + kStride;
        int k4 = k3 + kStride;
        int k5 = k4 + kStride;
        int k6 = k5 + kStride;
        int k7 = k6 + kStride;
        FloatVector x0 = FloatVector.zero(F);
        FloatVector y0 = FloatVector.zero(F);
        FloatVector x1 = FloatVector.zero(F);
        FloatVector y1 = FloatVector.zero(F);
        FloatVector x2 = FloatVector.zero(F);
        FloatVector y2 = FloatVector.zero(F);
        FloatVector x3 = FloatVector.zero(F);
        FloatVector y3 = FloatVector.zero(F);
        FloatVector x4 = FloatVector.zero(F);
        FloatVector y4 = FloatVector.zero(F);
        FloatVector x5 = FloatVector.zero(F);
        FloatVector y5 = FloatVector.zero(F);
        FloatVector x6 = FloatVector.zero(F);
        FloatVector y6 = FloatVector.zero(F);
        FloatVector x7 = FloatVector.zero(F);
        FloatVector y7 = FloatVector.zero(F);
        for (int d = 0; d < width; d++) {
            FloatVector x = FloatVector.fromArray(F, q, qAt + d * qStride);
            FloatVector y = FloatVector.fromArray(F, q, qAt + d * qStride + L);
            FloatVector b = FloatVector.broadcast(F, k[k0 + d]);
            x0 = b.fma(x, x0);
            y0 = b.fma(y, y0);
            b = FloatVector.broadcast(F, k[k1 + d]);
            x1 = b.fma(x, x1);
            y1 = b.fma(y, y1);
            b = FloatVector.broadcast(F, k[k2 + d]);
            x2 = b.fma(x, x2);
            y2 = b.fma(y, y2);
            b = FloatVector.broadcast(F, k[k3 + d]);
            x3 = b.fma(x, x3);
            y3 = b.fma(y, y3);
            b = FloatVector.broadcast(F, k[k4 + d]);
            x4 = b.fma(x, x4);
            y4 = b.fma(y, y4);
            b = FloatVector.broadcast(F, k[k5 + d]);
            x5 = b.fma(x, x5);
            y5 = b.fma(y, y5);
            b = FloatVector.broadcast(F, k[k6 + d]);
            x6 = b.fma(x, x6);
            y6 = b.fma(y, y6);
            b = FloatVector.broadcast(F, k[k7 + d]);
            x7 = b.fma(x, x7);
            y7 = b.fma(y, y7);
        }
        x0.intoArray(s, sAt);
        y0.intoArray(s, sAt + L);
        x1.intoArray(s, sAt + qStride);
        y1.intoArray(s, sAt + qStride + L);
        x2.intoArray(s, sAt + 2 * qStride);
        y2.intoArray(s, sAt + 2 * qStride + L);
        x3.intoArray(s, sAt + 3 * qStride);
        y3.intoArray(s, sAt + 3 * qStride + L);
        x4.intoArray(s, sAt + 4 * qStride);
        y4.intoArray(s, sAt + 4 * qStride + L);
        x5.intoArray(s, sAt + 5 * qStride);
        y5.intoArray(s, sAt + 5 * qStride + L);
        x6.intoArray(s, sAt + 6 * qStride);
        y6.intoArray(s, sAt + 6 * qStride + L);
        x7.intoArray(s, sAt + 7 * qStride);
        y7.intoArray(s, sAt + 7 * qStride + L);
    }

    /** Eight keys against one vector of queries. */
    static void scoresOfOne(
            float[] q, int qAt, int qStride, float[] k, int k0, int kStride, int width, float[] s, int sAt) {
        int k1 = k0 + kStride;
        int k2 = k1 + kStride;
        int k3 = k2 + kStride;
        int k4 = k3 + kStride;
        int k5 = k4 + kStride;
        int k6 = k5 + kStride;
        int k7 = k6 + kStride;
        FloatVector x0 = FloatVector.zero(F);
        FloatVector x1 = FloatVector.zero(F);
        FloatVector x2 = FloatVector.zero(F);
        FloatVector x3 = FloatVector.zero(F);
        FloatVector x4 = FloatVector.zero(F);
        FloatVector x5 = FloatVector.zero(F);
        FloatVector x6 = FloatVector.zero(F);
        FloatVector x7 = FloatVector.zero(F);
        for (int d = 0; d < width; d++) {
            FloatVector x = FloatVector.fromArray(F, q, qAt + d * qStride);
            FloatVector b = FloatVector.broadcast(F, k[k0 + d]);
            x0 = b.fma(x, x0);
            b = FloatVector.broadcast(F, k[k1 + d]);
            x1 = b.fma(x, x1);
            b = FloatVector.broadcast(F, k[k2 + d]);
            x2 = b.fma(x, x2);
            b = FloatVector.broadcast(F, k[k3 + d]);
            x3 = b.fma(x, x3);
            b = FloatVector.broadcast(F, k[k4 + d]);
            x4 = b.fma(x, x4);
            b = FloatVector.broadcast(F, k[k5 + d]);
            x5 = b.fma(x, x5);
            b = FloatVector.broadcast(F, k[k6 + d]);
            x6 = b.fma(x, x6);
            b = FloatVector.broadcast(F, k[k7 + d]);
            x7 = b.fma(x, x7);
        }
        x0.intoArray(s, sAt);
        x1.intoArray(s, sAt + qStride);
        x2.intoArray(s, sAt + 2 * qStride);
        x3.intoArray(s, sAt + 3 * qStride);
        x4.intoArray(s, sAt + 4 * qStride);
        x5.intoArray(s, sAt + 5 * qStride);
        x6.intoArray(s, sAt + 6 * qStride);
        x7.intoArray(s, sAt + 7 * qStride);
    }

    /** Probabilities of four queries against three vectors of every value. */
    static void valuesOfThree(
            float[] p, int pAt, int pStride, float[] v, int vAt, int vStride, int n, float[] c, int c0, int cStride) {
        int c1 = c0 + cStride;
        int c2 = c1 + cStride;
        int c3 = c2 + cStride;
        FloatVector s00 = FloatVector.fromArray(F, c, c0);
        FloatVector s01 = FloatVector.fromArray(F, c, c0 + L);
        FloatVector s02 = FloatVector.fromArray(F, c, c0 + 2 * L);
        FloatVector s10 = FloatVector.fromArray(F, c, c1);
        FloatVector s11 = FloatVector.fromArray(F, c, c1 + L);
        FloatVector s12 = FloatVector.fromArray(F, c, c1 + 2 * L);
        FloatVector s20 = FloatVector.fromArray(F, c, c2);
        FloatVector s21 = FloatVector.fromArray(F, c, c2 + L);
        FloatVector s22 = FloatVector.fromArray(F, c, c2 + 2 * L);
        FloatVector s30 = FloatVector.fromArray(F, c, c3);
        FloatVector s31 = FloatVector.fromArray(F, c, c3 + L);
        FloatVector s32 = FloatVector.fromArray(F, c, c3 + 2 * L);
        for (int j = 0; j < n; j++) {
            int from = vAt + j * vStride;
            int weight = pAt + j * pStride;
            FloatVector v0 = FloatVector.fromArray(F, v, from);
            FloatVector v1 = FloatVector.fromArray(F, v, from + L);
            FloatVector v2 = FloatVector.fromArray(F, v, from + 2 * L);
            FloatVector b = FloatVector.broadcast(F, p[weight]);
            s00 = b.fma(v0, s00);
            s01 = b.fma(v1, s01);
            s02 = b.fma(v2, s02);
            b = FloatVector.broadcast(F, p[weight + 1]);
            s10 = b.fma(v0, s10);
            s11 = b.fma(v1, s11);
            s12 = b.fma(v2, s12);
            b = FloatVector.broadcast(F, p[weight + 2]);
            s20 = b.fma(v0, s20);
            s21 = b.fma(v1, s21);
            s22 = b.fma(v2, s22);
            b = FloatVector.broadcast(F, p[weight + 3]);
            s30 = b.fma(v0, s30);
            s31 = b.fma(v1, s31);
            s32 = b.fma(v2, s32);
        }
        s00.intoArray(c, c0);
        s01.intoArray(c, c0 + L);
        s02.intoArray(c, c0 + 2 * L);
        s10.intoArray(c, c1);
        s11.intoArray(c, c1 + L);
        s12.intoArray(c, c1 + 2 * L);
        s20.intoArray(c, c2);
        s21.intoArray(c, c2 + L);
        s22.intoArray(c, c2 + 2 * L);
        s30.intoArray(c, c3);
        s31.intoArray(c, c3 + L);
        s32.intoArray(c, c3 + 2 * L);
    }

    /** Probabilities of four queries against one vector of every value. */
    static void valuesOfOne(
            float[] p, int pAt, int pStride, float[] v, int vAt, int vStride, int n, float[] c, int c0, int cStride) {
        int c1 = c0 + cStride;
        int c2 = c1 + cStride;
        int c3 = c2 + cStride;
        FloatVector s00 = FloatVector.fromArray(F, c, c0);
        FloatVector s10 = FloatVector.fromArray(F, c, c1);
        FloatVector s20 = FloatVector.fromArray(F, c, c2);
        FloatVector s30 = FloatVector.fromArray(F, c, c3);
        for (int j = 0; j < n; j++) {
            int from = vAt + j * vStride;
            int weight = pAt + j * pStride;
            FloatVector v0 = FloatVector.fromArray(F, v, from);
            FloatVector b = FloatVector.broadcast(F, p[weight]);
            s00 = b.fma(v0, s00);
            b = FloatVector.broadcast(F, p[weight + 1]);
            s10 = b.fma(v0, s10);
            b = FloatVector.broadcast(F, p[weight + 2]);
            s20 = b.fma(v0, s20);
            b = FloatVector.broadcast(F, p[weight + 3]);
            s30 = b.fma(v0, s30);
        }
        s00.intoArray(c, c0);
        s10.intoArray(c, c1);
        s20.intoArray(c, c2);
        s30.intoArray(c, c3);
    }

    /** Probabilities of one query against four vectors of every value. */
    static void valuesOfFourForOne(
            float[] p, int pAt, int pStride, float[] v, int vAt, int vStride, int n, float[] c, int cAt) {
        FloatVector s0 = FloatVector.fromArray(F, c, cAt);
        FloatVector s1 = FloatVector.fromArray(F, c, cAt + L);
        FloatVector s2 = FloatVector.fromArray(F, c, cAt + 2 * L);
        FloatVector s3 = FloatVector.fromArray(F, c, cAt + 3 * L);
        for (int j = 0; j < n; j++) {
            int from = vAt + j * vStride;
            FloatVector b = FloatVector.broadcast(F, p[pAt + j * pStride]);
            s0 = b.fma(FloatVector.fromArray(F, v, from), s0);
            s1 = b.fma(FloatVector.fromArray(F, v, from + L), s1);
            s2 = b.fma(FloatVector.fromArray(F, v, from + 2 * L), s2);
            s3 = b.fma(FloatVector.fromArray(F, v, from + 3 * L), s3);
        }
        s0.intoArray(c, cAt);
        s1.intoArray(c, cAt + L);
        s2.intoArray(c, cAt + 2 * L);
        s3.intoArray(c, cAt + 3 * L);
    }
}
