package dev.cadre.kernels;

import static dev.cadre.kernels.FusedDots.STEP;
import static dev.cadre.kernels.Lanes.L;
import static dev.cadre.kernels.StoredLanes.broadcast;
import static dev.cadre.kernels.StoredLanes.high;
import static dev.cadre.kernels.StoredLanes.low;
import static dev.cadre.kernels.StoredLanes.pick;
import static dev.cadre.kernels.StoredLanes.right;
import static dev.cadre.kernels.StoredLanes.slice;
import static dev.cadre.kernels.StoredLanes.unsigned;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Vector decoders of the formats with 256 elements a block: the loops of {@link FusedKDots}, which leave the weights in
 * a panel ({@link VectorDecoders#place}) instead of multiplying them. The layouts are described at the scalar codecs.
 */
final class VectorKDecoders {
    /** The values of IQ4_NL's 16 levels. */
    static final float[] LEVEL_NUMBERS = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

    static final FloatVector LEVELS = VectorDecoders.table(LEVEL_NUMBERS);

    private VectorKDecoders() {}

    static void q4(MemorySegment src, long a, long stride, int rows, int k, float[] s, float[] dst, int at, int plane) {
        for (int r = 0; r < rows; r++) {
            q4(src, a + r * stride, k, s, k / 16 * r, dst, at + r * PanelDots.GROUP, plane);
        }
    }

    private static void q4(MemorySegment src, long a, int k, float[] s, int sAt, float[] dst, int at, int plane) {
        for (int n = 0; n < k / STEP; n++) {
            FloatVector d0 = broadcast(s, sAt + 4 * n);
            FloatVector d1 = broadcast(s, sAt + 4 * n + 1);
            FloatVector m0 = broadcast(s, sAt + 4 * n + 2);
            FloatVector m1 = broadcast(s, sAt + 4 * n + 3);
            for (int j = 0; j < 16; j += L) {
                long o = a + 16 + 32L * n + 16L * (n >> 2) + j;
                int to = at + STEP * n + j;
                IntVector b = unsigned(src, o);
                IntVector c = unsigned(src, o + 16);
                low(b).fma(d0, m0).intoArray(dst, to);
                low(c).fma(d0, m0).intoArray(dst, to + plane);
                high(b).fma(d1, m1).intoArray(dst, to + 2 * plane);
                high(c).fma(d1, m1).intoArray(dst, to + 3 * plane);
            }
        }
    }

    /** {@link #q4} by a table. A vector has 16 lanes. */
    static void q4ByTable(
            MemorySegment src, long a, long stride, int rows, int k, float[] s, float[] dst, int at, int plane) {
        for (int r = 0; r < rows; r++) {
            q4ByTable(src, a + r * stride, k, s, k / 16 * r, dst, at + r * PanelDots.GROUP, plane);
        }
    }

    private static void q4ByTable(
            MemorySegment src, long a, int k, float[] s, int sAt, float[] dst, int at, int plane) {
        for (int n = 0; n < k / STEP; n++) {
            IntVector t0 = FusedKDots.nibbles(s, sAt + 4 * n);
            IntVector t1 = FusedKDots.nibbles(s, sAt + 4 * n + 1);
            MemorySegment w = slice(src, a + 16 + 32L * n + 16L * (n >> 2), 32);
            int to = at + STEP * n;
            IntVector b = unsigned(w, 0);
            IntVector c = unsigned(w, 16);
            pick(b, t0).intoArray(dst, to);
            pick(c, t0).intoArray(dst, to + plane);
            pick(right(b, 4), t1).intoArray(dst, to + 2 * plane);
            pick(right(c, 4), t1).intoArray(dst, to + 3 * plane);
        }
    }

    static void q2(MemorySegment src, long a, long stride, int rows, int k, float[] s, float[] dst, int at, int plane) {
        for (int r = 0; r < rows; r++) {
            q2(src, a + r * stride, k, s, k / 16 * r, k / 16 * (rows + r), dst, at + r * PanelDots.GROUP, plane);
        }
    }

    private static void q2(
            MemorySegment src, long a, int k, float[] s, int sAt, int minima, float[] dst, int at, int plane) {
        for (int n = 0; n < k / STEP; n++) {
            for (int j = 0; j < 32; j += L) {
                int g = 4 * n + (j >> 4);
                int to = at + STEP * n + (j & 15) + (j >> 4) * plane;
                int shift = 4 * (n & 1);
                IntVector b = unsigned(src, a + 84L * (n >> 2) + 16 + 32 * (n >> 1 & 1) + j);
                FusedKDots.twoBits(b, shift, s, sAt + g, minima + g).intoArray(dst, to);
                FusedKDots.twoBits(b, shift + 2, s, sAt + g + 2, minima + g + 2).intoArray(dst, to + 2 * plane);
            }
        }
    }

    static void iq4Xs(
            MemorySegment src, long a, long stride, int rows, int k, float[] s, float[] dst, int at, int plane) {
        for (int r = 0; r < rows; r++) {
            iq4Xs(src, a + r * stride, k, s, k / 32 * r, dst, at + r * PanelDots.GROUP, plane);
        }
    }

    private static void iq4Xs(MemorySegment src, long a, int k, float[] s, int sAt, float[] dst, int at, int plane) {
        for (int n = 0; n < k / STEP; n++) {
            MemorySegment w = slice(src, a + 8 + 32L * n + 8L * (n >> 2), 32);
            int to = at + STEP * n;
            IntVector t0 = LEVELS.mul(s[sAt + 2 * n]).reinterpretAsInts();
            IntVector t1 = LEVELS.mul(s[sAt + 2 * n + 1]).reinterpretAsInts();
            IntVector b = unsigned(w, 0);
            pick(b, t0).intoArray(dst, to);
            pick(b.lanewise(VectorOperators.LSHR, 4), t0).intoArray(dst, to + plane);
            IntVector c = unsigned(w, 16);
            pick(c, t1).intoArray(dst, to + 2 * plane);
            pick(c.lanewise(VectorOperators.LSHR, 4), t1).intoArray(dst, to + 3 * plane);
        }
    }
}
