package dev.cadre.kernels.format;

import java.lang.foreign.MemorySegment;

/**
 * Decodes the blocks of one {@link BlockFormat} into floats: the reference that every faster decoder must equal bit
 * for bit.
 *
 * <p>Values are those of {@code gguf.quants.dequantize} of the {@code gguf} Python package, same operations in the same
 * order, so also the same rounding, and on x86-64 the same payloads of NaN. Codecs are stateless and thread-safe. They
 * read by scalar accesses only: clear before fast.
 */
public interface BlockCodec {
    /** What this codec decodes. */
    BlockFormat format();

    /**
     * Decodes {@code count} consecutive elements to {@code dst[dstIndex..dstIndex + count)}.
     *
     * <p>Integers and F64 become the nearest float.
     *
     * @param src holds the blocks, little-endian, without any alignment
     * @param byteOffset where the first block starts in {@code src}
     * @param count elements, a whole number of blocks
     * @throws IllegalArgumentException if {@code count} is negative or no whole number of blocks
     * @throws IndexOutOfBoundsException if the blocks or the floats are not all within {@code src} and {@code dst}
     */
    void decode(MemorySegment src, long byteOffset, float[] dst, int dstIndex, int count);

    /**
     * The codec of {@code format}.
     *
     * @throws UnsupportedOperationException if its blocks cannot be decoded without a second tensor
     */
    static BlockCodec of(BlockFormat format) {
        return Codecs.of(format);
    }
}
