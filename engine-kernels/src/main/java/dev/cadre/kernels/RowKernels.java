package dev.cadre.kernels;

import static dev.cadre.kernels.Lanes.L;

import dev.cadre.kernels.format.BlockFormat;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.EnumSet;
import java.util.Set;

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
    private static final MethodType DOT = MethodType.methodType(void.class, RowCursor.class);
    private static final MethodType CODES = SCALES.insertParameterTypes(3, byte[].class);
    private static final MethodType CODE_DECODE = MethodType.methodType(
            void.class, byte[].class, int.class, int.class, float[].class, float[].class, int.class, int.class);
    private static final MethodType WORD_DECODE =
            CODE_DECODE.changeParameterType(0, int[].class).insertParameterTypes(3, float[].class);
    private static final MethodType ORDER =
            MethodType.methodType(void.class, float[].class, int.class, float[].class, int.class, int.class);
    private static final MethodType HALVES = SCALES.changeParameterType(3, short[].class);
    private static final MethodType TEST = SCALES.changeReturnType(boolean.class);
    private static final MethodType HALVES_DECODE = CODE_DECODE.changeParameterType(0, float[].class);
    private static final MethodType DECODE = MethodType.methodType(
            void.class,
            MemorySegment.class,
            long.class,
            long.class,
            int.class,
            int.class,
            float[].class,
            float[].class,
            int.class,
            int.class);
    private static final MethodType PAIR_DECODE = MethodType.methodType(
            void.class, Matrix.class, long.class, int.class, int.class, float[].class, int.class, int.class);
    private static final MethodType DECODE_COPY =
            MethodType.methodType(void.class, byte[].class, float[].class, int.class, int.class, int.class);

    // by the format's ordinal
    private static final int FORMATS = BlockFormat.values().length;
    private static final MethodHandle[] SCALE_KERNELS = new MethodHandle[FORMATS];
    private static final MethodHandle[] DOTS = new MethodHandle[FORMATS];
    private static final MethodHandle[] HALF_KERNELS = new MethodHandle[FORMATS];
    private static final MethodHandle[] DECODERS = new MethodHandle[FORMATS];
    private static final MethodHandle[] COPY_DECODERS = new MethodHandle[FORMATS];
    private static final MethodHandle[] CODE_KERNELS = new MethodHandle[FORMATS];
    private static final MethodHandle[] CODE_DECODERS = new MethodHandle[FORMATS];

    /** Whether codes can stay as they are, which is faster than the way by half-precision words. */
    private static final MethodHandle[] TESTS = new MethodHandle[FORMATS];

    /** Of formats whose scales lie apart, one for each 64 columns. */
    private static final MethodHandle[] STEP_DECODERS = new MethodHandle[FORMATS];

    /** Formats whose product goes over the blocks of a row twice. */
    private static final Set<BlockFormat> TWO_PASSES =
            EnumSet.of(BlockFormat.F16, BlockFormat.Q5_0, BlockFormat.Q5_1, BlockFormat.NVFP4);

    /** Of formats with two neighbouring columns in a byte. */
    private static final MethodHandle[] PAIR_DECODERS = new MethodHandle[FORMATS];

    /** Of formats whose products take the columns in another order, what brings activations to it. */
    private static final MethodHandle[] ORDERS = new MethodHandle[FORMATS];

    /** Of formats that become words of nibbles. */
    private static final MethodHandle[] WORD_DECODERS = new MethodHandle[FORMATS];

    /** One for all, in an array so that C2 does not take it for a constant. */
    private static final MethodHandle[] HALVES_DOTS = {find(HalfWords.class, "dotRows", DOT)};

    private static final MethodHandle[] FIELD_TESTS = {find(HalfWords.class, "mayBeFields", TEST)};

    private static final MethodHandle[] HALVES_DECODERS = {find(HalfWords.class, "decode", HALVES_DECODE)};

    static {
        dot(BlockFormat.F32, FusedDots.class, "f32"); // to decode it is to copy it
        direct(BlockFormat.BF16, "bf16");
        direct(BlockFormat.F16, "f16");
        halves(BlockFormat.F8_E4M3, "e4m3");
        dot(BlockFormat.I8, FusedDots.class, "i8");
        STEP_DECODERS[BlockFormat.I8.ordinal()] = find(BlockDecoders.class, "i8", DECODE);
        direct(BlockFormat.Q8_0, "q8");
        direct(BlockFormat.Q4_0, "q4");
        decoder(BlockFormat.MXFP4, "mxfp4"); // for vectors too short for its table
        decoder(BlockFormat.Q4_1, "q41");
        direct(BlockFormat.Q5_0, FifthBits.class, FifthBits.class, "q5");
        direct(BlockFormat.Q5_1, FifthBits.class, FifthBits.class, "q51");
        scaled(BlockFormat.Q4_K, "q4");
        scaled(BlockFormat.Q2_K, "q2");
        staged(BlockFormat.Q3_K, "q3", "scaled");
        staged(BlockFormat.Q5_K, "q5", "scaledInPairs");
        staged(BlockFormat.Q6_K, "q6", "scaled");
        staged(BlockFormat.TQ1_0, TernaryCodes.class, "tq1", "scaled");
        staged(BlockFormat.TQ2_0, "tq2", "scaled");
        staged(BlockFormat.Q1_0, FewBitCodes.class, "q1", "scaled");
        staged(BlockFormat.Q2_0, FewBitCodes.class, "q20", "scaled");
        for (BlockFormat format : BlockFormat.values()) {
            if (CodebookRows.takesNibbles(format)) {
                dot(format, NibbleWords.class, "dot");
                WORD_DECODERS[format.ordinal()] = find(NibbleWords.class, "decode", WORD_DECODE);
                ORDERS[format.ordinal()] = find(NibbleWords.class, "byNibble", ORDER);
            } else if (CodebookRows.has(format)) {
                codes(format, "scaled");
            }
        }
        pairs(BlockFormat.INT4_PAIRS, "int4");
        pairs(BlockFormat.FP4_PAIRS, "fp4");
        if (L >= 8) { // there is no vector of four bytes
            TESTS[BlockFormat.F8_E4M3.ordinal()] = find(HalfWords.class, "areFields", TEST);
            dot(BlockFormat.F8_E4M3, FusedDots.class, "e4m3");
            STEP_DECODERS[BlockFormat.F8_E4M3.ordinal()] = find(BlockDecoders.class, "e4m3", DECODE);
        }
        if (L >= 16) { // their tables have 16 entries
            direct(BlockFormat.Q4_0, TableDots.class, BlockDecoders.class, "q4ByTable");
            direct(BlockFormat.Q4_1, TableDots.class, BlockDecoders.class, "q41");
            direct(BlockFormat.MXFP4, TableDots.class, BlockDecoders.class, "mxfp4");
            direct(BlockFormat.NVFP4, Nvfp4.class, Nvfp4.class, "nvfp4");
            direct(BlockFormat.IQ4_NL, TableDots.class, BlockDecoders.class, "iq4Nl");
            scaled(BlockFormat.Q4_K, "q4", "q4ByTable");
            scaled(BlockFormat.IQ4_XS, "iq4Xs");
            dot(BlockFormat.INT4_PAIRS, NibblePairs.class, "int4");
            dot(BlockFormat.FP4_PAIRS, NibblePairs.class, "fp4");
        }
    }

    private RowKernels() {}

    /** Formats that are decoded straight from where they are stored. */
    private static void direct(BlockFormat format, String name) {
        direct(format, FusedDots.class, BlockDecoders.class, name);
    }

    private static void direct(BlockFormat format, Class<?> dots, Class<?> decoders, String name) {
        dot(format, dots, name);
        DECODERS[format.ordinal()] = find(decoders, name, DECODE);
    }

    private static void decoder(BlockFormat format, String name) {
        COPY_DECODERS[format.ordinal()] = find(VectorDecoders.class, name, DECODE_COPY);
    }

    private static void scaled(BlockFormat format, String name) {
        scaled(format, name, name);
    }

    private static void scaled(BlockFormat format, String scales, String name) {
        SCALE_KERNELS[format.ordinal()] = find(KScales.class, scales, SCALES);
        dot(format, FusedKDots.class, name);
        DECODERS[format.ordinal()] = find(VectorKDecoders.class, name, DECODE);
    }

    /** Formats whose rows become half-precision words first. */
    private static void halves(BlockFormat format, String name) {
        HALF_KERNELS[format.ordinal()] = find(HalfWords.class, name, HALVES);
        dot(format, HalfWords.class, "dot");
        decoder(format, name);
    }

    /** Formats whose rows become signed bytes first. */
    private static void staged(BlockFormat format, String name, String use) {
        staged(format, StagedCodes.class, name, use);
    }

    private static void staged(BlockFormat format, Class<?> codes, String name, String use) {
        SCALE_KERNELS[format.ordinal()] = find(KScales.class, name, SCALES);
        CODE_KERNELS[format.ordinal()] = find(codes, name, CODES);
        codes(format, use);
    }

    private static void codes(BlockFormat format, String use) {
        dot(format, CodeDots.class, use);
        String decode = "decode" + Character.toUpperCase(use.charAt(0)) + use.substring(1);
        CODE_DECODERS[format.ordinal()] = find(CodeDots.class, decode, CODE_DECODE);
    }

    private static void pairs(BlockFormat format, String name) {
        PAIR_DECODERS[format.ordinal()] = find(NibblePairs.class, name, PAIR_DECODE);
        ORDERS[format.ordinal()] = find(NibblePairs.class, "evensFirst", ORDER);
    }

    private static void dot(BlockFormat format, Class<?> owner, String name) {
        DOTS[format.ordinal()] = find(owner, name, DOT);
    }

    static MethodHandle find(Class<?> owner, String name, MethodType type) {
        try {
            return MethodHandles.lookup().findStatic(owner, name, type);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /**
     * Multiplies the rows that a cursor goes over with one token. A call through a handle costs as much as two hundred
     * columns, so the kernel is called once for all of them.
     */
    static void dot(RowCursor c) {
        try {
            DOTS[c.format.ordinal()].invokeExact(c);
        } catch (Throwable t) {
            throw unchecked(t);
        }
    }

    /** For rows that cannot stay codes: by way of half-precision words. */
    static void dotHalves(RowCursor c) {
        try {
            HALVES_DOTS[0].invokeExact(c);
        } catch (Throwable t) {
            throw unchecked(t);
        }
    }

    /** {@link HalfWords#mayBeFields} of the codes from the cursor's place on. */
    static boolean mayBeFields(RowCursor c) {
        try {
            return (boolean) FIELD_TESTS[0].invokeExact(c.src, c.at, c.scaledColumns(), c.scales);
        } catch (Throwable t) {
            throw unchecked(t);
        }
    }

    /** The scales in the blocks of a run of rows. */
    static float[] unpackScales(RowCursor c) {
        float[] s = c.ws.scales(scales(c.unpacked()));
        try {
            SCALE_KERNELS[c.format.ordinal()].invokeExact(c.src, c.at, c.unpacked(), s);
        } catch (Throwable t) {
            throw unchecked(t);
        }
        return s;
    }

    /** As {@link #unpackScales}; the codes are left in {@link Workspace#codes}, or in {@link Workspace#words}. */
    static float[] unpackCodes(RowCursor c) {
        float[] s = c.ws.scales(scales(c.unpacked()));
        unpack(c.format, c.src, c.at, c.unpacked(), s, c.ws);
        return s;
    }

    /** Weights by way of half-precision words. */
    static float[] unpackHalves(BlockFormat format, MemorySegment src, long a, int n, Workspace ws) {
        short[] halves = ws.halves(n);
        try {
            HALF_KERNELS[format.ordinal()].invokeExact(src, a, n, halves);
        } catch (Throwable t) {
            throw unchecked(t);
        }
        float[] w = ws.tile(n);
        HalfWords.toFloats(halves, w, n);
        return w;
    }

    /**
     * Unpacks what products and decoders do not read from the blocks themselves, of {@code n} columns of rows
     * that follow one another without a gap.
     *
     * @param s takes the scales, {@link #scales} of n. If they do not lie in the blocks, 64 columns i have theirs at i
     * @param ws takes codes, or half-precision words as floats
     * @return whether codes have stayed where they are, for the kernels that move their fields
     */
    static boolean unpack(BlockFormat format, MemorySegment src, long a, int n, float[] s, Workspace ws) {
        int f = format.ordinal();
        try {
            if (CodebookRows.has(format)) {
                CodebookRows.unpack(format, src, a, n, s, ws);
            } else if (CODE_KERNELS[f] != null) {
                // Codes first: that reads memory from front to back, as it is fastest; the scales come from the cache.
                CODE_KERNELS[f].invokeExact(src, a, n, ws.codes(n), s);
                SCALE_KERNELS[f].invokeExact(src, a, n, s);
            } else if (SCALE_KERNELS[f] != null) {
                SCALE_KERNELS[f].invokeExact(src, a, n, s);
            } else if (HALF_KERNELS[f] != null) {
                if (TESTS[f] != null && (boolean) TESTS[f].invokeExact(src, a, n, s)) {
                    return true;
                }
                unpackHalves(format, src, a, n, ws);
            }
            return false;
        } catch (Throwable t) {
            throw unchecked(t);
        }
    }

    /** Whether a format has a product with one token. */
    static boolean multiplies(BlockFormat format) {
        return DOTS[format.ordinal()] != null;
    }

    /** Whether a format has a decoder. */
    static boolean decodes(BlockFormat format) {
        int f = format.ordinal();
        return DECODERS[f] != null || COPY_DECODERS[f] != null || CODE_DECODERS[f] != null || WORD_DECODERS[f] != null;
    }

    /** Whether a format's product goes by way of half-precision words, if its codes cannot stay as they are. */
    private static boolean takesHalves(BlockFormat format) {
        return HALF_KERNELS[format.ordinal()] != null;
    }

    /** Whether a format's product takes scales that lie apart, one for each 64 columns. */
    static boolean takesStepScales(BlockFormat format) {
        return takesHalves(format) || STEP_DECODERS[format.ordinal()] != null;
    }

    /**
     * Up to how many tokens {@link #dot}, for each in turn, is faster than a panel for all. Where a product is one
     * pass, to decode a block once more while it is in the first-level cache costs less than to write it to a panel and
     * read it from there.
     */
    static int tokensInTurn(BlockFormat format) {
        int f = format.ordinal();
        if (TESTS[f] != null) {
            return 2; // each asks whether its codes may be fields, and looks for NaN
        }
        return DOTS[f] == null || unpacks(format) || takesHalves(format) || TWO_PASSES.contains(format) ? 1 : 3;
    }

    /** Whether scales or codes of a run of rows are unpacked before its product. */
    static boolean unpacks(BlockFormat format) {
        return SCALE_KERNELS[format.ordinal()] != null || CodebookRows.has(format);
    }

    /** Whether a run's codes become signed bytes. */
    static boolean unpacksCodes(BlockFormat format) {
        return CODE_KERNELS[format.ordinal()] != null;
    }

    /**
     * Decodes {@code k} weights of each of {@code rows} rows into neighbouring rows of a panel.
     *
     * @param a byte from which on the first row's weights are stored
     * @param stride bytes from row to row; several rows follow one another without a gap
     * @param at the first row's first group; the next row's is {@link PanelDots#GROUP} floats on
     */
    static void decode(
            BlockFormat format,
            MemorySegment src,
            long a,
            long stride,
            int rows,
            int k,
            float[] dst,
            int at,
            int plane,
            Workspace ws) {
        MethodHandle decoder = DECODERS[format.ordinal()];
        MethodHandle coded = CODE_DECODERS[format.ordinal()];
        MethodHandle worded = WORD_DECODERS[format.ordinal()];
        float[] s = ws.scales(scales(rows * k));
        try {
            if (worded != null) {
                unpack(format, src, a, rows * k, s, ws);
                int[] words = ws.words(rows * k / NibbleWords.WORD);
                worded.invokeExact(words, rows, k, s, CodebookRows.levels(format), dst, at, plane);
            } else if (coded != null) {
                unpack(format, src, a, rows * k, s, ws);
                coded.invokeExact(ws.codes(rows * k), rows, k, s, dst, at, plane);
            } else if (decoder != null) {
                unpack(format, src, a, rows * k, s, ws);
                decoder.invokeExact(src, a, stride, rows, k, s, dst, at, plane);
            } else {
                for (int r = 0; r < rows; r++) {
                    byte[] raw = VectorDecoders.copy(format, src, a + r * stride, k, ws);
                    COPY_DECODERS[format.ordinal()].invokeExact(raw, dst, at + r * PanelDots.GROUP, plane, k);
                }
            }
        } catch (Throwable t) {
            throw unchecked(t);
        }
    }

    /**
     * As {@link #decode}, times scales that lie apart, for formats that {@link #takesStepScales}.
     *
     * @param k a multiple of {@link PanelDots#STEP}
     * @param s scales of 64 columns n of row r at {@code k/64·r + n}, in E4M3 with {@link HalfWords#E4M3_UNIT} in them
     */
    static void decodeScaled(
            BlockFormat format,
            MemorySegment src,
            long a,
            long stride,
            int rows,
            int k,
            float[] s,
            float[] dst,
            int at,
            int plane,
            Workspace ws) {
        try {
            if (!takesHalves(format) || unpack(format, src, a, rows * k, s, ws)) {
                STEP_DECODERS[format.ordinal()].invokeExact(src, a, stride, rows, k, s, dst, at, plane);
            } else {
                HALVES_DECODERS[0].invokeExact(ws.tile(rows * k), rows, k, s, dst, at, plane);
            }
        } catch (Throwable t) {
            throw unchecked(t);
        }
    }

    /** Whether a format is one of {@link NibblePairs}, whose products take the columns in another order. */
    static boolean takesPairs(BlockFormat format) {
        return PAIR_DECODERS[format.ordinal()] != null;
    }

    /** Whether products of a matrix with panels take the columns in another order. */
    static boolean reorders(Matrix w) {
        return NibblePairs.supports(w)
                || CodebookRows.takesNibbles(w.format()) && w.reader() == null && w.scales() == null;
    }

    /** Copies k activations, in the order in which products with a format take the columns. */
    static void order(BlockFormat format, float[] src, int from, float[] dst, int to, int k) {
        try {
            if (ORDERS[format.ordinal()] != null) {
                ORDERS[format.ordinal()].invokeExact(src, from, dst, to, k);
            } else {
                System.arraycopy(src, from, dst, to, k);
            }
        } catch (Throwable t) {
            throw unchecked(t);
        }
    }

    /** Decodes columns [c, c + k) of a row that {@link NibblePairs#supports}, in their order there. */
    static void decodePairs(Matrix w, long row, int c, int k, float[] dst, int at, int plane) {
        try {
            PAIR_DECODERS[w.format().ordinal()].invokeExact(w, row, c, k, dst, at, plane);
        } catch (Throwable t) {
            throw unchecked(t);
        }
    }

    /** Room for the scales of {@code k} columns in any format. */
    static int scales(int k) {
        return k / 8 + 16;
    }

    /** Kernels declare no exceptions: what they throw is an {@code Error} or a {@code RuntimeException}. */
    static RuntimeException unchecked(Throwable t) {
        if (t instanceof Error error) {
            throw error;
        }
        return (RuntimeException) t;
    }
}
