package dev.cadre.kernels;

import dev.cadre.kernels.format.BlockFormat;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodType;

/**
 * A row of an IQ type with a codebook, from its blocks to what the products take: with vectors of 16 floats a nibble
 * for each element ({@link NibbleWords}), with shorter ones a signed byte ({@link CodeDots}). The steps are called
 * through method handles for the reason that {@link RowKernels} gives.
 */
final class CodebookRows {
    /** Whether elements become nibbles, for which a table of 16 floats must fit a vector. */
    static final boolean NIBBLES = Lanes.L >= 16;

    private static final MethodType FIELDS =
            MethodType.methodType(void.class, byte[].class, int.class, short[].class, byte[].class, float[].class);
    private static final MethodType SIGNS =
            MethodType.methodType(void.class, long[].class, byte[].class, int.class, byte[].class);
    private static final MethodType PICK =
            MethodType.methodType(void.class, short[].class, int.class, short[].class, int.class, short[].class);
    private static final MethodType SIGN =
            MethodType.methodType(void.class, short[].class, byte[].class, int.class, int[].class);
    private static final MethodType LOAD = SIGN.insertParameterTypes(0, int[].class);
    private static final MethodType COPY =
            MethodType.methodType(void.class, MemorySegment.class, long.class, byte[].class, int.class);

    // by the format's ordinal
    private static final int FORMATS = BlockFormat.values().length;
    private static final MethodHandle[] FIELD_KERNELS = new MethodHandle[FORMATS];
    private static final Codebook[] BYTE_BOOKS = new Codebook[FORMATS];
    private static final MethodHandle[] SIGN_KERNELS = new MethodHandle[FORMATS];
    private static final NibbleBook[] NIBBLE_BOOKS = new NibbleBook[FORMATS];
    private static final MethodHandle[] SIGNERS = new MethodHandle[FORMATS];

    /** One for all, in arrays so that C2 does not take them for constants. */
    private static final MethodHandle[] PICKS = new MethodHandle[1];

    private static final MethodHandle[] LOADS = new MethodHandle[1];
    private static final MethodHandle[] COPIES = {RowKernels.find(StoredLanes.class, "copy", COPY)};

    static {
        add(BlockFormat.IQ1_S, "iq1S");
        add(BlockFormat.IQ1_M, "iq1M");
        add(BlockFormat.IQ2_XXS, "iq2Xxs");
        add(BlockFormat.IQ2_XS, "iq2Xs");
        add(BlockFormat.IQ2_S, "iq2S");
        add(BlockFormat.IQ3_XXS, "iq3Xxs");
        add(BlockFormat.IQ3_S, "iq3S");
        if (NIBBLES) {
            PICKS[0] = RowKernels.find(NibbleBook.class, "pick", PICK);
            LOADS[0] = RowKernels.find(NibbleBook.class, "load", LOAD);
        }
    }

    private CodebookRows() {}

    private static void add(BlockFormat format, String name) {
        int f = format.ordinal();
        FIELD_KERNELS[f] = RowKernels.find(CodebookFields.class, name, FIELDS);
        if (NIBBLES) {
            NIBBLE_BOOKS[f] = NibbleBook.of(format);
            SIGNERS[f] =
                    RowKernels.find(NibbleBook.class, NibbleBook.hasFours(format) ? "signFours" : "signEights", SIGN);
        } else {
            boolean hasSigns = format != BlockFormat.IQ1_S && format != BlockFormat.IQ1_M;
            BYTE_BOOKS[f] = Codebook.of(format);
            SIGN_KERNELS[f] = RowKernels.find(Codebook.class, hasSigns ? "signed" : "unsigned", SIGNS);
        }
    }

    /** Whether a format has a codebook. */
    static boolean has(BlockFormat format) {
        return FIELD_KERNELS[format.ordinal()] != null;
    }

    /** Whether a format's products take the columns in the order of {@link NibbleWords#byNibble}. */
    static boolean takesNibbles(BlockFormat format) {
        return NIBBLES && has(format);
    }

    /** {@link NibbleBook#levels}. */
    static float[] levels(BlockFormat format) {
        return NIBBLE_BOOKS[format.ordinal()].levels;
    }

    /** The blocks of {@code n} elements; a vector may reach over the last one's end. */
    private static byte[] copy(BlockFormat format, MemorySegment src, long a, int n, Workspace ws) throws Throwable {
        int bytes = Math.toIntExact(format.bytes(n));
        byte[] raw = ws.raw(bytes + Lanes.BYTES.length());
        COPIES[0].invokeExact(src, a, raw, bytes);
        return raw;
    }

    /**
     * Leaves {@code n} elements in {@link Workspace#words}, and a scale for each eight of them in {@code s}; or in
     * {@link Workspace#codes}, and a scale for each 16.
     */
    static void unpack(BlockFormat format, MemorySegment src, long a, int n, float[] s, Workspace ws) throws Throwable {
        int f = format.ordinal();
        short[] numbers = ws.numbers(n / 4);
        byte[] signs = ws.signs(n / 8 + Long.BYTES);
        FIELD_KERNELS[f].invokeExact(copy(format, src, a, n, ws), n, numbers, signs, s);
        if (NIBBLES) {
            toWords(format, numbers, signs, n, ws);
        } else {
            long[] entries = ws.entries(n / 8);
            BYTE_BOOKS[f].lookUp(numbers, n / 8, entries);
            SIGN_KERNELS[f].invokeExact(entries, signs, n, ws.codes(n));
        }
    }

    private static void toWords(BlockFormat format, short[] numbers, byte[] signs, int n, Workspace ws)
            throws Throwable {
        NibbleBook book = NIBBLE_BOOKS[format.ordinal()];
        int[] words = ws.words(n / 8);
        if (!book.isPicked()) {
            LOADS[0].invokeExact(book.words, numbers, signs, n / 8, words);
            return;
        }
        int entries = NibbleBook.hasFours(format) ? n / 4 : n / 8;
        short[] picked = ws.picked(entries);
        for (int from = 0; from < book.shorts.length; from += NibbleBook.STRETCH) {
            PICKS[0].invokeExact(book.shorts, from, numbers, entries, picked);
        }
        SIGNERS[format.ordinal()].invokeExact(picked, signs, n / 8, words);
    }
}
