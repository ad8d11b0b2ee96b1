package dev.cadre.core.cache;

import dev.cadre.core.KvPrecision;
import dev.cadre.kernels.CacheLines;
import dev.cadre.kernels.CacheRowKernel;
import dev.cadre.kernels.IndexKernel;
import dev.cadre.kernels.Kernels;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * How a page stores the index keys of its 64 positions.
 *
 * <pre>
 *   F32:   [width][64] floats
 *   BF16:  [width][64] bfloat16
 *   FP8:   [width][64] signed bytes | 64 float scales
 * </pre>
 *
 * Dimensions are outermost, since the scan reads whole pages and multiplies a dimension of many keys at a time (see
 * {@link IndexKernel}); a position is written to {@code width} places. Bytes take as much room as e4m3 codes, 132 bytes
 * for a key of GLM-5, but select better (docs/accuracy.md), and become floats in one step.
 *
 * @param precision of the cache
 * @param width dimensions of a key
 */
record IndexKeyFormat(KvPrecision precision, int width) {
    private static final int KEYS = CacheLayout.PAGE_TOKENS;
    private static final float GREATEST = 127;
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final CacheRowKernel ROWS = Kernels.lookup().cacheRows();

    /** Bytes of a page's keys. */
    long bytes() {
        return (long) KEYS * (width * numberBytes() + (hasScales() ? Float.BYTES : 0));
    }

    private int numberBytes() {
        return switch (precision) {
            case F32 -> Float.BYTES;
            case BF16 -> Short.BYTES;
            case FP8 -> 1;
        };
    }

    private boolean hasScales() {
        return precision == KvPrecision.FP8;
    }

    private long scales(long keys) {
        return keys + (long) KEYS * width;
    }

    /** Stores {@code src[at..at + width)} as the key of a slot of the page whose keys begin at {@code keys}. */
    void write(float[] src, int at, MemorySegment memory, long keys, int slot) {
        switch (precision) {
            case F32 -> {
                for (int d = 0; d < width; d++) {
                    memory.set(FLOAT, keys + 4L * (d * KEYS + slot), src[at + d]);
                }
            }
            case BF16 -> {
                for (int d = 0; d < width; d++) {
                    ROWS.encodeBfloat16(src, at + d, 1, memory, keys + 2L * (d * KEYS + slot));
                }
            }
            case FP8 -> {
                float scale = scaleFor(src, at);
                for (int d = 0; d < width; d++) {
                    memory.set(ValueLayout.JAVA_BYTE, keys + d * KEYS + slot, nearest(src[at + d] / scale));
                }
                memory.set(FLOAT, scales(keys) + 4L * slot, scale);
            }
        }
    }

    /** The scale that takes the largest number to the greatest byte; 1 for all zeros. */
    private float scaleFor(float[] x, int at) {
        float largest = 0;
        for (int i = at; i < at + width; i++) {
            largest = Math.max(largest, Math.abs(x[i]));
        }
        float scale = largest / GREATEST;
        return scale == 0 ? 1f : scale; // NaN stays NaN, and makes every score of this key NaN
    }

    /** Clamped, since the scale of the tiniest numbers is itself rounded. */
    private static byte nearest(float x) {
        return (byte) Math.rint(Math.max(-GREATEST, Math.min(GREATEST, x)));
    }

    /**
     * Reads a page's keys as a tile for {@link IndexKernel}: [width + 1, 64], whose last row is the factor of each key.
     * Slots that were never written come as they are.
     */
    void read(MemorySegment memory, long keys, float[] tile) {
        int count = KEYS * width;
        switch (precision) {
            case F32 -> MemorySegment.copy(memory, FLOAT, keys, tile, 0, count);
            case BF16 -> ROWS.decodeBfloat16(memory, keys, 1, 2 * count, count, tile, 0, count);
            case FP8 -> ROWS.decodeInt8(memory, keys, count, tile, 0);
        }
        if (hasScales()) {
            MemorySegment.copy(memory, FLOAT, scales(keys), tile, count, KEYS);
        } else {
            Arrays.fill(tile, count, count + KEYS, 1f);
        }
    }

    /** Brings a page's keys into the core's cache; see {@link CacheLines#touch}. */
    int touch(MemorySegment memory, long keys) {
        return CacheLines.touch(memory, keys, bytes());
    }

    /** Zeroes the keys from a slot on. */
    void clear(MemorySegment memory, long keys, int slot) {
        for (int d = 0; d < width; d++) {
            clear(memory, keys + (long) d * KEYS * numberBytes(), numberBytes(), slot);
        }
        if (hasScales()) {
            clear(memory, scales(keys), Float.BYTES, slot);
        }
    }

    private static void clear(MemorySegment memory, long row, int numberBytes, int slot) {
        memory.asSlice(row + (long) slot * numberBytes, (long) (KEYS - slot) * numberBytes)
                .fill((byte) 0);
    }
}
