package dev.cadre.kernels;

/** The reference of {@link VectorMath}: clear before fast, no Vector API. */
final class ScalarMath implements VectorMath {
    // e^x = 2^n · e^r with n = round(x / ln 2), |r| <= ln 2 / 2. Adding 1.5·2^23 rounds to an integer and leaves that
    // integer in the low bits of the sum's pattern, ready to be shifted into an exponent.
    static final float ROUNDER = 0x1.8p23f;
    static final float LOG2_E = 1.44269504f;
    static final float LN2_HIGH = 0.693359375f;
    static final float LN2_LOW = -2.12194440e-4f;
    static final float P0 = 1.9875691500e-4f;
    static final float P1 = 1.3981999507e-3f;
    static final float P2 = 8.3334519073e-3f;
    static final float P3 = 4.1665795894e-2f;
    static final float P4 = 1.6666665459e-1f;
    static final float P5 = 5.0000001201e-1f;
    /** Below this the result is taken as e^-87.3, the smallest normal float. */
    static final float EXP_MIN = -87.3f;

    static final float EXP_MAX = 88.3f;

    static final float GLU_LIMIT = 7f;
    static final float GLU_SLOPE = 1.702f;

    /** e^x, clamped to [e^-87.3, e^88.3]; NaN stays NaN. The scalar twin of {@link Exponentials}, bit for bit. */
    static float expOf(float x) {
        float clamped = Math.min(Math.max(x, EXP_MIN), EXP_MAX);
        float shifted = Math.fma(clamped, LOG2_E, ROUNDER);
        float n = shifted - ROUNDER;
        float r = Math.fma(n, -LN2_HIGH, clamped);
        r = Math.fma(n, -LN2_LOW, r);
        float p = P0;
        p = Math.fma(p, r, P1);
        p = Math.fma(p, r, P2);
        p = Math.fma(p, r, P3);
        p = Math.fma(p, r, P4);
        p = Math.fma(p, r, P5);
        p = Math.fma(p, r * r, r) + 1f;
        return Float.intBitsToFloat(Float.floatToRawIntBits(p) + (Float.floatToRawIntBits(shifted) << 23));
    }

    @Override
    public float dot(float[] a, int aAt, float[] b, int bAt, int n) {
        float sum = 0;
        for (int i = 0; i < n; i++) {
            sum = Math.fma(a[aAt + i], b[bAt + i], sum);
        }
        return sum;
    }

    @Override
    public void add(float[] y, int yAt, float[] x, int xAt, int n) {
        for (int i = 0; i < n; i++) {
            y[yAt + i] += x[xAt + i];
        }
    }

    @Override
    public void scale(float[] y, int yAt, float factor, int n) {
        for (int i = 0; i < n; i++) {
            y[yAt + i] *= factor;
        }
    }

    @Override
    public void addScaled(float[] y, int yAt, float[] x, int xAt, float factor, int n) {
        for (int i = 0; i < n; i++) {
            y[yAt + i] = Math.fma(factor, x[xAt + i], y[yAt + i]);
        }
    }

    @Override
    public void rmsNorm(float[] x, int xAt, float[] weight, float eps, float[] out, int outAt, int n) {
        float factor = 1f / (float) Math.sqrt(dot(x, xAt, x, xAt, n) / n + eps);
        for (int i = 0; i < n; i++) {
            out[outAt + i] = x[xAt + i] * factor * (weight == null ? 1f : weight[i]);
        }
    }

    @Override
    public void layerNorm(float[] x, int xAt, float[] weight, float[] bias, float eps, float[] out, int outAt, int n) {
        float sum = 0;
        for (int i = 0; i < n; i++) {
            sum += x[xAt + i];
        }
        float mean = sum / n;
        float squares = 0;
        for (int i = 0; i < n; i++) {
            float d = x[xAt + i] - mean;
            squares = Math.fma(d, d, squares);
        }
        float factor = 1f / (float) Math.sqrt(squares / n + eps);
        for (int i = 0; i < n; i++) {
            out[outAt + i] = Math.fma((x[xAt + i] - mean) * factor, weight[i], bias[i]);
        }
    }

    @Override
    public void softmax(float[] x, int at, int n, float sink) {
        float max = Math.max(max(x, at, n), sink);
        float sum = expSum(x, at, n, max);
        if (sink != Float.NEGATIVE_INFINITY) {
            sum += expOf(sink - max);
        }
        scale(x, at, 1f / sum, n);
    }

    @Override
    public float expSum(float[] x, int at, int n, float max) {
        float sum = 0;
        for (int i = at; i < at + n; i++) {
            // e^-87.3 stands for anything smaller, except that -∞ must count for nothing at all
            x[i] = x[i] == Float.NEGATIVE_INFINITY ? 0f : expOf(x[i] - max);
            sum += x[i];
        }
        return sum;
    }

    @Override
    public float max(float[] x, int at, int n) {
        float max = Float.NEGATIVE_INFINITY;
        for (int i = at; i < at + n; i++) {
            max = Math.max(max, x[i]);
        }
        return max;
    }

    @Override
    public void swiGlu(float[] gate, int gateAt, float[] up, int upAt, int n) {
        for (int i = 0; i < n; i++) {
            float z = gate[gateAt + i];
            gate[gateAt + i] = z / (1f + expOf(-z)) * up[upAt + i];
        }
    }

    @Override
    public void clampedSwiGlu(float[] gate, int gateAt, float[] up, int upAt, int n) {
        for (int i = 0; i < n; i++) {
            float g = Math.min(gate[gateAt + i], GLU_LIMIT);
            float u = Math.clamp(up[upAt + i], -GLU_LIMIT, GLU_LIMIT);
            gate[gateAt + i] = g / (1f + expOf(-GLU_SLOPE * g)) * (u + 1f);
        }
    }

    @Override
    public void sigmoid(float[] x, int at, int n) {
        for (int i = at; i < at + n; i++) {
            x[i] = 1f / (1f + expOf(-x[i]));
        }
    }
}
