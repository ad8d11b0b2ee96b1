package dev.cadre.kernels.format;

/**
 * The tables that decoders index by bytes of a mapped file.
 *
 * <p>The fields are deliberately not final. When a page of a mapped file is gone, HotSpot skips the load that failed
 * and throws an {@code InternalError} a little later; until then the register holds anything at all. For a table of
 * constant length the compiler knows that a byte cannot be out of range, leaves the bounds check out, and the process
 * dies of the stray access (seen on JDK 25.0.3, x86-64). For a length that it cannot know the check stays, and a stray
 * index is an exception; unless its lower half, which alone is checked, happens to be in range. {@code
 * MappedFaultTest} fails if this is broken. Arithmetic is safer where it will do, as in {@link E4m3}.
 */
final class LookupTables {
    /** The 16 levels of the non-linear 4-bit types. */
    static byte[] nonLinear = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

    /** FP4 (e2m1) values, doubled to be whole numbers. */
    static byte[] fp4Doubled = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

    /** FP4 values, of the formats in which zero has a sign. */
    static float[] fp4 = {0, .5f, 1, 1.5f, 2, 3, 4, 6, -0f, -.5f, -1, -1.5f, -2, -3, -4, -6};

    static byte[] iq1 = Codebooks.of(BlockFormat.IQ1_S);
    static byte[] iq2Xxs = Codebooks.of(BlockFormat.IQ2_XXS);
    static byte[] iq2Xs = Codebooks.of(BlockFormat.IQ2_XS);
    static byte[] iq2S = Codebooks.of(BlockFormat.IQ2_S);
    static byte[] iq3Xxs = Codebooks.of(BlockFormat.IQ3_XXS);
    static byte[] iq3S = Codebooks.of(BlockFormat.IQ3_S);

    private LookupTables() {}
}
