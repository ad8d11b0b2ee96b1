package dev.cadre.kernels.format;

/** The upper half of a float: its exponent, and seven bits of mantissa. */
public final class Bfloat16 {
    private Bfloat16() {}

    /** The value of a code. */
    public static float decode(short code) {
        return Float.intBitsToFloat(code << 16);
    }

    /** The nearest code, ties to even; NaN stays NaN. */
    public static short encode(float value) {
        int bits = Float.floatToRawIntBits(value);
        if (Float.isNaN(value)) {
            return (short) (bits >> 16 | 0x40);
        }
        return (short) (bits + 0x7fff + (bits >> 16 & 1) >> 16);
    }
}
