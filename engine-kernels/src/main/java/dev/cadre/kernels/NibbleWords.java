package dev.cadre.kernels;

import static dev.cadre.kernels.Lanes.F;
import static dev.cadre.kernels.Lanes.I;
import static dev.cadre.kernels.Lanes.L;
import static dev.cadre.kernels.StoredLanes.load;
import static dev.cadre.kernels.StoredLanes.pick;
import static dev.cadre.kernels.StoredLanes.right;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * What follows {@link CodebookFields} and {@link NibbleBook}: a row of ints that each hold eight columns as nibbles,
 * with a scale for each int, multiplied with one token or written to a panel. A vector has 16 lanes.
 *
 * <p>Of a vector of words the first nibbles are columns 0, 8, 16, …, the second ones 1, 9, 17, … They are not brought
 * back to their order; the products take the columns in that one: of each 128 those first whose number is a multiple
 * of eight, and so on. Activations are rearranged once for all rows ({@link #byNibble}), and panels have that order
 * too, so that one token gets the same bits as a batch. A word's scale is then in the lane that it is needed in.
 */
final class NibbleWords {
    private static final int STEP = PanelDots.STEP;

    /** Columns of a word. */
    static final int WORD = 8;

    /** Columns of a vector of words. */
    private static final int UNIT = WORD * 16;

    private static final IntVector EVENS = StoredLanes.left(Lanes.INDEX, 1);
    private static final IntVector ODDS = EVENS.or(1);

    private NibbleWords() {}

    /** Lane l of vector j of each {@link #UNIT} becomes its column 8l + j. */
    static void byNibble(float[] src, int from, float[] dst, int to, int k) {
        for (int i = 0; i < k; i += UNIT) {
            IntVector a0 = ints(src, from + i);
            IntVector a1 = ints(src, from + i + 16);
            IntVector a2 = ints(src, from + i + 32);
            IntVector a3 = ints(src, from + i + 48);
            IntVector a4 = ints(src, from + i + 64);
            IntVector a5 = ints(src, from + i + 80);
            IntVector a6 = ints(src, from + i + 96);
            IntVector a7 = ints(src, from + i + 112);
            // thrice the even ones before the odd ones
            IntVector b0 = EVENS.selectFrom(a0, a1);
            IntVector b1 = EVENS.selectFrom(a2, a3);
            IntVector b2 = EVENS.selectFrom(a4, a5);
            IntVector b3 = EVENS.selectFrom(a6, a7);
            IntVector b4 = ODDS.selectFrom(a0, a1);
            IntVector b5 = ODDS.selectFrom(a2, a3);
            IntVector b6 = ODDS.selectFrom(a4, a5);
            IntVector b7 = ODDS.selectFrom(a6, a7);
            a0 = EVENS.selectFrom(b0, b1);
            a1 = EVENS.selectFrom(b2, b3);
            a2 = EVENS.selectFrom(b4, b5);
            a3 = EVENS.selectFrom(b6, b7);
            a4 = ODDS.selectFrom(b0, b1);
            a5 = ODDS.selectFrom(b2, b3);
            a6 = ODDS.selectFrom(b4, b5);
            a7 = ODDS.selectFrom(b6, b7);
            store(EVENS.selectFrom(a0, a1), dst, to + i);
            store(EVENS.selectFrom(a2, a3), dst, to + i + 16);
            store(EVENS.selectFrom(a4, a5), dst, to + i + 32);
            store(EVENS.selectFrom(a6, a7), dst, to + i + 48);
            store(ODDS.selectFrom(a0, a1), dst, to + i + 64);
            store(ODDS.selectFrom(a2, a3), dst, to + i + 80);
            store(ODDS.selectFrom(a4, a5), dst, to + i + 96);
            store(ODDS.selectFrom(a6, a7), dst, to + i + 112);
        }
    }

    private static IntVector ints(float[] src, int at) {
        return FloatVector.fromArray(F, src, at).reinterpretAsInts();
    }

    private static void store(IntVector v, float[] dst, int at) {
        v.reinterpretAsFloats().intoArray(dst, at);
    }

    /** Brings k columns in the order of {@link #byNibble} back to their own. */
    static void byColumn(float[] src, float[] dst, int to, int k) {
        for (int i = 0; i < k; i++) {
            dst[to + i] = src[i / UNIT * UNIT + i % WORD * 16 + i % UNIT / WORD];
        }
    }

    static void dot(RowCursor c) {
        float[] levels = CodebookRows.levels(c.format);
        while (c.next()) {
            dotRows(c, RowKernels.unpackCodes(c), levels);
        }
    }

    private static void dotRows(RowCursor c, float[] s, float[] levels) {
        int[] words = c.ws.words(c.unpacked() / WORD);
        float[] x = c.x;
        int xAt = c.xAt;
        IntVector table = load(levels, 0).reinterpretAsInts();
        int from = 0;
        int steps = c.columns / UNIT;
        float[] sums = c.sums;
        int end = c.sumsAt + c.rows * L;
        for (int to = c.sumsAt; to < end; to += L) {
            FloatVector s0 = FloatVector.zero(F);
            FloatVector s1 = s0;
            FloatVector s2 = s0;
            FloatVector s3 = s0;
            for (int n = 0; n < steps; n++) {
                IntVector w = IntVector.fromArray(I, words, from + 16 * n);
                FloatVector d = load(s, from + 16 * n);
                for (int bits = 0; bits < 32; bits += 16) {
                    IntVector v = right(w, bits);
                    int i = xAt + UNIT * n + 4 * bits;
                    s0 = pick(v, table).mul(d).fma(load(x, i), s0);
                    s1 = pick(right(v, 4), table).mul(d).fma(load(x, i + 16), s1);
                    s2 = pick(right(v, 8), table).mul(d).fma(load(x, i + 32), s2);
                    s3 = pick(right(v, 12), table).mul(d).fma(load(x, i + 48), s3);
                }
            }
            from += 16 * steps;
            FusedDots.addUp(sums, to, s0, s1, s2, s3);
        }
    }

    /** Rows of a panel, in the order of the products. */
    static void decode(int[] words, int rows, int k, float[] s, float[] levels, float[] dst, int at, int plane) {
        for (int r = 0; r < rows; r++) {
            decodeRow(words, k / WORD * r, k, s, levels, dst, at + r * PanelDots.GROUP, plane);
        }
    }

    private static void decodeRow(
            int[] words, int from, int k, float[] s, float[] levels, float[] dst, int at, int plane) {
        IntVector table = load(levels, 0).reinterpretAsInts();
        for (int n = 0; n < k / STEP; n++) {
            IntVector w = IntVector.fromArray(I, words, from + 16 * (n >> 1));
            IntVector v = right(w, 16 * (n & 1));
            FloatVector d = load(s, from + 16 * (n >> 1));
            int to = at + STEP * n;
            pick(v, table).mul(d).intoArray(dst, to);
            pick(right(v, 4), table).mul(d).intoArray(dst, to + plane);
            pick(right(v, 8), table).mul(d).intoArray(dst, to + 2 * plane);
            pick(right(v, 12), table).mul(d).intoArray(dst, to + 3 * plane);
        }
    }
}
