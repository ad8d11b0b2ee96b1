package dev.cadre.core;

/** How the key-value cache stores its numbers. */
public enum KvPrecision {
    /** float32: exact. */
    F32,
    /** bfloat16: half the bytes. */
    BF16,
    /**
     * Eight-bit floats with a scale for each 128, rotated keys in bfloat16: about a quarter of the bytes. Index keys
     * are signed bytes with one scale, and are spread by a Hadamard rotation first, so that no single large component
     * sets it. The default.
     */
    FP8
}
