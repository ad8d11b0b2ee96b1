package dev.cadre.kernels;

/**
 * Element-wise and reducing operations on rows of floats.
 *
 * <p>All are deterministic: sums have a fixed order, and the exponential is our own, so that code that the JVM
 * interprets gives the same bits as code that it has compiled.
 */
public interface VectorMath {
    /** Σ a[i]·b[i]. */
    float dot(float[] a, int aAt, float[] b, int bAt, int n);

    /** y[i] += x[i]. */
    void add(float[] y, int yAt, float[] x, int xAt, int n);

    /** y[i] *= factor. */
    void scale(float[] y, int yAt, float factor, int n);

    /** y[i] += factor·x[i]. */
    void addScaled(float[] y, int yAt, float[] x, int xAt, float factor, int n);

    /**
     * out = weight ⊙ x / sqrt(mean(x²) + eps) (Zhang and Sennrich, 2019).
     *
     * @param weight n weights, or null for all ones
     */
    void rmsNorm(float[] x, int xAt, float[] weight, float eps, float[] out, int outAt, int n);

    /** out = weight ⊙ (x − mean) / sqrt(variance + eps) + bias (Ba et al., 2016). */
    void layerNorm(float[] x, int xAt, float[] weight, float[] bias, float eps, float[] out, int outAt, int n);

    /**
     * Turns n finite or −∞ scores into probabilities in place: e^(x − max) / Σ.
     *
     * @param sink a further logit that takes part in the sum only, or −∞ for none
     */
    void softmax(float[] x, int at, int n, float sink);

    /**
     * x[i] = e^(x[i] − max) in place, and the sum of these: one block of an online softmax.
     *
     * @return Σ e^(x[i] − max)
     */
    float expSum(float[] x, int at, int n, float max);

    /** The greatest element, −∞ for none; NaN if any is NaN. */
    float max(float[] x, int at, int n);

    /** gate[i] = silu(gate[i])·up[i], with silu(z) = z / (1 + e^−z). */
    void swiGlu(float[] gate, int gateAt, float[] up, int upAt, int n);

    /** gpt-oss: g = min(gate[i], 7), u = clamp(up[i], ±7); gate[i] = g / (1 + e^(−1.702 g)) · (u + 1). */
    void clampedSwiGlu(float[] gate, int gateAt, float[] up, int upAt, int n);

    /** e^x by the same steps as in the loops here. */
    default float exp(float x) {
        return ScalarMath.expOf(x);
    }

    /** x[i] = 1 / (1 + e^−x[i]). */
    void sigmoid(float[] x, int at, int n);
}
