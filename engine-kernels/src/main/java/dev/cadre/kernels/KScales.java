package dev.cadre.kernels;

import static dev.cadre.kernels.Lanes.F;
import static dev.cadre.kernels.Lanes.I;
import static dev.cadre.kernels.Lanes.L;
import static dev.cadre.kernels.StoredLanes.BITS_01;
import static dev.cadre.kernels.StoredLanes.LOW_NIBBLE;
import static dev.cadre.kernels.StoredLanes.half;
import static dev.cadre.kernels.StoredLanes.high;
import static dev.cadre.kernels.StoredLanes.int32;
import static dev.cadre.kernels.StoredLanes.low;
import static dev.cadre.kernels.StoredLanes.signed;
import static dev.cadre.kernels.StoredLanes.slice;
import static dev.cadre.kernels.StoredLanes.unsigned;

import dev.cadre.kernels.format.BlockFormat;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * The scales of the formats with 256 elements a block, unpacked for a stretch of a row into floats, in the order in
 * which {@link FusedKDots} and {@link VectorKDecoders} need them. A pass of its own, since C2 can inline scales and
 * values in one loop no more; and it brings the stretch into the cache by the way.
 */
final class KScales {
    private static final int BLOCK = 256;

    // Q4_K and Q5_K: where the bits of the 16 numbers are, in the order scale 2u, scale 2u + 1, minimum 2u,
    // minimum 2u + 1 of 64 columns u: the word of the block's head with the low (or all six) bits, their shift and
    // mask; the same for the high bits.
    private static final int[] LOW_WORD = {1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3};
    private static final int[] LOW_SHIFT = {0, 8, 0, 8, 16, 24, 16, 24, 0, 8, 4, 12, 16, 24, 20, 28};
    private static final int[] LOW_MASK = {63, 63, 63, 63, 63, 63, 63, 63, 15, 15, 15, 15, 15, 15, 15, 15};
    private static final int[] HIGH_WORD = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 1, 1, 2, 2};
    private static final int[] HIGH_SHIFT = {0, 0, 0, 0, 0, 0, 0, 0, 2, 10, 2, 10, 18, 26, 18, 26};
    private static final int[] HIGH_MASK = {0, 0, 0, 0, 0, 0, 0, 0, 48, 48, 48, 48, 48, 48, 48, 48};
    private static final VectorMask<Float> MINIMA = VectorMask.fromLong(F, 0xcccc & (1L << L) - 1);

    // Q3_K: three words hold the low four bits of 8 + 8 scales, then the high two bits of four at a time.
    private static final int[] NIBBLE_WORD = {-3, -3, -3, -3, -2, -2, -2, -2, -3, -3, -3, -3, -2, -2, -2, -2};
    private static final int[] NIBBLE_SHIFT = {0, 8, 16, 24, 0, 8, 16, 24, 4, 12, 20, 28, 4, 12, 20, 28};
    private static final int[] PAIR_SHIFT = {0, 8, 16, 24, 2, 10, 18, 26, 4, 12, 20, 28, 6, 14, 22, 30};

    // IQ4_XS: where the fields of eight scales are in their words.
    private static final IntVector NIBBLES = Lanes.INDEX.lanewise(VectorOperators.LSHL, 2);
    private static final IntVector PAIRS = Lanes.INDEX.lanewise(VectorOperators.LSHL, 1);

    private KScales() {}

    private static IntVector ints(int[] numbers, int at) {
        return IntVector.fromArray(I, numbers, at);
    }

    static void q4(MemorySegment src, long a, int k, float[] s) {
        scalesAndMinima(src, a, k, 144, s);
    }

    static void q5(MemorySegment src, long a, int k, float[] s) {
        scalesAndMinima(src, a, k, 176, s);
    }

    /** For 64 columns u, s[4u..4u + 4) = d·scale of the first 32, of the second; -dmin·minimum of both. */
    private static void scalesAndMinima(MemorySegment src, long a, int k, int blockBytes, float[] s) {
        int step = OpaqueStep.of(blockBytes);
        long o = a;
        for (int n = 0; n < k / BLOCK; n++) {
            MemorySegment block = slice(src, o, 144); // of Q5_K, the beginning
            FloatVector factors = FloatVector.broadcast(F, half(block, 0)).blend(-half(block, 2), MINIMA);
            IntVector head = StoredLanes.words(block, 0);
            for (int j = 0; j < 16; j += L) {
                IntVector low = ints(LOW_WORD, j)
                        .selectFrom(head)
                        .lanewise(VectorOperators.LSHR, ints(LOW_SHIFT, j))
                        .and(ints(LOW_MASK, j));
                IntVector high = ints(HIGH_WORD, j)
                        .selectFrom(head)
                        .lanewise(VectorOperators.LSHR, ints(HIGH_SHIFT, j))
                        .and(ints(HIGH_MASK, j));
                VectorDecoders.toFloats(low.or(high)).mul(factors).intoArray(s, 16 * n + j);
            }
            o += step;
        }
    }

    /** s[g] = d·scale of 16 columns g. */
    static void q6(MemorySegment src, long a, int k, float[] s) {
        for (int n = 0; n < k / BLOCK; n++) {
            long o = a + 210L * n;
            float d = half(src, o + 208);
            for (int j = 0; j < 16; j += L) {
                signed(src, o + 192 + j).mul(d).intoArray(s, 16 * n + j);
            }
        }
    }

    /** s[g] = d·scale of 16 columns g, s[k / 16 + g] = -dmin·minimum. */
    static void q2(MemorySegment src, long a, int k, float[] s) {
        for (int n = 0; n < k / BLOCK; n++) {
            long o = a + 84L * n;
            float d = half(src, o + 80);
            float m = -half(src, o + 82);
            for (int j = 0; j < 16; j += L) {
                IntVector b = unsigned(src, o + j);
                low(b).mul(d).intoArray(s, 16 * n + j);
                high(b).mul(m).intoArray(s, k / 16 + 16 * n + j);
            }
        }
    }

    /** s[g] = d·(scale - 32) of 16 columns g. */
    static void q3(MemorySegment src, long a, int k, float[] s) {
        for (int n = 0; n < k / BLOCK; n++) {
            long o = a + 110L * n;
            float d = half(src, o + 108);
            // the vector that ends with the scales
            IntVector tail = StoredLanes.words(src, o + 108 - 4 * L);
            for (int j = 0; j < 16; j += L) {
                IntVector low = ints(NIBBLE_WORD, j)
                        .selectFrom(tail)
                        .lanewise(VectorOperators.LSHR, ints(NIBBLE_SHIFT, j))
                        .and(LOW_NIBBLE);
                IntVector high = IntVector.broadcast(I, tail.lane(L - 1))
                        .lanewise(VectorOperators.LSHR, ints(PAIR_SHIFT, j))
                        .and(BITS_01)
                        .lanewise(VectorOperators.LSHL, 4);
                VectorDecoders.toFloats(low.or(high).sub(32)).mul(d).intoArray(s, 16 * n + j);
            }
        }
    }

    /** s[g] = d of 16 columns g. */
    static void tq1(MemorySegment src, long a, int k, float[] s) {
        onlyScale(src, a + 52, BlockFormat.TQ1_0, k, s);
    }

    /** As above. */
    static void tq2(MemorySegment src, long a, int k, float[] s) {
        onlyScale(src, a + 64, BlockFormat.TQ2_0, k, s);
    }

    /** As above. */
    static void q1(MemorySegment src, long a, int k, float[] s) {
        onlyScale(src, a, BlockFormat.Q1_0, k, s);
    }

    /** As above, of Q2_0. */
    static void q20(MemorySegment src, long a, int k, float[] s) {
        onlyScale(src, a, BlockFormat.Q2_0, k, s);
    }

    /** A vector may have more lanes than a block has groups: the next block overwrites them. */
    private static void onlyScale(MemorySegment src, long a, BlockFormat format, int k, float[] s) {
        int groups = format.blockElements() / 16;
        for (int n = 0; n < k / format.blockElements(); n++) {
            FloatVector d = FloatVector.broadcast(F, half(src, a + (long) format.blockBytes() * n));
            for (int j = 0; j < groups; j += L) {
                d.intoArray(s, groups * n + j);
            }
        }
    }

    /** s[g] = d·(scale - 32) of 32 columns g. A vector has 16 lanes, of which the next block overwrites eight. */
    static void iq4Xs(MemorySegment src, long a, int k, float[] s) {
        for (int n = 0; n < k / BLOCK; n++) {
            long o = a + 136L * n;
            int head = int32(src, o);
            float d = Float.float16ToFloat((short) head);
            IntVector low = IntVector.broadcast(I, int32(src, o + 4))
                    .lanewise(VectorOperators.LSHR, NIBBLES)
                    .and(LOW_NIBBLE);
            IntVector high = IntVector.broadcast(I, head >>> 16)
                    .lanewise(VectorOperators.LSHR, PAIRS)
                    .and(BITS_01)
                    .lanewise(VectorOperators.LSHL, 4);
            VectorDecoders.toFloats(low.or(high).sub(32)).mul(d).intoArray(s, 8 * n);
        }
    }
}
