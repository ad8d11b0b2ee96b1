package dev.cadre.kernels;

import static dev.cadre.kernels.Lanes.L;

import dev.cadre.kernels.format.BlockFormat;
import java.lang.foreign.MemorySegment;

/**
 * Goes over the weights of neighbouring rows, {@link VectorMatrixKernel#CHUNK} columns at a time, for the products with
 * one token ({@link FusedDots}): from one run of rows, of which a kernel takes the same columns, to the next.
 *
 * <p>A kernel multiplies the rows of a run in a loop of its own, after it has unpacked their scales or codes, because a
 * core runs ahead through a short way only: the more there is to do between the last product of a row and the first
 * load of the next one, the longer the memory waits.
 */
final class RowCursor {
    /**
     * Columns whose scales are unpacked before they are multiplied. With fewer, calls of the unpacking kernels cost
     * more; with more, unpacking waits for the memory, of which it reads the beginning of each block only.
     */
    private static final int SCALED = 3072;

    /** Columns of which codes are unpacked, too, which reads the memory from front to back. */
    private static final int STAGED = 4096;

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

    /** Rows of this run. */
    int rows;

    /** Where its first row's columns are stored, in bytes. */
    long at;

    /** Bytes from row to row. */
    long stride;

    /** The columns of each row. */
    int columns;

    /** The first activation. */
    int xAt;

    /** Where the first row's sums are to be added; the next row's are a vector on. */
    int sumsAt;

    /** The first row's first one of {@link #scales}. */
    int scalesAt;

    /** Scales from row to row, 0 where all rows share them. */
    int scaleStride;

    /** The first row's first one of {@link #pairScales}, in bytes. */
    long pairScalesAt;

    /** Bytes of {@link #pairScales} from row to row. */
    long pairScaleStride;

    /** The first one of {@link #pairZeros}, in bytes. A run has one row then. */
    long pairZerosAt;

    /** How far up in their words these are, in bits. */
    int pairZeroShift;

    private int allRows;
    private int most;
    private boolean alongRows;
    private long firstAt;
    private long partBytes;
    private Matrix matrix;
    private long matrixRow;
    private int pairScaleBytes;
    private long firstPairScale;
    private int firstX;
    private int firstSums;
    private int row;
    private int column;

    RowCursor(Workspace ws) {
        this.ws = ws;
    }

    /**
     * Begins before the first of {@code allRows} rows.
     *
     * @param chunkwise whether a chunk of all rows comes before the next one, whose activations can then stay in the
     *     first-level cache: for rows that need not be read from front to back, since they are in a cache
     * @param x activations [K] from {@code xAt} on
     * @param sums row r's vector is at {@code sumsAt + r·L}
     */
    RowCursor start(
            Matrix w, long firstRow, int allRows, boolean chunkwise, float[] x, int xAt, float[] sums, int sumsAt) {
        this.format = w.format();
        this.src = w.data();
        this.x = x;
        this.sums = sums;
        this.allRows = allRows;
        this.k = w.columns();
        this.stride = w.stride();
        this.firstX = xAt;
        this.firstAt = firstRow * stride;
        this.firstSums = sumsAt;
        this.alongRows = !chunkwise && k > VectorMatrixKernel.CHUNK;
        this.rows = 0;
        this.row = 0;
        this.column = alongRows ? -VectorMatrixKernel.CHUNK : 0;
        this.partBytes = k > VectorMatrixKernel.CHUNK ? format.bytes(VectorMatrixKernel.CHUNK) : stride;
        this.pairZeros = null;
        if (RowKernels.takesPairs(format)) {
            startPairScales(w, firstRow);
        }
        this.most = mostRows(w);
        return this;
    }

    /** Rows that can be a run. */
    private int mostRows(Matrix w) {
        if (alongRows || pairZeros != null) {
            return 1;
        }
        if (!RowKernels.unpacks(format)) {
            return allRows;
        }
        int together = RowKernels.unpacksCodes(format) ? STAGED : SCALED;
        return stride == w.rowBytes() && k <= VectorMatrixKernel.CHUNK ? Math.max(1, together / k) : 1;
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
        return scaleStride == 0 ? k : allRows * k;
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

    /** Columns of all rows of this run. */
    int unpacked() {
        return rows * columns;
    }

    /** Goes to the next run, or returns false behind the last. */
    boolean next() {
        if (alongRows) {
            column += VectorMatrixKernel.CHUNK;
            if (column >= k) {
                column = 0;
                row++;
            }
        } else {
            row += rows;
            if (row >= allRows) {
                row = 0;
                column += VectorMatrixKernel.CHUNK;
            }
        }
        if (row >= allRows || column >= k) {
            return false;
        }
        rows = Math.min(most, allRows - row);
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
        return true;
    }
}
