package dev.cadre.kernels.format;

/**
 * How a run of consecutive elements of a tensor row is stored: the ggml types, and the types that only safetensors
 * files have.
 *
 * <p>A row of {@code n} elements is {@code n / blockElements} blocks of {@code blockBytes} bytes, without padding.
 * Identifiers and sizes of the ggml types are those of ggml's {@code enum ggml_type} and block structures.
 */
public enum BlockFormat {
    F32(0, 1, 4),
    F16(1, 1, 2),
    Q4_0(2, 32, 18),
    Q4_1(3, 32, 20),
    Q5_0(6, 32, 22),
    Q5_1(7, 32, 24),
    Q8_0(8, 32, 34),
    Q8_1(9, 32, 36),
    Q2_K(10, 256, 84),
    Q3_K(11, 256, 110),
    Q4_K(12, 256, 144),
    Q5_K(13, 256, 176),
    Q6_K(14, 256, 210),
    Q8_K(15, 256, 292),
    IQ2_XXS(16, 256, 66),
    IQ2_XS(17, 256, 74),
    IQ3_XXS(18, 256, 98),
    IQ1_S(19, 256, 50),
    IQ4_NL(20, 32, 18),
    IQ3_S(21, 256, 110),
    IQ2_S(22, 256, 82),
    IQ4_XS(23, 256, 136),
    I8(24, 1, 1),
    I16(25, 1, 2),
    I32(26, 1, 4),
    I64(27, 1, 8),
    F64(28, 1, 8),
    IQ1_M(29, 256, 56),
    BF16(30, 1, 2),
    TQ1_0(34, 256, 54),
    TQ2_0(35, 256, 66),
    /** OCP microscaling FP4: one E8M0 scale byte, then 16 bytes with elements 0-15 in the low nibbles. */
    MXFP4(39, 32, 17),
    NVFP4(40, 64, 36),
    Q1_0(41, 128, 18),
    Q2_0(42, 64, 18),
    /** safetensors only: sign, 4 exponent bits (bias 7), 3 mantissa bits; no infinity (OCP "e4m3fn"). */
    F8_E4M3(-1, 1, 1),
    /** safetensors only: sign, 5 exponent bits (bias 15), 2 mantissa bits. */
    F8_E5M2(-1, 1, 1),
    /** safetensors only: E8M0 power-of-two scales, as MXFP4 repacks store them. */
    F8_E8M0(-1, 1, 1),
    U8(-1, 1, 1),
    U16(-1, 1, 2),
    U32(-1, 1, 4),
    U64(-1, 1, 8),
    BOOL(-1, 1, 1),
    /** safetensors only: the nibbles 0 to 15, less 8, the even element of two in the low one; the scales lie apart. */
    INT4_PAIRS(-1, 32, 16),
    /** safetensors only: OCP FP4 (E2M1) codes, the even element of two in the low nibble; the scales lie apart. */
    FP4_PAIRS(-1, 32, 16);

    private final int ggmlId;
    private final int blockElements;
    private final int blockBytes;

    BlockFormat(int ggmlId, int blockElements, int blockBytes) {
        this.ggmlId = ggmlId;
        this.blockElements = blockElements;
        this.blockBytes = blockBytes;
    }

    /** The number of this type in a GGUF file, or -1 if GGUF files cannot hold it. */
    public int ggmlId() {
        return ggmlId;
    }

    /** Elements in one block; a row's length must be a multiple of it. */
    public int blockElements() {
        return blockElements;
    }

    /** Bytes of one block. */
    public int blockBytes() {
        return blockBytes;
    }

    /**
     * Bytes of {@code elements} consecutive elements.
     *
     * @throws IllegalArgumentException if {@code elements} is negative or no multiple of the block
     * @throws ArithmeticException if the size does not fit a long
     */
    public long bytes(long elements) {
        if (elements < 0 || elements % blockElements != 0) {
            throw new IllegalArgumentException(
                    elements + " elements are not a whole number of " + this + " blocks of " + blockElements);
        }
        return Math.multiplyExact(elements / blockElements, (long) blockBytes);
    }

    /** The type with this number in ggml, or null if there is none that we know. */
    public static BlockFormat ofGgmlId(int ggmlId) {
        for (BlockFormat format : values()) {
            if (format.ggmlId == ggmlId && ggmlId >= 0) {
                return format;
            }
        }
        return null;
    }
}
