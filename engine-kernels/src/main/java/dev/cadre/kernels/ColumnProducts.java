package dev.cadre.kernels;

import static dev.cadre.kernels.Lanes.I;
import static dev.cadre.kernels.Lanes.L;
import static dev.cadre.kernels.StoredLanes.broadcast;
import static dev.cadre.kernels.StoredLanes.load;

import dev.cadre.kernels.format.Bfloat16;
import dev.cadre.kernels.format.BlockFormat;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodType;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Products with bfloat16 matrices that are stored {@link ColumnMajor}, as checkpoints have stacks of experts that are
 * multiplied from the right. Lanes are outputs here, and each has one chain of sums over all columns in their order,
 * for one token as for many, so that a batch gives the same bits.
 *
 * <p>Rows lie beside each other or, where two matrices take turns, at every second place: then a lane's word holds
 * both, and one of them is shifted or masked out.
 */
final class ColumnProducts {
    /** Rows of a tile: four vectors. */
    private static final int STRIP = 4 * L;

    /** Rows decoded at a time, so that the memory is read in runs of some length. */
    private static final int BLOCK_ROWS = 4 * STRIP;

    /** Columns decoded at a time: a strip of them is 32 KiB at 512 bits. */
    private static final int CHUNK = 128;

    /** Floats of a decoded strip. */
    private static final int STRIP_FLOATS = CHUNK * STRIP;

    /** Tokens of a tile. */
    private static final int TOKENS = 4;

    /** Sums of a tile, [4 tokens][4 vectors][L]. */
    private static final int TILE = TOKENS * STRIP;

    /** Up to so many tokens are multiplied one after the other: to write a tile and read it takes longer. */
    private static final int IN_TURN = 2;

    /** Rows whose sums stay in the first-level cache while a token's columns are added to them. */
    private static final int RUN = 1024;

    /** Columns added at a time for one token: as many places are read from by turns. */
    private static final int COLUMNS = 4;

    private static final IntVector HIGH_HALF = IntVector.broadcast(I, 0xffff0000);

    private static final MethodType ADD = MethodType.methodType(
            void.class,
            MemorySegment.class,
            long.class,
            long.class,
            int.class,
            int.class,
            float[].class,
            int.class,
            int.class,
            float[].class,
            int.class);
    private static final MethodType DECODE = MethodType.methodType(
            void.class,
            MemorySegment.class,
            long.class,
            long.class,
            int.class,
            int.class,
            int.class,
            float[].class,
            int.class);

    // Called through handles that are no constants, for the reason that RowKernels has; by whether rows take turns.
    private static final MethodHandle[] ADD_COLUMNS = {
        RowKernels.find(ColumnProducts.class, "addColumns", ADD), RowKernels.find(ColumnProducts.class, "addTurns", ADD)
    };
    private static final MethodHandle[] DECODERS = {
        RowKernels.find(ColumnProducts.class, "decode", DECODE),
        RowKernels.find(ColumnProducts.class, "decodeTurns", DECODE)
    };
    private static final MethodHandle[] TILES = {
        RowKernels.find(
                ColumnProducts.class,
                "tile",
                MethodType.methodType(void.class, float[].class, int.class, int.class, int.class, int.class))
    };

    private ColumnProducts() {}

    /** Whether a matrix can be multiplied here. */
    static boolean supports(Matrix w) {
        if (!(w.reader() instanceof ColumnMajor c) || c.format() != BlockFormat.BF16) {
            return false;
        }
        int step = step(w, c);
        return step == 1 || step == 2 && c.apart() % 2 == 0;
    }

    /** Elements from a row of this view to the next. */
    private static int step(Matrix w, ColumnMajor c) {
        return (int) (w.storedRow(1) - w.storedRow(0)) * c.step();
    }

    /** {@link MatrixKernel#multiply}. */
    static void multiply(
            Matrix w,
            long firstRow,
            int rowCount,
            float[] x,
            int[] xAt,
            int tokens,
            float[] y,
            int[] yAt,
            Workspace ws) {
        if (tokens <= IN_TURN) {
            for (int r = 0; r < rowCount; r += RUN) {
                for (int t = 0; t < tokens; t++) {
                    int to = yAt[t] + Math.toIntExact(firstRow) + r;
                    oneToken(w, firstRow + r, Math.min(RUN, rowCount - r), x, xAt[t], y, to, ws);
                }
            }
            return;
        }
        int atOnce = VectorMatrixKernel.tokensPackedAtOnce(w.columns());
        for (int t = 0; t < tokens; t += atOnce) {
            tiles(w, firstRow, rowCount, x, xAt, t, Math.min(atOnce, tokens - t), y, yAt, ws);
        }
    }

    private static void oneToken(Matrix w, long row, int rows, float[] x, int xAt, float[] y, int yAt, Workspace ws) {
        ColumnMajor c = (ColumnMajor) w.reader();
        int step = step(w, c);
        int k = w.columns();
        int whole = rows / L * L;
        int inFours = k / COLUMNS * COLUMNS;
        float[] sums = ws.area(RUN);
        Arrays.fill(sums, Workspace.ALIGNED, Workspace.ALIGNED + whole, 0f);
        long at = c.offset(w.storedRow(row));
        try {
            ADD_COLUMNS[step - 1].invokeExact(
                    c.data(), at, c.stride(), shift(at), whole, x, xAt, inFours, sums, Workspace.ALIGNED);
        } catch (Throwable t) {
            throw RowKernels.unchecked(t);
        }
        System.arraycopy(sums, Workspace.ALIGNED, y, yAt, whole);
        for (int r = 0; r < whole; r++) {
            y[yAt + r] = addElements(c, w.storedRow(row + r), inFours, k, x, xAt, y[yAt + r]);
        }
        for (int r = whole; r < rows; r++) {
            y[yAt + r] = addElements(c, w.storedRow(row + r), 0, k, x, xAt, 0f);
        }
    }

    /** The chain of one row's sums over columns [from, to): the same as a lane's. */
    private static float addElements(ColumnMajor c, long row, int from, int to, float[] x, int xAt, float sum) {
        float s = sum;
        for (int k = from; k < to; k++) {
            s = Math.fma(element(c.data(), c.offset(row) + k * c.stride()), x[xAt + k], s);
        }
        return s;
    }

    private static float element(MemorySegment src, long o) {
        return Bfloat16.decode(src.get(StoredLanes.SHORT, o));
    }

    /** How far an element's bits are from a word's upper half, in words that begin at multiples of four bytes. */
    private static int shift(long at) {
        return (at & 2) == 0 ? 16 : 0;
    }

    /**
     * Adds columns to the sums of rows that lie beside each other.
     *
     * @param a byte of the first row's first column
     * @param stride bytes from a column to the next
     * @param rows a multiple of L
     * @param k a multiple of {@link #COLUMNS}
     */
    static void addColumns(
            MemorySegment src,
            long a,
            long stride,
            int shift,
            int rows,
            float[] x,
            int xAt,
            int k,
            float[] sums,
            int at) {
        for (int c = 0; c < k; c += COLUMNS) {
            FloatVector x0 = broadcast(x, xAt + c);
            FloatVector x1 = broadcast(x, xAt + c + 1);
            FloatVector x2 = broadcast(x, xAt + c + 2);
            FloatVector x3 = broadcast(x, xAt + c + 3);
            long o = a + c * stride;
            for (int i = 0; i < rows; i += L) {
                FloatVector s = load(sums, at + i);
                s = StoredLanes.bf16(src, o + 2L * i).fma(x0, s);
                s = StoredLanes.bf16(src, o + stride + 2L * i).fma(x1, s);
                s = StoredLanes.bf16(src, o + 2 * stride + 2L * i).fma(x2, s);
                s = StoredLanes.bf16(src, o + 3 * stride + 2L * i).fma(x3, s);
                s.intoArray(sums, at + i);
            }
        }
    }

    /**
     * As {@link #addColumns}, of rows at every second place. With one loop for both, and a flag, C2 left the loads of
     * the kind that came second as calls, and their vectors became objects.
     */
    static void addTurns(
            MemorySegment src,
            long a,
            long stride,
            int shift,
            int rows,
            float[] x,
            int xAt,
            int k,
            float[] sums,
            int at) {
        for (int c = 0; c < k; c += COLUMNS) {
            FloatVector x0 = broadcast(x, xAt + c);
            FloatVector x1 = broadcast(x, xAt + c + 1);
            FloatVector x2 = broadcast(x, xAt + c + 2);
            FloatVector x3 = broadcast(x, xAt + c + 3);
            long o = (a & ~3L) + c * stride;
            for (int i = 0; i < rows; i += L) {
                FloatVector s = load(sums, at + i);
                s = turn(src, o + 4L * i, shift).fma(x0, s);
                s = turn(src, o + stride + 4L * i, shift).fma(x1, s);
                s = turn(src, o + 2 * stride + 4L * i, shift).fma(x2, s);
                s = turn(src, o + 3 * stride + 4L * i, shift).fma(x3, s);
                s.intoArray(sums, at + i);
            }
        }
    }

    /** L of the elements that take turns in 2L. */
    private static FloatVector turn(MemorySegment src, long o, int shift) {
        return StoredLanes.words(src, o)
                .lanewise(VectorOperators.LSHL, shift)
                .and(HIGH_HALF)
                .reinterpretAsFloats();
    }

    private static void tiles(
            Matrix w,
            long firstRow,
            int rowCount,
            float[] x,
            int[] xAt,
            int firstToken,
            int tokens,
            float[] y,
            int[] yAt,
            Workspace ws) {
        int k = w.columns();
        int groups = (tokens + TOKENS - 1) / TOKENS;
        int packed = Workspace.ALIGNED;
        int weights = packed + VectorMatrixKernel.roundUp(groups * TOKENS * k, L);
        int sums = weights + BLOCK_ROWS * CHUNK;
        int sumsOfBlock = groups * TOKENS * BLOCK_ROWS;
        float[] area = ws.area(sums + sumsOfBlock);
        pack(x, xAt, firstToken, tokens, k, area, packed);
        for (int r = 0; r < rowCount; r += BLOCK_ROWS) {
            int rows = Math.min(BLOCK_ROWS, rowCount - r);
            int strips = (rows + STRIP - 1) / STRIP;
            Arrays.fill(area, sums, sums + sumsOfBlock, 0f);
            for (int c = 0; c < k; c += CHUNK) {
                int columns = Math.min(CHUNK, k - c);
                decodeBlock(w, firstRow + r, rows, c, columns, area, weights);
                for (int s = 0; s < strips; s++) {
                    int strip = weights + s * STRIP_FLOATS;
                    for (int g = 0; g < groups; g++) {
                        int from = packed + TOKENS * (g * k + c);
                        multiplyTile(area, strip, from, columns, sums + (s * groups + g) * TILE);
                    }
                }
            }
            for (int t = 0; t < tokens; t++) {
                int to = yAt[firstToken + t] + Math.toIntExact(firstRow) + r;
                for (int s = 0; s < strips; s++) {
                    int from = sums + (s * groups + t / TOKENS) * TILE + t % TOKENS * STRIP;
                    System.arraycopy(area, from, y, to + s * STRIP, Math.min(STRIP, rows - s * STRIP));
                }
            }
        }
    }

    /** Activations as [groups of four tokens][K][4 tokens]; what lies at a last group's missing tokens is not used. */
    private static void pack(float[] x, int[] xAt, int first, int tokens, int k, float[] area, int to) {
        for (int t = 0; t < tokens; t++) {
            int from = xAt[first + t];
            int at = to + t / TOKENS * TOKENS * k + t % TOKENS;
            for (int c = 0; c < k; c++) {
                area[at + TOKENS * c] = x[from + c];
            }
        }
    }

    private static void multiplyTile(float[] area, int w, int x, int columns, int sums) {
        try {
            TILES[0].invokeExact(area, w, x, columns, sums);
        } catch (Throwable t) {
            throw RowKernels.unchecked(t);
        }
    }

    /**
     * Rows [row, row + rows) and columns [c, c + columns) as [strips][columns][STRIP]. What a last strip has beside the
     * rows is not used.
     */
    private static void decodeBlock(Matrix w, long row, int rows, int c, int columns, float[] area, int to) {
        ColumnMajor m = (ColumnMajor) w.reader();
        int step = step(w, m);
        int whole = rows / L * L;
        long at = m.offset(w.storedRow(row)) + c * m.stride();
        try {
            DECODERS[step - 1].invokeExact(m.data(), at, m.stride(), shift(at), whole, columns, area, to);
        } catch (Throwable t) {
            throw RowKernels.unchecked(t);
        }
        for (int k = 0; k < columns; k++) {
            for (int r = whole; r < rows; r++) {
                area[place(to, k, r)] = element(m.data(), at + k * m.stride() + 2L * step * r);
            }
        }
    }

    private static int place(int to, int column, int row) {
        return to + row / STRIP * STRIP_FLOATS + column * STRIP + row % STRIP;
    }

    static void decode(MemorySegment src, long a, long stride, int shift, int rows, int columns, float[] dst, int to) {
        for (int c = 0; c < columns; c++) {
            for (int i = 0; i < rows; i += L) {
                StoredLanes.bf16(src, a + c * stride + 2L * i).intoArray(dst, place(to, c, i));
            }
        }
    }

    static void decodeTurns(
            MemorySegment src, long a, long stride, int shift, int rows, int columns, float[] dst, int to) {
        for (int c = 0; c < columns; c++) {
            for (int i = 0; i < rows; i += L) {
                turn(src, (a & ~3L) + c * stride + 4L * i, shift).intoArray(dst, place(to, c, i));
            }
        }
    }

    /** Adds to the sums of four tokens with the rows of a strip what {@code columns} columns contribute. */
    static void tile(float[] a, int w, int x, int columns, int at) {
        FloatVector s00 = load(a, at);
        FloatVector s01 = load(a, at + L);
        FloatVector s02 = load(a, at + 2 * L);
        FloatVector s03 = load(a, at + 3 * L);
        FloatVector s10 = load(a, at + 4 * L);
        FloatVector s11 = load(a, at + 5 * L);
        FloatVector s12 = load(a, at + 6 * L);
        FloatVector s13 = load(a, at + 7 * L);
        FloatVector s20 = load(a, at + 8 * L);
        FloatVector s21 = load(a, at + 9 * L);
        FloatVector s22 = load(a, at + 10 * L);
        FloatVector s23 = load(a, at + 11 * L);
        FloatVector s30 = load(a, at + 12 * L);
        FloatVector s31 = load(a, at + 13 * L);
        FloatVector s32 = load(a, at + 14 * L);
        FloatVector s33 = load(a, at + 15 * L);
        for (int c = 0; c < columns; c++) {
            int i = w + c * STRIP;
            FloatVector w0 = load(a, i);
            FloatVector w1 = load(a, i + L);
            FloatVector w2 = load(a, i + 2 * L);
            FloatVector w3 = load(a, i + 3 * L);
            int j = x + TOKENS * c;
            FloatVector b = broadcast(a, j);
            s00 = b.fma(w0, s00);
            s01 = b.fma(w1, s01);
            s02 = b.fma(w2, s02);
            s03 = b.fma(w3, s03);
            b = broadcast(a, j + 1);
            s10 = b.fma(w0, s10);
            s11 = b.fma(w1, s11);
            s12 = b.fma(w2, s12);
            s13 = b.fma(w3, s13);
            b = broadcast(a, j + 2);
            s20 = b.fma(w0, s20);
            s21 = b.fma(w1, s21);
            s22 = b.fma(w2, s22);
            s23 = b.fma(w3, s23);
            b = broadcast(a, j + 3);
            s30 = b.fma(w0, s30);
            s31 = b.fma(w1, s31);
            s32 = b.fma(w2, s32);
            s33 = b.fma(w3, s33);
        }
        s00.intoArray(a, at);
        s01.intoArray(a, at + L);
        s02.intoArray(a, at + 2 * L);
        s03.intoArray(a, at + 3 * L);
        s10.intoArray(a, at + 4 * L);
        s11.intoArray(a, at + 5 * L);
        s12.intoArray(a, at + 6 * L);
        s13.intoArray(a, at + 7 * L);
        s20.intoArray(a, at + 8 * L);
        s21.intoArray(a, at + 9 * L);
        s22.intoArray(a, at + 10 * L);
        s23.intoArray(a, at + 11 * L);
        s30.intoArray(a, at + 12 * L);
        s31.intoArray(a, at + 13 * L);
        s32.intoArray(a, at + 14 * L);
        s33.intoArray(a, at + 15 * L);
    }
}
