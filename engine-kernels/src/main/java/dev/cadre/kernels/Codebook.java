package dev.cadre.kernels;

import static dev.cadre.kernels.Lanes.BYTES;

import dev.cadre.kernels.format.BlockFormat;
import dev.cadre.kernels.format.Codebooks;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * The codebook of an IQ type, and the way from what {@link CodebookFields} unpacks to a signed byte for each element.
 *
 * <p>Entries are looked up by scalar loads. A vector's gather takes as long, since it is split into them.
 */
final class Codebook {
    /** The table of IQ1 holds its values times eight. */
    static final float IQ1_UNIT = 0.125f;

    private static final VectorSpecies<Long> LONGS = VectorSpecies.of(long.class, VectorShape.forBitSize(Lanes.BITS));
    private static final int N = BYTES.length();

    /** Entries of eight bytes, or none. A power of two, as {@link #fours}: then C2 needs no check of bounds. */
    private final long[] eights;

    /** Entries of four bytes, or none. */
    private final int[] fours;

    private Codebook(long[] eights, int[] fours) {
        this.eights = eights;
        this.fours = fours;
    }

    static Codebook of(BlockFormat format) {
        byte[] book = Codebooks.of(format);
        return switch (format) {
            case IQ1_S, IQ1_M -> new Codebook(iq1(book), null);
            case IQ3_XXS, IQ3_S -> new Codebook(null, fours(book));
            default -> new Codebook(eights(book), null);
        };
    }

    private static long[] eights(byte[] book) {
        long[] table = new long[book.length / 8];
        for (int i = 0; i < table.length; i++) {
            table[i] = VectorDecoders.int64(book, 8 * i);
        }
        return table;
    }

    private static int[] fours(byte[] book) {
        int[] table = new int[book.length / 4];
        for (int i = 0; i < table.length; i++) {
            table[i] = VectorDecoders.int32(book, 4 * i);
        }
        return table;
    }

    /** Eight times the entries, plus one; then the same minus one: the shift of IQ1 is an eighth. */
    private static long[] iq1(byte[] book) {
        byte[] twice = new byte[2 * book.length];
        for (int i = 0; i < book.length; i++) {
            twice[i] = (byte) (8 * book[i] + 1);
            twice[book.length + i] = (byte) (8 * book[i] - 1);
        }
        return eights(twice);
    }

    /** The entries of {@code n} times eight elements, without signs. */
    void lookUp(short[] numbers, int n, long[] entries) {
        if (eights != null) {
            lookUp(eights, numbers, n, entries);
        } else {
            lookUp(fours, numbers, n, entries);
        }
    }

    private static void lookUp(long[] table, short[] numbers, int n, long[] entries) {
        for (int i = 0; i < n; i++) {
            entries[i] = table[numbers[i] & table.length - 1];
        }
    }

    private static void lookUp(int[] table, short[] numbers, int n, long[] entries) {
        for (int i = 0; i < n; i++) {
            int first = table[numbers[2 * i] & table.length - 1];
            int second = table[numbers[2 * i + 1] & table.length - 1];
            entries[i] = first & 0xffffffffL | (long) second << 32;
        }
    }

    /** The bytes of entries, negated where a bit of {@code signs} is set. */
    static void signed(long[] entries, byte[] signs, int k, byte[] codes) {
        ByteVector zero = ByteVector.zero(BYTES);
        for (int i = 0; i < k; i += N) {
            VectorMask<Byte> negative = VectorMask.fromLong(BYTES, VectorDecoders.int64(signs, i / 8));
            ByteVector values = LongVector.fromArray(LONGS, entries, i / 8).reinterpretAsBytes();
            values.blend(zero.sub(values), negative).intoArray(codes, i);
        }
    }

    /** The bytes of entries as they are. */
    static void unsigned(long[] entries, byte[] signs, int k, byte[] codes) {
        for (int i = 0; i < k; i += N) {
            LongVector.fromArray(LONGS, entries, i / 8).reinterpretAsBytes().intoArray(codes, i);
        }
    }
}
