package dev.cadre.kernels;

import static dev.cadre.kernels.Lanes.B;
import static dev.cadre.kernels.Lanes.BITS;
import static dev.cadre.kernels.Lanes.BYTES;
import static dev.cadre.kernels.Lanes.HALF;
import static dev.cadre.kernels.Lanes.I;
import static dev.cadre.kernels.Lanes.INDEX;
import static dev.cadre.kernels.Lanes.L;
import static dev.cadre.kernels.StoredLanes.left;
import static dev.cadre.kernels.StoredLanes.right;
import static dev.cadre.kernels.VectorDecoders.half;
import static dev.cadre.kernels.VectorDecoders.halfWords;
import static dev.cadre.kernels.VectorDecoders.int32;
import static dev.cadre.kernels.VectorDecoders.int64;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * The fields of the IQ types with a codebook, brought from their many places to one layout, from which {@link
 * CodebookRows} goes on: the number of each entry, a byte with the signs of each eight elements, and scales.
 *
 * <p>Vectors go over a block. Fields that several entries share, or that are shorter than a byte, are picked from a
 * vector of shorts or ints and shifted down by different distances.
 *
 * <p>They read a copy, so that no number read from a mapped page is an index (see {@code LookupTables}), and vectors
 * may reach over a block's end.
 */
final class CodebookFields {
    private static final int BLOCK = 256;
    private static final int EIGHTS = BLOCK / 8;
    private static final int FOURS = BLOCK / 4;
    private static final int SCALES = BLOCK / 16;

    private static final VectorSpecies<Short> S = VectorSpecies.of(short.class, VectorShape.forBitSize(BITS));
    private static final int SHORTS = S.length();

    // lane numbers of shorts, and distances
    private static final ShortVector LANES = ShortVector.zero(S).addIndex(1);
    private static final ShortVector QUARTERS = up(LANES, -2);
    private static final ShortVector EIGHTHS = up(LANES, -3);
    private static final ShortVector SIXTEENTHS = up(LANES, -4);
    private static final ShortVector FIRST_BYTES_OF_EIGHT =
            up(QUARTERS, 2).or(up(LANES, -1).and((short) 1));
    private static final ShortVector BYTE_SHIFTS = up(LANES.and((short) 1), 3);
    private static final ShortVector TRIPLES = LANES.and((short) 3).mul((short) 3);
    private static final ShortVector NIBBLES = up(LANES.and((short) 3), 2);
    private static final ShortVector PAIRS = up(LANES.and((short) 7), 1);
    private static final ShortVector BITS_OF_SHORT = LANES.and((short) 15);

    // the same of ints
    private static final IntVector HALF_INDEX = right(INDEX, 1);
    private static final IntVector UPPER_HALF_INDEX = HALF_INDEX.add(L / 2);
    private static final IntVector QUARTER_INDEX = right(INDEX, 2);
    private static final IntVector EIGHTH_INDEX = right(INDEX, 3);
    private static final IntVector ODD_OF_FOURS = left(QUARTER_INDEX, 1).or(1);
    private static final IntVector ODD = INDEX.or(1);
    private static final IntVector NIBBLES_OF_EIGHT = left(INDEX.and(7), 2);
    private static final IntVector NIBBLES_OF_TWO = left(right(INDEX, 1), 2);
    private static final IntVector TRIPLES_OF_INTS = INDEX.and(3).mul(3);
    private static final IntVector SEVENS = INDEX.and(3).mul(7);

    private CodebookFields() {}

    /** Shifted left, or right by {@code -bits}. */
    private static ShortVector up(ShortVector v, int bits) {
        return bits > 0 ? v.lanewise(VectorOperators.LSHL, bits) : v.lanewise(VectorOperators.LSHR, -bits);
    }

    private static ShortVector shorts(byte[] raw, int o) {
        return ByteVector.fromArray(BYTES, raw, o).reinterpretAsShorts();
    }

    /** Bytes from {@code o} on, as shorts from 0 to 255. */
    private static ShortVector unsigned(byte[] raw, int o) {
        return (ShortVector) ByteVector.fromArray(HALF, raw, o).convertShape(VectorOperators.ZERO_EXTEND_B2S, S, 0);
    }

    /** In each lane the short of the given number from {@code o} on, shifted down. */
    private static ShortVector picked(byte[] raw, int o, ShortVector numbers, ShortVector shifts) {
        return numbers.selectFrom(shorts(raw, o)).lanewise(VectorOperators.LSHR, shifts);
    }

    private static IntVector ints(byte[] raw, int o) {
        return ByteVector.fromArray(BYTES, raw, o).reinterpretAsInts();
    }

    /** In each lane the int of the given number from {@code o} on, shifted down. */
    private static IntVector picked(byte[] raw, int o, IntVector numbers, IntVector shifts) {
        return numbers.selectFrom(ints(raw, o)).lanewise(VectorOperators.LSHR, shifts);
    }

    /** The signs that the low seven bits of each lane stand for: the eighth makes their number even. */
    private static void storeSevens(IntVector numbers, byte[] signs, int at) {
        IntVector seven = numbers.and(127);
        IntVector odd = left(seven.lanewise(VectorOperators.BIT_COUNT), 7);
        ((ByteVector) seven.or(odd).convertShape(VectorOperators.I2B, B, 0)).intoArray(signs, at);
    }

    private static void storeBytes(ShortVector v, byte[] bytes, int at) {
        ((ByteVector) v.convertShape(VectorOperators.S2B, HALF, 0)).intoArray(bytes, at);
    }

    /** All types scale by odd numbers: d·(2n + 1). Nibbles have a scale for each eight of them, bytes for each 16. */
    private static void storeScales(IntVector n, float d, float[] s, int at) {
        FloatVector scales = VectorDecoders.toFloats(left(n, 1).or(1)).mul(d);
        if (CodebookRows.NIBBLES) {
            IntVector bits = scales.reinterpretAsInts();
            HALF_INDEX.selectFrom(bits).reinterpretAsFloats().intoArray(s, 2 * at);
            UPPER_HALF_INDEX.selectFrom(bits).reinterpretAsFloats().intoArray(s, 2 * at + L);
        } else {
            scales.intoArray(s, at);
        }
    }

    static void iq2Xxs(byte[] raw, int k, short[] numbers, byte[] signs, float[] s) {
        for (int b = 0; b < k / BLOCK; b++) {
            int o = 66 * b;
            for (int n = 0; n < EIGHTS; n += SHORTS) {
                picked(raw, o + 2 + 2 * n, FIRST_BYTES_OF_EIGHT, BYTE_SHIFTS)
                        .and((short) 255)
                        .intoArray(numbers, EIGHTS * b + n);
            }
            for (int n = 0; n < EIGHTS; n += L) {
                storeSevens(picked(raw, o + 2 + 2 * n, ODD_OF_FOURS, SEVENS), signs, EIGHTS * b + n);
            }
            float d = 0.125f * half(raw, o);
            for (int g = 0; g < SCALES; g += L) {
                storeScales(right(ODD.selectFrom(ints(raw, o + 2 + 4 * g)), 28), d, s, SCALES * b + g);
            }
        }
    }

    static void iq2Xs(byte[] raw, int k, short[] numbers, byte[] signs, float[] s) {
        for (int b = 0; b < k / BLOCK; b++) {
            int o = 74 * b;
            for (int n = 0; n < EIGHTS; n += SHORTS) {
                ShortVector q = shorts(raw, o + 2 + 2 * n);
                q.and((short) 0x1ff).intoArray(numbers, EIGHTS * b + n);
                ShortVector seven = up(q, -9);
                storeBytes(seven.or(up(seven.lanewise(VectorOperators.BIT_COUNT), 7)), signs, EIGHTS * b + n);
            }
            scalesInNibbles(raw, o, 66, s, SCALES * b);
        }
    }

    static void iq2S(byte[] raw, int k, short[] numbers, byte[] signs, float[] s) {
        for (int b = 0; b < k / BLOCK; b++) {
            int o = 82 * b;
            for (int n = 0; n < EIGHTS; n += SHORTS) {
                ShortVector upper = picked(raw, o + 66 + n / 4, EIGHTHS, PAIRS).and((short) 3);
                unsigned(raw, o + 2 + n).or(up(upper, 8)).intoArray(numbers, EIGHTS * b + n);
                ByteVector.fromArray(HALF, raw, o + 34 + n).intoArray(signs, EIGHTS * b + n);
            }
            scalesInNibbles(raw, o, 74, s, SCALES * b);
        }
    }

    /** The scales of IQ2_XS and IQ2_S: nibbles at the end of a block. */
    private static void scalesInNibbles(byte[] raw, int o, int from, float[] s, int at) {
        float d = 0.125f * half(raw, o);
        for (int g = 0; g < SCALES; g += L) {
            IntVector scale = picked(raw, o + from + g / 2, EIGHTH_INDEX, NIBBLES_OF_EIGHT)
                    .and(15);
            storeScales(scale, d, s, at + g);
        }
    }

    static void iq3Xxs(byte[] raw, int k, short[] numbers, byte[] signs, float[] s) {
        for (int b = 0; b < k / BLOCK; b++) {
            int o = 98 * b;
            for (int n = 0; n < FOURS; n += SHORTS) {
                unsigned(raw, o + 2 + n).intoArray(numbers, FOURS * b + n);
            }
            for (int n = 0; n < EIGHTS; n += L) {
                storeSevens(picked(raw, o + 66 + n, QUARTER_INDEX, SEVENS), signs, EIGHTS * b + n);
            }
            float d = 0.25f * half(raw, o);
            for (int g = 0; g < SCALES; g += L) {
                storeScales(right(HALF_INDEX.selectFrom(ints(raw, o + 66 + 2 * g)), 28), d, s, SCALES * b + g);
            }
        }
    }

    static void iq3S(byte[] raw, int k, short[] numbers, byte[] signs, float[] s) {
        for (int b = 0; b < k / BLOCK; b++) {
            int o = 110 * b;
            for (int n = 0; n < FOURS; n += SHORTS) {
                ShortVector ninth =
                        picked(raw, o + 66 + n / 8, SIXTEENTHS, BITS_OF_SHORT).and((short) 1);
                unsigned(raw, o + 2 + n).or(up(ninth, 8)).intoArray(numbers, FOURS * b + n);
            }
            for (int n = 0; n < EIGHTS; n += SHORTS) {
                ByteVector.fromArray(HALF, raw, o + 74 + n).intoArray(signs, EIGHTS * b + n);
            }
            float d = half(raw, o);
            for (int g = 0; g < SCALES; g += L) {
                IntVector scale = IntVector.broadcast(I, int32(raw, o + 106 + g / 4))
                        .lanewise(VectorOperators.LSHR, NIBBLES_OF_TWO)
                        .and(15);
                storeScales(scale, d, s, SCALES * b + g);
            }
        }
    }

    /** Of both IQ1 types, bit 11 of a number is the sign of the shift, and so are all its signs. */
    static void iq1S(byte[] raw, int k, short[] numbers, byte[] signs, float[] s) {
        for (int b = 0; b < k / BLOCK; b++) {
            int o = 50 * b;
            for (int n = 0; n < EIGHTS; n += SHORTS) {
                ShortVector h = QUARTERS.selectFrom(shorts(raw, o + 34 + n / 2));
                ShortVector upper = h.lanewise(VectorOperators.LSHR, TRIPLES).and((short) 7);
                ShortVector negative = h.lanewise(VectorOperators.ASHR, 15);
                unsigned(raw, o + 2 + n)
                        .or(up(upper, 8))
                        .or(negative.and((short) 0x800))
                        .intoArray(numbers, EIGHTS * b + n);
                storeBytes(negative, signs, EIGHTS * b + n);
            }
            float d = Codebook.IQ1_UNIT * half(raw, o);
            for (int g = 0; g < SCALES; g += L) {
                IntVector scale = right(HALF_INDEX.selectFrom(halfWords(raw, o + 34 + g)), 12);
                storeScales(scale.and(7), d, s, SCALES * b + g);
            }
        }
    }

    static void iq1M(byte[] raw, int k, short[] numbers, byte[] signs, float[] s) {
        for (int b = 0; b < k / BLOCK; b++) {
            int o = 56 * b;
            for (int n = 0; n < EIGHTS; n += SHORTS) {
                ShortVector upper =
                        up(picked(raw, o + 32 + n / 2, QUARTERS, NIBBLES).and((short) 15), 8);
                unsigned(raw, o + n).or(upper).intoArray(numbers, EIGHTS * b + n);
                storeBytes(up(upper, 4).lanewise(VectorOperators.ASHR, 15), signs, EIGHTS * b + n);
            }
            // the upper nibbles of the four words of scales are one half-precision number
            short bits = (short) Long.compress(int64(raw, o + 48), 0xf000f000f000f000L);
            float d = Codebook.IQ1_UNIT * Float.float16ToFloat(bits);
            for (int g = 0; g < SCALES; g += L) {
                IntVector scale = QUARTER_INDEX
                        .selectFrom(halfWords(raw, o + 48 + g / 2))
                        .lanewise(VectorOperators.LSHR, TRIPLES_OF_INTS);
                storeScales(scale.and(7), d, s, SCALES * b + g);
            }
        }
    }
}
