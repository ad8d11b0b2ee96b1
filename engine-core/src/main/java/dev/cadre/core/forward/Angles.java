package dev.cadre.core.forward;

/**
 * Sine and cosine of rotary angles, by steps of our own: {@link Math}'s may differ between JVM tiers, and
 * {@link StrictMath}'s allocate an array in every call. The method is that of fdlibm (Sun Microsystems, 1993): the
 * angle is brought to [−π/4, π/4] by multiples of π/2, and a polynomial does the rest.
 */
final class Angles {
    /** Below this, a multiple of π/2 has at most 20 bits, and its product with {@link #HIGH} is exact. */
    private static final double LARGE = 1 << 20;

    /** π/2 in two parts: its first 33 bits, and what they leave. */
    private static final double HIGH = 0x1.921fb544p0;

    private static final double LOW = 0x1.0b4611a626331p-34;

    private Angles() {}

    /** sin x, within 1e-15. */
    static double sin(double x) {
        return Math.abs(x) < LARGE ? quadrant(x, 0) : StrictMath.sin(x);
    }

    /** cos x, within 1e-15. */
    static double cos(double x) {
        return Math.abs(x) < LARGE ? quadrant(x, 1) : StrictMath.cos(x);
    }

    /** sin(x + more · π/2). */
    private static double quadrant(double x, int more) {
        double turns = Math.rint(x * (2 / Math.PI));
        double y = x - turns * HIGH - turns * LOW;
        double value = ((int) turns + more & 1) == 0 ? sinNearZero(y) : cosNearZero(y);
        return ((int) turns + more & 2) == 0 ? value : -value;
    }

    /** The series of the sine up to y^17, of which the next term is below 1e-19 at π/4. */
    private static double sinNearZero(double y) {
        double z = y * y;
        double p = 1 / 355687428096000.0;
        p = p * z - 1 / 1307674368000.0;
        p = p * z + 1 / 6227020800.0;
        p = p * z - 1 / 39916800.0;
        p = p * z + 1 / 362880.0;
        p = p * z - 1 / 5040.0;
        p = p * z + 1 / 120.0;
        p = p * z - 1 / 6.0;
        return y + y * z * p;
    }

    /** The series of the cosine up to y^16, of which the next term is below 1e-17 at π/4. */
    private static double cosNearZero(double y) {
        double z = y * y;
        double p = 1 / 20922789888000.0;
        p = p * z - 1 / 87178291200.0;
        p = p * z + 1 / 479001600.0;
        p = p * z - 1 / 3628800.0;
        p = p * z + 1 / 40320.0;
        p = p * z - 1 / 720.0;
        p = p * z + 1 / 24.0;
        return 1 - (0.5 * z - z * z * p);
    }
}
