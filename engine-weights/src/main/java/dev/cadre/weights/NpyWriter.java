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
import java.util.Arrays;
import java.util.stream.Collectors;

/**
 * Writes a float32 array in NumPy's format (version 1.0, C order), piece by piece. The file appears under its name when
 * {@link #finish} has written it all; before, it has a temporary name beside it.
 */
public final class NpyWriter implements AutoCloseable {
    private static final int HEADER_ALIGNMENT = 64;

    private final Path target;
    private final Path temporary;
    private final FileChannel channel;
    private final long elements;
    private final ByteBuffer buffer = ByteBuffer.allocate(1 << 16).order(ByteOrder.LITTLE_ENDIAN);
    private long written;
    private boolean finished;

    private NpyWriter(Path target, Path temporary, FileChannel channel, long elements) {
        this.target = target;
        this.temporary = temporary;
        this.channel = channel;
        this.elements = elements;
    }

    /**
     * Begins a file.
     *
     * @param shape dimensions, outermost first
     * @throws CheckpointIOException if the file cannot be created
     */
    public static NpyWriter create(Path target, long... shape) {
        long elements = Arrays.stream(shape).reduce(1, Math::multiplyExact);
        Path absolute = target.toAbsolutePath();
        Path temporary = absolute.resolveSibling(absolute.getFileName() + ".partial");
        try {
            FileChannel channel = FileChannel.open(
                    temporary,
                    StandardOpenOption.CREATE,
                    StandardOpenOption.TRUNCATE_EXISTING,
                    StandardOpenOption.WRITE);
            NpyWriter writer = new NpyWriter(absolute, temporary, channel, elements);
            writer.buffer.put(header(shape));
            return writer;
        } catch (IOException e) {
            throw new CheckpointIOException(target, "cannot be created: " + e, e);
        }
    }

    private static byte[] header(long[] shape) {
        String dims = Arrays.stream(shape).mapToObj(Long::toString).collect(Collectors.joining(", "));
        String text =
                "{'descr': '<f4', 'fortran_order': False, 'shape': (" + dims + (shape.length == 1 ? "," : "") + "), }";
        int length = (10 + text.length() + 1 + HEADER_ALIGNMENT - 1) / HEADER_ALIGNMENT * HEADER_ALIGNMENT;
        ByteBuffer bytes = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.put((byte) 0x93)
                .put("NUMPY".getBytes(StandardCharsets.US_ASCII))
                .put((byte) 1)
                .put((byte) 0);
        bytes.putShort((short) (length - 10)).put(text.getBytes(StandardCharsets.US_ASCII));
        while (bytes.position() < length - 1) {
            bytes.put((byte) ' ');
        }
        return bytes.put((byte) '\n').array();
    }

    /**
     * Appends values.
     *
     * @throws CheckpointIOException if they cannot be written, as on a full disk
     */
    public void write(float[] values, int from, int count) {
        for (int i = from; i < from + count; i++) {
            if (buffer.remaining() < Float.BYTES) {
                flush();
            }
            buffer.putFloat(values[i]);
        }
        written += count;
    }

    private void flush() {
        try {
            buffer.flip();
            while (buffer.hasRemaining()) {
                channel.write(buffer);
            }
            buffer.clear();
        } catch (IOException e) {
            throw new CheckpointIOException(target, "cannot be written: " + e, e);
        }
    }

    /**
     * Writes what is left and gives the file its name.
     *
     * @throws IllegalStateException if fewer or more values came than the shape has
     */
    public void finish() {
        if (written != elements) {
            throw new IllegalStateException(written + " values were written, the shape has " + elements);
        }
        flush();
        try {
            channel.force(true);
            channel.close();
            Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            finished = true;
        } catch (IOException e) {
            throw new CheckpointIOException(target, "cannot be written: " + e, e);
        }
    }

    /** Without {@link #finish} before it, removes the unfinished file. */
    @Override
    public void close() {
        if (finished) {
            return;
        }
        try {
            channel.close();
            Files.deleteIfExists(temporary);
        } catch (IOException e) {
            throw new CheckpointIOException(temporary, "cannot be removed: " + e, e);
        }
    }
}
