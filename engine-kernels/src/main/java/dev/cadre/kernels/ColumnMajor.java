package dev.cadre.kernels;

import dev.cadre.kernels.format.BlockCodec;
import dev.cadre.kernels.format.BlockFormat;
import java.lang.foreign.MemorySegment;

/**
 * Storage [K, N] of a matrix with N rows: what one input contributes to all outputs lies together. Element (n, k) is
 * number {@code first + k·apart + n·step} of {@code data}.
 *
 * @param format one of one-element blocks
 * @param columns K
 * @param first element (0, 0)
 * @param apart elements from a column to the next
 * @param step elements from a row to the next
 */
record ColumnMajor(MemorySegment data, BlockFormat format, int columns, long first, long apart, int step)
        implements Matrix.RowReader {
    ColumnMajor {
        data = MappedMemory.asNative(data);
    }

    /** Where element (row, 0) is stored, in bytes. */
    long offset(long row) {
        return (first + row * step) * format.blockBytes();
    }

    /** Bytes from a column to the next. */
    long stride() {
        return apart * format.blockBytes();
    }

    @Override
    public void read(long row, float[] dst, int at) {
        BlockCodec codec = BlockCodec.of(format);
        for (int k = 0; k < columns; k++) {
            codec.decode(data, offset(row) + k * stride(), dst, at + k, 1);
        }
    }
}
