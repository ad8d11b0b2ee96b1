package dev.cadre.kernels;

import dev.cadre.kernels.format.Bfloat16;
import dev.cadre.kernels.format.E4m3;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** The reference of {@link CacheRowKernel}. */
final class ScalarCacheRows implements CacheRowKernel {
    static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    @Override
    public void decodeE4m3(
            MemorySegment memory,
            long offset,
            int rows,
            int rowBytes,
            int n,
            int group,
            float[] dst,
            int at,
            int stride) {
        for (int r = 0; r < rows; r++) {
            long row = offset + (long) r * rowBytes;
            for (int from = 0; from < n; from += group) {
                float scale = memory.get(FLOAT, scaleAt(row, n, group, from));
                decodeE4m3(memory, row, from, Math.min(n, from + group), scale, dst, at + r * stride);
            }
        }
    }

    /** Where the scale of the group that begins at code {@code from} is. */
    static long scaleAt(long row, int n, int group, int from) {
        return row + n + 4L * (from / group);
    }

    /** Codes [from, to) of one row. */
    static void decodeE4m3(MemorySegment memory, long row, int from, int to, float scale, float[] dst, int at) {
        for (int i = from; i < to; i++) {
            dst[at + i] = scale * E4m3.decode(memory.get(ValueLayout.JAVA_BYTE, row + i));
        }
    }

    @Override
    public void decodeInt8(MemorySegment memory, long offset, int n, float[] dst, int at) {
        decodeInt8(memory, offset, 0, n, dst, at);
    }

    /** Bytes [from, to). */
    static void decodeInt8(MemorySegment memory, long offset, int from, int to, float[] dst, int at) {
        for (int i = from; i < to; i++) {
            dst[at + i] = memory.get(ValueLayout.JAVA_BYTE, offset + i);
        }
    }

    @Override
    public void encodeE4m3(float[] src, int at, int n, float scale, MemorySegment memory, long offset) {
        encodeE4m3(src, at, 0, n, scale, memory, offset);
    }

    static void encodeE4m3(float[] src, int at, int from, int n, float scale, MemorySegment memory, long offset) {
        for (int i = from; i < n; i++) {
            memory.set(ValueLayout.JAVA_BYTE, offset + i, E4m3.encode(src[at + i] / scale));
        }
    }

    @Override
    public void decodeBfloat16(
            MemorySegment memory, long offset, int rows, int rowBytes, int n, float[] dst, int at, int stride) {
        for (int r = 0; r < rows; r++) {
            decodeBfloat16(memory, offset + (long) r * rowBytes, 0, n, dst, at + r * stride);
        }
    }

    /** Numbers [from, to) of one row. */
    static void decodeBfloat16(MemorySegment memory, long row, int from, int to, float[] dst, int at) {
        for (int i = from; i < to; i++) {
            dst[at + i] = Bfloat16.decode(memory.get(SHORT, row + 2L * i));
        }
    }

    @Override
    public void encodeBfloat16(float[] src, int at, int n, MemorySegment memory, long offset) {
        encodeBfloat16(src, at, 0, n, memory, offset);
    }

    static void encodeBfloat16(float[] src, int at, int from, int n, MemorySegment memory, long offset) {
        for (int i = from; i < n; i++) {
            memory.set(SHORT, offset + 2L * i, Bfloat16.encode(src[at + i]));
        }
    }
}
