package dev.cadre.core.saved;

import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;

/** The sum at the end of a block, which covers the block's number and content. */
final class Blocks {
    private Blocks() {}

    /** The checksum of the bytes from 0 to the buffer's limit. */
    static int checksum(long number, ByteBuffer content) {
        CRC32C sum = new CRC32C();
        sum.update(ByteBuffer.allocate(8)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(number)
                .flip());
        sum.update(content.duplicate().position(0));
        return (int) sum.getValue();
    }

    /** A buffer for blocks of this content and their checksum, which lives as long as {@code arena}. */
    static ByteBuffer buffer(Arena arena, long contentBytes) {
        int bytes = Math.toIntExact(contentBytes + SessionHeader.CHECKSUM_BYTES);
        return arena.allocate(bytes, 64).asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    }
}
