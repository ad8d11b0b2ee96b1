package dev.cadre.kernels;

import static dev.cadre.kernels.FusedDots.STEP;
import static dev.cadre.kernels.FusedDots.addUp;
import static dev.cadre.kernels.Lanes.F;
import static dev.cadre.kernels.Lanes.L;
import static dev.cadre.kernels.StoredLanes.broadcast;
import static dev.cadre.kernels.StoredLanes.high;
import static dev.cadre.kernels.StoredLanes.load;
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
 * {@link FusedDots} of the formats with 256 elements a block: flat loops over 64 columns, with the scales that
 * {@link KScales} has unpacked. Loops over blocks with inner loops would check every bound at each block again.
 */
final class FusedKDots {
    /** 0, 1, 2, 3 over and over: looked up by any number, the value of its last two bits. */
    private static final FloatVector FOUR = VectorDecoders.toFloats(Lanes.INDEX.and(3));

    private FusedKDots() {}

    static void q4(RowCursor c) {
        while (c.next()) {
            q4Rows(c, RowKernels.unpackScales(c));
        }
    }

    private static void q4Rows(RowCursor c, float[] s) {
        MemorySegment src = c.src;
        float[] x = c.x;
        int xAt = c.xAt;
        long at = c.at;
        long stride = c.stride;
        int d = 0;
        int steps = c.columns / STEP;
        float[] sums = c.sums;
        int end = c.sumsAt + c.rows * L;
        for (int to = c.sumsAt; to < end; to += L) {
            FloatVector s0 = FloatVector.zero(F);
            FloatVector s1 = s0;
            FloatVector s2 = s0;
            FloatVector s3 = s0;
            for (int n = 0; n < steps; n++) {
                FloatVector d0 = broadcast(s, d + 4 * n);
                FloatVector d1 = broadcast(s, d + 4 * n + 1);
                FloatVector m0 = broadcast(s, d + 4 * n + 2);
                FloatVector m1 = broadcast(s, d + 4 * n + 3);
                for (int j = 0; j < 16; j += L) {
                    long o = at + 16 + 32L * n + 16L * (n >> 2) + j;
                    int i = xAt + STEP * n + j;
                    IntVector b = unsigned(src, o);
                    IntVector e = unsigned(src, o + 16);
                    s0 = low(b).fma(d0, m0).fma(load(x, i), s0);
                    s1 = low(e).fma(d0, m0).fma(load(x, i + 16), s1);
                    s2 = high(b).fma(d1, m1).fma(load(x, i + 32), s2);
                    s3 = high(e).fma(d1, m1).fma(load(x, i + 48), s3);
                }
            }
            at += stride;
            d += 4 * steps;
            addUp(sums, to, s0, s1, s2, s3);
        }
    }

    /** {@link #q4} by a table, which is less for C2 and for the processor. A vector has 16 lanes. */
    static void q4ByTable(RowCursor c) {
        while (c.next()) {
            q4ByTableRows(c, RowKernels.unpackScales(c));
        }
    }

    private static void q4ByTableRows(RowCursor c, float[] s) {
        MemorySegment src = c.src;
        float[] x = c.x;
        int xAt = c.xAt;
        long at = c.at + 16;
        long stride = c.stride;
        int d = 0;
        int steps = c.columns / STEP;
        float[] sums = c.sums;
        int end = c.sumsAt + c.rows * L;
        for (int to = c.sumsAt; to < end; to += L) {
            FloatVector s0 = FloatVector.zero(F);
            FloatVector s1 = s0;
            FloatVector s2 = s0;
            FloatVector s3 = s0;
            for (int n = 0; n < steps; n++) {
                int i = xAt + STEP * n;
                MemorySegment w = slice(src, at + 32L * n + 16L * (n >> 2), 32);
                IntVector t0 = nibbles(s, d + 4 * n);
                IntVector t1 = nibbles(s, d + 4 * n + 1);
                for (int j = 0; j < 16; j += L) {
                    IntVector b = unsigned(w, j);
                    IntVector e = unsigned(w, 16 + j);
                    s0 = pick(b, t0).fma(load(x, i + j), s0);
                    s1 = pick(e, t0).fma(load(x, i + 16 + j), s1);
                    s2 = pick(right(b, 4), t1).fma(load(x, i + 32 + j), s2);
                    s3 = pick(right(e, 4), t1).fma(load(x, i + 48 + j), s3);
                }
            }
            at += stride;
            d += 4 * steps;
            addUp(sums, to, s0, s1, s2, s3);
        }
    }

    /** The bits of what nibbles stand for: times the scale s[d], plus the minimum two floats on. */
    static IntVector nibbles(float[] s, int d) {
        return TableDots.LEVELS_FROM_0.fma(broadcast(s, d), broadcast(s, d + 2)).reinterpretAsInts();
    }

    static void q2(RowCursor c) {
        while (c.next()) {
            q2Rows(c, RowKernels.unpackScales(c));
        }
    }

    private static void q2Rows(RowCursor c, float[] s) {
        MemorySegment src = c.src;
        float[] x = c.x;
        int xAt = c.xAt;
        StoredLanes.readFirst(src, c.at);
        long at = c.at + 16;
        long stride = c.stride;
        int d = 0;
        int minima = c.unpacked() / 16;
        int steps = c.columns / STEP;
        float[] sums = c.sums;
        int end = c.sumsAt + c.rows * L;
        for (int to = c.sumsAt; to < end; to += L) {
            FloatVector s0 = FloatVector.zero(F);
            FloatVector s1 = s0;
            FloatVector s2 = s0;
            FloatVector s3 = s0;
            for (int n = 0; n < steps; n++) {
                for (int j = 0; j < 16; j += L) {
                    long o = at + 84L * (n >> 2) + 32 * (n >> 1 & 1) + j;
                    int i = xAt + STEP * n + j;
                    int m = minima + d + 4 * n;
                    int shift = 4 * (n & 1);
                    IntVector b = unsigned(src, o);
                    IntVector e = unsigned(src, o + 16);
                    s0 = twoBits(b, shift, s, d + 4 * n, m).fma(load(x, i), s0);
                    s1 = twoBits(e, shift, s, d + 4 * n + 1, m + 1).fma(load(x, i + 16), s1);
                    s2 = twoBits(b, shift + 2, s, d + 4 * n + 2, m + 2).fma(load(x, i + 32), s2);
                    s3 = twoBits(e, shift + 2, s, d + 4 * n + 3, m + 3).fma(load(x, i + 48), s3);
                }
            }
            at += stride;
            d += 4 * steps;
            addUp(sums, to, s0, s1, s2, s3);
        }
    }

    /**
     * s[d] times the two bits from {@code shift} on, plus s[m]. The lookup in the four results takes C2 fewer nodes
     * than bits that become floats, as {@link StoredLanes#low} does, with which the loop did not always fit.
     */
    static FloatVector twoBits(IntVector bytes, int shift, float[] s, int d, int m) {
        IntVector table = FOUR.fma(broadcast(s, d), broadcast(s, m)).reinterpretAsInts();
        return pick(bytes.lanewise(VectorOperators.LSHR, shift), table);
    }

    static void iq4Xs(RowCursor c) {
        while (c.next()) {
            iq4XsRows(c, RowKernels.unpackScales(c));
        }
    }

    private static void iq4XsRows(RowCursor c, float[] s) {
        MemorySegment src = c.src;
        float[] x = c.x;
        int xAt = c.xAt;
        long at = c.at + 8;
        long stride = c.stride;
        int d = 0;
        int steps = c.columns / STEP;
        float[] sums = c.sums;
        int end = c.sumsAt + c.rows * L;
        for (int to = c.sumsAt; to < end; to += L) {
            FloatVector s0 = FloatVector.zero(F);
            FloatVector s1 = s0;
            FloatVector s2 = s0;
            FloatVector s3 = s0;
            for (int n = 0; n < steps; n++) {
                int i = xAt + STEP * n;
                MemorySegment w = slice(src, at + 32L * n + 8L * (n >> 2), 32);
                IntVector t0 = VectorKDecoders.LEVELS.mul(s[d + 2 * n]).reinterpretAsInts();
                IntVector t1 = VectorKDecoders.LEVELS.mul(s[d + 2 * n + 1]).reinterpretAsInts();
                for (int j = 0; j < 16; j += L) {
                    IntVector b = unsigned(w, j);
                    s0 = pick(b, t0).fma(load(x, i + j), s0);
                    s1 = pick(right(b, 4), t0).fma(load(x, i + 16 + j), s1);
                    IntVector e = unsigned(w, 16 + j);
                    s2 = pick(e, t1).fma(load(x, i + 32 + j), s2);
                    s3 = pick(right(e, 4), t1).fma(load(x, i + 48 + j), s3);
                }
            }
            at += stride;
            d += 2 * steps;
            addUp(sums, to, s0, s1, s2, s3);
        }
    }
}
