package dev.cadre.kernels;

import dev.cadre.kernels.format.E4m3;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** The reference of {@link CacheRowKernel}. */
final class ScalarCacheRows implements CacheRowKernel {
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    @Override
    public void decodeE4m3(MemorySegment memory, long offset, int n, float scale, float[] dst, int at) {
        decodeE4m3(memory, offset, 0, n, scale, dst, at);
    }

    static void decodeE4m3(MemorySegment memory, long offset, int from, int n, float scale, float[] dst, int at) {
        for (int i = from; i < n; i++) {
            dst[at + i] = scale * E4m3.decode(memory.get(ValueLayout.JAVA_BYTE, offset + i));
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
    public void decodeBfloat16(MemorySegment memory, long offset, int n, float[] dst, int at) {
        decodeBfloat16(memory, offset, 0, n, dst, at);
    }

    static void decodeBfloat16(MemorySegment memory, long offset, int from, int n, float[] dst, int at) {
        for (int i = from; i < n; i++) {
            dst[at + i] = Float.intBitsToFloat(memory.get(SHORT, offset + 2L * i) << 16);
        }
    }

    @Override
    public void encodeBfloat16(float[] src, int at, int n, MemorySegment memory, long offset) {
        encodeBfloat16(src, at, 0, n, memory, offset);
    }

    static void encodeBfloat16(float[] src, int at, int from, int n, MemorySegment memory, long offset) {
        for (int i = from; i < n; i++) {
            memory.set(SHORT, offset + 2L * i, toBfloat16(src[at + i]));
        }
    }

    private static short toBfloat16(float value) {
        int bits = Float.floatToRawIntBits(value);
        if (Float.isNaN(value)) {
            return (short) ((bits >>> 16) | 0x40);
        }
        return (short) ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16);
    }
}
