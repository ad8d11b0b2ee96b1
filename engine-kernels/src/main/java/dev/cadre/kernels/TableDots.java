package dev.cadre.kernels;

import static dev.cadre.kernels.FusedDots.STEP;
import static dev.cadre.kernels.FusedDots.addUp;
import static dev.cadre.kernels.Lanes.F;
import static dev.cadre.kernels.Lanes.L;
import static dev.cadre.kernels.StoredLanes.load;
import static dev.cadre.kernels.StoredLanes.pick;
import static dev.cadre.kernels.StoredLanes.right;
import static dev.cadre.kernels.StoredLanes.slice;
import static dev.cadre.kernels.StoredLanes.unsigned;

import dev.cadre.kernels.format.BlockFormat;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * {@link FusedDots} of blocks of 32 nibbles that name entries of a table: Q4_0, Q4_1, IQ4_NL and MXFP4. The table,
 * times a block's scale, is one vector, which has 16 lanes.
 */
final class TableDots {
    // bytes of a block
    static final int MXFP4 = BlockFormat.MXFP4.blockBytes();
    static final int NIBBLES = BlockFormat.IQ4_NL.blockBytes(); // and of Q4_0
    static final int Q4_1 = BlockFormat.Q4_1.blockBytes();

    /** The values of Q4_0's codes. */
    static final float[] LESS_8 = {-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7};

    /** The codes of Q4_1. */
    static final float[] FROM_0 = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

    static final FloatVector LEVELS_FROM_0 = VectorDecoders.table(FROM_0);

    private TableDots() {}

    /** {@link FusedDots#q4} by a table, which is less for C2 and for the processor. */
    static void q4ByTable(RowCursor c) {
        while (c.next()) {
            nibbleRows(c, LESS_8);
        }
    }

    static void iq4Nl(RowCursor c) {
        while (c.next()) {
            nibbleRows(c, VectorKDecoders.LEVEL_NUMBERS);
        }
    }

    /**
     * Blocks of a half-precision scale and nibbles that name entries of a table. It comes as an array: of a parameter
     * that is a vector, C2 may not know the class, and then each use of it makes an object. Other sizes of blocks have
     * loops of their own, because one that took it as a variable would have more places than there are registers.
     */
    private static void nibbleRows(RowCursor c, float[] numbers) {
        MemorySegment src = c.src;
        float[] x = c.x;
        int xAt = c.xAt;
        FloatVector table = load(numbers, 0);
        long at = c.at;
        long stride = c.stride;
        int step = OpaqueStep.of(36);
        int xEnd = xAt + c.columns;
        float[] sums = c.sums;
        int end = c.sumsAt + c.rows * L;
        for (int to = c.sumsAt; to < end; to += L) {
            FloatVector s0 = FloatVector.zero(F);
            FloatVector s1 = s0;
            FloatVector s2 = s0;
            FloatVector s3 = s0;
            long o = at;
            for (int i = xAt; i < xEnd; i += STEP) {
                MemorySegment w = slice(src, o, 36);
                IntVector t0 = scaledLevels(w, 0, NIBBLES, table);
                IntVector t1 = scaledLevels(w, 18, NIBBLES, table);
                for (int j = 0; j < 16; j += L) {
                    IntVector b = unsigned(w, 2 + j);
                    s0 = pick(b, t0).fma(load(x, i + j), s0);
                    s1 = pick(right(b, 4), t0).fma(load(x, i + 16 + j), s1);
                    IntVector e = unsigned(w, 20 + j);
                    s2 = pick(e, t1).fma(load(x, i + 32 + j), s2);
                    s3 = pick(right(e, 4), t1).fma(load(x, i + 48 + j), s3);
                }
                o += step;
            }
            at += stride;
            addUp(sums, to, s0, s1, s2, s3);
        }
    }

    static void q41(RowCursor c) {
        while (c.next()) {
            q41Rows(c);
        }
    }

    private static void q41Rows(RowCursor c) {
        MemorySegment src = c.src;
        float[] x = c.x;
        int xAt = c.xAt;
        FloatVector table = load(FROM_0, 0);
        long at = c.at;
        long stride = c.stride;
        int step = OpaqueStep.of(40);
        int xEnd = xAt + c.columns;
        float[] sums = c.sums;
        int end = c.sumsAt + c.rows * L;
        for (int to = c.sumsAt; to < end; to += L) {
            FloatVector s0 = FloatVector.zero(F);
            FloatVector s1 = s0;
            FloatVector s2 = s0;
            FloatVector s3 = s0;
            long o = at;
            for (int i = xAt; i < xEnd; i += STEP) {
                MemorySegment w = slice(src, o, 40);
                IntVector t0 = scaledLevels(w, 0, Q4_1, table);
                IntVector t1 = scaledLevels(w, 20, Q4_1, table);
                for (int j = 0; j < 16; j += L) {
                    IntVector b = unsigned(w, 4 + j);
                    s0 = pick(b, t0).fma(load(x, i + j), s0);
                    s1 = pick(right(b, 4), t0).fma(load(x, i + 16 + j), s1);
                    IntVector e = unsigned(w, 24 + j);
                    s2 = pick(e, t1).fma(load(x, i + 32 + j), s2);
                    s3 = pick(right(e, 4), t1).fma(load(x, i + 48 + j), s3);
                }
                o += step;
            }
            at += stride;
            addUp(sums, to, s0, s1, s2, s3);
        }
    }

    static void mxfp4(RowCursor c) {
        while (c.next()) {
            mxfp4Rows(c);
        }
    }

    private static void mxfp4Rows(RowCursor c) {
        MemorySegment src = c.src;
        float[] x = c.x;
        int xAt = c.xAt;
        FloatVector table = load(VectorDecoders.E2M1_NUMBERS, 0);
        long at = c.at;
        long stride = c.stride;
        int step = OpaqueStep.of(34);
        int xEnd = xAt + c.columns;
        float[] sums = c.sums;
        int end = c.sumsAt + c.rows * L;
        for (int to = c.sumsAt; to < end; to += L) {
            FloatVector s0 = FloatVector.zero(F);
            FloatVector s1 = s0;
            FloatVector s2 = s0;
            FloatVector s3 = s0;
            long o = at;
            for (int i = xAt; i < xEnd; i += STEP) {
                MemorySegment w = slice(src, o, 34);
                IntVector t0 = scaledLevels(w, 0, MXFP4, table);
                IntVector t1 = scaledLevels(w, 17, MXFP4, table);
                for (int j = 0; j < 16; j += L) {
                    IntVector b = unsigned(w, 1 + j);
                    s0 = pick(b, t0).fma(load(x, i + j), s0);
                    s1 = pick(right(b, 4), t0).fma(load(x, i + 16 + j), s1);
                    IntVector e = unsigned(w, 18 + j);
                    s2 = pick(e, t1).fma(load(x, i + 32 + j), s2);
                    s3 = pick(right(e, 4), t1).fma(load(x, i + 48 + j), s3);
                }
                o += step;
            }
            at += stride;
            addUp(sums, to, s0, s1, s2, s3);
        }
    }

    /**
     * The bits of a block's table, times its scale, plus its minimum if it has one. One access, since each costs C2
     * some 800 nodes.
     */
    static IntVector scaledLevels(MemorySegment src, long o, int blockBytes, FloatVector table) {
        int head = StoredLanes.int32(src, o);
        float d = blockBytes == MXFP4 ? VectorDecoders.halfOfE8m0((byte) head) : Float.float16ToFloat((short) head);
        if (blockBytes == Q4_1) {
            float m = Float.float16ToFloat((short) (head >>> 16));
            return table.fma(FloatVector.broadcast(F, d), FloatVector.broadcast(F, m))
                    .reinterpretAsInts();
        }
        return table.mul(d).reinterpretAsInts();
    }
}
