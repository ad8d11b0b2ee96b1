package dev.cadre.kernels.format;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class RandomBlocksTest {
    private static final int ELEMENTS = 1 << 14;

    static List<BlockFormat> formats() {
        return RandomBlocks.formats();
    }

    @ParameterizedTest
    @MethodSource("formats")
    void valuesHaveTheirSize(BlockFormat format) {
        boolean pairs = format == BlockFormat.INT4_PAIRS || format == BlockFormat.FP4_PAIRS;
        float deviation = pairs ? 2 : 0.0221f; // of codes, or of weights with 2,048 columns
        float[] values = new float[ELEMENTS];
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment data = arena.allocate(format.bytes(ELEMENTS) + 1);
            RandomBlocks.fill(format, ELEMENTS, deviation, new SplittableRandom(3), data, 1);
            BlockCodec.of(format).decode(data, 1, values, 0, ELEMENTS);
        }
        double sum = 0;
        double squares = 0;
        for (float value : values) {
            assertTrue(Math.abs(value) < 20 * deviation, () -> format + " has " + value);
            sum += value;
            squares += (double) value * value;
        }
        // the binary scales of MXFP4 and the smallest of NVFP4 and E4M3 are coarse
        assertEquals(deviation, Math.sqrt(squares / ELEMENTS), 0.3 * deviation, format.name());
        assertEquals(0, sum / ELEMENTS, 0.2 * deviation, format.name());
    }

    /** Whoever cannot say what a block of weights is gets no random ones either. */
    @Test
    void onlyWeightsAreMade() {
        assertTrue(formats().containsAll(List.of(BlockFormat.IQ2_XS, BlockFormat.NVFP4, BlockFormat.F8_E4M3)));
        assertFalse(formats().contains(BlockFormat.Q8_1));
        MemorySegment data = MemorySegment.ofArray(new byte[36]);
        assertThrows(
                UnsupportedOperationException.class,
                () -> RandomBlocks.fill(BlockFormat.Q8_1, 32, 1, new SplittableRandom(3), data, 0));
        assertThrows(
                IndexOutOfBoundsException.class,
                () -> RandomBlocks.fill(BlockFormat.Q2_0, 64, 1, new SplittableRandom(3), data, 20));
    }
}
