package dev.cadre.weights.internal;

import dev.cadre.weights.CheckpointFormatException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;

/**
 * The one way to read a binary header: little-endian, and every read is first checked against the end of the file.
 *
 * <p>All errors are {@link CheckpointFormatException}s with the offset of the field.
 */
public final class Cursor {
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final Path file;
    private final MemorySegment segment;
    private final long end;
    private long position;

    /** Reads {@code segment}, the whole of {@code file}, from {@code position} on. */
    public Cursor(Path file, MemorySegment segment, long position) {
        this.file = file;
        this.segment = segment;
        this.end = segment.byteSize();
        this.position = position;
        if (position < 0 || position > end) {
            throw new IllegalArgumentException("position " + position + " of " + end);
        }
    }

    public Path file() {
        return file;
    }

    /** Offset of the next byte in the file. */
    public long position() {
        return position;
    }

    /** Bytes up to the end of the file. */
    public long remaining() {
        return end - position;
    }

    public int u8(String what) {
        return segment.get(ValueLayout.JAVA_BYTE, advance(1, what)) & 0xff;
    }

    public short i16(String what) {
        return segment.get(SHORT, advance(2, what));
    }

    public int i32(String what) {
        return segment.get(INT, advance(4, what));
    }

    public long u32(String what) {
        return i32(what) & 0xffff_ffffL;
    }

    public long i64(String what) {
        return segment.get(LONG, advance(8, what));
    }

    /**
     * An unsigned 64-bit count of things that take at least {@code leastBytes} bytes each in the rest of the file.
     *
     * @return the count, which is at most {@code limit} and fits the rest of the file
     */
    public long count(String what, long leastBytes, long limit) {
        long at = position;
        long count = i64(what);
        long fitting = remaining() / leastBytes;
        if (count < 0 || count > fitting) {
            throw error(
                    at,
                    null,
                    what + " is " + Long.toUnsignedString(count) + ", but the " + remaining()
                            + " bytes that follow hold at most " + fitting + " (truncated or corrupt file?)");
        }
        if (count > limit) {
            throw error(at, null, what + " is " + count + ", the limit is " + limit);
        }
        return count;
    }

    /** A u64 length and as many bytes of UTF-8. */
    public String string(String what, long limit) {
        long at = position;
        long length = length(what, limit);
        byte[] bytes = new byte[(int) length];
        MemorySegment.copy(segment, ValueLayout.JAVA_BYTE, advance(length, what), bytes, 0, bytes.length);
        String text = Utf8.decode(bytes);
        if (text == null) {
            throw error(at + 8, null, what + " is not valid UTF-8");
        }
        return text;
    }

    /** Steps over a u64 length and as many bytes. */
    public void skipString(String what, long limit) {
        skip(length(what, limit), what);
    }

    /** A vocabulary has some 500,000 lengths, so the text for an error is made only where there is one. */
    private long length(String what, long limit) {
        if (remaining() >= 8) {
            long length = segment.get(LONG, position);
            if (length >= 0 && length <= remaining() - 8 && length <= limit) {
                position += 8;
                return length;
            }
        }
        return count("length of " + what, 1, limit);
    }

    /** Steps over {@code bytes} bytes that must be there. */
    public void skip(long bytes, String what) {
        advance(bytes, what);
    }

    private long advance(long bytes, String what) {
        long at = position;
        if (bytes < 0 || bytes > end - at) {
            throw error(
                    at,
                    null,
                    what + " takes " + bytes + " bytes, but the file ends after " + (end - at)
                            + " more (truncated download?)");
        }
        position = at + bytes;
        return at;
    }

    /** An error at {@code offset} of this file. */
    public CheckpointFormatException error(long offset, String item, String problem) {
        return new CheckpointFormatException(file, offset, item, problem);
    }
}
