package dev.cadre.kernels.format;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Formats of one element a block. */
final class PlainCodecs {
    private PlainCodecs() {}

    static void f32(MemorySegment s, long o, float[] y, int at) {
        y[at] = s.get(Bytes.FLOAT, o);
    }

    static void f16(MemorySegment s, long o, float[] y, int at) {
        int half = Bytes.u16(s, o);
        // hardware would make a signalling NaN a quiet one
        y[at] = (half & 0x7fff) > 0x7c00
                ? Float.intBitsToFloat((half & 0x8000) << 16 | 0x7f800000 | (half & 0x3ff) << 13)
                : Float.float16ToFloat((short) half);
    }

    static void bf16(MemorySegment s, long o, float[] y, int at) {
        y[at] = Bfloat16.decode(s.get(Bytes.SHORT, o));
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
        y[at] = E4m3.decode(s.get(ValueLayout.JAVA_BYTE, o));
    }

    static void e5m2(MemorySegment s, long o, float[] y, int at) {
        // the upper half of an IEEE half: same exponent, infinities and NaN included
        y[at] = Float.float16ToFloat((short) (s.get(ValueLayout.JAVA_BYTE, o) << 8));
    }

    static void e8m0(MemorySegment s, long o, float[] y, int at) {
        y[at] = E8m0.decode(s.get(ValueLayout.JAVA_BYTE, o));
    }
}
