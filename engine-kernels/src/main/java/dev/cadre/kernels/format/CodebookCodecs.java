package dev.cadre.kernels.format;

import java.lang.foreign.MemorySegment;

/** The IQ types with a codebook. Entries of eight (IQ1, IQ2) or four (IQ3) values; all blocks have 256 elements. */
final class CodebookCodecs {
    private static final float IQ1_SHIFT = 0.125f;

    private CodebookCodecs() {}

    /** f16 d, 32 low bytes of 11-bit entry numbers, eight u16: four upper bit triples, 3-bit scale, sign of shift. */
    static void iq1S(MemorySegment s, long o, float[] y, int at) {
        float d = Bytes.f16(s, o);
        for (int g = 0; g < 8; g++) {
            int h = Bytes.u16(s, o + 34 + 2 * g);
            float dl = d * (2 * (h >> 12 & 7) + 1);
            float shift = h < 0x8000 ? IQ1_SHIFT : -IQ1_SHIFT;
            for (int n = 0; n < 4; n++) {
                int entry = Bytes.u8(s, o + 2 + 4 * g + n) | (h >> 3 * n & 7) << 8;
                shifted(entry, dl, shift, y, at + 32 * g + 8 * n);
            }
        }
    }

    /**
     * 32 low bytes of entry numbers, 16 bytes of two nibbles (upper bit triple, sign of shift), four u16 whose top
     * nibbles form the f16 d and whose lower 12 bits are four 3-bit scales of 16 elements each.
     */
    static void iq1M(MemorySegment s, long o, float[] y, int at) {
        int bits = 0;
        for (int n = 0; n < 4; n++) {
            bits |= Bytes.u16(s, o + 48 + 2 * n) >> 12 << 4 * n;
        }
        float d = Float.float16ToFloat((short) bits);
        for (int g = 0; g < 16; g++) {
            float dl = d * (2 * (Bytes.u16(s, o + 48 + 2 * (g / 4)) >> 3 * (g % 4) & 7) + 1);
            for (int n = 0; n < 2; n++) {
                int h = Bytes.u8(s, o + 32 + g) >> 4 * n & 15;
                int entry = Bytes.u8(s, o + 2 * g + n) | (h & 7) << 8;
                shifted(entry, dl, h < 8 ? IQ1_SHIFT : -IQ1_SHIFT, y, at + 16 * g + 8 * n);
            }
        }
    }

    private static void shifted(int entry, float dl, float shift, float[] y, int at) {
        for (int j = 0; j < 8; j++) {
            y[at + j] = dl * (LookupTables.iq1[8 * entry + j] + shift);
        }
    }

    /** f16 d; for each 32 elements: four entry numbers, then a u32 of four 7-bit sign numbers and a 4-bit scale. */
    static void iq2Xxs(MemorySegment s, long o, float[] y, int at) {
        float d = Bytes.f16(s, o);
        for (int g = 0; g < 8; g++) {
            int word = Bytes.i32(s, o + 6 + 8 * g);
            float dl = d * (0.5f + (word >>> 28)) * 0.25f;
            for (int n = 0; n < 4; n++) {
                int entry = Bytes.u8(s, o + 2 + 8 * g + n);
                signed(LookupTables.iq2Xxs, 8 * entry, Codebooks.signs(word >> 7 * n), 8, dl, y, at + 32 * g + 8 * n);
            }
        }
    }

    /** f16 d, 32 u16 of a 9-bit entry number and a 7-bit sign number, 8 bytes of scales of 16 elements each. */
    static void iq2Xs(MemorySegment s, long o, float[] y, int at) {
        float d = Bytes.f16(s, o);
        for (int n = 0; n < 32; n++) {
            int scale = Bytes.u8(s, o + 66 + n / 4) >> 4 * (n / 2 % 2) & 15;
            float dl = d * (0.5f + scale) * 0.25f;
            int q = Bytes.u16(s, o + 2 + 2 * n);
            signed(LookupTables.iq2Xs, 8 * (q & 511), Codebooks.signs(q >> 9), 8, dl, y, at + 8 * n);
        }
    }

    /** f16 d, 32 low bytes of 10-bit entry numbers, 32 bytes of signs, 8 bytes of upper bit pairs, 8 of scales. */
    static void iq2S(MemorySegment s, long o, float[] y, int at) {
        float d = Bytes.f16(s, o);
        for (int n = 0; n < 32; n++) {
            int scale = Bytes.u8(s, o + 74 + n / 4) >> 4 * (n / 2 % 2) & 15;
            float dl = d * (0.5f + scale) * 0.25f;
            int upper = Bytes.u8(s, o + 66 + n / 4) >> 2 * (n % 4) & 3;
            int entry = Bytes.u8(s, o + 2 + n) | upper << 8;
            signed(LookupTables.iq2S, 8 * entry, Bytes.u8(s, o + 34 + n), 8, dl, y, at + 8 * n);
        }
    }

    /** f16 d, 64 entry numbers, eight u32 of four 7-bit sign numbers (two entries each) and a 4-bit scale. */
    static void iq3Xxs(MemorySegment s, long o, float[] y, int at) {
        float d = Bytes.f16(s, o);
        for (int g = 0; g < 8; g++) {
            int word = Bytes.i32(s, o + 66 + 4 * g);
            float dl = d * (0.5f + (word >>> 28)) * 0.5f;
            for (int n = 0; n < 8; n++) {
                int entry = Bytes.u8(s, o + 2 + 8 * g + n);
                int signs = Codebooks.signs(word >> 7 * (n / 2)) >> 4 * (n % 2);
                signed(LookupTables.iq3Xxs, 4 * entry, signs, 4, dl, y, at + 32 * g + 4 * n);
            }
        }
    }

    /** f16 d, 64 low bytes of 9-bit entry numbers, 8 bytes of ninth bits, 32 bytes of signs, 4 bytes of scales. */
    static void iq3S(MemorySegment s, long o, float[] y, int at) {
        float d = Bytes.f16(s, o);
        for (int n = 0; n < 64; n++) {
            int scale = Bytes.u8(s, o + 106 + n / 16) >> 4 * (n / 8 % 2) & 15;
            float dl = d * (1 + 2 * scale);
            int entry = Bytes.u8(s, o + 2 + n) | (Bytes.u8(s, o + 66 + n / 8) >> n % 8 & 1) << 8;
            int signs = Bytes.u8(s, o + 74 + n / 2) >> 4 * (n % 2);
            signed(LookupTables.iq3S, 4 * entry, signs, 4, dl, y, at + 4 * n);
        }
    }

    private static void signed(byte[] book, int from, int signs, int width, float dl, float[] y, int at) {
        for (int j = 0; j < width; j++) {
            // a product, because negation would flip the sign of a NaN
            y[at + j] = dl * book[from + j] * ((signs >> j & 1) == 0 ? 1f : -1f);
        }
    }
}
