package dev.cadre.kernels.format;

/** Eight-bit floats with four exponent and three mantissa bits (OCP e4m3fn: no infinity, greatest 448). */
public final class E4m3 {
    /** The greatest finite value. */
    public static final float GREATEST = 448f;

    private static final int NAN = 0x7f;

    private E4m3() {}

    /** The value of a code. */
    public static float decode(byte code) {
        if ((code & NAN) == NAN) {
            return Float.NaN;
        }
        float magnitude = atFloatsPlace(code) * 0x1p120f;
        return code < 0 ? -magnitude : magnitude;
    }

    /** Half of the value of a code without its sign; 0x7F, NaN elsewhere, counts as zero in NVFP4's scales (ggml). */
    public static float halfOfUnsigned(byte code) {
        return code == NAN ? 0 : atFloatsPlace(code) * 0x1p119f;
    }

    /**
     * The fields of a code at those of a float, which is the value divided by 2^120: the biases are 127 and 7. No
     * table, whose index a skipped load could leave anything at all (see {@link LookupTables}).
     */
    private static float atFloatsPlace(byte code) {
        return Float.intBitsToFloat((code & 0x7f) << 20);
    }

    /** The nearest code, ties to even; beyond the greatest value the greatest one; NaN stays NaN. */
    public static byte encode(float value) {
        int sign = Float.floatToRawIntBits(value) >>> 24 & 0x80;
        float magnitude = Math.abs(value);
        if (Float.isNaN(magnitude)) {
            return (byte) NAN;
        }
        if (magnitude >= GREATEST) {
            return (byte) (sign | 0x7e);
        }
        if (magnitude < 0x1p-6f) {
            return (byte) (sign | (int) Math.rint(magnitude * 512)); // subnormals, steps of 2^-9
        }
        int bits = Float.floatToRawIntBits(magnitude);
        int rounded = bits + 0x7ffff + (bits >>> 20 & 1);
        return (byte) (sign | Math.min(0x7e, (rounded >>> 20) - (120 << 3)));
    }

    /** The scale that takes the largest of n numbers to the greatest code; 1 for all zeros. */
    public static float scaleFor(float[] x, int at, int n) {
        float largest = 0;
        for (int i = at; i < at + n; i++) {
            largest = Math.max(largest, Math.abs(x[i]));
        }
        return largest > 0 ? largest / GREATEST : 1f;
    }
}
