package dev.cadre.kernels.format;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Formats of 32 to 128 elements a block. Where there are nibbles, element j is in the low nibble of byte j, element
 * j + 16 in the high one.
 */
final class SmallBlockCodecs {
    private SmallBlockCodecs() {}

    /** f16 scale, 128 bits, lowest first; y = d where set, -d where not. */
    static void q1_0(MemorySegment s, long o, float[] y, int at) {
        float d = Bytes.f16(s, o);
        for (int b = 0; b < 16; b++) {
            // one load for eight uses: tested in memory, a bit of a page that is gone stops HotSpot, whose handler does
            // not know that instruction
            int bits = Bytes.u8(s, o + 2 + b);
            for (int j = 0; j < 8; j++) {
                y[at + 8 * b + j] = (bits >> j & 1) == 1 ? d : -d;
            }
        }
    }

    /** f16 scale, 64 values of 2 bits, lowest first; y = d·(q - 1). */
    static void q2_0(MemorySegment s, long o, float[] y, int at) {
        float d = Bytes.f16(s, o);
        for (int j = 0; j < 64; j++) {
            y[at + j] = d * ((Bytes.u8(s, o + 2 + j / 4) >> 2 * (j % 4) & 3) - 1);
        }
    }

    /** f16 scale, 16 bytes of nibbles; y = d·(q - 8). */
    static void q4_0(MemorySegment s, long o, float[] y, int at) {
        float d = Bytes.f16(s, o);
        for (int j = 0; j < 16; j++) {
            int q = Bytes.u8(s, o + 2 + j);
            y[at + j] = d * ((q & 15) - 8);
            y[at + j + 16] = d * ((q >> 4) - 8);
        }
    }

    /** f16 scale, f16 minimum, 16 bytes of nibbles; y = d·q + m. */
    static void q4_1(MemorySegment s, long o, float[] y, int at) {
        float d = Bytes.f16(s, o);
        float m = Bytes.f16(s, o + 2);
        for (int j = 0; j < 16; j++) {
            int q = Bytes.u8(s, o + 4 + j);
            y[at + j] = sum(d * (q & 15), m);
            y[at + j + 16] = sum(d * (q >> 4), m);
        }
    }

    /** a + b; of two NaN the first, where the order of an addition is the compiler's choice. */
    private static float sum(float a, float b) {
        return Float.isNaN(a) ? a : a + b;
    }

    /** f16 scale, 32 fifth bits, 16 bytes of nibbles; y = d·(q - 16). */
    static void q5_0(MemorySegment s, long o, float[] y, int at) {
        float d = Bytes.f16(s, o);
        int high = Bytes.i32(s, o + 2);
        for (int j = 0; j < 16; j++) {
            int q = Bytes.u8(s, o + 6 + j);
            y[at + j] = d * ((q & 15 | (high >> j & 1) << 4) - 16);
            y[at + j + 16] = d * ((q >> 4 | (high >> j + 16 & 1) << 4) - 16);
        }
    }

    /** f16 scale, f16 minimum, 32 fifth bits, 16 bytes of nibbles; y = d·q + m. */
    static void q5_1(MemorySegment s, long o, float[] y, int at) {
        float d = Bytes.f16(s, o);
        float m = Bytes.f16(s, o + 2);
        int high = Bytes.i32(s, o + 4);
        for (int j = 0; j < 16; j++) {
            int q = Bytes.u8(s, o + 8 + j);
            y[at + j] = sum(d * (q & 15 | (high >> j & 1) << 4), m);
            y[at + j + 16] = sum(d * (q >> 4 | (high >> j + 16 & 1) << 4), m);
        }
    }

    /** f16 scale, 32 signed bytes; y = q·d. */
    static void q8_0(MemorySegment s, long o, float[] y, int at) {
        signedBytes(s, o + 2, Bytes.f16(s, o), y, at);
    }

    /** f16 scale, f16 sum (redundant), 32 signed bytes. ggml's type for activations. */
    static void q8_1(MemorySegment s, long o, float[] y, int at) {
        signedBytes(s, o + 4, Bytes.f16(s, o), y, at);
    }

    private static void signedBytes(MemorySegment s, long o, float d, float[] y, int at) {
        for (int j = 0; j < 32; j++) {
            y[at + j] = Bytes.i8(s, o + j) * d;
        }
    }

    /** f16 scale, 16 bytes of nibbles that name one of 16 uneven levels. */
    static void iq4Nl(MemorySegment s, long o, float[] y, int at) {
        levels(s, o + 2, 16, Bytes.f16(s, o), LookupTables.nonLinear, y, at);
    }

    /** E8M0 scale, 16 bytes of FP4 nibbles. */
    static void mxfp4(MemorySegment s, long o, float[] y, int at) {
        levels(s, o + 1, 16, halfOfE8m0(Bytes.u8(s, o)), LookupTables.fp4Doubled, y, at);
    }

    /** Four unsigned E4M3 scales, each for 16 FP4 elements: low nibbles 0-7, high nibbles 8-15. */
    static void nvfp4(MemorySegment s, long o, float[] y, int at) {
        for (int g = 0; g < 4; g++) {
            levels(
                    s,
                    o + 4 + 8 * g,
                    8,
                    E4m3.halfOfUnsigned(s.get(ValueLayout.JAVA_BYTE, o + g)),
                    LookupTables.fp4Doubled,
                    y,
                    at + 16 * g);
        }
    }

    /** Even elements in the low nibbles, less 8. */
    static void int4Pairs(MemorySegment s, long o, float[] y, int at) {
        for (int j = 0; j < 16; j++) {
            int q = Bytes.u8(s, o + j);
            y[at + 2 * j] = (q & 15) - 8;
            y[at + 2 * j + 1] = (q >> 4) - 8;
        }
    }

    /** Even elements in the low nibbles, as FP4. */
    static void fp4Pairs(MemorySegment s, long o, float[] y, int at) {
        for (int j = 0; j < 16; j++) {
            int q = Bytes.u8(s, o + j);
            y[at + 2 * j] = LookupTables.fp4[q & 15];
            y[at + 2 * j + 1] = LookupTables.fp4[q >> 4];
        }
    }

    /** {@code width} bytes: low nibbles are elements 0.., high nibbles elements {@code width}... */
    static void levels(MemorySegment s, long o, int width, float d, byte[] table, float[] y, int at) {
        for (int j = 0; j < width; j++) {
            int q = Bytes.u8(s, o + j);
            y[at + j] = d * table[q & 15];
            y[at + j + width] = d * table[q >> 4];
        }
    }

    /** 2^(e - 128), the scale for doubled values; ggml gives 255, NaN in E8M0, no special meaning. */
    static float halfOfE8m0(int e) {
        return Float.intBitsToFloat(e < 2 ? 0x00200000 << e : e - 1 << 23);
    }
}
