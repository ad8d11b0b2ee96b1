package dev.cadre.weights;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import org.slf4j.LoggerFactory;

/**
 * Writes float32 arrays as NumPy files (format 1.0, little-endian, C order). A file gets its name when it is whole; an
 * existing one is replaced.
 */
public final class NpyWriter {
    private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
    /** Magic, header length and header together are a multiple of this. */
    private static final int HEADER_UNIT = 64;

    private static final int BUFFER_BYTES = 1 << 20;

    private NpyWriter() {}

    /**
     * Writes a weight of a checkpoint, decoded, row by row.
     *
     * @throws CheckpointIOException if writing fails
     */
    public static void write(StoredTensor tensor, Path target) {
        write(tensor.shape(), (first, count, dst) -> tensor.decodeRow(first, dst, 0), target);
    }

    /**
     * Writes an array.
     *
     * @param shape dimensions, outermost first; their product is the length of {@code values}
     * @throws CheckpointIOException if writing fails
     */
    public static void write(float[] values, long[] shape, Path target) {
        long elements = 1;
        for (long dimension : shape) {
            elements = Math.multiplyExact(elements, dimension);
        }
        if (elements != values.length) {
            throw new IllegalArgumentException(values.length + " values for a shape of " + elements);
        }
        int columns = columns(shape);
        write(
                shape,
                (first, count, dst) -> System.arraycopy(values, Math.toIntExact(first * columns), dst, 0, columns),
                target);
    }

    private static int columns(long[] shape) {
        return shape.length == 0 ? 1 : Math.toIntExact(shape[shape.length - 1]);
    }

    /**
     * Writes an array that is computed while it is written.
     *
     * @param shape dimensions, outermost first
     * @param rows asked for one row of the last dimension at a time, in order
     * @throws CheckpointIOException if writing fails; no file is left then
     */
    public static void write(long[] shape, RowSource rows, Path target) {
        int columns = columns(shape);
        long rowCount = 1;
        for (int i = 0; i < shape.length - 1; i++) {
            rowCount *= shape[i];
        }
        Path partial = target.resolveSibling(target.getFileName() + ".partial");
        try {
            try (FileChannel channel = FileChannel.open(
                    partial,
                    StandardOpenOption.CREATE,
                    StandardOpenOption.TRUNCATE_EXISTING,
                    StandardOpenOption.WRITE)) {
                writeFully(channel, ByteBuffer.wrap(header(shape)));
                float[] row = new float[columns];
                ByteBuffer buffer = ByteBuffer.allocate(BUFFER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
                for (long r = 0; r < rowCount; r++) {
                    rows.rows(r, 1, row);
                    for (float value : row) {
                        buffer.putFloat(value);
                        if (!buffer.hasRemaining()) {
                            writeFully(channel, buffer.flip());
                            buffer.clear();
                        }
                    }
                }
                writeFully(channel, buffer.flip());
                channel.force(true);
            }
            Files.move(partial, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw new CheckpointIOException(target, "cannot be written: " + e.getMessage(), e);
        } catch (InternalError e) {
            throw new CheckpointIOException(target, "its source changed while it was read", e);
        } finally {
            deleteLeftover(partial);
        }
    }

    private static void deleteLeftover(Path partial) {
        try {
            Files.deleteIfExists(partial);
        } catch (IOException e) {
            LoggerFactory.getLogger(NpyWriter.class).warn("{} could not be deleted: {}", partial, e.toString());
        }
    }

    private static void writeFully(FileChannel channel, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    private static byte[] header(long[] shape) {
        StringBuilder tuple = new StringBuilder("(");
        for (long dimension : shape) {
            tuple.append(dimension).append(", ");
        }
        if (shape.length > 1) {
            tuple.setLength(tuple.length() - 2);
        } else if (shape.length == 1) {
            tuple.setLength(tuple.length() - 1);
        }
        String text = "{'descr': '<f4', 'fortran_order': False, 'shape': " + tuple + "), }";
        int unpadded = MAGIC.length + 2 + text.length() + 1;
        text += " ".repeat(Math.floorMod(-unpadded, HEADER_UNIT)) + "\n";
        return ByteBuffer.allocate(MAGIC.length + 2 + text.length())
                .order(ByteOrder.LITTLE_ENDIAN)
                .put(MAGIC)
                .putShort((short) text.length())
                .put(text.getBytes(StandardCharsets.US_ASCII))
                .array();
    }
}
