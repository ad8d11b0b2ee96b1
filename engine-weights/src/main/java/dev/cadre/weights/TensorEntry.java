package dev.cadre.weights;

import dev.cadre.kernels.format.BlockFormat;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Objects;

/**
 * One tensor of a checkpoint, as its file stores it.
 *
 * @param name the name in the file
 * @param format how its rows are stored
 * @param shape dimensions, outermost first (the reverse of GGUF's order); empty for a scalar. Not shared
 * @param file the file that holds it
 * @param offset where its data starts in that file, in bytes
 * @param bytes size of its data
 * @param data its data, mapped and read-only; closed with the checkpoint
 */
public record TensorEntry(
        String name, BlockFormat format, long[] shape, Path file, long offset, long bytes, MemorySegment data) {
    public TensorEntry {
        Objects.requireNonNull(name);
        Objects.requireNonNull(format);
        Objects.requireNonNull(file);
        shape = shape.clone();
        if (data.byteSize() != bytes) {
            throw new IllegalArgumentException(name + ": " + bytes + " bytes but a segment of " + data.byteSize());
        }
    }

    @Override
    public long[] shape() {
        return shape.clone();
    }

    /** Product of all dimensions; 1 for a scalar. */
    public long elements() {
        return Math.multiplyExact(rows(), columns());
    }

    /** Product of all dimensions but the last. */
    public long rows() {
        long rows = 1;
        for (int i = 0; i < shape.length - 1; i++) {
            rows = Math.multiplyExact(rows, shape[i]);
        }
        return rows;
    }

    /** The last dimension; 1 for a scalar. */
    public long columns() {
        return shape.length == 0 ? 1 : shape[shape.length - 1];
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof TensorEntry that
                && name.equals(that.name)
                && format == that.format
                && Arrays.equals(shape, that.shape)
                && file.equals(that.file)
                && offset == that.offset
                && bytes == that.bytes
                && data.equals(that.data);
    }

    @Override
    public int hashCode() {
        return Objects.hash(name, file, offset);
    }

    /** Name, format, shape and place, for messages. */
    @Override
    public String toString() {
        return name + " " + format + " " + Arrays.toString(shape) + " at " + offset + " of " + file;
    }
}
