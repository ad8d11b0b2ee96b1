package dev.cadre.kernels;

import static dev.cadre.kernels.FusedDots.addUp;
import static dev.cadre.kernels.Lanes.F;
import static dev.cadre.kernels.Lanes.I;
import static dev.cadre.kernels.Lanes.L;
import static dev.cadre.kernels.StoredLanes.LOW_NIBBLE;
import static dev.cadre.kernels.StoredLanes.int32;
import static dev.cadre.kernels.StoredLanes.load;
import static dev.cadre.kernels.StoredLanes.unsigned;
import static dev.cadre.kernels.VectorDecoders.place;

import dev.cadre.kernels.format.BlockFormat;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Q5_0 and Q5_1, blocks of 32 elements of five bits: a scale, perhaps a minimum, the fifth bits in 32 bits, then
 * nibbles. What {@link FusedDots} and {@link BlockDecoders} have for other formats.
 */
final class FifthBits {
    private static final int STEP = PanelDots.STEP;
    private static final int Q5_0 = BlockFormat.Q5_0.blockBytes();
    private static final int Q5_1 = BlockFormat.Q5_1.blockBytes();

    /** Turned by as much to the right, the fifth bit of lane l is in its place: bit l for the first 16 elements. */
    private static final IntVector LOW = Lanes.INDEX.sub(4);

    /** Bit 16 + l for the others. */
    private static final IntVector HIGH = Lanes.INDEX.add(12);

    /** What is taken from a code of Q5_0, which is less 16. */
    private static final FloatVector BASE_0_AND_16 = StoredLanes.BASE_0.add(16);

    private static final IntVector BIT_4 = IntVector.broadcast(I, 16);

    private FifthBits() {}

    static void q5(RowCursor c) {
        dot(c, Q5_0);
    }

    static void q51(RowCursor c) {
        dot(c, Q5_1);
    }

    /** The blocks with even numbers and then those with odd ones: C2 has no room for the arithmetic of two. */
    private static void dot(RowCursor c, int blockBytes) {
        float[] planes = c.ws.tile(4 * L);
        while (c.next()) {
            for (int r = 0; r < c.rows; r++) {
                for (int odd = 0; odd < 2; odd++) { // one call, or both would be inlined
                    dot(c, c.at + r * c.stride, blockBytes, odd, planes);
                }
                addUp(c.sums, c.sumsAt + r * L, planes);
            }
        }
    }

    private static void dot(RowCursor c, long at, int blockBytes, int odd, float[] planes) {
        MemorySegment src = c.src;
        float[] x = c.x;
        int xAt = c.xAt + 32 * odd;
        FloatVector s0 = FloatVector.zero(F);
        FloatVector s1 = s0;
        FloatVector base = blockBytes == Q5_1 ? StoredLanes.BASE_0 : BASE_0_AND_16;
        long o = at + odd * blockBytes;
        int steps = c.columns / STEP;
        for (int n = 0; n < steps; n++) {
            int i = xAt + STEP * n;
            int head = int32(src, o);
            FloatVector d = FloatVector.broadcast(F, Float.float16ToFloat((short) head));
            FloatVector m = FloatVector.broadcast(F, minimum(head, blockBytes));
            int fifths = int32(src, o + blockBytes - 20);
            for (int j = 0; j < 16; j += L) {
                IntVector b = unsigned(src, o + blockBytes - 16 + j);
                IntVector f = IntVector.broadcast(I, fifths >>> j);
                s0 = code(b.and(LOW_NIBBLE), f, LOW, base).fma(d, m).fma(load(x, i + j), s0);
                s1 = code(StoredLanes.right(b, 4), f, HIGH, base).fma(d, m).fma(load(x, i + 16 + j), s1);
            }
            o += 2L * blockBytes; // a variable, which does what OpaqueStep is for
        }
        s0.intoArray(planes, 2 * L * odd);
        s1.intoArray(planes, 2 * L * odd + L);
    }

    /** What scaled codes are added to, which leaves those of Q5_0 as they are. */
    private static float minimum(int head, int blockBytes) {
        return blockBytes == Q5_1 ? Float.float16ToFloat((short) (head >>> 16)) : -0f;
    }

    private static FloatVector code(IntVector nibbles, IntVector fifths, IntVector turns, FloatVector base) {
        IntVector code = nibbles.or(fifths.lanewise(VectorOperators.ROR, turns).and(BIT_4));
        return code.or(StoredLanes.EXPONENT_0).reinterpretAsFloats().sub(base);
    }

    static void q5(MemorySegment src, long a, long stride, int rows, int k, float[] s, float[] dst, int at, int plane) {
        for (int r = 0; r < rows; r++) {
            decode(src, a + r * stride, Q5_0, k, dst, at + r * PanelDots.GROUP, plane);
        }
    }

    static void q51(
            MemorySegment src, long a, long stride, int rows, int k, float[] s, float[] dst, int at, int plane) {
        for (int r = 0; r < rows; r++) {
            decode(src, a + r * stride, Q5_1, k, dst, at + r * PanelDots.GROUP, plane);
        }
    }

    private static void decode(MemorySegment src, long a, int blockBytes, int k, float[] dst, int at, int plane) {
        FloatVector base = blockBytes == Q5_1 ? StoredLanes.BASE_0 : BASE_0_AND_16;
        for (int n = 0; n < k / 32; n++) {
            long o = a + (long) blockBytes * n;
            int head = int32(src, o);
            FloatVector d = FloatVector.broadcast(F, Float.float16ToFloat((short) head));
            FloatVector m = FloatVector.broadcast(F, minimum(head, blockBytes));
            int fifths = int32(src, o + blockBytes - 20);
            int to = at + place(32 * n, plane);
            for (int j = 0; j < 16; j += L) {
                IntVector b = unsigned(src, o + blockBytes - 16 + j);
                IntVector f = IntVector.broadcast(I, fifths >>> j);
                code(b.and(LOW_NIBBLE), f, LOW, base).fma(d, m).intoArray(dst, to + j);
                code(StoredLanes.right(b, 4), f, HIGH, base).fma(d, m).intoArray(dst, to + plane + j);
            }
        }
    }
}
