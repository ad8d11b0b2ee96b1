package dev.cadre.kernels.format;

import java.lang.foreign.MemorySegment;

/** Formats of 256 elements a block without a codebook: the K-quants, IQ4_XS and the ternary types. */
final class KCodecs {
    private static final int[] POWERS_OF_3 = {1, 3, 9, 27, 81};

    private KCodecs() {}

    /**
     * 16 bytes (scale in the low, minimum in the high nibble, of 16 elements each), 64 bytes of 2-bit values, f16 d,
     * f16 dmin. Byte b of a half of 32 bytes holds elements b, b + 32, b + 64, b + 96 of its 128.
     */
    static void q2(MemorySegment s, long o, float[] y, int at) {
        float d = Bytes.f16(s, o + 80);
        float dmin = Bytes.f16(s, o + 82);
        for (int g = 0; g < 16; g++) {
            int sc = Bytes.u8(s, o + g);
            float dl = d * (sc & 15);
            float ml = dmin * (sc >> 4);
            long from = o + 16 + 32 * (g / 8) + 16 * (g % 2);
            int shift = 2 * (g / 2 % 4);
            for (int j = 0; j < 16; j++) {
                y[at + 16 * g + j] = dl * (Bytes.u8(s, from + j) >> shift & 3) - ml;
            }
        }
    }

    /** 32 bytes of inverted third bits, 64 bytes of 2-bit values, 12 bytes of sixteen 6-bit scales, f16 d. */
    static void q3(MemorySegment s, long o, float[] y, int at) {
        float d = Bytes.f16(s, o + 108);
        for (int g = 0; g < 16; g++) {
            int low = Bytes.u8(s, o + 96 + g % 8) >> 4 * (g / 8) & 15;
            int high = Bytes.u8(s, o + 104 + g % 4) >> 2 * (g / 4) & 3;
            float dl = d * ((low | high << 4) - 32);
            long from = o + 32 + 32 * (g / 8) + 16 * (g % 2);
            long mask = o + 16 * (g % 2);
            int shift = 2 * (g / 2 % 4);
            int bit = g / 2;
            for (int j = 0; j < 16; j++) {
                int q = Bytes.u8(s, from + j) >> shift & 3;
                int inverted = Bytes.u8(s, mask + j) >> bit & 1 ^ 1;
                y[at + 16 * g + j] = dl * (q - 4 * inverted);
            }
        }
    }

    /** The 6-bit scale of group {@code g} of eight, packed with the minima in the 12 bytes at {@code o}. */
    static int scale(MemorySegment s, long o, int g) {
        return g < 4 ? Bytes.u8(s, o + g) & 63 : Bytes.u8(s, o + 4 + g) & 15 | Bytes.u8(s, o + g - 4) >> 6 << 4;
    }

    /** The 6-bit minimum of group {@code g} of eight. */
    static int minimum(MemorySegment s, long o, int g) {
        return g < 4 ? Bytes.u8(s, o + 4 + g) & 63 : Bytes.u8(s, o + 4 + g) >> 4 | Bytes.u8(s, o + g) >> 6 << 4;
    }

    /** f16 d, f16 dmin, 12 bytes of scales and minima of 32 elements each, 128 bytes of nibbles. */
    static void q4(MemorySegment s, long o, float[] y, int at) {
        float d = Bytes.f16(s, o);
        float dmin = Bytes.f16(s, o + 2);
        for (int g = 0; g < 8; g++) {
            float dl = d * scale(s, o + 4, g);
            float ml = dmin * minimum(s, o + 4, g);
            long from = o + 16 + 32 * (g / 2);
            int shift = 4 * (g % 2);
            for (int j = 0; j < 32; j++) {
                y[at + 32 * g + j] = dl * (Bytes.u8(s, from + j) >> shift & 15) - ml;
            }
        }
    }

    /** As Q4_K, with 32 bytes of fifth bits before the nibbles: bit g of byte j belongs to element 32g + j. */
    static void q5(MemorySegment s, long o, float[] y, int at) {
        float d = Bytes.f16(s, o);
        float dmin = Bytes.f16(s, o + 2);
        for (int g = 0; g < 8; g++) {
            float dl = d * scale(s, o + 4, g);
            float ml = dmin * minimum(s, o + 4, g);
            long from = o + 48 + 32 * (g / 2);
            int shift = 4 * (g % 2);
            for (int j = 0; j < 32; j++) {
                int fifth = Bytes.u8(s, o + 16 + j) >> g & 1;
                y[at + 32 * g + j] = dl * (Bytes.u8(s, from + j) >> shift & 15 | fifth << 4) - ml;
            }
        }
    }

    /** 128 bytes of low nibbles, 64 bytes of upper bit pairs, 16 signed scales of 16 elements each, f16 d. */
    static void q6(MemorySegment s, long o, float[] y, int at) {
        float d = Bytes.f16(s, o + 208);
        for (int g = 0; g < 16; g++) {
            float dl = d * Bytes.i8(s, o + 192 + g);
            int half = g / 8;
            int quarter = g / 2 % 4;
            long low = o + 64 * half + 32 * (quarter % 2) + 16 * (g % 2);
            long high = o + 128 + 32 * half + 16 * (g % 2);
            for (int j = 0; j < 16; j++) {
                int q = Bytes.u8(s, low + j) >> 4 * (quarter / 2) & 15;
                int upper = Bytes.u8(s, high + j) >> 2 * quarter & 3;
                y[at + 16 * g + j] = dl * ((q | upper << 4) - 32);
            }
        }
    }

    /** f32 d, 256 signed bytes, 16 sums (redundant). ggml's type for activations. */
    static void q8(MemorySegment s, long o, float[] y, int at) {
        float d = s.get(Bytes.FLOAT, o);
        for (int j = 0; j < 256; j++) {
            y[at + j] = d * Bytes.i8(s, o + 4 + j);
        }
    }

    /** f16 d, eight 6-bit scales (upper bit pairs in a u16, low nibbles in 4 bytes), 128 bytes of level numbers. */
    static void iq4Xs(MemorySegment s, long o, float[] y, int at) {
        float d = Bytes.f16(s, o);
        int high = Bytes.u16(s, o + 2);
        for (int g = 0; g < 8; g++) {
            int low = Bytes.u8(s, o + 4 + g / 2) >> 4 * (g % 2) & 15;
            float dl = d * ((low | (high >> 2 * g & 3) << 4) - 32);
            SmallBlockCodecs.levels(s, o + 8 + 16 * g, 16, dl, LookupTables.nonLinear, y, at + 32 * g);
        }
    }

    /**
     * Ternary, five to a byte as the fraction byte / 256 in base 3: 32 bytes for elements 0-159, 16 bytes for 160-239,
     * 4 bytes (four digits used) for 240-255, then f16 d.
     */
    static void tq1(MemorySegment s, long o, float[] y, int at) {
        float d = Bytes.f16(s, o + 52);
        digits(s, o, 32, 5, d, y, at);
        digits(s, o + 32, 16, 5, d, y, at + 160);
        digits(s, o + 48, 4, 4, d, y, at + 240);
    }

    private static void digits(MemorySegment s, long o, int bytes, int digits, float d, float[] y, int at) {
        for (int n = 0; n < digits; n++) {
            for (int j = 0; j < bytes; j++) {
                int shifted = Bytes.u8(s, o + j) * POWERS_OF_3[n] & 0xff;
                y[at + n * bytes + j] = d * ((shifted * 3 >> 8) - 1);
            }
        }
    }

    /** Ternary, 2 bits each: 64 bytes laid out as those of Q2_K, then f16 d; y = d·(q - 1). */
    static void tq2(MemorySegment s, long o, float[] y, int at) {
        float d = Bytes.f16(s, o + 64);
        for (int g = 0; g < 8; g++) {
            for (int j = 0; j < 32; j++) {
                int q = Bytes.u8(s, o + 32 * (g / 4) + j) >> 2 * (g % 4) & 3;
                y[at + 32 * g + j] = d * (q - 1);
            }
        }
    }
}
