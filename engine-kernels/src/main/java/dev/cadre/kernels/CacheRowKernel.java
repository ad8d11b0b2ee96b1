package dev.cadre.kernels;

import java.lang.foreign.MemorySegment;

/**
 * Numbers of cache rows, to and from floats. Both twins give the same bits. Memory may be mapped from a file: a fault
 * there is an {@link InternalError} that can be caught.
 */
public interface CacheRowKernel {
    /** dst[at + i] = scale · the e4m3 at {@code offset + i}, for n of them. */
    void decodeE4m3(MemorySegment memory, long offset, int n, float scale, float[] dst, int at);

    /** Stores src[at + i] / scale as the nearest e4m3 ({@link dev.cadre.kernels.format.E4m3#encode}). */
    void encodeE4m3(float[] src, int at, int n, float scale, MemorySegment memory, long offset);

    /** dst[at + i] = the little-endian bfloat16 at {@code offset + 2i}, for n of them. */
    void decodeBfloat16(MemorySegment memory, long offset, int n, float[] dst, int at);

    /** Stores src[at + i] rounded to the nearest bfloat16, ties to even; NaN stays NaN. */
    void encodeBfloat16(float[] src, int at, int n, MemorySegment memory, long offset);
}
