package dev.cadre.core.forward;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class AnglesTest {
    @Test
    void areThoseOfStrictMath() {
        SplittableRandom random = new SplittableRandom(3);
        for (int i = 0; i < 2_000_000; i++) {
            // as rotary embedding has them: a position times a frequency, rounded to float32
            double scale = Math.pow(2, random.nextDouble(-30, 21));
            check((float) (random.nextDouble(-1, 1) * scale));
        }
        for (int position = 0; position < 1 << 20; position += 7) {
            check(position);
        }
    }

    @Test
    void nearMultiplesOfAQuarterTurn() {
        for (int n = 0; n < 670_000; n++) {
            float angle = (float) (n * (Math.PI / 2));
            check(angle);
            check(Math.nextUp(angle));
            check(Math.nextDown(angle));
        }
    }

    @Test
    void specialValues() {
        assertEquals(0, Angles.sin(0));
        assertEquals(1, Angles.cos(0));
        assertEquals(Double.NaN, Angles.sin(Double.NaN));
        assertEquals(Double.NaN, Angles.cos(Double.POSITIVE_INFINITY));
        check(Float.MAX_VALUE);
    }

    private static void check(double angle) {
        assertClose(StrictMath.sin(angle), Angles.sin(angle), "sin", angle);
        assertClose(StrictMath.cos(angle), Angles.cos(angle), "cos", angle);
    }

    /** Close as float64, and the same float32 or the next. */
    private static void assertClose(double expected, double actual, String what, double angle) {
        if (!(Math.abs(expected - actual) <= 1e-15)
                || !(Math.abs((float) expected - (float) actual) <= Math.ulp((float) expected))) {
            throw new AssertionError(what + " of " + angle + " is " + expected + ", not " + actual);
        }
    }
}
