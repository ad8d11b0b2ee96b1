package dev.cadre.core.forward;

import dev.cadre.kernels.VectorMath;
import java.util.Arrays;

/**
 * Softmax over scores that come in blocks (Milakov and Gimelshein, 2018), for several heads at once: a running maximum
 * and sum for each head, and sums of values that are rescaled when a maximum grows. One for each worker.
 */
final class StreamingSoftmax {
    private final VectorMath math;
    private final Floats state = new Floats();
    private float[] max;
    private float[] sum;
    private final Floats sums = new Floats();
    private int heads;

    StreamingSoftmax(VectorMath math) {
        this.math = math;
    }

    /** One for each worker of a team. */
    static StreamingSoftmax[] each(int workers, VectorMath math) {
        StreamingSoftmax[] all = new StreamingSoftmax[workers];
        Arrays.setAll(all, worker -> new StreamingSoftmax(math));
        return all;
    }

    /** Starts anew for {@code heads} heads. */
    void begin(int headCount) {
        heads = headCount;
        max = state.of(1, heads);
        sum = sums.of(1, heads);
        Arrays.fill(max, 0, heads, Float.NEGATIVE_INFINITY);
        Arrays.fill(sum, 0, heads, 0f);
    }

    /**
     * Turns a block of n scores of each head into unnormalised probabilities, in place.
     *
     * @param scores [heads, n], {@code stride} apart
     * @param values [heads, width] at {@code valuesAt}, the sums so far, rescaled here where needed
     */
    void block(float[] scores, int stride, int n, float scale, float[] values, int valuesAt, int width) {
        for (int h = 0; h < heads; h++) {
            math.scale(scores, h * stride, scale, n);
            float newMax = Math.max(max[h], math.max(scores, h * stride, n));
            float blockSum = math.expSum(scores, h * stride, n, newMax);
            if (newMax != max[h]) {
                float kept = max[h] == Float.NEGATIVE_INFINITY ? 0f : math.exp(max[h] - newMax);
                sum[h] *= kept;
                math.scale(values, valuesAt + h * width, kept, width);
                max[h] = newMax;
            }
            sum[h] += blockSum;
        }
    }

    /**
     * Divides the sums of values by the sums of probabilities.
     *
     * @param sinks a logit for each head, from {@code sinksAt} on, that counts in the sum only; null for none
     */
    void finish(float[] values, int valuesAt, int width, float[] sinks, int sinksAt) {
        for (int h = 0; h < heads; h++) {
            float factor = 1f / sum[h];
            if (sinks != null) {
                float newMax = Math.max(max[h], sinks[sinksAt + h]);
                float kept = math.exp(max[h] - newMax);
                factor = kept / (sum[h] * kept + math.exp(sinks[sinksAt + h] - newMax));
            }
            math.scale(values, valuesAt + h * width, factor, width);
        }
    }
}
