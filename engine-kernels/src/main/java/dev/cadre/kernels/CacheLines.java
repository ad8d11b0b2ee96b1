package dev.cadre.kernels;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Brings memory into the core's cache by reading a byte of every line. Nothing but these reads stands between one line
 * and the next, so that the core waits for many of them at once; decoding, with its work for each line, would wait for
 * few.
 */
public final class CacheLines {
    private static final int LINE = 64;

    /** Places to read from at once where a stretch stands alone, so that several lines are waited for at once. */
    private static final int PLACES = 4;

    private CacheLines() {}

    /**
     * Reads a byte of every line of [from, from + bytes), which does not follow what was read before.
     *
     * @param bytes fewer than 2^31
     * @return something made of the bytes, to be kept, or the compiler drops the reads
     */
    public static int touch(MemorySegment memory, long from, long bytes) {
        int all = 0;
        int size = Math.toIntExact(bytes);
        int part = size / PLACES / LINE * LINE;
        int step = OpaqueStep.of(LINE);
        for (int i = 0; i < part; i += step) {
            for (int place = 0; place < PLACES; place++) {
                all ^= memory.get(ValueLayout.JAVA_BYTE, from + i + (long) place * part);
            }
        }
        return all ^ touchNext(memory, from + PLACES * part, size - PLACES * part);
    }

    /** As {@link #touch}, of what follows the bytes read before: from front to back, as the hardware reads ahead. */
    public static int touchNext(MemorySegment memory, long from, long bytes) {
        int all = 0;
        int size = Math.toIntExact(bytes);
        int step = OpaqueStep.of(LINE);
        for (int i = 0; i < size; i += step) {
            all ^= memory.get(ValueLayout.JAVA_BYTE, from + i);
        }
        return all;
    }
}
