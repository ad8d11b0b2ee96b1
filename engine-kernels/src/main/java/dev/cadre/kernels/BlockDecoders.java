package dev.cadre.kernels;

import static dev.cadre.kernels.Lanes.L;
import static dev.cadre.kernels.StoredLanes.guard;
import static dev.cadre.kernels.StoredLanes.half;
import static dev.cadre.kernels.StoredLanes.highLess8;
import static dev.cadre.kernels.StoredLanes.lowLess8;
import static dev.cadre.kernels.StoredLanes.pick;
import static dev.cadre.kernels.StoredLanes.signed;
import static dev.cadre.kernels.StoredLanes.unsigned;
import static dev.cadre.kernels.VectorDecoders.place;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * Vector decoders of BF16 and of the formats with 32 elements a block, straight from where they are stored: what {@link
 * FusedDots} multiplies, left in a panel ({@link VectorDecoders#place}). Every method makes a scalar access, too.
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
        guard(src, a);
        for (int i = 0; i < k; i += L) {
            StoredLanes.bf16(src, a + 2L * i).intoArray(dst, at + place(i, plane));
        }
    }

    static void f16(
            MemorySegment src, long a, long stride, int rows, int k, float[] s, float[] dst, int at, int plane) {
        for (int r = 0; r < rows; r++) {
            f16(src, a + r * stride, k, dst, at + r * GROUP, plane);
        }
    }

    private static void f16(MemorySegment src, long a, int k, float[] dst, int at, int plane) {
        guard(src, a);
        for (int i = 0; i < k; i += L) {
            StoredLanes.f16(src, a + 2L * i).intoArray(dst, at + place(i, plane));
        }
    }

    /** Codes that {@link HalfWords#areFields} lets pass. */
    static void e4m3(
            MemorySegment src, long a, long stride, int rows, int k, float[] s, float[] dst, int at, int plane) {
        for (int r = 0; r < rows; r++) {
            e4m3(src, a + r * stride, k, s, k / PanelDots.STEP * r, dst, at + r * GROUP, plane);
        }
    }

    private static void e4m3(MemorySegment src, long a, int k, float[] s, int sAt, float[] dst, int at, int plane) {
        guard(src, a);
        for (int i = 0; i < k; i += L) {
            float factor = s[sAt + i / PanelDots.STEP] * FusedDots.E4M3_FACTOR;
            VectorDecoders.ordinaryE4m3(StoredLanes.e4m3Codes(src, a + i), factor)
                    .intoArray(dst, at + place(i, plane));
        }
    }

    static void q8(MemorySegment src, long a, long stride, int rows, int k, float[] s, float[] dst, int at, int plane) {
        for (int r = 0; r < rows; r++) {
            q8(src, a + r * stride, k, dst, at + r * GROUP, plane);
        }
    }

    private static void q8(MemorySegment src, long a, int k, float[] dst, int at, int plane) {
        for (int n = 0; n < k / 32; n++) {
            long o = a + 34L * n;
            float d = half(src, o);
            int to = at + place(32 * n, plane);
            for (int j = 0; j < 16; j += L) {
                signed(src, o + 2 + j).mul(d).intoArray(dst, to + j);
                signed(src, o + 18 + j).mul(d).intoArray(dst, to + plane + j);
            }
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

    static void q41(
            MemorySegment src, long a, long stride, int rows, int k, float[] s, float[] dst, int at, int plane) {
        for (int r = 0; r < rows; r++) {
            levels(src, a + r * stride, k, dst, at + r * GROUP, plane, FusedDots.Q4_1, FusedDots.LEVELS_FROM_0);
        }
    }

    static void mxfp4(
            MemorySegment src, long a, long stride, int rows, int k, float[] s, float[] dst, int at, int plane) {
        for (int r = 0; r < rows; r++) {
            levels(src, a + r * stride, k, dst, at + r * GROUP, plane, FusedDots.MXFP4, VectorDecoders.E2M1);
        }
    }

    static void iq4Nl(
            MemorySegment src, long a, long stride, int rows, int k, float[] s, float[] dst, int at, int plane) {
        for (int r = 0; r < rows; r++) {
            levels(src, a + r * stride, k, dst, at + r * GROUP, plane, FusedDots.NIBBLES, VectorKDecoders.LEVELS);
        }
    }

    /** Blocks of a scale and 16 bytes of nibbles that name entries of a table. A vector has 16 lanes. */
    private static void levels(
            MemorySegment src, long a, int k, float[] dst, int at, int plane, int blockBytes, FloatVector table) {
        for (int n = 0; n < k / 32; n++) {
            long o = a + (long) blockBytes * n;
            FloatVector values = FusedDots.scaledLevels(src, o, blockBytes, table);
            IntVector b = unsigned(src, o + blockBytes - 16);
            int to = at + place(32 * n, plane);
            pick(b, values).intoArray(dst, to);
            pick(StoredLanes.right(b, 4), values).intoArray(dst, to + plane);
        }
    }
}
