package dev.cadre.core.cache;

import dev.cadre.core.KvPrecision;
import dev.cadre.kernels.CacheRowKernel;
import dev.cadre.kernels.Kernels;
import dev.cadre.kernels.format.E4m3;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * How one row of a cache is stored; index keys have a format of their own ({@link IndexKeyFormat}).
 *
 * <pre>
 *   F32:   width floats
 *   BF16:  width bfloat16
 *   FP8:   (width - tail) e4m3 | a float scale for each 128 of them | tail bfloat16
 * </pre>
 *
 * At GLM-5's sizes a latent row in FP8 takes 512 + 16 + 128 = 656 bytes, as FlashMLA lays it out.
 *
 * @param precision of the row
 * @param width numbers in a row
 * @param tail numbers at its end that FP8 keeps in bfloat16: rotated keys, which tolerate no coarse rounding
 */
record RowFormat(KvPrecision precision, int width, int tail) {
    /** Numbers that share one scale in FP8. */
    static final int GROUP = 128;

    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final CacheRowKernel ROWS = Kernels.lookup().cacheRows();

    /** Bytes of one row. */
    int bytes() {
        return switch (precision) {
            case F32 -> 4 * width;
            case BF16 -> 2 * width;
            case FP8 -> coarse() + 4 * groups() + 2 * tail;
        };
    }

    private int coarse() {
        return width - tail;
    }

    private int groups() {
        return (coarse() + GROUP - 1) / GROUP;
    }

    /** Stores {@code src[at..at + width)} at {@code offset}. */
    void write(float[] src, int at, MemorySegment memory, long offset) {
        switch (precision) {
            case F32 -> MemorySegment.copy(src, at, memory, FLOAT, offset, width);
            case BF16 -> ROWS.encodeBfloat16(src, at, width, memory, offset);
            case FP8 -> {
                long scales = offset + coarse();
                for (int g = 0; g < groups(); g++) {
                    int from = g * GROUP;
                    int to = Math.min(coarse(), from + GROUP);
                    float scale = E4m3.scaleFor(src, at + from, to - from);
                    memory.set(FLOAT, scales + 4L * g, scale);
                    ROWS.encodeE4m3(src, at + from, to - from, scale, memory, offset + from);
                }
                ROWS.encodeBfloat16(src, at + coarse(), tail, memory, scales + 4L * groups());
            }
        }
    }

    /** Reads {@code count} rows that lie one after the other to {@code dst[at..at + count · width)}. */
    void read(MemorySegment memory, long offset, int count, float[] dst, int at) {
        switch (precision) {
            case F32 -> MemorySegment.copy(memory, FLOAT, offset, dst, at, count * width);
            case BF16 -> ROWS.decodeBfloat16(memory, offset, count, bytes(), width, dst, at, width);
            case FP8 -> {
                ROWS.decodeE4m3(memory, offset, count, bytes(), coarse(), GROUP, dst, at, width);
                if (tail > 0) {
                    long tails = offset + coarse() + 4L * groups();
                    ROWS.decodeBfloat16(memory, tails, count, bytes(), tail, dst, at + coarse(), width);
                }
            }
        }
    }
}
