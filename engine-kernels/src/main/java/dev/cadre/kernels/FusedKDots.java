package dev.cadre.kernels;

import static dev.cadre.kernels.FusedDots.HIGH_EXPONENT;
import static dev.cadre.kernels.FusedDots.HIGH_NIBBLE;
import static dev.cadre.kernels.FusedDots.LOW_EXPONENT;
import static dev.cadre.kernels.FusedDots.LOW_NIBBLE;
import static dev.cadre.kernels.FusedDots.STEP;
import static dev.cadre.kernels.FusedDots.guard;
import static dev.cadre.kernels.FusedDots.high;
import static dev.cadre.kernels.FusedDots.load;
import static dev.cadre.kernels.FusedDots.low;
import static dev.cadre.kernels.FusedDots.pick;
import static dev.cadre.kernels.FusedDots.unsigned;
import static dev.cadre.kernels.Lanes.F;
import static dev.cadre.kernels.Lanes.L;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * {@link FusedDots} of the formats with 256 elements a block: flat loops over 64 columns, with the scales that
 * {@link KScales} has unpacked. Loops over blocks with inner loops would check every bound at each block again.
 *
 * <p>The heavier formats take two of the four planes at a time, those that share bytes.
 */
final class FusedKDots {
    // A field of a byte becomes a float by taking the place of the last bits of a power of two (see FusedDots.low).
    private static final IntVector EXPONENT_2 = FusedDots.ints(Float.floatToRawIntBits(0x1p21f));
    private static final FloatVector BASE_2 = FloatVector.broadcast(F, 0x1p21f);
    private static final FloatVector LESS_32 = FloatVector.broadcast(F, 0x1p23f + 32);
    private static final FloatVector LESS_4 = FloatVector.broadcast(F, 0x1p23f + 4);
    private static final FloatVector BASE_2_LESS_4 = FloatVector.broadcast(F, 0x1p21f + 4);
    static final IntVector BITS_01 = FusedDots.ints(3);
    private static final IntVector BITS_23 = FusedDots.ints(12);
    private static final IntVector BITS_45 = FusedDots.ints(48);
    private static final IntVector BIT_2 = FusedDots.ints(4);
    private static final IntVector BIT_4 = FusedDots.ints(16);
    private static final IntVector BIT_8 = FusedDots.ints(256);

    private FusedKDots() {}

    private static FloatVector broadcast(float[] s, int i) {
        return FloatVector.broadcast(F, s[i]);
    }

    static void q4(MemorySegment src, long a, float[] x, int xAt, int k, float[] p, int pAt, float[] s) {
        FloatVector s0 = FloatVector.zero(F);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        guard(src, a);
        for (int n = 0; n < k / STEP; n++) {
            FloatVector d0 = broadcast(s, 4 * n);
            FloatVector d1 = broadcast(s, 4 * n + 1);
            FloatVector m0 = broadcast(s, 4 * n + 2);
            FloatVector m1 = broadcast(s, 4 * n + 3);
            for (int j = 0; j < 16; j += L) {
                long o = a + 16 + 32L * n + 16L * (n >> 2) + j;
                int i = xAt + STEP * n + j;
                IntVector b = unsigned(src, o);
                IntVector c = unsigned(src, o + 16);
                s0 = low(b).fma(d0, m0).fma(load(x, i), s0);
                s1 = low(c).fma(d0, m0).fma(load(x, i + 16), s1);
                s2 = high(b).fma(d1, m1).fma(load(x, i + 32), s2);
                s3 = high(c).fma(d1, m1).fma(load(x, i + 48), s3);
            }
        }
        FusedDots.store(p, pAt, s0, s1, s2, s3);
    }

    static void q5(MemorySegment src, long from, float[] x, int first, int k, float[] p, int pAt, float[] s, int half) {
        long a = from + 16 * half;
        int xAt = first + 16 * half;
        FloatVector s0 = FloatVector.zero(F);
        FloatVector s2 = s0;
        guard(src, a);
        for (int n = 0; n < k / STEP; n++) {
            FloatVector d0 = broadcast(s, 4 * n);
            FloatVector d1 = broadcast(s, 4 * n + 1);
            FloatVector m0 = broadcast(s, 4 * n + 2);
            FloatVector m1 = broadcast(s, 4 * n + 3);
            for (int j = 0; j < 16; j += L) {
                long block = a + 176L * (n >> 2) + j;
                int i = xAt + STEP * n + j;
                IntVector b = unsigned(src, block + 48 + 32 * (n & 3));
                IntVector fifth = unsigned(src, block + 16).lanewise(VectorOperators.LSHR, 2 * (n & 3));
                s0 = lowOfFive(b, fifth).fma(d0, m0).fma(load(x, i), s0);
                s2 = highOfFive(b, fifth).fma(d1, m1).fma(load(x, i + 32), s2);
            }
        }
        FusedDots.storeHalf(p, pAt, s0, s2, half);
    }

    /** The low nibbles, with bit 0 of {@code fifth} above them. */
    static FloatVector lowOfFive(IntVector b, IntVector fifth) {
        IntVector upper = fifth.lanewise(VectorOperators.LSHL, 4).and(BIT_4);
        return b.and(LOW_NIBBLE)
                .or(LOW_EXPONENT)
                .or(upper)
                .reinterpretAsFloats()
                .sub(FusedDots.LOW_BASE);
    }

    /** The high nibbles, with bit 1 of {@code fifth} above them. */
    static FloatVector highOfFive(IntVector b, IntVector fifth) {
        IntVector upper = fifth.lanewise(VectorOperators.LSHL, 7).and(BIT_8);
        return b.and(HIGH_NIBBLE)
                .or(HIGH_EXPONENT)
                .or(upper)
                .reinterpretAsFloats()
                .sub(FusedDots.HIGH_BASE);
    }

    static void q6(MemorySegment src, long from, float[] x, int first, int k, float[] p, int pAt, float[] s, int half) {
        long a = from + 16 * half;
        int xAt = first + 16 * half;
        FloatVector s0 = FloatVector.zero(F);
        FloatVector s2 = s0;
        guard(src, a);
        for (int n = 0; n < k / STEP; n++) {
            for (int j = 0; j < 16; j += L) {
                long block = a + 210L * (n >> 2) + j;
                long o = block + 64 * (n >> 1 & 1);
                int i = xAt + STEP * n + j;
                int shift = 4 * (n & 1);
                IntVector b = unsigned(src, o).lanewise(VectorOperators.LSHR, shift);
                IntVector c = unsigned(src, o + 32).lanewise(VectorOperators.LSHR, shift);
                IntVector upper = unsigned(src, block + 128 + 32 * (n >> 1 & 1)).lanewise(VectorOperators.LSHR, shift);
                s0 = sixBits(b, upper.lanewise(VectorOperators.LSHL, 4))
                        .mul(s[4 * n + half])
                        .fma(load(x, i), s0);
                s2 = sixBits(c, upper.lanewise(VectorOperators.LSHL, 2))
                        .mul(s[4 * n + half + 2])
                        .fma(load(x, i + 32), s2);
            }
        }
        FusedDots.storeHalf(p, pAt, s0, s2, half);
    }

    /** Four low bits, and bits 4 and 5 of {@code upper}, less 32. */
    static FloatVector sixBits(IntVector b, IntVector upper) {
        return b.and(LOW_NIBBLE)
                .or(LOW_EXPONENT)
                .or(upper.and(BITS_45))
                .reinterpretAsFloats()
                .sub(LESS_32);
    }

    static void q2(MemorySegment src, long a, float[] x, int xAt, int k, float[] p, int pAt, float[] s) {
        FloatVector s0 = FloatVector.zero(F);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        guard(src, a);
        int minima = k / 16;
        for (int n = 0; n < k / STEP; n++) {
            for (int j = 0; j < 16; j += L) {
                long o = a + 84L * (n >> 2) + 16 + 32 * (n >> 1 & 1) + j;
                int i = xAt + STEP * n + j;
                int at = minima + 4 * n;
                IntVector b = unsigned(src, o).lanewise(VectorOperators.LSHR, 4 * (n & 1));
                IntVector c = unsigned(src, o + 16).lanewise(VectorOperators.LSHR, 4 * (n & 1));
                s0 = twoBits(b).fma(broadcast(s, 4 * n), broadcast(s, at)).fma(load(x, i), s0);
                s1 = twoBits(c)
                        .fma(broadcast(s, 4 * n + 1), broadcast(s, at + 1))
                        .fma(load(x, i + 16), s1);
                s2 = nextTwoBits(b)
                        .fma(broadcast(s, 4 * n + 2), broadcast(s, at + 2))
                        .fma(load(x, i + 32), s2);
                s3 = nextTwoBits(c)
                        .fma(broadcast(s, 4 * n + 3), broadcast(s, at + 3))
                        .fma(load(x, i + 48), s3);
            }
        }
        FusedDots.store(p, pAt, s0, s1, s2, s3);
    }

    static FloatVector twoBits(IntVector b) {
        return b.and(BITS_01).or(LOW_EXPONENT).reinterpretAsFloats().sub(FusedDots.LOW_BASE);
    }

    static FloatVector nextTwoBits(IntVector b) {
        return b.and(BITS_23).or(EXPONENT_2).reinterpretAsFloats().sub(BASE_2);
    }

    static void q3(MemorySegment src, long from, float[] x, int first, int k, float[] p, int pAt, float[] s, int half) {
        long a = from + 16 * half;
        int xAt = first + 16 * half;
        FloatVector s0 = FloatVector.zero(F);
        FloatVector s2 = s0;
        guard(src, a);
        for (int n = 0; n < k / STEP; n++) {
            for (int j = 0; j < 16; j += L) {
                long block = a + 110L * (n >> 2) + j;
                int i = xAt + STEP * n + j;
                IntVector b = unsigned(src, block + 32 + 32 * (n >> 1 & 1)).lanewise(VectorOperators.LSHR, 4 * (n & 1));
                IntVector third = unsigned(src, block).lanewise(VectorOperators.LSHR, 2 * (n & 3));
                s0 = threeBits(b, third).mul(s[4 * n + half]).fma(load(x, i), s0);
                s2 = nextThreeBits(b, third).mul(s[4 * n + half + 2]).fma(load(x, i + 32), s2);
            }
        }
        FusedDots.storeHalf(p, pAt, s0, s2, half);
    }

    /** Bits 0 and 1 of {@code b}, and bit 0 of {@code third} above them, less 4. */
    static FloatVector threeBits(IntVector b, IntVector third) {
        IntVector upper = third.lanewise(VectorOperators.LSHL, 2).and(BIT_2);
        return b.and(BITS_01).or(LOW_EXPONENT).or(upper).reinterpretAsFloats().sub(LESS_4);
    }

    /** Bits 2 and 3 of {@code b}, and bit 1 of {@code third} above them, less 4. */
    static FloatVector nextThreeBits(IntVector b, IntVector third) {
        IntVector upper = third.lanewise(VectorOperators.LSHL, 3).and(BIT_4);
        return b.and(BITS_23).or(EXPONENT_2).or(upper).reinterpretAsFloats().sub(BASE_2_LESS_4);
    }

    static void iq4Xs(MemorySegment src, long a, float[] x, int xAt, int k, float[] p, int pAt, float[] s) {
        FloatVector s0 = FloatVector.zero(F);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        guard(src, a);
        for (int n = 0; n < k / STEP; n++) {
            long o = a + 8 + 32L * n + 8L * (n >> 2);
            int i = xAt + STEP * n;
            FloatVector t0 = VectorKDecoders.LEVELS.mul(s[2 * n]);
            FloatVector t1 = VectorKDecoders.LEVELS.mul(s[2 * n + 1]);
            IntVector b = unsigned(src, o);
            s0 = pick(b, t0).fma(load(x, i), s0);
            s1 = pick(b.lanewise(VectorOperators.LSHR, 4), t0).fma(load(x, i + 16), s1);
            IntVector c = unsigned(src, o + 16);
            s2 = pick(c, t1).fma(load(x, i + 32), s2);
            s3 = pick(c.lanewise(VectorOperators.LSHR, 4), t1).fma(load(x, i + 48), s3);
        }
        FusedDots.store(p, pAt, s0, s1, s2, s3);
    }
}
