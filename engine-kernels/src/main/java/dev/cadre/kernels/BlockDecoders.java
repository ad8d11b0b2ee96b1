package dev.cadre.kernels;

import static dev.cadre.kernels.FusedDots.STEP;
import static dev.cadre.kernels.Lanes.F;
import static dev.cadre.kernels.Lanes.L;
import static dev.cadre.kernels.StoredLanes.half;
import static dev.cadre.kernels.StoredLanes.highLess8;
import static dev.cadre.kernels.StoredLanes.lowLess8;
import static dev.cadre.kernels.StoredLanes.pick;
import static dev.cadre.kernels.StoredLanes.right;
import static dev.cadre.kernels.StoredLanes.signed;
import static dev.cadre.kernels.StoredLanes.slice;
import static dev.cadre.kernels.StoredLanes.unsigned;
import static dev.cadre.kernels.VectorDecoders.place;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * Vector decoders of BF16 and of the formats with 32 elements a block, straight from where they are stored: what {@link
 * FusedDots} multiplies, left in a panel ({@link VectorDecoders#place}). Every method makes a scalar access, too.
 *
 * <p>What few rows have, a block behind whole steps, is in a method of its own: where a call is rare, C2 leaves it one
 * if it has compiled what is called, and a vector that it returns is an object.
 */
final class BlockDecoders {
    private static final int GROUP = PanelDots.GROUP;

    private BlockDecoders() {}

    static void bf16(
            MemorySegment src, long a, long stride, int rows, int k, float[] s, float[] dst, int at, int plane) {
        for (int r = 0; r < rows; r++) {
            bf16(src, a + r * stride, k, dst, at + r * GROUP, plane);
        }
    }

    private static void bf16(MemorySegment src, long a, int k, float[] dst, int at, int plane) {
        if (k % STEP == 0) {
            bf16Steps(src, a, k / STEP, dst, at, plane);
        } else {
            bf16Groups(src, a, k, dst, at, plane);
        }
    }

    private static void bf16Groups(MemorySegment src, long a, int k, float[] dst, int at, int plane) {
        for (int i = 0; i < k; i += L) {
            StoredLanes.bf16(src, a + 2L * i).intoArray(dst, at + place(i, plane));
        }
    }

    private static void bf16Steps(MemorySegment src, long a, int steps, float[] dst, int at, int plane) {
        int step = OpaqueStep.of(128);
        long o = a;
        for (int n = 0; n < steps; n++) {
            MemorySegment w = slice(src, o, 128);
            for (int j = 0; j < 16; j += L) {
                int to = at + STEP * n + j;
                StoredLanes.bf16(w, 2 * j).intoArray(dst, to);
                StoredLanes.bf16(w, 32 + 2 * j).intoArray(dst, to + plane);
                StoredLanes.bf16(w, 64 + 2 * j).intoArray(dst, to + 2 * plane);
                StoredLanes.bf16(w, 96 + 2 * j).intoArray(dst, to + 3 * plane);
            }
            o += step;
        }
    }

    static void f16(
            MemorySegment src, long a, long stride, int rows, int k, float[] s, float[] dst, int at, int plane) {
        for (int r = 0; r < rows; r++) {
            f16(src, a + r * stride, k, dst, at + r * GROUP, plane);
        }
    }

    private static void f16(MemorySegment src, long a, int k, float[] dst, int at, int plane) {
        for (int i = 0; i < k; i += L) {
            StoredLanes.f16(src, a + 2L * i).intoArray(dst, at + place(i, plane));
        }
    }

    /** Codes that {@link HalfWords#areFields} lets pass. */
    static void e4m3(
            MemorySegment src, long a, long stride, int rows, int k, float[] s, float[] dst, int at, int plane) {
        for (int r = 0; r < rows; r++) {
            e4m3(src, a + r * stride, k, s, k / STEP * r, dst, at + r * GROUP, plane);
        }
    }

    private static void e4m3(MemorySegment src, long a, int k, float[] s, int sAt, float[] dst, int at, int plane) {
        int step = OpaqueStep.of(STEP);
        long o = a;
        for (int n = 0; n < k / STEP; n++) {
            FloatVector factor = FloatVector.broadcast(F, s[sAt + n] * FusedDots.E4M3_FACTOR);
            MemorySegment w = slice(src, o, STEP);
            for (int j = 0; j < 16; j += L) {
                int to = at + STEP * n + j;
                FusedDots.e4m3(w, j).mul(factor).intoArray(dst, to);
                FusedDots.e4m3(w, 16 + j).mul(factor).intoArray(dst, to + plane);
                FusedDots.e4m3(w, 32 + j).mul(factor).intoArray(dst, to + 2 * plane);
                FusedDots.e4m3(w, 48 + j).mul(factor).intoArray(dst, to + 3 * plane);
            }
            o += step;
        }
    }

    static void i8(MemorySegment src, long a, long stride, int rows, int k, float[] s, float[] dst, int at, int plane) {
        for (int r = 0; r < rows; r++) {
            i8(src, a + r * stride, k, s, k / STEP * r, dst, at + r * GROUP, plane);
        }
    }

    private static void i8(MemorySegment src, long a, int k, float[] s, int sAt, float[] dst, int at, int plane) {
        int step = OpaqueStep.of(STEP);
        long o = a;
        for (int n = 0; n < k / STEP; n++) {
            FloatVector d = FloatVector.broadcast(F, s[sAt + n]);
            MemorySegment w = slice(src, o, STEP);
            for (int j = 0; j < 16; j += L) {
                int to = at + STEP * n + j;
                signed(w, j).mul(d).intoArray(dst, to);
                signed(w, 16 + j).mul(d).intoArray(dst, to + plane);
                signed(w, 32 + j).mul(d).intoArray(dst, to + 2 * plane);
                signed(w, 48 + j).mul(d).intoArray(dst, to + 3 * plane);
            }
            o += step;
        }
    }

    static void q8(MemorySegment src, long a, long stride, int rows, int k, float[] s, float[] dst, int at, int plane) {
        for (int r = 0; r < rows; r++) {
            q8(src, a + r * stride, k, dst, at + r * GROUP, plane);
        }
    }

    private static void q8(MemorySegment src, long a, int k, float[] dst, int at, int plane) {
        int steps = k / STEP;
        int step = OpaqueStep.of(68);
        long o = a;
        for (int n = 0; n < steps; n++) {
            MemorySegment w = slice(src, o, 68);
            float d0 = half(w, 0);
            float d1 = half(w, 34);
            for (int j = 0; j < 16; j += L) {
                int to = at + STEP * n + j;
                signed(w, 2 + j).mul(d0).intoArray(dst, to);
                signed(w, 18 + j).mul(d0).intoArray(dst, to + plane);
                signed(w, 36 + j).mul(d1).intoArray(dst, to + 2 * plane);
                signed(w, 52 + j).mul(d1).intoArray(dst, to + 3 * plane);
            }
            o += step;
        }
        if (k % STEP != 0) {
            q8Block(src, a + 68L * steps, dst, at + STEP * steps, plane);
        }
    }

    private static void q8Block(MemorySegment src, long o, float[] dst, int at, int plane) {
        float d = half(src, o);
        for (int j = 0; j < 16; j += L) {
            signed(src, o + 2 + j).mul(d).intoArray(dst, at + j);
            signed(src, o + 18 + j).mul(d).intoArray(dst, at + plane + j);
        }
    }

    static void q4(MemorySegment src, long a, long stride, int rows, int k, float[] s, float[] dst, int at, int plane) {
        for (int r = 0; r < rows; r++) {
            q4(src, a + r * stride, k, dst, at + r * GROUP, plane);
        }
    }

    private static void q4(MemorySegment src, long a, int k, float[] dst, int at, int plane) {
        for (int n = 0; n < k / 32; n++) {
            long o = a + 18L * n;
            float d = half(src, o);
            int to = at + place(32 * n, plane);
            for (int j = 0; j < 16; j += L) {
                IntVector b = unsigned(src, o + 2 + j);
                lowLess8(b).mul(d).intoArray(dst, to + j);
                highLess8(b).mul(d).intoArray(dst, to + plane + j);
            }
        }
    }

    /** {@link #q4} by a table. A vector has 16 lanes. */
    static void q4ByTable(
            MemorySegment src, long a, long stride, int rows, int k, float[] s, float[] dst, int at, int plane) {
        for (int r = 0; r < rows; r++) {
            levels(src, a + r * stride, k, dst, at + r * GROUP, plane, TableDots.NIBBLES, TableDots.LESS_8);
        }
    }

    static void q41(
            MemorySegment src, long a, long stride, int rows, int k, float[] s, float[] dst, int at, int plane) {
        for (int r = 0; r < rows; r++) {
            levels(src, a + r * stride, k, dst, at + r * GROUP, plane, TableDots.Q4_1, TableDots.FROM_0);
        }
    }

    static void mxfp4(
            MemorySegment src, long a, long stride, int rows, int k, float[] s, float[] dst, int at, int plane) {
        for (int r = 0; r < rows; r++) {
            levels(src, a + r * stride, k, dst, at + r * GROUP, plane, TableDots.MXFP4, VectorDecoders.E2M1_NUMBERS);
        }
    }

    static void iq4Nl(
            MemorySegment src, long a, long stride, int rows, int k, float[] s, float[] dst, int at, int plane) {
        for (int r = 0; r < rows; r++) {
            levels(
                    src,
                    a + r * stride,
                    k,
                    dst,
                    at + r * GROUP,
                    plane,
                    TableDots.NIBBLES,
                    VectorKDecoders.LEVEL_NUMBERS);
        }
    }

    /** Blocks of a scale and 16 bytes of nibbles that name entries of a table. A vector has 16 lanes. */
    private static void levels(
            MemorySegment src, long a, int k, float[] dst, int at, int plane, int blockBytes, float[] numbers) {
        FloatVector table = StoredLanes.load(numbers, 0);
        int steps = k / STEP;
        int head = blockBytes - 16;
        for (int n = 0; n < steps; n++) {
            long o = a + 2L * blockBytes * n;
            int to = at + STEP * n;
            IntVector t0 = TableDots.scaledLevels(src, o, blockBytes, table);
            IntVector t1 = TableDots.scaledLevels(src, o + blockBytes, blockBytes, table);
            IntVector b = unsigned(src, o + head);
            pick(b, t0).intoArray(dst, to);
            pick(right(b, 4), t0).intoArray(dst, to + plane);
            IntVector c = unsigned(src, o + blockBytes + head);
            pick(c, t1).intoArray(dst, to + 2 * plane);
            pick(right(c, 4), t1).intoArray(dst, to + 3 * plane);
        }
        if (k % STEP != 0) {
            levelsBlock(src, a + 2L * blockBytes * steps, dst, at + STEP * steps, plane, blockBytes, numbers);
        }
    }

    private static void levelsBlock(
            MemorySegment src, long o, float[] dst, int at, int plane, int blockBytes, float[] numbers) {
        FloatVector table = StoredLanes.load(numbers, 0);
        IntVector t = TableDots.scaledLevels(src, o, blockBytes, table);
        IntVector b = unsigned(src, o + blockBytes - 16);
        pick(b, t).intoArray(dst, at);
        pick(right(b, 4), t).intoArray(dst, at + plane);
    }
}
