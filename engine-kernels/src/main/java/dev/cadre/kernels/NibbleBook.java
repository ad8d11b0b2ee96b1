package dev.cadre.kernels;

import static dev.cadre.kernels.Lanes.B;
import static dev.cadre.kernels.Lanes.I;
import static dev.cadre.kernels.Lanes.L;
import static dev.cadre.kernels.StoredLanes.left;

import dev.cadre.kernels.format.BlockFormat;
import dev.cadre.kernels.format.Codebooks;
import java.util.Arrays;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * The codebook of an IQ type for vectors of 16 floats: an element is a nibble, its upper bit the sign, which names one
 * of 16 {@link #levels}. An entry without signs is a short, with two bits for each of eight elements or four for each
 * of four, and vectors pick 32 entries at a time; of large books it is an int that is loaded.
 */
final class NibbleBook {
    private static final VectorSpecies<Short> S = ShortVector.SPECIES_512;
    private static final int SHORTS = 32;
    private static final int SIGN = 8;

    /** Entries that {@link #pick} goes over. */
    static final int STRETCH = 256;

    /** Entries among which picking by vectors is faster than by a load for each. */
    private static final int PICKED = 512;

    /** What the nibbles stand for. */
    final float[] levels = new float[2 * SIGN];

    /** Entries that are picked. */
    final short[] shorts;

    /** Those that are loaded, as nibbles. A power of two of them: then C2 needs no check of bounds. */
    final int[] words;

    private NibbleBook(byte[] book, int width) {
        byte[] values = distinct(book);
        shorts = new short[book.length / width];
        words = new int[book.length / width];
        for (int i = 0; i < book.length; i++) {
            int value = Arrays.binarySearch(values, book[i]);
            shorts[i / width] |= (short) (value << i % width * (16 / width));
            words[i / width] |= value << i % width * 4;
        }
        for (int i = 0; i < values.length; i++) {
            levels[i] = values[i];
        }
    }

    /** The signs of IQ1 say whether an eighth is added or taken away; values are times eight, as {@link Codebook}'s. */
    static NibbleBook of(BlockFormat format) {
        boolean shifted = format == BlockFormat.IQ1_S || format == BlockFormat.IQ1_M;
        NibbleBook book = new NibbleBook(Codebooks.of(format), hasFours(format) ? 4 : 8);
        for (int i = 0; i < SIGN; i++) {
            float v = book.levels[i];
            book.levels[i] = shifted ? 8 * v + 1 : v;
            book.levels[i + SIGN] = shifted ? 8 * v - 1 : -v;
        }
        return book;
    }

    /** Whether entries have four elements, not eight. */
    static boolean hasFours(BlockFormat format) {
        return format == BlockFormat.IQ3_XXS || format == BlockFormat.IQ3_S;
    }

    /** Whether entries are picked by vectors; else each is loaded. */
    boolean isPicked() {
        return shorts.length <= PICKED;
    }

    private static byte[] distinct(byte[] book) {
        byte[] sorted = book.clone();
        Arrays.sort(sorted);
        int n = 1;
        for (byte value : sorted) {
            if (value != sorted[n - 1]) {
                sorted[n++] = value;
            }
        }
        return Arrays.copyOf(sorted, n);
    }

    /** The entries of {@code words} numbers, with signs. */
    static void load(int[] table, short[] numbers, byte[] signs, int words, int[] w) {
        for (int i = 0; i < words; i++) {
            w[i] = table[numbers[i] & table.length - 1];
        }
        for (int i = 0; i < words; i += L) {
            IntVector.fromArray(I, w, i).or(signs(signs, i)).intoArray(w, i);
        }
    }

    /** Those of n entries whose numbers lie in the {@link #STRETCH} from {@code from} on; leaves the others alone. */
    static void pick(short[] table, int from, short[] numbers, int n, short[] picked) {
        ShortVector t0 = shorts(table, from, 0);
        ShortVector t1 = shorts(table, from, 1);
        ShortVector t2 = shorts(table, from, 2);
        ShortVector t3 = shorts(table, from, 3);
        ShortVector t4 = shorts(table, from, 4);
        ShortVector t5 = shorts(table, from, 5);
        ShortVector t6 = shorts(table, from, 6);
        ShortVector t7 = shorts(table, from, 7);
        for (int i = 0; i < n; i += SHORTS) {
            ShortVector v = ShortVector.fromArray(S, numbers, i).sub((short) from);
            VectorMask<Short> odd = v.and((short) 64).compare(VectorOperators.NE, 0);
            VectorMask<Short> upper = v.and((short) 128).compare(VectorOperators.NE, 0);
            VectorMask<Short> here = v.lanewise(VectorOperators.LSHR, 8).compare(VectorOperators.EQ, 0);
            ShortVector a = v.selectFrom(t0, t1).blend(v.selectFrom(t2, t3), odd);
            ShortVector b = v.selectFrom(t4, t5).blend(v.selectFrom(t6, t7), odd);
            ShortVector.fromArray(S, picked, i).blend(a.blend(b, upper), here).intoArray(picked, i);
        }
    }

    private static ShortVector shorts(short[] table, int at, int vector) {
        return ShortVector.fromArray(S, table, at + SHORTS * vector);
    }

    /** Entries of four elements and signs become words. */
    static void signFours(short[] entries, byte[] signs, int words, int[] w) {
        for (int i = 0; i < words; i += L) {
            ShortVector.fromArray(S, entries, 2 * i)
                    .reinterpretAsInts()
                    .or(signs(signs, i))
                    .intoArray(w, i);
        }
    }

    /** As {@link #signFours}, entries of eight elements. */
    static void signEights(short[] entries, byte[] signs, int words, int[] w) {
        for (int i = 0; i < words; i += L) {
            IntVector v = (IntVector) ShortVector.fromArray(ShortVector.SPECIES_256, entries, i)
                    .convertShape(VectorOperators.ZERO_EXTEND_S2I, I, 0);
            v = left(v, 8).or(v).and(0x00ff00ff);
            v = left(v, 4).or(v).and(0x0f0f0f0f);
            v = left(v, 2).or(v).and(0x33333333);
            v.or(signs(signs, i)).intoArray(w, i);
        }
    }

    /** Each bit of 16 bytes in the upper bit of a nibble. */
    private static IntVector signs(byte[] signs, int at) {
        IntVector v =
                (IntVector) ByteVector.fromArray(B, signs, at).convertShape(VectorOperators.ZERO_EXTEND_B2I, I, 0);
        v = left(v, 12).or(v).and(0x000f000f);
        v = left(v, 6).or(v).and(0x03030303);
        return left(v, 3).or(v).and(0x11111111).lanewise(VectorOperators.LSHL, 3);
    }
}
