package dev.cadre.kernels;

import static dev.cadre.kernels.Lanes.F;
import static dev.cadre.kernels.Lanes.L;
import static dev.cadre.kernels.Lanes.pair;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodType;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShuffle;

/**
 * What follows the products of {@link PanelDots}: a tile of four tokens and four rows has a vector of sums for each
 * plane, which are added and whose lanes are folded while the tile is still in the first-level cache.
 *
 * <p>As {@link RowKernels}, the methods are called through handles that are no constants: inlined into the loops over
 * tiles, together they would be more than C2 takes.
 */
final class TileSums {
    /** Whether {@link #fold} and {@link #finish} can be used: they are made for vectors of 16. */
    static final boolean FOLDS = L == 16;

    /** Lane l of {@link #foldRows} has row 4·(l mod 4) + l / 4; each row's lane is found at the same expression. */
    private static final VectorShuffle<Float> ROW_ORDER = VectorShuffle.fromOp(F, l -> 4 * (l & 3) + (l >> 2) & L - 1);

    private static final MethodType FOLD_ROWS_TYPE =
            MethodType.methodType(void.class, float[].class, int.class, int.class, float[].class, int.class);

    private static final int FOLD_TILE = 0;
    private static final int FOLD_ROWS = 1;
    private static final int FOLD_LANES = 2;
    private static final int ADD_TILE = 3;
    private static final int PACK = 4;
    private static final MethodHandle[] KERNELS = {
        RowKernels.find(
                TileSums.class,
                "foldTile",
                MethodType.methodType(void.class, float[].class, int.class, int.class, float[].class, int.class)),
        RowKernels.find(TileSums.class, "foldRows", FOLD_ROWS_TYPE),
        RowKernels.find(Lanes.class, "foldRows", FOLD_ROWS_TYPE),
        RowKernels.find(
                TileSums.class,
                "addTile",
                MethodType.methodType(
                        void.class, float[].class, int.class, int.class, float[].class, int.class, boolean.class)),
        RowKernels.find(
                PanelDots.class,
                "pack",
                MethodType.methodType(
                        void.class,
                        float[].class,
                        int.class,
                        int.class,
                        float[].class,
                        int.class,
                        int.class,
                        int.class))
    };

    private TileSums() {}

    /**
     * Adds a tile's planes and folds its sums to four lanes each.
     *
     * @param p sums [4 tokens][4 rows][L] from {@code at} on, and those of each other plane {@code plane} floats on
     * @param v token t's vector goes to {@code to + 4t·L}; lanes 4r to 4r + 3 are row r's
     */
    static void fold(float[] p, int at, int plane, float[] v, int to) {
        try {
            KERNELS[FOLD_TILE].invokeExact(p, at, plane, v, to);
        } catch (Throwable t) {
            throw RowKernels.unchecked(t);
        }
    }

    /**
     * Folds the four vectors that {@link #fold} has left of 16 rows of one token.
     *
     * @param v the vectors, from {@code at} on; overwritten
     * @param rows rows that are wanted, up to 16
     * @param y takes them from {@code to} on
     */
    static void finish(float[] v, int at, int rows, float[] y, int to) {
        try {
            KERNELS[FOLD_ROWS].invokeExact(v, at, rows, y, to);
        } catch (Throwable t) {
            throw RowKernels.unchecked(t);
        }
    }

    /** {@link Lanes#foldRows}, for totals and for the sums of one token. */
    static void foldLanes(float[] v, int at, int rows, float[] y, int to) {
        try {
            KERNELS[FOLD_LANES].invokeExact(v, at, rows, y, to);
        } catch (Throwable t) {
            throw RowKernels.unchecked(t);
        }
    }

    /**
     * Adds a tile's planes to totals, or begins them.
     *
     * @param totals [4 tokens][16 rows][L], the tile's first row at {@code to}
     * @param first whether there are no totals yet
     */
    static void add(float[] p, int at, int plane, float[] totals, int to, boolean first) {
        try {
            KERNELS[ADD_TILE].invokeExact(p, at, plane, totals, to, first);
        } catch (Throwable t) {
            throw RowKernels.unchecked(t);
        }
    }

    /** {@link PanelDots#pack}. */
    static void pack(float[] src, int from, int count, float[] panel, int at, int rows, int plane) {
        try {
            KERNELS[PACK].invokeExact(src, from, count, panel, at, rows, plane);
        } catch (Throwable t) {
            throw RowKernels.unchecked(t);
        }
    }

    private static FloatVector sum(float[] p, int at, int plane) {
        return FloatVector.fromArray(F, p, at)
                .add(FloatVector.fromArray(F, p, at + plane))
                .add(FloatVector.fromArray(F, p, at + 2 * plane))
                .add(FloatVector.fromArray(F, p, at + 3 * plane));
    }

    /** The first two steps of {@link Lanes#foldRows}, in which a lane meets the same lanes in the same order. */
    static void foldTile(float[] p, int at, int plane, float[] v, int to) {
        for (int t = 0; t < 4; t++) {
            int i = at + 4 * L * t;
            FloatVector rows02 = pair(sum(p, i, plane), sum(p, i + 2 * L, plane), Lanes.SWAP_8, Lanes.UPPER_8);
            FloatVector rows13 = pair(sum(p, i + L, plane), sum(p, i + 3 * L, plane), Lanes.SWAP_8, Lanes.UPPER_8);
            pair(rows02, rows13, Lanes.SWAP_4, Lanes.UPPER_4).intoArray(v, to + 4 * L * t);
        }
    }

    /** The last two steps. */
    static void foldRows(float[] v, int at, int rows, float[] y, int to) {
        FloatVector a = FloatVector.fromArray(F, v, at);
        FloatVector b = FloatVector.fromArray(F, v, at + L);
        FloatVector c = FloatVector.fromArray(F, v, at + 2 * L);
        FloatVector d = FloatVector.fromArray(F, v, at + 3 * L);
        FloatVector ac = pair(a, c, Lanes.SWAP_2, Lanes.UPPER_2);
        FloatVector bd = pair(b, d, Lanes.SWAP_2, Lanes.UPPER_2);
        FloatVector sums = pair(ac, bd, Lanes.SWAP_1, Lanes.UPPER_1).rearrange(ROW_ORDER);
        if (rows == L) {
            sums.intoArray(y, to);
        } else {
            sums.intoArray(v, at);
            System.arraycopy(v, at, y, to, rows);
        }
    }

    static void addTile(float[] p, int at, int plane, float[] totals, int to, boolean first) {
        for (int i = 0; i < 16; i++) {
            int from = at + L * i;
            int total = to + (16 * (i >> 2) + (i & 3)) * L;
            if (first) {
                sum(p, from, plane).intoArray(totals, total);
            } else {
                FusedDots.addUp(
                        totals,
                        total,
                        FloatVector.fromArray(F, p, from),
                        FloatVector.fromArray(F, p, from + plane),
                        FloatVector.fromArray(F, p, from + 2 * plane),
                        FloatVector.fromArray(F, p, from + 3 * plane));
            }
        }
    }
}
