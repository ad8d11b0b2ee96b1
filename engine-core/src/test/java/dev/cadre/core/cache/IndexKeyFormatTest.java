package dev.cadre.core.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cadre.core.KvPrecision;
import dev.cadre.kernels.IndexKernel;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class IndexKeyFormatTest {
    private static final int KEYS = IndexKernel.KEYS;
    private static final int BASE = 6; // keys begin anywhere in a page

    private final Random random = new Random(8);

    private float[] keys(int count, int width) {
        float[] keys = new float[count * width];
        for (int i = 0; i < keys.length; i++) {
            keys[i] = (float) (random.nextGaussian() * Math.exp(2 * random.nextGaussian()));
        }
        return keys;
    }

    private static float[] readBack(IndexKeyFormat format, MemorySegment memory) {
        float[] tile = new float[IndexKernel.tileSize(format.width())];
        format.read(memory, BASE, tile);
        float[] keys = new float[KEYS * format.width()];
        for (int i = 0; i < keys.length; i++) {
            int slot = i / format.width();
            int d = i % format.width();
            keys[i] = tile[format.width() * KEYS + slot] * tile[d * KEYS + slot];
        }
        return keys;
    }

    @Test
    void bytesAtGlmSizes() {
        assertEquals(64 * (128 + 4), new IndexKeyFormat(KvPrecision.FP8, 128).bytes());
        assertEquals(64 * 256, new IndexKeyFormat(KvPrecision.BF16, 128).bytes());
        assertEquals(64 * 512, new IndexKeyFormat(KvPrecision.F32, 128).bytes());
    }

    @ParameterizedTest
    @EnumSource
    void keysComeBackWithinTheirPrecision(KvPrecision precision) {
        for (int width : new int[] {1, 24, 128}) {
            IndexKeyFormat format = new IndexKeyFormat(precision, width);
            float[] written = keys(KEYS, width);
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment memory = arena.allocate(BASE + format.bytes());
                for (int slot = KEYS - 1; slot >= 0; slot--) {
                    format.write(written, slot * width, memory, BASE, slot);
                }
                float[] read = readBack(format, memory);
                for (int i = 0; i < written.length; i++) {
                    assertEquals(written[i], read[i], tolerance(format, written, i), precision + " " + i);
                }
            }
        }
    }

    private static double tolerance(IndexKeyFormat format, float[] keys, int i) {
        if (format.precision() == KvPrecision.F32) {
            return 0;
        }
        if (format.precision() == KvPrecision.BF16) {
            return Math.abs(keys[i]) / 256;
        }
        float largest = 0;
        int first = i / format.width() * format.width();
        for (int d = 0; d < format.width(); d++) {
            largest = Math.max(largest, Math.abs(keys[first + d]));
        }
        return largest / 127 * 0.501; // half a step
    }

    @Test
    void extremeKeysStayWhatTheyAre() {
        IndexKeyFormat format = new IndexKeyFormat(KvPrecision.FP8, 2);
        float[] written = {0, 0, Float.MIN_VALUE, -Float.MIN_VALUE, 0x1p-140f, 0x1p-141f, 0x1p127f, 1, Float.NaN, 1};
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(BASE + format.bytes());
            for (int slot = 0; slot < written.length / 2; slot++) {
                format.write(written, 2 * slot, memory, BASE, slot);
            }
            float[] read = readBack(format, memory);
            for (int i = 0; i < 6; i++) {
                assertEquals(written[i], read[i], 0x1p-141f, "number " + i);
            }
            assertEquals(0x1p127f, read[6], 0x1p107f);
            assertTrue(Float.isNaN(read[8]) && Float.isNaN(read[9]), "a NaN is not taken for a number");
        }
    }

    @ParameterizedTest
    @EnumSource
    void clearingLeavesEarlierKeysAndNothingElse(KvPrecision precision) {
        int width = 24;
        IndexKeyFormat format = new IndexKeyFormat(precision, width);
        float[] written = keys(KEYS, width);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(BASE + format.bytes() + 1);
            memory.set(ValueLayout.JAVA_BYTE, BASE - 1, (byte) 42);
            memory.set(ValueLayout.JAVA_BYTE, BASE + format.bytes(), (byte) 42);
            for (int slot = 0; slot < KEYS; slot++) {
                format.write(written, slot * width, memory, BASE, slot);
            }
            float[] before = readBack(format, memory);
            format.clear(memory, BASE, 10);
            float[] after = readBack(format, memory);
            for (int i = 0; i < before.length; i++) {
                assertEquals(i < 10 * width ? before[i] : 0f, after[i], precision + " " + i);
            }
            format.clear(memory, BASE, 0);
            assertEquals(42, memory.get(ValueLayout.JAVA_BYTE, BASE - 1));
            assertEquals(42, memory.get(ValueLayout.JAVA_BYTE, BASE + format.bytes()));
            long zeros = memory.asSlice(BASE, format.bytes())
                    .elements(ValueLayout.JAVA_BYTE)
                    .filter(b -> b.get(ValueLayout.JAVA_BYTE, 0) == 0)
                    .count();
            assertEquals(format.bytes(), zeros);
        }
    }

    private float[] noise(int n) {
        float[] x = new float[n];
        for (int i = 0; i < n; i++) {
            x[i] = (float) random.nextGaussian();
        }
        return x;
    }

    /** The k keys of the greatest scores, exactly. */
    private static BitSet best(float[] keys, float[] queries, float[] weights, int width, int k) {
        double[] scores = new double[keys.length / width];
        for (int t = 0; t < scores.length; t++) {
            for (int h = 0; h < weights.length; h++) {
                double dot = 0;
                for (int d = 0; d < width; d++) {
                    dot += (double) queries[h * width + d] * keys[t * width + d];
                }
                scores[t] += weights[h] * Math.max(0, dot);
            }
        }
        double[] sorted = scores.clone();
        Arrays.sort(sorted);
        BitSet best = new BitSet();
        for (int t = 0; t < scores.length; t++) {
            best.set(t, scores[t] >= sorted[scores.length - k]);
        }
        return best;
    }

    private static double overlap(BitSet wanted, BitSet found) {
        BitSet both = (BitSet) found.clone();
        both.and(wanted);
        return (double) both.cardinality() / wanted.cardinality();
    }

    /** Why keys are bytes: with spread keys they select more of what exact keys select than e4m3 does. */
    @Test
    void bytesSelectNearlyWhatFloatsSelect() {
        int width = 128;
        int heads = 4;
        int count = 32 * KEYS;
        int selected = count / 8;
        float[] keys = noise(count * width);
        float[] queries = noise(heads * width);
        float[] weights = noise(heads);
        float[] bytes = new float[keys.length];
        float[] floats = new float[keys.length];
        IndexKeyFormat format = new IndexKeyFormat(KvPrecision.FP8, width);
        RowFormat e4m3 = new RowFormat(KvPrecision.FP8, width, 0);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment page = arena.allocate(BASE + format.bytes());
            MemorySegment row = arena.allocate(e4m3.bytes());
            for (int first = 0; first < count; first += KEYS) {
                for (int slot = 0; slot < KEYS; slot++) {
                    int at = (first + slot) * width;
                    format.write(keys, at, page, BASE, slot);
                    e4m3.write(keys, at, row, 0);
                    e4m3.read(row, 0, 1, floats, at);
                }
                System.arraycopy(readBack(format, page), 0, bytes, first * width, KEYS * width);
            }
        }
        BitSet exact = best(keys, queries, weights, width, selected);
        double ofBytes = overlap(exact, best(bytes, queries, weights, width, selected));
        double ofFloats = overlap(exact, best(floats, queries, weights, width, selected));
        assertTrue(ofBytes > 0.985, "bytes: " + ofBytes);
        assertTrue(ofBytes > ofFloats, ofBytes + " against " + ofFloats);
    }
}
