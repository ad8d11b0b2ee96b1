package dev.cadre.kernels.format;

import java.lang.foreign.MemorySegment;

/**
 * Encodes floats as the blocks of one {@link BlockFormat}.
 *
 * <p>Types without a search for scales (all but the K-quants, IQ4_NL and IQ4_XS) give the bytes of
 * {@code gguf.quants.quantize}. The others minimise a weighted squared error; theirs stays within 2 % of that of ggml's
 * quantiser without an importance matrix. Encoders are stateless, thread-safe and deterministic.
 */
public interface BlockEncoder {
    /** What this encoder writes. */
    BlockFormat format();

    /**
     * Encodes {@code src[index..index + count)} to {@code dst} from byte {@code offset} on.
     *
     * <p>Values should be finite: of a block with a NaN or an infinity nothing is promised but that encoding ends.
     *
     * @param count elements, a whole number of blocks
     * @throws IllegalArgumentException if {@code count} is negative or no whole number of blocks
     * @throws IndexOutOfBoundsException if the floats or the blocks are not all within {@code src} and {@code dst}
     */
    void encode(float[] src, int index, int count, MemorySegment dst, long offset);

    /**
     * The encoder of {@code format}.
     *
     * @throws UnsupportedOperationException if there is none; see {@link #supports}
     */
    static BlockEncoder of(BlockFormat format) {
        return Encoders.of(format);
    }

    /** True if there is an encoder of {@code format}. */
    static boolean supports(BlockFormat format) {
        return Encoders.supports(format);
    }
}
