package dev.cadre.kernels;

import static dev.cadre.kernels.Lanes.B;
import static dev.cadre.kernels.Lanes.I;
import static dev.cadre.kernels.Lanes.L;
import static dev.cadre.kernels.Lanes.PARTS;
import static dev.cadre.kernels.VectorDecoders.half;
import static dev.cadre.kernels.VectorDecoders.int32;
import static dev.cadre.kernels.VectorDecoders.toFloats;
import static dev.cadre.kernels.VectorDecoders.unsigned;

import dev.cadre.kernels.format.BlockFormat;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Vector decoders of the formats with 256 elements a block, and of IQ4_NL, whose table IQ4_XS shares. The layouts are
 * described at the scalar codecs. Every inner step takes 16 bytes, in one, two or four vectors.
 */
final class VectorKDecoders {
    private static final int BLOCK = 256;
    private static final int SIX_BITS = 0x3f3f3f3f;

    // masks of four bytes at once, for the packed scales of Q4_K and Q5_K
    static final int LOW_NIBBLES = 0x0f0f0f0f;
    static final int TWO_BITS = 0x03030303;

    /** The values of IQ4_NL's 16 levels. Bits of floats, repeated where a vector has more lanes than levels. */
    private static final IntVector LEVELS = levels();

    private VectorKDecoders() {}

    private static IntVector levels() {
        int[] levels = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
        int[] bits = new int[Math.max(L, levels.length)];
        for (int i = 0; i < bits.length; i++) {
            bits[i] = Float.floatToRawIntBits(levels[i % levels.length]);
        }
        return IntVector.fromArray(I, bits, 0);
    }

    static void decode(BlockFormat format, byte[] raw, float[] dst, int at, int count) {
        int bytes = format.blockBytes();
        int elements = format.blockElements();
        for (int i = 0, o = 0; i < count; i += elements, o += bytes) {
            switch (format) {
                case Q2_K -> q2(raw, o, dst, at + i);
                case Q3_K -> q3(raw, o, dst, at + i);
                case Q4_K -> q4(raw, o, dst, at + i);
                case Q5_K -> q5(raw, o, dst, at + i);
                case Q6_K -> q6(raw, o, dst, at + i);
                case IQ4_XS -> iq4Xs(raw, o, dst, at + i);
                case IQ4_NL -> nibbleLevels(raw, o + 2, half(raw, o), dst, at + i);
                default -> throw new IllegalStateException("no vector decoder for " + format);
            }
        }
    }

    private static void q2(byte[] raw, int o, float[] y, int at) {
        float d = half(raw, o + 80);
        float dmin = half(raw, o + 82);
        for (int g = 0; g < 16; g++) {
            int scale = raw[o + g] & 0xff;
            float dl = d * (scale & 15);
            float ml = dmin * (scale >> 4);
            int from = o + 16 + 32 * (g / 8) + 16 * (g % 2);
            int shift = 2 * (g / 2 % 4);
            for (int j = 0; j < 16; j += B.length()) {
                for (int p = 0; p < PARTS; p++) {
                    toFloats(unsigned(raw, from + j, p)
                                    .lanewise(VectorOperators.LSHR, shift)
                                    .and(3))
                            .mul(dl)
                            .sub(ml)
                            .intoArray(y, at + 16 * g + j + p * L);
                }
            }
        }
    }

    private static void q3(byte[] raw, int o, float[] y, int at) {
        float d = half(raw, o + 108);
        for (int g = 0; g < 16; g++) {
            int low = (raw[o + 96 + g % 8] & 0xff) >> 4 * (g / 8) & 15;
            int high = (raw[o + 104 + g % 4] & 0xff) >> 2 * (g / 4) & 3;
            float dl = d * ((low | high << 4) - 32);
            int from = o + 32 + 32 * (g / 8) + 16 * (g % 2);
            int mask = o + 16 * (g % 2);
            int shift = 2 * (g / 2 % 4);
            int bit = g / 2;
            for (int j = 0; j < 16; j += B.length()) {
                for (int p = 0; p < PARTS; p++) {
                    IntVector q = unsigned(raw, from + j, p)
                            .lanewise(VectorOperators.LSHR, shift)
                            .and(3);
                    IntVector third = unsigned(raw, mask + j, p)
                            .lanewise(VectorOperators.LSHR, bit)
                            .and(1)
                            .lanewise(VectorOperators.LSHL, 2);
                    toFloats(q.add(third).sub(4)).mul(dl).intoArray(y, at + 16 * g + j + p * L);
                }
            }
        }
    }

    private static void q4(byte[] raw, int o, float[] y, int at) {
        float d = half(raw, o);
        float dmin = half(raw, o + 2);
        long scales = scales(raw, o + 4);
        long minima = minima(raw, o + 4);
        for (int g = 0; g < 8; g += 2) {
            float d0 = d * (scales >>> 8 * g & 63);
            float m0 = dmin * (minima >>> 8 * g & 63);
            float d1 = d * (scales >>> 8 * g + 8 & 63);
            float m1 = dmin * (minima >>> 8 * g + 8 & 63);
            int from = o + 16 + 16 * g;
            for (int j = 0; j < 32; j += B.length()) {
                for (int p = 0; p < PARTS; p++) {
                    IntVector b = unsigned(raw, from + j, p);
                    int to = at + 32 * g + j + p * L;
                    toFloats(b.and(15)).mul(d0).sub(m0).intoArray(y, to);
                    toFloats(b.lanewise(VectorOperators.LSHR, 4))
                            .mul(d1)
                            .sub(m1)
                            .intoArray(y, to + 32);
                }
            }
        }
    }

    private static void q5(byte[] raw, int o, float[] y, int at) {
        float d = half(raw, o);
        float dmin = half(raw, o + 2);
        long scales = scales(raw, o + 4);
        long minima = minima(raw, o + 4);
        for (int g = 0; g < 8; g += 2) {
            float d0 = d * (scales >>> 8 * g & 63);
            float m0 = dmin * (minima >>> 8 * g & 63);
            float d1 = d * (scales >>> 8 * g + 8 & 63);
            float m1 = dmin * (minima >>> 8 * g + 8 & 63);
            int from = o + 48 + 16 * g;
            for (int j = 0; j < 32; j += B.length()) {
                for (int p = 0; p < PARTS; p++) {
                    IntVector b = unsigned(raw, from + j, p);
                    IntVector fifths = unsigned(raw, o + 16 + j, p).lanewise(VectorOperators.LSHR, g);
                    int to = at + 32 * g + j + p * L;
                    IntVector low = b.and(15).or(fifths.and(1).lanewise(VectorOperators.LSHL, 4));
                    IntVector high =
                            b.lanewise(VectorOperators.LSHR, 4).or(fifths.and(2).lanewise(VectorOperators.LSHL, 3));
                    toFloats(low).mul(d0).sub(m0).intoArray(y, to);
                    toFloats(high).mul(d1).sub(m1).intoArray(y, to + 32);
                }
            }
        }
    }

    /** The eight 6-bit scales of Q4_K and Q5_K, one in each byte. */
    private static long scales(byte[] raw, int o) {
        int a = int32(raw, o);
        int c = int32(raw, o + 8);
        int upper = c & LOW_NIBBLES | (a >>> 6 & TWO_BITS) << 4;
        return a & SIX_BITS | (long) upper << 32;
    }

    /** The eight 6-bit minima of Q4_K and Q5_K, one in each byte. */
    private static long minima(byte[] raw, int o) {
        int b = int32(raw, o + 4);
        int c = int32(raw, o + 8);
        int upper = c >>> 4 & LOW_NIBBLES | (b >>> 6 & TWO_BITS) << 4;
        return b & SIX_BITS | (long) upper << 32;
    }

    private static void q6(byte[] raw, int o, float[] y, int at) {
        float d = half(raw, o + 208);
        for (int g = 0; g < 16; g++) {
            float dl = d * raw[o + 192 + g];
            int quarter = g / 2 % 4;
            int low = o + 64 * (g / 8) + 32 * (quarter % 2) + 16 * (g % 2);
            int high = o + 128 + 32 * (g / 8) + 16 * (g % 2);
            int lowShift = 4 * (quarter / 2);
            int highShift = 2 * quarter;
            for (int j = 0; j < 16; j += B.length()) {
                for (int p = 0; p < PARTS; p++) {
                    IntVector q = unsigned(raw, low + j, p)
                            .lanewise(VectorOperators.LSHR, lowShift)
                            .and(15);
                    IntVector upper = unsigned(raw, high + j, p)
                            .lanewise(VectorOperators.LSHR, highShift)
                            .and(3)
                            .lanewise(VectorOperators.LSHL, 4);
                    toFloats(q.or(upper).sub(32)).mul(dl).intoArray(y, at + 16 * g + j + p * L);
                }
            }
        }
    }

    private static void iq4Xs(byte[] raw, int o, float[] y, int at) {
        float d = half(raw, o);
        int high = int32(raw, o) >>> 16;
        int low = int32(raw, o + 4);
        for (int g = 0; g < 8; g++) {
            int scale = (low >>> 4 * g & 15 | (high >>> 2 * g & 3) << 4) - 32;
            nibbleLevels(raw, o + 8 + 16 * g, d * scale, y, at + 32 * g);
        }
    }

    /** 16 bytes of level numbers: the low nibbles are elements 0 to 15, the high ones 16 to 31. */
    private static void nibbleLevels(byte[] raw, int from, float d, float[] y, int at) {
        for (int j = 0; j < 16; j += B.length()) {
            for (int p = 0; p < PARTS; p++) {
                IntVector b = unsigned(raw, from + j, p);
                int to = at + j + p * L;
                level(b.and(15)).mul(d).intoArray(y, to);
                level(b.lanewise(VectorOperators.LSHR, 4)).mul(d).intoArray(y, to + 16);
            }
        }
    }

    static FloatVector level(IntVector numbers) {
        return numbers.selectFrom(LEVELS).reinterpretAsFloats();
    }
}
