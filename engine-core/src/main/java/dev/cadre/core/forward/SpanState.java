package dev.cadre.core.forward;

import dev.cadre.kernels.VectorMath;
import java.util.Arrays;

/**
 * How far the softmax of a span of positions has come: a running maximum and sum for each query. Two spans' results are
 * combined by bringing both to the greater maximum.
 */
final class SpanState {
    private final Floats maxima = new Floats();
    private final Floats sums = new Floats();
    private float[] max = {};
    private float[] sum = {};

    /** Starts a span for {@code columns} queries. */
    void begin(int columns) {
        max = maxima.of(1, columns);
        sum = sums.of(1, columns);
        Arrays.fill(max, 0, columns, Float.NEGATIVE_INFINITY);
        Arrays.fill(sum, 0, columns, 0f);
    }

    /** The same states, and more of them if there are fewer than {@code size}. */
    static SpanState[] atLeast(SpanState[] states, int size) {
        int known = states.length;
        if (size <= known) {
            return states;
        }
        SpanState[] more = Arrays.copyOf(states, Math.max(size, 2 * known));
        Arrays.setAll(more, i -> i < known ? states[i] : new SpanState());
        return more;
    }

    /** Multiplies the weighted values of each query by its factor, since its maximum grew. */
    static void rescale(VectorMath math, float[] factors, int queries, float[] values, int at, int width) {
        for (int i = 0; i < queries; i++) {
            if (factors[i] != 1f) {
                math.scale(values, at + i * width, factors[i], width);
            }
        }
    }

    /** Running maxima, −∞ where nothing was seen yet. */
    float[] max() {
        return max;
    }

    /** Running sums. */
    float[] sum() {
        return sum;
    }

    /**
     * Takes over query {@code k} of a span as the first part of query i.
     *
     * @param values [width] at {@code at}, receives the weighted values
     */
    void take(int i, float[] values, int at, SpanState span, int k, float[] spanValues, int spanAt, int width) {
        max[i] = span.max[k];
        sum[i] = span.sum[k];
        System.arraycopy(spanValues, spanAt, values, at, width);
    }

    /**
     * Adds query {@code k} of the next span to query i.
     *
     * @param values [width] at {@code at}, the weighted values so far
     */
    void add(
            VectorMath math,
            int i,
            float[] values,
            int at,
            SpanState span,
            int k,
            float[] spanValues,
            int spanAt,
            int width) {
        float greater = Math.max(max[i], span.max[k]);
        float kept = max[i] == greater ? 1f : math.exp(max[i] - greater);
        float taken = span.max[k] == greater ? 1f : math.exp(span.max[k] - greater);
        if (kept != 1f) {
            math.scale(values, at, kept, width);
        }
        math.addScaled(values, at, spanValues, spanAt, taken, width);
        sum[i] = sum[i] * kept + span.sum[k] * taken;
        max[i] = greater;
    }

    /** Divides the weighted values of query i by the sum of its weights. */
    void finish(VectorMath math, int i, float[] values, int at, int width) {
        math.scale(values, at, 1f / sum[i], width);
    }

    /** As {@link #finish}, with a further logit that counts in the sum only. */
    void finishWithSink(VectorMath math, int i, float sink, float[] values, int at, int width) {
        float greater = Math.max(max[i], sink);
        float kept = math.exp(max[i] - greater);
        math.scale(values, at, kept / (sum[i] * kept + math.exp(sink - greater)), width);
    }
}
