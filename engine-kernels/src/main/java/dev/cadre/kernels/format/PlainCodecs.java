package dev.cadre.kernels.format;

import java.lang.foreign.MemorySegment;

/** Formats of one element a block. */
final class PlainCodecs {
    private static final float[] E4M3 = new float[256];
    private static final float[] E5M2 = new float[256];

    static {
        for (int bits = 0; bits < 256; bits++) {
            E4M3[bits] = e4m3(bits);
            // e5m2 is the upper half of an IEEE half: same exponent, infinities and NaN included
            E5M2[bits] = Float.float16ToFloat((short) (bits << 8));
        }
    }

    private PlainCodecs() {}

    /** OCP "e4m3fn": bias 7, subnormal step 2^-9, no infinity, NaN only where all lower seven bits are set. */
    private static float e4m3(int bits) {
        int exponent = bits >> 3 & 15;
        int mantissa = bits & 7;
        float magnitude;
        if ((bits & 0x7f) == 0x7f) {
            magnitude = Float.NaN;
        } else if (exponent == 0) {
            magnitude = mantissa * 0x1p-9f;
        } else {
            magnitude = Math.scalb(1 + mantissa / 8f, exponent - 7);
        }
        return bits < 128 ? magnitude : -magnitude;
    }

    static void f32(MemorySegment s, long o, float[] y, int at) {
        y[at] = s.get(Bytes.FLOAT, o);
    }

    static void f16(MemorySegment s, long o, float[] y, int at) {
        y[at] = Bytes.f16(s, o);
    }

    static void bf16(MemorySegment s, long o, float[] y, int at) {
        y[at] = Float.intBitsToFloat(s.get(Bytes.SHORT, o) << 16);
    }

    static void f64(MemorySegment s, long o, float[] y, int at) {
        y[at] = (float) s.get(Bytes.DOUBLE, o);
    }

    static void i8(MemorySegment s, long o, float[] y, int at) {
        y[at] = Bytes.i8(s, o);
    }

    static void i16(MemorySegment s, long o, float[] y, int at) {
        y[at] = s.get(Bytes.SHORT, o);
    }

    static void i32(MemorySegment s, long o, float[] y, int at) {
        y[at] = s.get(Bytes.INT, o);
    }

    static void i64(MemorySegment s, long o, float[] y, int at) {
        y[at] = s.get(Bytes.LONG, o);
    }

    static void u8(MemorySegment s, long o, float[] y, int at) {
        y[at] = Bytes.u8(s, o);
    }

    static void u16(MemorySegment s, long o, float[] y, int at) {
        y[at] = Bytes.u16(s, o);
    }

    static void u32(MemorySegment s, long o, float[] y, int at) {
        y[at] = s.get(Bytes.INT, o) & 0xffffffffL;
    }

    static void u64(MemorySegment s, long o, float[] y, int at) {
        long v = s.get(Bytes.LONG, o);
        // halving keeps the lowest bit sticky, so the one rounding to float is that of the whole number
        y[at] = v >= 0 ? v : 2f * (v >>> 1 | v & 1);
    }

    static void e4m3(MemorySegment s, long o, float[] y, int at) {
        y[at] = E4M3[Bytes.u8(s, o)];
    }

    static void e5m2(MemorySegment s, long o, float[] y, int at) {
        y[at] = E5M2[Bytes.u8(s, o)];
    }

    /** 2^(e - 127), NaN for 255. */
    static void e8m0(MemorySegment s, long o, float[] y, int at) {
        int e = Bytes.u8(s, o);
        y[at] = e == 0 ? 0x1p-127f : Float.intBitsToFloat(e == 255 ? 0x7fc00000 : e << 23);
    }
}
