package dev.cadre.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cadre.kernels.format.BlockFormat;
import dev.cadre.weights.internal.Shapes;
import java.math.BigInteger;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Tensor sizes against BigInteger, mostly around the overflow of a long. */
class ShapesTest {
    private static final BigInteger MAX = BigInteger.valueOf(Long.MAX_VALUE);

    @ParameterizedTest
    @EnumSource
    void theSizeIsExactOrRefused(BlockFormat format) {
        Random random = new Random(Long.getLong("cadre.seed", 17) + format.ordinal());
        int accepted = 0;
        for (int round = 0; round < 20_000; round++) {
            long[] shape = new long[1 + random.nextInt(4)];
            int bits = 64 / shape.length;
            for (int i = 0; i < shape.length; i++) {
                // powers of two and their neighbours, so that products often land at 2^63
                shape[i] = (1L << Math.max(0, Math.min(63, bits + random.nextInt(5) - 3))) + random.nextInt(3) - 1;
            }
            if (random.nextInt(4) > 0) {
                int last = shape.length - 1;
                shape[last] -= Math.floorMod(shape[last], format.blockElements());
            }
            BigInteger elements = BigInteger.ONE;
            boolean valid = true;
            for (long dimension : shape) {
                valid &= dimension > 0;
                elements = elements.multiply(BigInteger.valueOf(dimension));
            }
            valid &= shape[shape.length - 1] % format.blockElements() == 0 && elements.compareTo(MAX) <= 0;
            BigInteger bytes = elements.multiply(BigInteger.valueOf(format.blockBytes()))
                    .divide(BigInteger.valueOf(format.blockElements()));
            String text = format + " " + Arrays.toString(shape);
            if (valid && bytes.compareTo(MAX) <= 0) {
                assertEquals(bytes, BigInteger.valueOf(Shapes.bytes(format, shape)), text);
                accepted++;
            } else {
                assertThrows(IllegalArgumentException.class, () -> Shapes.bytes(format, shape), text);
            }
        }
        assertTrue(accepted > 500 && accepted < 19_500, accepted + " of 20,000 accepted");
    }
}
