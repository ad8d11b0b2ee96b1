package dev.cadre.core.cache;

import dev.cadre.core.KvPrecision;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Writes rows of floats into cache memory and reads them back, in the cache's precision. */
final class RowStore {
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.nativeOrder());
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.nativeOrder());

    private RowStore() {}

    static void write(KvPrecision precision, float[] src, int at, int n, MemorySegment memory, long offset) {
        switch (precision) {
            case F32 -> MemorySegment.copy(src, at, memory, FLOAT, offset, n);
            case BF16 -> {
                for (int i = 0; i < n; i++) {
                    memory.set(SHORT, offset + 2L * i, toBfloat16(src[at + i]));
                }
            }
        }
    }

    static void read(KvPrecision precision, MemorySegment memory, long offset, float[] dst, int at, int n) {
        switch (precision) {
            case F32 -> MemorySegment.copy(memory, FLOAT, offset, dst, at, n);
            case BF16 -> {
                for (int i = 0; i < n; i++) {
                    dst[at + i] = Float.intBitsToFloat(memory.get(SHORT, offset + 2L * i) << 16);
                }
            }
        }
    }

    /** Rounds to nearest, ties to even; NaN stays NaN. */
    static short toBfloat16(float value) {
        int bits = Float.floatToRawIntBits(value);
        if (Float.isNaN(value)) {
            return (short) ((bits >>> 16) | 0x40);
        }
        return (short) ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16);
    }
}
