package dev.cadre.kernels;

import static dev.cadre.kernels.FusedDots.addUp;
import static dev.cadre.kernels.Lanes.F;
import static dev.cadre.kernels.Lanes.L;
import static dev.cadre.kernels.StoredLanes.load;
import static dev.cadre.kernels.StoredLanes.pick;
import static dev.cadre.kernels.StoredLanes.unsigned;
import static dev.cadre.kernels.VectorDecoders.place;

import dev.cadre.kernels.format.BlockFormat;
import dev.cadre.kernels.format.E4m3;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * NVFP4, blocks of 64 elements: a scale for each 16 and then eight bytes for each, whose low nibbles come before their
 * high ones. What {@link FusedDots} and {@link BlockDecoders} have for other formats. Vectors have 16 lanes.
 */
final class Nvfp4 {
    private static final int BYTES = BlockFormat.NVFP4.blockBytes();

    /** Of two groups' bytes, the first one's twice. */
    private static final IntVector FIRST = Lanes.INDEX.and(7);

    /** The second one's. */
    private static final IntVector SECOND = FIRST.add(8);

    /** Low nibbles in the lower half of the lanes, high ones in the upper. */
    private static final IntVector NIBBLES =
            Lanes.INDEX.lanewise(VectorOperators.LSHR, 1).and(4);

    private Nvfp4() {}

    /** Two groups of each block and then the other two: C2 has no room for the arithmetic of four. */
    static void nvfp4(RowCursor c) {
        float[] planes = c.ws.tile(4 * L);
        while (c.next()) {
            for (int r = 0; r < c.rows; r++) {
                long at = c.at + r * c.stride;
                for (int half = 0; half < 2; half++) {
                    dot(c.src, at, half, c.columns, c.x, c.xAt + 32 * half, planes, 2 * L * half);
                }
                addUp(c.sums, c.sumsAt + r * L, planes);
            }
        }
    }

    private static void dot(MemorySegment src, long a, int half, int k, float[] x, int xAt, float[] planes, int to) {
        FloatVector s0 = FloatVector.zero(F);
        FloatVector s1 = s0;
        for (int n = 0; n < k / PanelDots.STEP; n++) {
            long o = a + (long) BYTES * n + 2 * half;
            IntVector b = unsigned(src, o + 4 + 14 * half);
            int i = xAt + PanelDots.STEP * n;
            s0 = values(b, FIRST).mul(scale(src, o)).fma(load(x, i), s0);
            s1 = values(b, SECOND).mul(scale(src, o + 1)).fma(load(x, i + 16), s1);
        }
        s0.intoArray(planes, to);
        s1.intoArray(planes, to + L);
    }

    private static FloatVector values(IntVector bytes, IntVector group) {
        return pick(group.selectFrom(bytes).lanewise(VectorOperators.LSHR, NIBBLES), VectorDecoders.E2M1_BITS);
    }

    private static float scale(MemorySegment src, long o) {
        return E4m3.halfOfUnsigned(src.get(ValueLayout.JAVA_BYTE, o));
    }

    static void nvfp4(
            MemorySegment src, long a, long stride, int rows, int k, float[] s, float[] dst, int at, int plane) {
        for (int r = 0; r < rows; r++) {
            decode(src, a + r * stride, k, dst, at + r * PanelDots.GROUP, plane);
        }
    }

    private static void decode(MemorySegment src, long a, int k, float[] dst, int at, int plane) {
        for (int n = 0; n < k / 32; n++) {
            long o = a + (long) BYTES * (n >> 1) + 2 * (n & 1);
            IntVector b = unsigned(src, o + 4 + 14 * (n & 1));
            int to = at + place(32 * n, plane);
            values(b, FIRST).mul(scale(src, o)).intoArray(dst, to);
            values(b, SECOND).mul(scale(src, o + 1)).intoArray(dst, to + plane);
        }
    }
}
