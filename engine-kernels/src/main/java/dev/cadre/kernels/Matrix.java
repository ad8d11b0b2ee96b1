package dev.cadre.kernels;

import dev.cadre.kernels.format.Bfloat16;
import dev.cadre.kernels.format.BlockFormat;
import dev.cadre.kernels.format.E8m0;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Objects;

/**
 * A weight matrix [rows, columns] in row-major order, as its file stores it.
 *
 * <p>A matrix is a view: it neither owns nor copies its memory. Every row is a whole number of blocks; a product reads
 * it as y[n] = Σ_k w[n, k]·x[k], so rows are outputs and columns are inputs.
 */
public final class Matrix {
    private final BlockFormat format;
    private final long rows;
    private final int columns;
    private final long rowBytes;
    private final MemorySegment data;
    private final Scales scales;
    private final RowReader reader;
    private final long firstRow;
    private final int rowStep;

    private Matrix(
            BlockFormat format,
            long rows,
            int columns,
            long rowBytes,
            MemorySegment data,
            Scales scales,
            RowReader reader,
            long firstRow,
            int rowStep) {
        this.format = format;
        this.rows = rows;
        this.columns = columns;
        this.rowBytes = rowBytes;
        this.data = data == null ? null : MappedMemory.asNative(data);
        this.scales = scales;
        this.reader = reader;
        this.firstRow = firstRow;
        this.rowStep = rowStep;
    }

    /**
     * A matrix over the first {@code rows · bytes(columns)} bytes of {@code data}.
     *
     * @throws IllegalArgumentException if {@code columns} is no whole number of blocks or {@code data} is too small
     */
    public static Matrix of(BlockFormat format, long rows, long columns, MemorySegment data) {
        return of(format, rows, columns, data, null);
    }

    /**
     * A matrix whose stored values are multiplied by separate scales, as FP8 checkpoints have them.
     *
     * @param scales the scales, or null for none
     */
    public static Matrix of(BlockFormat format, long rows, long columns, MemorySegment data, Scales scales) {
        Objects.requireNonNull(format);
        if (rows < 0 || columns < 0 || columns > Integer.MAX_VALUE - 64) {
            throw new IllegalArgumentException("shape [" + rows + ", " + columns + "] is out of range");
        }
        long rowBytes = format.bytes(columns);
        long bytes = Math.multiplyExact(rows, rowBytes);
        if (data.byteSize() < bytes) {
            throw new IllegalArgumentException("[" + rows + ", " + columns + "] " + format + " takes " + bytes
                    + " bytes, the segment has " + data.byteSize());
        }
        return new Matrix(format, rows, (int) columns, rowBytes, data, scales, null, 0, 1);
    }

    /**
     * A matrix whose rows only its reader knows how to find and decode, such as values spread over several tensors.
     * Slower than blocks in a row, and right for all of them.
     *
     * @param rowBytes stored bytes of one row, for statistics
     */
    public static Matrix of(long rows, long columns, long rowBytes, RowReader reader) {
        if (rows < 0 || columns < 0 || columns > Integer.MAX_VALUE - 64) {
            throw new IllegalArgumentException("shape [" + rows + ", " + columns + "] is out of range");
        }
        Objects.requireNonNull(reader);
        return new Matrix(BlockFormat.F32, rows, (int) columns, rowBytes, null, null, reader, 0, 1);
    }

    /**
     * A matrix that is stored the other way round, [columns, rows of all]: element (n, k) is number
     * {@code first + k·apart + n·step} of {@code data}.
     *
     * @param format one of single elements
     * @param apart elements from a column to the next
     * @param step elements from a row to the next
     * @throws IllegalArgumentException if {@code format} has blocks of more than one element or {@code data} is too
     *     small
     */
    public static Matrix ofColumns(
            BlockFormat format, long rows, long columns, MemorySegment data, long first, long apart, int step) {
        if (format.blockElements() != 1 || first < 0 || apart < 1 || step < 1) {
            throw new IllegalArgumentException(
                    "elements of " + format + " from " + first + " on, " + apart + " and " + step + " apart");
        }
        Matrix matrix = of(
                rows, columns, format.bytes(columns), new ColumnMajor(data, format, (int) columns, first, apart, step));
        long elements = rows == 0 || columns == 0
                ? 0
                : Math.addExact(first + 1, Math.multiplyExact(columns - 1, apart) + (rows - 1) * step);
        if (data.byteSize() < format.bytes(elements)) {
            throw new IllegalArgumentException("[" + columns + ", " + rows + "] " + format + " takes "
                    + format.bytes(elements) + " bytes, the segment has " + data.byteSize());
        }
        return matrix;
    }

    /** Decodes rows of a matrix that is not stored as blocks in a row. Called by many threads at once. */
    @FunctionalInterface
    public interface RowReader {
        /** Decodes a row of K elements to {@code dst[at..at + K)}. */
        void read(long row, float[] dst, int at);
    }

    /** The {@code count} rows from {@code from} on, as a view. */
    public Matrix rows(long from, long count) {
        return rows(from, count, 1);
    }

    /**
     * The {@code count} rows {@code from}, {@code from + step}, …, as a view: what takes turns with other rows.
     *
     * @param step at least 1
     */
    public Matrix rows(long from, long count, int step) {
        long end = count == 0 ? from : from + (count - 1) * step + 1;
        Objects.checkFromToIndex(from, end, rows);
        long at = offset(from, 0);
        MemorySegment part =
                data == null ? null : data.asSlice(at, count == 0 ? 0 : offset(end - 1, 0) + rowBytes - at);
        return new Matrix(
                format,
                count,
                columns,
                rowBytes,
                part,
                scales,
                reader,
                storedRow(from),
                Math.multiplyExact(rowStep, step));
    }

    public BlockFormat format() {
        return format;
    }

    /** Output dimension N. */
    public long rows() {
        return rows;
    }

    /** Inner dimension K. */
    public int columns() {
        return columns;
    }

    public long rowBytes() {
        return rowBytes;
    }

    /** Bytes that one product reads: blocks and scales. */
    public long bytes() {
        return rows * rowBytes + (scales == null ? 0 : scales.bytes(rows, columns));
    }

    public MemorySegment data() {
        return data;
    }

    /** Byte offset of {@code column} (a block boundary) of {@code row} in {@link #data()}. */
    long offset(long row, int column) {
        return row * stride() + (long) (column / format.blockElements()) * format.blockBytes();
    }

    /** The reader of rows, or null where rows are blocks in {@link #data()}. */
    RowReader reader() {
        return reader;
    }

    /** The separate scales, or null. */
    Scales scales() {
        return scales;
    }

    /** Bytes from a row to the next: more than {@link #rowBytes()} where others lie between. */
    long stride() {
        return rowStep * rowBytes;
    }

    /** How many rows, from {@code row} on, have the same separate scales or none. */
    long rowsScaledAlike(long row) {
        long left = rows - row;
        if (scales == null) {
            return left;
        }
        long alike = scales.tileRows() - storedRow(row) % scales.tileRows(); // of stored rows
        return Math.min(left, (alike + rowStep - 1) / rowStep);
    }

    /** The row of the whole matrix that a row of this view is: scales and readers count those. */
    long storedRow(long row) {
        return firstRow + row * rowStep;
    }

    @Override
    public String toString() {
        return "[" + rows + ", " + columns + "] " + format;
    }

    /**
     * Scales kept apart from the values: one factor for each tile of {@code tileRows} x {@code tileColumns} elements,
     * tiles at the edges possibly partial. Per-channel scales are tiles of one row, a per-tensor scale is one tile.
     *
     * @param values factors [ceil(rows / tileRows), tilesPerRow], row-major, mapped as they are stored
     * @param format how a factor is stored: F32, BF16, F16 or F8_E8M0
     * @param tileRows rows of one tile
     * @param tileColumns columns of one tile
     * @param tilesPerRow tiles that a row crosses
     * @param zeroPoints what is taken from {@link BlockFormat#INT4_PAIRS} instead of 8, as words [ceil(rows / 8),
     *     tilesPerRow] with four bits for each of eight rows, the first one's lowest; null for none
     */
    public record Scales(
            MemorySegment values,
            BlockFormat format,
            long tileRows,
            int tileColumns,
            int tilesPerRow,
            MemorySegment zeroPoints) {
        private static final ValueLayout.OfFloat FLOAT =
                ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
        private static final ValueLayout.OfInt WORD = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
        private static final ValueLayout.OfShort SHORT =
                ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

        public Scales {
            values = MappedMemory.asNative(values);
            zeroPoints = zeroPoints == null ? null : MappedMemory.asNative(zeroPoints);
            if (tileRows <= 0 || tileColumns <= 0 || tilesPerRow <= 0) {
                throw new IllegalArgumentException("empty scale tile " + tileRows + " x " + tileColumns);
            }
        }

        /** Scales without zero points. */
        public Scales(MemorySegment values, BlockFormat format, long tileRows, int tileColumns, int tilesPerRow) {
            this(values, format, tileRows, tileColumns, tilesPerRow, null);
        }

        /** Where the factor of the tile at matrix element (row, column) is stored, in bytes. */
        long offset(long row, int column) {
            return format.bytes(tile(row, column));
        }

        /** The factor of the tile at matrix element (row, column). */
        float at(long row, int column) {
            return factor(tile(row, column));
        }

        /** Where the word with the zero point of the group at matrix element (row, column) is stored, in bytes. */
        long zeroPointOffset(long row, int column) {
            return Integer.BYTES * (row / 8 * tilesPerRow + column / tileColumns);
        }

        /** How far up in that word it is, in bits. */
        static int zeroPointShift(long row) {
            return 4 * (int) (row % 8);
        }

        /** The zero point of the group at matrix element (row, column). */
        int zeroPoint(long row, int column) {
            return zeroPoints.get(WORD, zeroPointOffset(row, column)) >>> zeroPointShift(row) & 15;
        }

        private long tile(long row, int column) {
            return row / tileRows * tilesPerRow + column / tileColumns;
        }

        /** The factors at {@code count} columns of a row, from {@code column} on, {@code step} apart, times a unit. */
        void at(long row, int column, int step, int count, float unit, float[] dst, int to) {
            long first = row / tileRows * tilesPerRow;
            for (int n = 0; n < count; ) {
                int tile = (column + step * n) / tileColumns;
                long end = ((tile + 1L) * tileColumns - column + step - 1) / step; // of those in this tile
                int next = (int) Math.min(count, end);
                Arrays.fill(dst, to + n, to + next, unit * factor(first + tile));
                n = next;
            }
        }

        private float factor(long index) {
            return switch (format) {
                case F32 -> values.get(FLOAT, 4 * index);
                case BF16 -> Bfloat16.decode(values.get(SHORT, 2 * index));
                case F16 -> Float.float16ToFloat(values.get(SHORT, 2 * index));
                case F8_E8M0, U8 -> E8m0.decode(values.get(ValueLayout.JAVA_BYTE, index));
                default -> throw new IllegalStateException("scales cannot be " + format);
            };
        }

        long bytes(long rows, long columns) {
            long tiles = ((rows + tileRows - 1) / tileRows) * ((columns + tileColumns - 1) / tileColumns);
            long words = zeroPoints == null ? 0 : (rows + 7) / 8 * ((columns + tileColumns - 1) / tileColumns);
            return format.bytes(tiles) + Integer.BYTES * words;
        }
    }
}
