package dev.cadre.kernels.format;

/** OCP E8M0: a power of two in a byte, as scales are stored. */
public final class E8m0 {
    private E8m0() {}

    /** 2^(code - 127) of an unsigned code, and NaN for 255. */
    public static float decode(byte code) {
        int e = code & 0xff;
        return Float.intBitsToFloat(e == 0 ? 0x00400000 : e == 255 ? 0x7fc00000 : e << 23);
    }
}
