package dev.cadre.kernels;

import static dev.cadre.kernels.Lanes.B;
import static dev.cadre.kernels.Lanes.BYTES;
import static dev.cadre.kernels.Lanes.I;
import static dev.cadre.kernels.Lanes.INDEX;
import static dev.cadre.kernels.Lanes.L;
import static dev.cadre.kernels.StoredLanes.left;
import static dev.cadre.kernels.StoredLanes.right;
import static dev.cadre.kernels.VectorDecoders.half;
import static dev.cadre.kernels.VectorDecoders.halfWords;
import static dev.cadre.kernels.VectorDecoders.int32;
import static dev.cadre.kernels.VectorDecoders.int64;
import static dev.cadre.kernels.VectorDecoders.unsigned;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The fields of the IQ types with a codebook, brought from their many places to one layout, from which {@link Codebook}
 * goes on: for each eight elements a word with the number of their entry, or in its halves the numbers of two entries
 * of four, and a byte with their signs; for 16 elements a scale.
 *
 * <p>Vectors go over the words of a block. Fields that several words share, or that are shorter than a byte, are picked
 * from a vector of ints and shifted down by different distances.
 *
 * <p>They read a copy ({@link VectorDecoders#copy}), so that no number read from a mapped page is an index (see {@code
 * LookupTables}), and vectors may reach over a block's end.
 */
final class CodebookWords {
    private static final int BLOCK = 256;
    private static final int WORDS = BLOCK / 8;
    private static final int SCALES = BLOCK / 16;

    // lane numbers
    private static final IntVector HALVES = right(INDEX, 1);
    private static final IntVector QUARTERS = right(INDEX, 2);
    private static final IntVector EIGHTHS = right(INDEX, 3);
    private static final IntVector EVEN_OF_FOURS = left(QUARTERS, 1);
    private static final IntVector ODD_OF_FOURS = EVEN_OF_FOURS.or(1);
    private static final IntVector ODD = INDEX.or(1);

    // shifts
    private static final IntVector PAIRS = left(INDEX, 1);
    private static final IntVector NIBBLES = left(INDEX.and(7), 2);
    private static final IntVector NIBBLES_OF_TWO = left(right(INDEX, 1), 2);
    private static final IntVector TRIPLES = INDEX.and(3).mul(3);
    private static final IntVector SEVENS = INDEX.and(3).mul(7);
    private static final IntVector BYTE_SHIFTS = left(INDEX.and(3), 3);

    private CodebookWords() {}

    private static IntVector ints(byte[] raw, int o) {
        return ByteVector.fromArray(BYTES, raw, o).reinterpretAsInts();
    }

    /** In each lane the int of the given number from {@code o} on, shifted down. */
    private static IntVector picked(byte[] raw, int o, IntVector numbers, IntVector shifts) {
        return numbers.selectFrom(ints(raw, o)).lanewise(VectorOperators.LSHR, shifts);
    }

    /** In each lane the int at {@code o}, shifted down. */
    private static IntVector shared(byte[] raw, int o, IntVector shifts) {
        return IntVector.broadcast(I, int32(raw, o)).lanewise(VectorOperators.LSHR, shifts);
    }

    /** The signs that the low seven bits of each lane stand for: the eighth makes their number even. */
    private static void storeSevens(IntVector numbers, byte[] signs, int at) {
        IntVector seven = numbers.and(127);
        IntVector odd = left(seven.lanewise(VectorOperators.BIT_COUNT), 7);
        ((ByteVector) seven.or(odd).convertShape(VectorOperators.I2B, B, 0)).intoArray(signs, at);
    }

    /** All types scale by odd numbers: d·(2n + 1). */
    private static void storeScales(IntVector n, float d, float[] s, int at) {
        VectorDecoders.toFloats(left(n, 1).or(1)).mul(d).intoArray(s, at);
    }

    static void iq2Xxs(byte[] raw, int k, int[] words, byte[] signs, float[] s) {
        for (int w = 0; w < k / 8; w += L) {
            int o = 66 * (w / WORDS) + 2 + 2 * (w % WORDS);
            picked(raw, o, EVEN_OF_FOURS, BYTE_SHIFTS).and(255).intoArray(words, w);
            storeSevens(picked(raw, o, ODD_OF_FOURS, SEVENS), signs, w);
        }
        for (int g = 0; g < k / 16; g += L) {
            int o = 66 * (g / SCALES);
            float d = 0.125f * half(raw, o);
            IntVector scale = right(ODD.selectFrom(ints(raw, o + 2 + 4 * (g % SCALES))), 28);
            storeScales(scale, d, s, g);
        }
    }

    static void iq2Xs(byte[] raw, int k, int[] words, byte[] signs, float[] s) {
        for (int w = 0; w < k / 8; w += L) {
            IntVector q = halfWords(raw, 74 * (w / WORDS) + 2 + 2 * (w % WORDS));
            q.and(0x1ff).intoArray(words, w);
            storeSevens(right(q, 9), signs, w);
        }
        scalesInNibbles(k, raw, 74, s);
    }

    static void iq2S(byte[] raw, int k, int[] words, byte[] signs, float[] s) {
        for (int w = 0; w < k / 8; w += L) {
            int o = 82 * (w / WORDS);
            int n = w % WORDS;
            IntVector upper = shared(raw, o + 66 + n / 4, PAIRS).and(3);
            unsigned(raw, o + 2 + n, 0).or(left(upper, 8)).intoArray(words, w);
            ByteVector.fromArray(B, raw, o + 34 + n).intoArray(signs, w);
        }
        scalesInNibbles(k, raw, 82, s);
    }

    /** The scales of IQ2_XS and IQ2_S: nibbles at the end of a block. */
    private static void scalesInNibbles(int k, byte[] raw, int blockBytes, float[] s) {
        for (int g = 0; g < k / 16; g += L) {
            int o = blockBytes * (g / SCALES);
            float d = 0.125f * half(raw, o);
            IntVector scale = picked(raw, o + blockBytes - 8 + g % SCALES / 2, EIGHTHS, NIBBLES)
                    .and(15);
            storeScales(scale, d, s, g);
        }
    }

    static void iq3Xxs(byte[] raw, int k, int[] words, byte[] signs, float[] s) {
        for (int w = 0; w < k / 8; w += L) {
            int o = 98 * (w / WORDS);
            int n = w % WORDS;
            twoNumbers(raw, o + 2 + 2 * n).intoArray(words, w);
            storeSevens(picked(raw, o + 66 + n, QUARTERS, SEVENS), signs, w);
        }
        for (int g = 0; g < k / 16; g += L) {
            int o = 98 * (g / SCALES);
            float d = 0.25f * half(raw, o);
            IntVector scale = right(HALVES.selectFrom(ints(raw, o + 66 + 2 * (g % SCALES))), 28);
            storeScales(scale, d, s, g);
        }
    }

    static void iq3S(byte[] raw, int k, int[] words, byte[] signs, float[] s) {
        for (int w = 0; w < k / 8; w += L) {
            int o = 110 * (w / WORDS);
            int n = w % WORDS;
            IntVector ninth = shared(raw, o + 66 + n / 4, PAIRS);
            twoNumbers(raw, o + 2 + 2 * n)
                    .or(left(ninth.and(1), 8))
                    .or(left(ninth.and(2), 16 + 8 - 1))
                    .intoArray(words, w);
            ByteVector.fromArray(B, raw, o + 74 + n).intoArray(signs, w);
        }
        for (int g = 0; g < k / 16; g += L) {
            int o = 110 * (g / SCALES);
            float d = half(raw, o);
            IntVector scale =
                    shared(raw, o + 106 + g % SCALES / 4, NIBBLES_OF_TWO).and(15);
            storeScales(scale, d, s, g);
        }
    }

    /** The low eight bits of two entries' numbers. */
    private static IntVector twoNumbers(byte[] raw, int o) {
        IntVector both = halfWords(raw, o);
        return both.or(left(both, 8)).and(0x00ff00ff);
    }

    static void iq1S(byte[] raw, int k, int[] words, byte[] signs, float[] s) {
        for (int w = 0; w < k / 8; w += L) {
            int o = 50 * (w / WORDS);
            int n = w % WORDS;
            IntVector h = QUARTERS.selectFrom(halfWords(raw, o + 34 + n / 2));
            IntVector upper = h.lanewise(VectorOperators.LSHR, TRIPLES).and(7);
            unsigned(raw, o + 2 + n, 0)
                    .or(left(upper, 8))
                    .or(right(h.and(0x8000), 15 - 11))
                    .intoArray(words, w);
        }
        for (int g = 0; g < k / 16; g += L) {
            int o = 50 * (g / SCALES);
            float d = Codebook.IQ1_UNIT * half(raw, o);
            IntVector scale = right(HALVES.selectFrom(halfWords(raw, o + 34 + g % SCALES)), 12)
                    .and(7);
            storeScales(scale, d, s, g);
        }
    }

    static void iq1M(byte[] raw, int k, int[] words, byte[] signs, float[] s) {
        for (int w = 0; w < k / 8; w += L) {
            int o = 56 * (w / WORDS);
            int n = w % WORDS;
            IntVector upper = picked(raw, o + 32 + n / 2, EIGHTHS, NIBBLES).and(15);
            unsigned(raw, o + n, 0).or(left(upper, 8)).intoArray(words, w);
        }
        for (int g = 0; g < k / 16; g += L) {
            int o = 56 * (g / SCALES) + 48;
            // the upper nibbles of the four words of scales are one half-precision number
            short bits = (short) Long.compress(int64(raw, o), 0xf000f000f000f000L);
            float d = Codebook.IQ1_UNIT * Float.float16ToFloat(bits);
            IntVector scale = QUARTERS.selectFrom(halfWords(raw, o + g % SCALES / 2))
                    .lanewise(VectorOperators.LSHR, TRIPLES)
                    .and(7);
            storeScales(scale, d, s, g);
        }
    }
}
