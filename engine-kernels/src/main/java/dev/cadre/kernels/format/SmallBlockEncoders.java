package dev.cadre.kernels.format;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Encoders of the formats of 32 elements a block; layouts as in {@link SmallBlockCodecs}. */
final class SmallBlockEncoders {
    private SmallBlockEncoders() {}

    static void putByte(MemorySegment s, long o, int value) {
        s.set(ValueLayout.JAVA_BYTE, o, (byte) value);
    }

    static void putF16(MemorySegment s, long o, float value) {
        s.set(Bytes.SHORT, o, Float.floatToFloat16(value));
    }

    private static float inverse(float d) {
        return d == 0 ? 0 : 1 / d;
    }

    static void q8_0(float[] x, int at, MemorySegment s, long o, ScaleSearch search) {
        float d = Math.abs(ScaleSearch.extreme(x, at, 32)) / 127;
        float id = inverse(d);
        putF16(s, o, d);
        for (int j = 0; j < 32; j++) {
            float v = x[at + j] * id;
            // halves away from zero
            int q = (int) (Math.abs(v) + 0.5f);
            putByte(s, o + 2 + j, v < 0 ? -q : q);
        }
    }

    static void q4_0(float[] x, int at, MemorySegment s, long o, ScaleSearch search) {
        float d = ScaleSearch.extreme(x, at, 32) / -8;
        putF16(s, o, d);
        levels(x, at, 0, inverse(d), 8.5f, 15, search);
        nibbles(search, s, o + 2);
    }

    static void q5_0(float[] x, int at, MemorySegment s, long o, ScaleSearch search) {
        float d = ScaleSearch.extreme(x, at, 32) / -16;
        putF16(s, o, d);
        levels(x, at, 0, inverse(d), 16.5f, 31, search);
        fifthBits(search, s, o + 2);
        nibbles(search, s, o + 6);
    }

    static void q4_1(float[] x, int at, MemorySegment s, long o, ScaleSearch search) {
        affine(x, at, s, o, 15, search);
        nibbles(search, s, o + 4);
    }

    static void q5_1(float[] x, int at, MemorySegment s, long o, ScaleSearch search) {
        affine(x, at, s, o, 31, search);
        fifthBits(search, s, o + 4);
        nibbles(search, s, o + 8);
    }

    private static void affine(float[] x, int at, MemorySegment s, long o, int top, ScaleSearch search) {
        float least = x[at];
        float greatest = x[at];
        for (int j = 1; j < 32; j++) {
            least = Math.min(least, x[at + j]);
            greatest = Math.max(greatest, x[at + j]);
        }
        float d = (greatest - least) / top;
        putF16(s, o, d);
        putF16(s, o + 2, least);
        levels(x, at, least, inverse(d), 0.5f, top, search);
    }

    /** q = ⌊(x - base)·inverse + shift⌋, at most {@code top}. */
    private static void levels(float[] x, int at, float base, float inverse, float shift, int top, ScaleSearch search) {
        for (int j = 0; j < 32; j++) {
            search.levels[j] = ScaleSearch.clamp((int) ((x[at + j] - base) * inverse + shift), 0, top);
        }
    }

    private static void nibbles(ScaleSearch search, MemorySegment s, long o) {
        nibbles(search, 0, s, o);
    }

    /** Low nibbles of 32 levels to 16 bytes. */
    static void nibbles(ScaleSearch search, int from, MemorySegment s, long o) {
        for (int j = 0; j < 16; j++) {
            int low = search.levels[from + j] & 15;
            int high = search.levels[from + j + 16] & 15;
            putByte(s, o + j, low | high << 4);
        }
    }

    private static void fifthBits(ScaleSearch search, MemorySegment s, long o) {
        int bits = 0;
        for (int j = 0; j < 32; j++) {
            bits |= (search.levels[j] >> 4) << j;
        }
        s.set(Bytes.INT, o, bits);
    }

    static void mxfp4(float[] x, int at, MemorySegment s, long o, ScaleSearch search) {
        float greatest = Math.abs(ScaleSearch.extreme(x, at, 32));
        // the largest FP4 value is 6 = 1.5·2^2: the exponent of the greatest value less 2, biased
        int e = greatest > 0 ? ScaleSearch.clamp(exponent(greatest) - 2 + 127, 0, 254) : 0;
        putByte(s, o, e);
        float d = SmallBlockCodecs.halfOfE8m0(e);
        for (int j = 0; j < 32; j++) {
            search.levels[j] = nearestFp4(x[at + j], d);
        }
        nibbles(search, s, o + 1);
    }

    /** ⌊log2 v⌋, subnormals included. */
    private static int exponent(float v) {
        return Math.getExponent(v) >= Float.MIN_EXPONENT ? Math.getExponent(v) : Math.getExponent((double) v);
    }

    private static int nearestFp4(float v, float d) {
        int best = 0;
        float least = Float.POSITIVE_INFINITY;
        for (int q = 0; q < 16; q++) {
            float error = Math.abs(d * LookupTables.fp4Doubled[q] - v);
            if (error < least) {
                least = error;
                best = q;
            }
        }
        return best;
    }

    static void iq4Nl(float[] x, int at, MemorySegment s, long o, ScaleSearch search) {
        search.weighBySquare(x, at, 32);
        float d = search.nonLinear(x, at, 32);
        putF16(s, o, d);
        nonLinearLevels(x, at, inverse(d), search, 0);
        nibbles(search, s, o + 2);
    }

    static void nonLinearLevels(float[] x, int at, float inverse, ScaleSearch search, int to) {
        for (int j = 0; j < 32; j++) {
            search.levels[to + j] = ScaleSearch.nearestLevel(inverse * x[at + j]);
        }
    }
}
