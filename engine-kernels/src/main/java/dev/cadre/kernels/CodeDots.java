package dev.cadre.kernels;

import static dev.cadre.kernels.Lanes.B;
import static dev.cadre.kernels.Lanes.F;
import static dev.cadre.kernels.Lanes.L;
import static dev.cadre.kernels.StoredLanes.broadcast;
import static dev.cadre.kernels.StoredLanes.load;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;

/**
 * What follows {@link StagedCodes} and {@link Codebook}: a row of signed bytes, times its scales, multiplied with one
 * token or written to a panel. The sums are those of {@link FusedDots}.
 */
final class CodeDots {
    private static final int STEP = PanelDots.STEP;

    private CodeDots() {}

    private static FloatVector code(byte[] codes, int at) {
        return VectorDecoders.toFloats(ByteVector.fromArray(B, codes, at), 0);
    }

    /** s[g] scales 16 columns g. */
    static void scaled(RowCursor c) {
        while (c.next()) {
            scaledRows(c, RowKernels.unpackCodes(c));
        }
    }

    private static void scaledRows(RowCursor c, float[] s) {
        byte[] codes = c.ws.codes(c.unpacked());
        float[] x = c.x;
        int xAt = c.xAt;
        int from = 0;
        int steps = c.columns / STEP;
        float[] sums = c.sums;
        int end = c.sumsAt + c.rows * L;
        for (int to = c.sumsAt; to < end; to += L) {
            FloatVector s0 = FloatVector.zero(F);
            FloatVector s1 = s0;
            FloatVector s2 = s0;
            FloatVector s3 = s0;
            for (int n = 0; n < steps; n++) {
                int d = from / 16 + 4 * n;
                for (int j = 0; j < 16; j += L) {
                    int b = from + STEP * n + j;
                    int i = xAt + STEP * n + j;
                    s0 = code(codes, b).mul(broadcast(s, d)).fma(load(x, i), s0);
                    s1 = code(codes, b + 16).mul(broadcast(s, d + 1)).fma(load(x, i + 16), s1);
                    s2 = code(codes, b + 32).mul(broadcast(s, d + 2)).fma(load(x, i + 32), s2);
                    s3 = code(codes, b + 48).mul(broadcast(s, d + 3)).fma(load(x, i + 48), s3);
                }
            }
            from += STEP * steps;
            FusedDots.addUp(sums, to, s0, s1, s2, s3);
        }
    }

    /** For 64 columns n, s[4n] and s[4n + 1] scale 32 columns each, and s[4n + 2], s[4n + 3] are added to them. */
    static void scaledInPairs(RowCursor c) {
        while (c.next()) {
            scaledInPairsRows(c, RowKernels.unpackCodes(c));
        }
    }

    private static void scaledInPairsRows(RowCursor c, float[] s) {
        byte[] codes = c.ws.codes(c.unpacked());
        float[] x = c.x;
        int xAt = c.xAt;
        int from = 0;
        int steps = c.columns / STEP;
        float[] sums = c.sums;
        int end = c.sumsAt + c.rows * L;
        for (int to = c.sumsAt; to < end; to += L) {
            FloatVector s0 = FloatVector.zero(F);
            FloatVector s1 = s0;
            FloatVector s2 = s0;
            FloatVector s3 = s0;
            for (int n = 0; n < steps; n++) {
                int d = from / 16 + 4 * n;
                FloatVector d0 = broadcast(s, d);
                FloatVector d1 = broadcast(s, d + 1);
                FloatVector m0 = broadcast(s, d + 2);
                FloatVector m1 = broadcast(s, d + 3);
                for (int j = 0; j < 16; j += L) {
                    int b = from + STEP * n + j;
                    int i = xAt + STEP * n + j;
                    s0 = code(codes, b).fma(d0, m0).fma(load(x, i), s0);
                    s1 = code(codes, b + 16).fma(d0, m0).fma(load(x, i + 16), s1);
                    s2 = code(codes, b + 32).fma(d1, m1).fma(load(x, i + 32), s2);
                    s3 = code(codes, b + 48).fma(d1, m1).fma(load(x, i + 48), s3);
                }
            }
            from += STEP * steps;
            FusedDots.addUp(sums, to, s0, s1, s2, s3);
        }
    }

    /** As {@link #scaled}, into a row of a panel. */
    static void decodeScaled(byte[] codes, int rows, int k, float[] s, float[] dst, int at, int plane) {
        for (int r = 0; r < rows; r++) {
            decodeScaled(codes, k * r, k, s, k / 16 * r, dst, at + r * PanelDots.GROUP, plane);
        }
    }

    private static void decodeScaled(
            byte[] codes, int from, int k, float[] s, int sAt, float[] dst, int at, int plane) {
        for (int n = 0; n < k / STEP; n++) {
            for (int j = 0; j < 16; j += L) {
                int c = from + STEP * n + j;
                int to = at + STEP * n + j;
                code(codes, c).mul(broadcast(s, sAt + 4 * n)).intoArray(dst, to);
                code(codes, c + 16).mul(broadcast(s, sAt + 4 * n + 1)).intoArray(dst, to + plane);
                code(codes, c + 32).mul(broadcast(s, sAt + 4 * n + 2)).intoArray(dst, to + 2 * plane);
                code(codes, c + 48).mul(broadcast(s, sAt + 4 * n + 3)).intoArray(dst, to + 3 * plane);
            }
        }
    }

    /** As {@link #scaledInPairs}, into a row of a panel. */
    static void decodeScaledInPairs(byte[] codes, int rows, int k, float[] s, float[] dst, int at, int plane) {
        for (int r = 0; r < rows; r++) {
            decodeScaledInPairs(codes, k * r, k, s, k / 16 * r, dst, at + r * PanelDots.GROUP, plane);
        }
    }

    private static void decodeScaledInPairs(
            byte[] codes, int from, int k, float[] s, int sAt, float[] dst, int at, int plane) {
        for (int n = 0; n < k / STEP; n++) {
            FloatVector d0 = broadcast(s, sAt + 4 * n);
            FloatVector d1 = broadcast(s, sAt + 4 * n + 1);
            FloatVector m0 = broadcast(s, sAt + 4 * n + 2);
            FloatVector m1 = broadcast(s, sAt + 4 * n + 3);
            for (int j = 0; j < 16; j += L) {
                int c = from + STEP * n + j;
                int to = at + STEP * n + j;
                code(codes, c).fma(d0, m0).intoArray(dst, to);
                code(codes, c + 16).fma(d0, m0).intoArray(dst, to + plane);
                code(codes, c + 32).fma(d1, m1).intoArray(dst, to + 2 * plane);
                code(codes, c + 48).fma(d1, m1).intoArray(dst, to + 3 * plane);
            }
        }
    }
}
