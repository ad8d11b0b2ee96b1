package dev.cadre.kernels;

import java.lang.foreign.MemorySegment;

/**
 * Numbers of cache rows, to and from floats. Both twins give the same bits. Memory may be mapped from a file: a fault
 * there is an {@link InternalError} that can be caught.
 */
public interface CacheRowKernel {
    /**
     * Decodes rows of e4m3 codes, each followed by a little-endian float scale for every {@code group} codes.
     *
     * @param offset of the first row; the next one is {@code rowBytes} further
     * @param n codes of a row
     * @param dst receives scale · value from {@code at} on, rows {@code stride} apart
     */
    void decodeE4m3(
            MemorySegment memory,
            long offset,
            int rows,
            int rowBytes,
            int n,
            int group,
            float[] dst,
            int at,
            int stride);

    /** Decodes n signed bytes to dst[at..at + n). */
    void decodeInt8(MemorySegment memory, long offset, int n, float[] dst, int at);

    /** Stores src[at + i] / scale as the nearest e4m3 ({@link dev.cadre.kernels.format.E4m3#encode}). */
    void encodeE4m3(float[] src, int at, int n, float scale, MemorySegment memory, long offset);

    /**
     * Decodes rows of little-endian bfloat16.
     *
     * @param offset of the first row; the next one is {@code rowBytes} further
     * @param n numbers of a row
     * @param dst receives them from {@code at} on, rows {@code stride} apart
     */
    void decodeBfloat16(
            MemorySegment memory, long offset, int rows, int rowBytes, int n, float[] dst, int at, int stride);

    /** Stores src[at + i] rounded to the nearest bfloat16, ties to even; NaN stays NaN. */
    void encodeBfloat16(float[] src, int at, int n, MemorySegment memory, long offset);
}
