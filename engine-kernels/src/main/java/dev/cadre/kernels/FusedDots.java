package dev.cadre.kernels;

import static dev.cadre.kernels.Lanes.B;
import static dev.cadre.kernels.Lanes.F;
import static dev.cadre.kernels.Lanes.I;
import static dev.cadre.kernels.Lanes.L;
import static dev.cadre.kernels.VectorKDecoders.LOW_NIBBLES;
import static dev.cadre.kernels.VectorKDecoders.TWO_BITS;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Products of two weight rows with one activation row, straight from the stored blocks: what a single token's step is
 * made of. Loads from memory and arithmetic overlap here, which a detour over a tile of decoded weights prevents.
 *
 * <p>The values and the order of the sums are those of {@link VectorDecoders} and {@link DotTile}, so one token alone
 * gets the same bits as in a batch. Every loop reads a scale by a scalar access, which keeps a fault on a mapped page
 * an {@code InternalError} (see {@link VectorDecoders}).
 */
final class FusedDots {
    private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(LE);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(LE);

    private FusedDots() {}

    /** Whether rows of a matrix can be multiplied here. */
    static boolean supports(Matrix w) {
        if (L < 8 || w.reader() != null || w.scales() != null) {
            return false;
        }
        return switch (w.format()) {
            case Q8_0, Q4_0, MXFP4, Q4_K, Q5_K, Q6_K -> true;
            case IQ4_NL, IQ4_XS -> VectorDecoders.isVectorised(w.format());
            case BF16 -> w.columns() % L == 0;
            default -> false;
        };
    }

    /**
     * Leaves the sums by lane of row {@code rowA} in the vector at {@code pA}, those of {@code rowB} at {@code pB}. The
     * two rows should lie pages apart: two streams in one page confuse the hardware's prefetcher.
     *
     * @param scratch at least 64 floats
     */
    static void run(
            Matrix w, long rowA, long rowB, float[] x, int xAt, float[] partials, int pA, int pB, float[] scratch) {
        MemorySegment src = w.data();
        long a = rowA * w.rowBytes();
        long b = rowB * w.rowBytes();
        int k = w.columns();
        switch (w.format()) {
            case Q8_0 -> q8(src, a, b, x, xAt, k, partials, pA, pB);
            case Q4_0 -> q4(src, a, b, x, xAt, k, partials, pA, pB);
            case BF16 -> bf16(src, a, b, x, xAt, k, partials, pA, pB);
            case Q4_K -> q4K(src, a, b, x, xAt, k, partials, pA, pB, scratch);
            case MXFP4 -> {
                mxfp4(src, a, x, xAt, k, partials, pA);
                mxfp4(src, b, x, xAt, k, partials, pB);
            }
            case IQ4_NL -> {
                iq4Nl(src, a, x, xAt, k, partials, pA);
                iq4Nl(src, b, x, xAt, k, partials, pB);
            }
            case IQ4_XS -> {
                iq4Xs(src, a, x, xAt, k, partials, pA);
                iq4Xs(src, b, x, xAt, k, partials, pB);
            }
            case Q5_K -> {
                q5K(src, a, x, xAt, k, partials, pA, scratch);
                q5K(src, b, x, xAt, k, partials, pB, scratch);
            }
            case Q6_K -> {
                q6K(src, a, x, xAt, k, partials, pA, scratch);
                q6K(src, b, x, xAt, k, partials, pB, scratch);
            }
            default -> throw new IllegalStateException("no fused product for " + w.format());
        }
    }

    private static float half(MemorySegment src, long o) {
        return Float.float16ToFloat(src.get(SHORT, o));
    }

    private static FloatVector signed(MemorySegment src, long o) {
        return (FloatVector) ByteVector.fromMemorySegment(B, src, o, LE).convertShape(VectorOperators.B2F, F, 0);
    }

    private static IntVector unsigned(MemorySegment src, long o) {
        return (IntVector)
                ByteVector.fromMemorySegment(B, src, o, LE).convertShape(VectorOperators.ZERO_EXTEND_B2I, I, 0);
    }

    private static FloatVector floats(IntVector ints) {
        return (FloatVector) ints.convert(VectorOperators.I2F, 0);
    }

    private static void q8(MemorySegment src, long a, long b, float[] x, int xAt, int k, float[] p, int pA, int pB) {
        FloatVector s0 = FloatVector.zero(F);
        FloatVector s1 = FloatVector.zero(F);
        for (int i = 0; i < k; i += 32) {
            float d0 = half(src, a);
            float d1 = half(src, b);
            for (int j = 0; j < 32; j += L) {
                FloatVector v = FloatVector.fromArray(F, x, xAt + i + j);
                s0 = signed(src, a + 2 + j).mul(d0).fma(v, s0);
                s1 = signed(src, b + 2 + j).mul(d1).fma(v, s1);
            }
            a += 34;
            b += 34;
        }
        s0.intoArray(p, pA);
        s1.intoArray(p, pB);
    }

    private static void q4(MemorySegment src, long a, long b, float[] x, int xAt, int k, float[] p, int pA, int pB) {
        FloatVector s0 = FloatVector.zero(F);
        FloatVector s1 = FloatVector.zero(F);
        for (int i = 0; i < k; i += 32) {
            float d0 = half(src, a);
            float d1 = half(src, b);
            // low nibbles are the first half of a block: two passes keep the order of the sums
            for (int j = 0; j < 16; j += L) {
                FloatVector v = FloatVector.fromArray(F, x, xAt + i + j);
                s0 = floats(unsigned(src, a + 2 + j).and(15).sub(8)).mul(d0).fma(v, s0);
                s1 = floats(unsigned(src, b + 2 + j).and(15).sub(8)).mul(d1).fma(v, s1);
            }
            for (int j = 0; j < 16; j += L) {
                FloatVector v = FloatVector.fromArray(F, x, xAt + i + 16 + j);
                IntVector high0 = unsigned(src, a + 2 + j).lanewise(VectorOperators.LSHR, 4);
                IntVector high1 = unsigned(src, b + 2 + j).lanewise(VectorOperators.LSHR, 4);
                s0 = floats(high0.sub(8)).mul(d0).fma(v, s0);
                s1 = floats(high1.sub(8)).mul(d1).fma(v, s1);
            }
            a += 18;
            b += 18;
        }
        s0.intoArray(p, pA);
        s1.intoArray(p, pB);
    }

    private static FloatVector bfloats(MemorySegment src, long o) {
        return ((IntVector) ByteVector.fromMemorySegment(Lanes.HALF, src, o, LE)
                        .reinterpretAsShorts()
                        .convertShape(VectorOperators.ZERO_EXTEND_S2I, I, 0))
                .lanewise(VectorOperators.LSHL, 16)
                .reinterpretAsFloats();
    }

    private static void bf16(MemorySegment src, long a, long b, float[] x, int xAt, int k, float[] p, int pA, int pB) {
        FloatVector s0 = FloatVector.zero(F);
        FloatVector s1 = FloatVector.zero(F);
        for (int i = 0; i < k; i += L) {
            src.get(ValueLayout.JAVA_BYTE, a + 2L * i); // the scalar access that keeps faults catchable
            FloatVector v = FloatVector.fromArray(F, x, xAt + i);
            s0 = bfloats(src, a + 2L * i).fma(v, s0);
            s1 = bfloats(src, b + 2L * i).fma(v, s1);
        }
        s0.intoArray(p, pA);
        s1.intoArray(p, pB);
    }

    /**
     * Scales d·s_g at {@code at} and minima dmin·m_g at {@code at + 8} of the eight groups of Q4_K and Q5_K. Scalar,
     * since that runs beside the vector work and C2 boxes vectors in a loop that also makes these in vectors.
     */
    private static void groupScales(MemorySegment src, long o, float[] scratch, int at) {
        int a = src.get(INT, o + 4);
        int b = src.get(INT, o + 8);
        int c = src.get(INT, o + 12);
        int scales = c & LOW_NIBBLES | (a >>> 6 & TWO_BITS) << 4;
        int minima = c >>> 4 & LOW_NIBBLES | (b >>> 6 & TWO_BITS) << 4;
        float d = half(src, o);
        float dmin = half(src, o + 2);
        for (int g = 0; g < 4; g++) {
            scratch[at + g] = d * (a >>> 8 * g & 63);
            scratch[at + 4 + g] = d * (scales >>> 8 * g & 63);
            scratch[at + 8 + g] = dmin * (b >>> 8 * g & 63);
            scratch[at + 12 + g] = dmin * (minima >>> 8 * g & 63);
        }
    }

    private static void q4K(
            MemorySegment src, long a, long b, float[] x, int xAt, int k, float[] p, int pA, int pB, float[] scratch) {
        FloatVector s0 = FloatVector.zero(F);
        FloatVector s1 = FloatVector.zero(F);
        for (int i = 0; i < k; i += 256) {
            groupScales(src, a, scratch, 0);
            groupScales(src, b, scratch, 16);
            for (int g = 0; g < 8; g++) {
                FloatVector d0 = FloatVector.broadcast(F, scratch[g]);
                FloatVector m0 = FloatVector.broadcast(F, scratch[8 + g]);
                FloatVector d1 = FloatVector.broadcast(F, scratch[16 + g]);
                FloatVector m1 = FloatVector.broadcast(F, scratch[24 + g]);
                int shift = 4 * (g & 1);
                long from = 16 + 32L * (g >> 1);
                for (int j = 0; j < 32; j += L) {
                    FloatVector v = FloatVector.fromArray(F, x, xAt + i + 32 * g + j);
                    IntVector q0 = unsigned(src, a + from + j)
                            .lanewise(VectorOperators.LSHR, shift)
                            .and(15);
                    IntVector q1 = unsigned(src, b + from + j)
                            .lanewise(VectorOperators.LSHR, shift)
                            .and(15);
                    s0 = floats(q0).mul(d0).sub(m0).fma(v, s0);
                    s1 = floats(q1).mul(d1).sub(m1).fma(v, s1);
                }
            }
            a += 144;
            b += 144;
        }
        s0.intoArray(p, pA);
        s1.intoArray(p, pB);
    }

    // One row at a time from here on: with two, C2 runs out of its node budget and boxes the vectors.

    private static void q5K(MemorySegment src, long a, float[] x, int xAt, int k, float[] p, int pA, float[] scratch) {
        FloatVector sum = FloatVector.zero(F);
        for (int i = 0; i < k; i += 256) {
            groupScales(src, a, scratch, 0);
            for (int g = 0; g < 8; g++) {
                FloatVector d = FloatVector.broadcast(F, scratch[g]);
                FloatVector m = FloatVector.broadcast(F, scratch[8 + g]);
                int shift = 4 * (g & 1);
                long from = a + 48 + 32L * (g >> 1);
                for (int j = 0; j < 32; j += L) {
                    FloatVector v = FloatVector.fromArray(F, x, xAt + i + 32 * g + j);
                    IntVector low = unsigned(src, from + j)
                            .lanewise(VectorOperators.LSHR, shift)
                            .and(15);
                    IntVector fifth = unsigned(src, a + 16 + j)
                            .lanewise(VectorOperators.LSHR, g)
                            .and(1);
                    IntVector q = low.or(fifth.lanewise(VectorOperators.LSHL, 4));
                    sum = floats(q).mul(d).sub(m).fma(v, sum);
                }
            }
            a += 176;
        }
        sum.intoArray(p, pA);
    }

    private static void q6K(MemorySegment src, long a, float[] x, int xAt, int k, float[] p, int pA, float[] scratch) {
        FloatVector sum = FloatVector.zero(F);
        for (int i = 0; i < k; i += 256) {
            float d = half(src, a + 208);
            for (int g = 0; g < 16; g++) {
                scratch[g] = d * src.get(ValueLayout.JAVA_BYTE, a + 192 + g);
            }
            for (int g = 0; g < 16; g++) {
                FloatVector scale = FloatVector.broadcast(F, scratch[g]);
                int quarter = g >> 1 & 3;
                long low = a + 64L * (g >> 3) + 32 * (quarter & 1) + 16 * (g & 1);
                long high = a + 128 + 32L * (g >> 3) + 16 * (g & 1);
                int lowShift = 4 * (quarter >> 1);
                int highShift = 2 * quarter;
                for (int j = 0; j < 16; j += L) {
                    FloatVector v = FloatVector.fromArray(F, x, xAt + i + 16 * g + j);
                    IntVector nibble = unsigned(src, low + j)
                            .lanewise(VectorOperators.LSHR, lowShift)
                            .and(15);
                    IntVector upper = unsigned(src, high + j)
                            .lanewise(VectorOperators.LSHR, highShift)
                            .and(3);
                    IntVector q = nibble.or(upper.lanewise(VectorOperators.LSHL, 4));
                    sum = floats(q.sub(32)).mul(scale).fma(v, sum);
                }
            }
            a += 210;
        }
        sum.intoArray(p, pA);
    }

    private static void mxfp4(MemorySegment src, long a, float[] x, int xAt, int k, float[] p, int pA) {
        FloatVector sum = FloatVector.zero(F);
        for (int i = 0; i < k; i += 32) {
            float d = VectorDecoders.halfOfE8m0(src.get(ValueLayout.JAVA_BYTE, a));
            for (int j = 0; j < 32; j += L) {
                // low nibbles, then high ones
                IntVector nibbles = unsigned(src, a + 1 + (j & 15))
                        .lanewise(VectorOperators.LSHR, j >> 4 << 2)
                        .and(15);
                FloatVector v = FloatVector.fromArray(F, x, xAt + i + j);
                sum = VectorDecoders.e2m1(nibbles).mul(d).fma(v, sum);
            }
            a += 17;
        }
        sum.intoArray(p, pA);
    }

    private static void iq4Nl(MemorySegment src, long a, float[] x, int xAt, int k, float[] p, int pA) {
        FloatVector sum = FloatVector.zero(F);
        for (int i = 0; i < k; i += 32) {
            float d = half(src, a);
            for (int j = 0; j < 32; j += L) {
                IntVector nibbles = unsigned(src, a + 2 + (j & 15))
                        .lanewise(VectorOperators.LSHR, j >> 4 << 2)
                        .and(15);
                FloatVector v = FloatVector.fromArray(F, x, xAt + i + j);
                sum = VectorKDecoders.level(nibbles).mul(d).fma(v, sum);
            }
            a += 18;
        }
        sum.intoArray(p, pA);
    }

    private static void iq4Xs(MemorySegment src, long a, float[] x, int xAt, int k, float[] p, int pA) {
        FloatVector sum = FloatVector.zero(F);
        for (int i = 0; i < k; i += 256) {
            float d = half(src, a);
            int high = src.get(INT, a) >>> 16;
            int low = src.get(INT, a + 4);
            for (int g = 0; g < 8; g++) {
                float scale = d * ((low >>> 4 * g & 15 | (high >>> 2 * g & 3) << 4) - 32);
                for (int j = 0; j < 32; j += L) {
                    IntVector nibbles = unsigned(src, a + 8 + 16L * g + (j & 15))
                            .lanewise(VectorOperators.LSHR, j >> 4 << 2)
                            .and(15);
                    FloatVector v = FloatVector.fromArray(F, x, xAt + i + 32 * g + j);
                    sum = VectorKDecoders.level(nibbles).mul(scale).fma(v, sum);
                }
            }
            a += 136;
        }
        sum.intoArray(p, pA);
    }
}
