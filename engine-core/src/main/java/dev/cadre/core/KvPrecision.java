package dev.cadre.core;

/** How the key-value cache stores its numbers. */
public enum KvPrecision {
    /** float32: exact. */
    F32(4),
    /** bfloat16: half the bytes. */
    BF16(2);

    private final int bytes;

    KvPrecision(int bytes) {
        this.bytes = bytes;
    }

    /** Bytes of {@code n} numbers of one row. */
    public int bytes(int n) {
        return bytes * n;
    }
}
