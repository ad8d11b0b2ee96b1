package dev.cadre.kernels;

import static dev.cadre.kernels.Lanes.L;

import dev.cadre.kernels.format.BlockFormat;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;

/**
 * The vector kernels of each format that work on a stretch of one row: unpacking of scales, product with one token,
 * decoding.
 *
 * <p>They are called through method handles that are no constants, which C2 does not look through. A direct call would
 * be inlined into its caller together with the kernels of all other formats in use, and there is room for one: beyond a
 * limit of nodes in a compilation, C2 leaves vector operations as calls and boxes the vectors, which is ten times
 * slower.
 */
final class RowKernels {
    private static final MethodType SCALES =
            MethodType.methodType(void.class, MemorySegment.class, long.class, int.class, float[].class);
    private static final MethodType DOT = MethodType.methodType(
            void.class,
            MemorySegment.class,
            long.class,
            float[].class,
            int.class,
            int.class,
            float[].class,
            int.class,
            float[].class);
    private static final MethodType CODES = SCALES.insertParameterTypes(3, byte[].class);
    private static final MethodType CODE_DOT = MethodType.methodType(
            void.class, byte[].class, float[].class, int.class, int.class, float[].class, int.class, float[].class);
    private static final MethodType CODE_DECODE = MethodType.methodType(
            void.class, byte[].class, int.class, float[].class, float[].class, int.class, int.class);
    private static final MethodType TEST =
            MethodType.methodType(boolean.class, MemorySegment.class, long.class, int.class);
    private static final MethodType HALF_DOT = DOT.appendParameterTypes(int.class);
    private static final MethodType PAIR_DOT = MethodType.methodType(
            void.class,
            MemorySegment.class,
            long.class,
            long.class,
            float[].class,
            int.class,
            int.class,
            float[].class,
            int.class,
            int.class,
            int.class);
    private static final MethodType DECODE = MethodType.methodType(
            void.class, MemorySegment.class, long.class, int.class, float[].class, float[].class, int.class, int.class);
    private static final MethodType DECODE_COPY =
            MethodType.methodType(void.class, byte[].class, float[].class, int.class, int.class, int.class);
    private static final MethodType FOLD_ROWS =
            MethodType.methodType(void.class, float[].class, int.class, int.class, float[].class, int.class);

    // by the format's ordinal
    private static final int FORMATS = BlockFormat.values().length;
    private static final MethodHandle[] SCALE_KERNELS = new MethodHandle[FORMATS];
    private static final MethodHandle[] DOTS = new MethodHandle[FORMATS];
    private static final MethodHandle[] HALF_DOTS = new MethodHandle[FORMATS];
    private static final MethodHandle[] PAIR_DOTS = new MethodHandle[FORMATS];
    private static final MethodHandle[] DECODERS = new MethodHandle[FORMATS];
    private static final MethodHandle[] COPY_DECODERS = new MethodHandle[FORMATS];
    private static final MethodHandle[] CODE_KERNELS = new MethodHandle[FORMATS];
    private static final MethodHandle[] CODE_DOTS = new MethodHandle[FORMATS];
    private static final MethodHandle[] CODE_DECODERS = new MethodHandle[FORMATS];

    /** Whether a row can take {@link #ORDINARY_DOTS}, which are faster than {@link #HALF_DOTS}. */
    private static final MethodHandle[] TESTS = new MethodHandle[FORMATS];

    private static final MethodHandle[] ORDINARY_DOTS = new MethodHandle[FORMATS];

    static {
        dot(BlockFormat.F32, FusedDots.class, "f32"); // to decode it is to copy it
        plain(BlockFormat.BF16, "bf16");
        plain(BlockFormat.F16, "f16");
        plain(BlockFormat.F8_E4M3, "e4m3");
        ORDINARY_DOTS[BlockFormat.F8_E4M3.ordinal()] = find(FusedDots.class, "ordinaryE4m3", HALF_DOT);
        TESTS[BlockFormat.F8_E4M3.ordinal()] = find(FusedDots.class, "isOrdinaryE4m3", TEST);
        plain(BlockFormat.Q8_0, "q8");
        plain(BlockFormat.Q4_0, "q4");
        decoder(BlockFormat.MXFP4, "mxfp4");
        decoder(BlockFormat.Q4_1, "q41");
        decoder(BlockFormat.Q5_0, "q5");
        decoder(BlockFormat.Q5_1, "q51");
        scaled(BlockFormat.Q4_K, "q4");
        scaled(BlockFormat.Q2_K, "q2");
        staged(BlockFormat.Q3_K, "q3", "scaled");
        staged(BlockFormat.Q5_K, "q5", "scaledInPairs");
        staged(BlockFormat.Q6_K, "q6", "scaled");
        codebook(BlockFormat.IQ1_S, "iq1S");
        codebook(BlockFormat.IQ1_M, "iq1M");
        codebook(BlockFormat.IQ2_XXS, "iq2Xxs");
        codebook(BlockFormat.IQ2_XS, "iq2Xs");
        codebook(BlockFormat.IQ2_S, "iq2S");
        codebook(BlockFormat.IQ3_XXS, "iq3Xxs");
        codebook(BlockFormat.IQ3_S, "iq3S");
        if (L >= 16) { // their tables have 16 entries
            dot(BlockFormat.MXFP4, FusedDots.class, "mxfp4");
            plain(BlockFormat.IQ4_NL, "iq4Nl");
            scaled(BlockFormat.IQ4_XS, "iq4Xs");
        }
    }

    private static final MethodHandle[] FOLD = {find(Lanes.class, "foldRows", FOLD_ROWS)};

    private RowKernels() {}

    private static void plain(BlockFormat format, String name) {
        dot(format, FusedDots.class, name);
        decoder(format, name);
    }

    private static void decoder(BlockFormat format, String name) {
        COPY_DECODERS[format.ordinal()] = find(VectorDecoders.class, name, DECODE_COPY);
    }

    private static void scaled(BlockFormat format, String name) {
        SCALE_KERNELS[format.ordinal()] = find(KScales.class, name, SCALES);
        dot(format, FusedKDots.class, name);
        DECODERS[format.ordinal()] = find(VectorKDecoders.class, name, DECODE);
    }

    /** Formats whose rows become signed bytes first. */
    private static void staged(BlockFormat format, String name, String use) {
        SCALE_KERNELS[format.ordinal()] = find(KScales.class, name, SCALES);
        CODE_KERNELS[format.ordinal()] = find(StagedCodes.class, name, CODES);
        codes(format, use);
    }

    /** As {@link #staged}; the scales come with the bytes. */
    private static void codebook(BlockFormat format, String name) {
        CODE_KERNELS[format.ordinal()] = find(CodebookCodes.class, name, CODES);
        codes(format, "scaled");
    }

    private static void codes(BlockFormat format, String use) {
        CODE_DOTS[format.ordinal()] = find(CodeDots.class, use, CODE_DOT);
        String decode = "decode" + Character.toUpperCase(use.charAt(0)) + use.substring(1);
        CODE_DECODERS[format.ordinal()] = find(CodeDots.class, decode, CODE_DECODE);
    }

    /** The heavier formats take two of the four planes at a time: four in one are more than C2 inlines. */
    private static void dot(BlockFormat format, Class<?> owner, String name) {
        switch (format) {
            case F16, F8_E4M3 -> HALF_DOTS[format.ordinal()] = find(owner, name, HALF_DOT);
            case BF16 -> PAIR_DOTS[format.ordinal()] = find(owner, name, PAIR_DOT);
            default -> DOTS[format.ordinal()] = find(owner, name, DOT);
        }
    }

    private static MethodHandle find(Class<?> owner, String name, MethodType type) {
        try {
            return MethodHandles.lookup().findStatic(owner, name, type);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /**
     * Multiplies {@code k} weights, stored from byte {@code a} on, with {@code x[xAt..xAt + k)}; leaves the sums of the
     * four planes in the four vectors from {@code pAt} on.
     *
     * @param s unpacked scales, or room for {@link #scales} of them
     * @param codes room for {@link #codes} bytes
     */
    static void dot(
            BlockFormat format,
            MemorySegment src,
            long a,
            float[] x,
            int xAt,
            int k,
            float[] p,
            int pAt,
            float[] s,
            byte[] codes) {
        unpackScales(format, src, a, k, s);
        MethodHandle stage = CODE_KERNELS[format.ordinal()];
        MethodHandle whole = DOTS[format.ordinal()];
        try {
            if (stage != null) {
                stage.invokeExact(src, a, k, codes, s);
                CODE_DOTS[format.ordinal()].invokeExact(codes, x, xAt, k, p, pAt, s);
            } else if (whole != null) {
                whole.invokeExact(src, a, x, xAt, k, p, pAt, s);
            } else {
                MethodHandle test = TESTS[format.ordinal()];
                boolean ordinary = test != null && (boolean) test.invokeExact(src, a, k);
                MethodHandle half = (ordinary ? ORDINARY_DOTS : HALF_DOTS)[format.ordinal()];
                half.invokeExact(src, a, x, xAt, k, p, pAt, s, 0);
                half.invokeExact(src, a, x, xAt, k, p, pAt, s, 1);
            }
        } catch (Throwable t) {
            throw unchecked(t);
        }
    }

    /** Whether a format has a product with one token, by {@link #dot} or {@link #dotPair}. */
    static boolean multiplies(BlockFormat format) {
        int f = format.ordinal();
        return DOTS[f] != null || HALF_DOTS[f] != null || PAIR_DOTS[f] != null || CODE_DOTS[f] != null;
    }

    /** Whether a format has a decoder. */
    static boolean decodes(BlockFormat format) {
        int f = format.ordinal();
        return DECODERS[f] != null || COPY_DECODERS[f] != null || CODE_DECODERS[f] != null;
    }

    /** Whether a format's product takes two rows at a time. */
    static boolean takesPairs(BlockFormat format) {
        return PAIR_DOTS[format.ordinal()] != null;
    }

    /** As {@link #dot}, for the rows stored from bytes {@code a} and {@code b} on, two planes at a time. */
    static void dotPair(
            BlockFormat format,
            MemorySegment src,
            long a,
            long b,
            float[] x,
            int xAt,
            int k,
            float[] p,
            int pA,
            int pB) {
        MethodHandle kernel = PAIR_DOTS[format.ordinal()];
        try {
            kernel.invokeExact(src, a, b, x, xAt, k, p, pA, pB, 0);
            kernel.invokeExact(src, a, b, x, xAt, k, p, pA, pB, 1);
        } catch (Throwable t) {
            throw unchecked(t);
        }
    }

    /** Decodes {@code k} weights, stored from byte {@code a} on, into a row of a panel. */
    static void decode(
            BlockFormat format, MemorySegment src, long a, int k, float[] dst, int at, int plane, Workspace ws) {
        MethodHandle decoder = DECODERS[format.ordinal()];
        MethodHandle stage = CODE_KERNELS[format.ordinal()];
        try {
            if (stage != null) {
                float[] s = ws.scales(scales(k));
                byte[] codes = ws.codes(codes(k));
                unpackScales(format, src, a, k, s);
                stage.invokeExact(src, a, k, codes, s);
                CODE_DECODERS[format.ordinal()].invokeExact(codes, k, s, dst, at, plane);
            } else if (decoder != null) {
                float[] s = ws.scales(scales(k));
                unpackScales(format, src, a, k, s);
                decoder.invokeExact(src, a, k, s, dst, at, plane);
            } else {
                byte[] raw = VectorDecoders.copy(format, src, a, k, ws);
                COPY_DECODERS[format.ordinal()].invokeExact(raw, dst, at, plane, k);
            }
        } catch (Throwable t) {
            throw unchecked(t);
        }
    }

    /** {@link Lanes#foldRows}, compiled alone too: three of it in one method did not fit. */
    static void fold(float[] v, int at, int rows, float[] sums, int to) {
        try {
            FOLD[0].invokeExact(v, at, rows, sums, to);
        } catch (Throwable t) {
            throw unchecked(t);
        }
    }

    /** Room for the scales of {@code k} columns in any format. */
    static int scales(int k) {
        return k / 8 + 16;
    }

    /** Room for the codes of {@code k} columns in any format, and for their blocks behind them. */
    static int codes(int k) {
        return 2 * k + 64;
    }

    private static void unpackScales(BlockFormat format, MemorySegment src, long a, int k, float[] s) {
        MethodHandle kernel = SCALE_KERNELS[format.ordinal()];
        if (kernel != null) {
            try {
                kernel.invokeExact(src, a, k, s);
            } catch (Throwable t) {
                throw unchecked(t);
            }
        }
    }

    /** Kernels declare no exceptions: what they throw is an {@code Error} or a {@code RuntimeException}. */
    static RuntimeException unchecked(Throwable t) {
        if (t instanceof Error error) {
            throw error;
        }
        return (RuntimeException) t;
    }
}
