package dev.cadre.kernels.format;

/**
 * Finds the scale of a group of values by trying several: for each, values are rounded to levels, and the scale (and
 * minimum) of least weighted squared error for these levels follows by linear regression. Holds scratch; not
 * thread-safe.
 */
final class ScaleSearch {
    /** Below this magnitude a group counts as zero. */
    static final float TINY = 1e-15f;

    private static final byte[] NEAREST = nearestByHalfSteps();

    /** Weights of the group's elements, to be set before a search. */
    final float[] weights = new float[32];
    /** Scales of a block's groups. */
    final float[] scales = new float[16];
    /** Minima of a block's groups, as amounts to subtract: not negative. */
    final float[] minima = new float[16];
    /** Levels of a block's elements. */
    final int[] levels = new int[256];

    private final int[] trial = new int[32];
    private float offset;

    /** The value of greatest magnitude, the first of equals. */
    static float extreme(float[] x, int at, int n) {
        float extreme = 0;
        for (int i = at; i < at + n; i++) {
            if (Math.abs(x[i]) > Math.abs(extreme)) {
                extreme = x[i];
            }
        }
        return extreme;
    }

    static int round(float v) {
        return (int) Math.rint(v);
    }

    static int clamp(int v, int least, int greatest) {
        return Math.max(least, Math.min(greatest, v));
    }

    /** Weights x²: large values matter most to a product. */
    void weighBySquare(float[] x, int at, int n) {
        for (int i = 0; i < n; i++) {
            weights[i] = x[at + i] * x[at + i];
        }
    }

    /** Weights |x| + {@code base}. */
    void weighByMagnitude(float[] x, int at, int n, float base) {
        for (int i = 0; i < n; i++) {
            weights[i] = base + Math.abs(x[at + i]);
        }
    }

    /** Root of the mean square. */
    static float rootMeanSquare(float[] x, int at, int n) {
        float sum = 0;
        for (int i = at; i < at + n; i++) {
            sum += x[i] * x[i];
        }
        return (float) Math.sqrt(sum / n);
    }

    /**
     * The scale d of x ≈ d·q with integers q from -{@code top} to {@code top} - 1. It may be negative: the extreme
     * value takes the longer, negative side.
     */
    float symmetric(float[] x, int at, int n, int top) {
        float extreme = extreme(x, at, n);
        if (Math.abs(extreme) < TINY) {
            return 0;
        }
        float scale = 0;
        float best = 0;
        for (int step = -9; step <= 9; step++) {
            float inverse = -(top + 0.1f * step) / extreme;
            float xq = 0;
            float qq = 0;
            for (int i = 0; i < n; i++) {
                int q = clamp(round(inverse * x[at + i]), -top, top - 1);
                float wq = weights[i] * q;
                xq += wq * x[at + i];
                qq += wq * q;
            }
            // the error left is Σwx² - xq²/qq
            if (qq > 0 && xq * xq > best * qq) {
                scale = xq / qq;
                best = scale * xq;
            }
        }
        return scale;
    }

    /**
     * As {@link #symmetric}, for few levels: instead of trying scales, single levels are changed as long as that lowers
     * the error.
     */
    float symmetricByDescent(float[] x, int at, int n, int top) {
        float extreme = extreme(x, at, n);
        if (Math.abs(extreme) < TINY) {
            return 0;
        }
        float inverse = -top / extreme;
        float xq = 0;
        float qq = 0;
        for (int i = 0; i < n; i++) {
            trial[i] = clamp(round(inverse * x[at + i]), -top, top - 1);
            xq += weights[i] * x[at + i] * trial[i];
            qq += weights[i] * trial[i] * trial[i];
        }
        boolean changed = true;
        for (int pass = 0; pass < 5 && changed; pass++) {
            changed = false;
            for (int i = 0; i < n; i++) {
                float v = x[at + i];
                float w = weights[i];
                float xqOthers = xq - w * v * trial[i];
                float qqOthers = qq - w * trial[i] * trial[i];
                if (xqOthers <= 0) {
                    continue;
                }
                int q = clamp(round(v * qqOthers / xqOthers), -top, top - 1);
                float xqNew = xqOthers + w * v * q;
                float qqNew = qqOthers + w * q * q;
                if (q != trial[i] && qqNew > 0 && xqNew * xqNew * qq > xq * xq * qqNew) {
                    trial[i] = q;
                    xq = xqNew;
                    qq = qqNew;
                    changed = true;
                }
            }
        }
        return qq > 0 ? xq / qq : 0;
    }

    /** The scale d of x ≈ d·levels[q], for the 16 uneven levels. */
    float nonLinear(float[] x, int at, int n) {
        float extreme = extreme(x, at, n);
        if (Math.abs(extreme) < TINY) {
            return 0;
        }
        float scale = 0;
        float best = 0;
        for (int step = -8; step <= 7; step++) {
            // the extreme value gets a level near -127, or once, as the levels are uneven, the greatest positive one
            float inverse = (step == -8 ? 127 : step - 127) / extreme;
            float xq = 0;
            float qq = 0;
            for (int i = 0; i < n; i++) {
                float q = LookupTables.nonLinear[nearestLevel(inverse * x[at + i])];
                float wq = weights[i] * q;
                xq += wq * x[at + i];
                qq += wq * q;
            }
            if (qq > 0 && xq * xq > best * qq) {
                scale = xq / qq;
                best = scale * xq;
            }
        }
        return scale;
    }

    /** The number of the uneven level nearest to {@code v}. */
    static int nearestLevel(float v) {
        return NEAREST[(int) (2 * Math.max(-128, Math.min(127, v)) + 256)];
    }

    /** Borders between neighbouring levels are whole or half numbers: a level for each half step from -128 on. */
    private static byte[] nearestByHalfSteps() {
        byte[] levels = LookupTables.nonLinear;
        byte[] nearest = new byte[511];
        int level = 0;
        for (int i = 0; i < nearest.length; i++) {
            float v = (i - 256) / 2f;
            while (level < 15 && v - levels[level] >= levels[level + 1] - v) {
                level++;
            }
            nearest[i] = (byte) level;
        }
        return nearest;
    }

    /**
     * The scale d and minimum m of x ≈ d·q - m with integers q from 0 to {@code top}, m not negative. Read the minimum
     * from {@link #minimum()}.
     *
     * @param absolute judge by weighted absolute instead of squared errors
     * @param steps candidates after the first
     * @param first added to {@code top} for the inverse scale of the first candidate; the next are 0.1 apart
     */
    float affine(float[] x, int at, int n, int top, boolean absolute, int steps, float first) {
        float least = x[at];
        float greatest = x[at];
        float w1 = 0;
        float wx = 0;
        for (int i = 0; i < n; i++) {
            least = Math.min(least, x[at + i]);
            greatest = Math.max(greatest, x[at + i]);
            w1 += weights[i];
            wx += weights[i] * x[at + i];
        }
        least = Math.min(least, 0);
        offset = least;
        if (!(greatest > least)) {
            return 0;
        }
        float scale = (greatest - least) / top;
        roundAffine(x, at, n, top, 1 / scale, offset);
        float best = error(x, at, n, scale, offset, absolute);
        for (int step = 0; step <= steps; step++) {
            // from the best minimum so far on, so that both improve in turn
            roundAffine(x, at, n, top, (first + 0.1f * step + top) / (greatest - offset), offset);
            float wq = 0;
            float wqq = 0;
            float wxq = 0;
            for (int i = 0; i < n; i++) {
                float weighted = weights[i] * trial[i];
                wq += weighted;
                wqq += weighted * trial[i];
                wxq += weighted * x[at + i];
            }
            float determinant = w1 * wqq - wq * wq;
            if (!(determinant > 0)) {
                continue;
            }
            float d = (w1 * wxq - wx * wq) / determinant;
            float base = (wqq * wx - wq * wxq) / determinant;
            if (base > 0) {
                base = 0;
                d = wxq / wqq;
            }
            float error = error(x, at, n, d, base, absolute);
            if (error < best) {
                best = error;
                scale = d;
                offset = base;
            }
        }
        return scale;
    }

    /** The minimum that the last {@link #affine} found, as an amount to subtract. */
    float minimum() {
        return -offset;
    }

    private void roundAffine(float[] x, int at, int n, int top, float inverse, float least) {
        for (int i = 0; i < n; i++) {
            trial[i] = clamp(round(inverse * (x[at + i] - least)), 0, top);
        }
    }

    private float error(float[] x, int at, int n, float scale, float base, boolean absolute) {
        float sum = 0;
        for (int i = 0; i < n; i++) {
            float difference = scale * trial[i] + base - x[at + i];
            sum += weights[i] * (absolute ? Math.abs(difference) : difference * difference);
        }
        return sum;
    }
}
