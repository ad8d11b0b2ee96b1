package dev.cadre.kernels;

import static dev.cadre.kernels.Lanes.L;

import dev.cadre.kernels.format.BlockFormat;
import java.lang.foreign.MemorySegment;

/**
 * Goes over the weights of neighbouring rows, {@link VectorMatrixKernel#CHUNK} columns at a time, for the products with
 * one token ({@link FusedDots}).
 *
 * <p>A kernel takes many rows in a loop of its own, unpacks scales or codes of one row or of a few short ones, and
 * multiplies them, because a core runs ahead through a short way only: the more there is to do between the last product
 * of a row and the first load of the next one, the longer the memory waits.
 */
final class RowCursor {
    /**
     * Columns to unpack before they are multiplied. With fewer, calls of the unpacking kernels cost more; with more,
     * unpacking waits for the memory.
     */
    private static final int UNPACKED = 3072;

    /** Whose scratch space the kernel may use. */
    final Workspace ws;

    BlockFormat format;

    /** Columns of a row. */
    int k;

    MemorySegment src;

    /** Activations. */
    float[] x;

    /** Takes the sums by lane, a vector for each row. */
    float[] sums;

    /** Scales that do not lie in the blocks, one for 64 columns; all rows share them, or follow one another. */
    float[] scales;

    /** Scales of {@link NibblePairs}. */
    MemorySegment pairScales;

    /** How they are stored, see {@link NibblePairs#kind}. */
    int pairScaleKind;

    /** The logarithm of the blocks that share one. */
    int pairScaleShift;

    /** Zero points of INT4 groups, or null. */
    MemorySegment pairZeros;

    /** Where this part of a row is stored, in bytes. */
    long at;

    /** Its columns. */
    int columns;

    /** Its first activation. */
    int xAt;

    /** Where its sums are to be added. */
    int sumsAt;

    /** Its first one of {@link #scales}. */
    int scalesAt;

    /** Its first one of {@link #pairScales}, in bytes. */
    long pairScalesAt;

    /** Its first one of {@link #pairZeros}, in bytes. */
    long pairZerosAt;

    /** How far up in their words these are, in bits. */
    int pairZeroShift;

    /** Its number among the rows that are unpacked together. */
    int place;

    /** Columns of all of those. */
    int unpacked;

    private int scaleStride;
    private int together;
    private int rows;
    private long stride;
    private long firstAt;
    private long partBytes;
    private Matrix matrix;
    private long matrixRow;
    private int pairScaleBytes;
    private long pairScaleStride;
    private long firstPairScale;
    private int firstX;
    private int firstSums;
    private boolean chunkwise;
    private int row;
    private int column;

    RowCursor(Workspace ws) {
        this.ws = ws;
    }

    /**
     * Begins before the first of {@code rows} rows.
     *
     * @param chunkwise whether a chunk of all rows comes before the next one, whose activations can then stay in the
     *     first-level cache: for rows that need not be read from front to back, since they are in a cache
     * @param x activations [K] from {@code xAt} on
     * @param sums row r's vector is at {@code sumsAt + r·L}
     */
    RowCursor start(
            Matrix w, long firstRow, int rows, boolean chunkwise, float[] x, int xAt, float[] sums, int sumsAt) {
        this.format = w.format();
        this.src = w.data();
        this.x = x;
        this.sums = sums;
        this.rows = rows;
        this.k = w.columns();
        this.stride = w.stride();
        this.firstX = xAt;
        this.firstAt = firstRow * stride;
        this.firstSums = sumsAt;
        this.chunkwise = chunkwise;
        this.row = -1;
        this.column = chunkwise ? 0 : k;
        this.together = stride == w.rowBytes() ? Math.max(1, UNPACKED / k) : 1;
        this.place = together - 1;
        this.partBytes = k > VectorMatrixKernel.CHUNK ? format.bytes(VectorMatrixKernel.CHUNK) : stride;
        this.pairZeros = null;
        if (RowKernels.takesPairs(format)) {
            startPairScales(w, firstRow);
        }
        return this;
    }

    /**
     * Scales of formats that {@link RowKernels#takesStepScales}.
     *
     * @param ofRows whether they are [rows, K / 64] and not [K / 64] for all rows
     */
    RowCursor scaledBy(float[] stepScales, boolean ofRows) {
        scales = stepScales;
        scaleStride = ofRows ? k / PanelDots.STEP : 0;
        return this;
    }

    /** Columns of all {@link #scales}. */
    int scaledColumns() {
        return scaleStride == 0 ? k : rows * k;
    }

    private void startPairScales(Matrix w, long firstRow) {
        Matrix.Scales s = w.scales();
        matrix = w;
        matrixRow = firstRow;
        pairZeros = s.zeroPoints();
        pairScales = s.values();
        pairScaleBytes = s.format().blockBytes();
        pairScaleKind = NibblePairs.kind(s.format());
        pairScaleShift = NibblePairs.shift(s);
        firstPairScale = s.offset(w.storedRow(firstRow), 0);
        pairScaleStride = s.offset(w.storedRow(firstRow + 1), 0) - firstPairScale;
    }

    /** Columns that were unpacked together with this part and lie before it. */
    int before() {
        return columns * place;
    }

    /** Goes to the next part, or returns false behind the last. */
    boolean next() {
        boolean otherRow = true;
        if (chunkwise) {
            if (++row == rows) {
                row = 0;
                column += VectorMatrixKernel.CHUNK;
            }
        } else {
            column += VectorMatrixKernel.CHUNK;
            otherRow = column >= k;
            if (otherRow) {
                row++;
                column = 0;
            }
        }
        if (row >= rows || column >= k) {
            return false;
        }
        at = firstAt + row * stride + column / VectorMatrixKernel.CHUNK * partBytes;
        columns = Math.min(VectorMatrixKernel.CHUNK, k - column);
        xAt = firstX + column;
        sumsAt = firstSums + row * L;
        scalesAt = row * scaleStride + column / PanelDots.STEP;
        pairScalesAt = firstPairScale
                + row * pairScaleStride
                + (column / NibblePairs.BLOCK >> pairScaleShift) * (long) pairScaleBytes;
        if (pairZeros != null) {
            long stored = matrix.storedRow(matrixRow + row);
            pairZerosAt = matrix.scales().zeroPointOffset(stored, column);
            pairZeroShift = Matrix.Scales.zeroPointShift(stored);
        }
        if (otherRow) {
            place = place + 1 == together ? 0 : place + 1;
        }
        if (place == 0) {
            unpacked = columns * Math.min(together, rows - row);
        }
        return true;
    }
}
