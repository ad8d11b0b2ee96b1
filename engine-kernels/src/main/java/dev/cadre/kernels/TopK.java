package dev.cadre.kernels;

import java.util.Arrays;

/**
 * Exact selection of the k greatest of n scores, without sorting: the k-th greatest value is found digit by digit from
 * histograms, and one more pass collects.
 *
 * <p>Total and deterministic: of equal scores the lower index wins, +0 equals −0, and NaN counts as less than
 * everything else. Not thread-safe, since it keeps a histogram: one for each worker.
 */
public final class TopK {
    private static final int DIGIT_BITS = 11;
    private static final int BUCKETS = 1 << DIGIT_BITS;

    private final int[] histogram = new int[BUCKETS];

    /** A selector with scratch space of its own. */
    public TopK() {}

    /**
     * Selects from {@code scores[at..at + n)}.
     *
     * @param out receives the selected indices, relative to {@code at}, in ascending order
     * @return the number selected, min(k, n)
     */
    public int select(float[] scores, int at, int n, int k, int[] out, int outAt) {
        if (k >= n) {
            for (int i = 0; i < n; i++) {
                out[outAt + i] = i;
            }
            return n;
        }
        if (k <= 0) {
            return 0;
        }
        int threshold = 0; // digits of the k-th greatest key found so far, from the top
        int known = 0; // number of known top bits
        int wanted = k; // how many of the keys that share these digits are still to be taken
        while (known < Integer.SIZE) {
            int bits = Math.min(DIGIT_BITS, Integer.SIZE - known);
            int shift = Integer.SIZE - known - bits;
            Arrays.fill(histogram, 0);
            for (int i = 0; i < n; i++) {
                int key = key(scores[at + i]);
                if (known == 0 || key >>> (Integer.SIZE - known) == threshold) {
                    histogram[(key >>> shift) & ((1 << bits) - 1)]++;
                }
            }
            int digit = (1 << bits) - 1;
            while (histogram[digit] < wanted) {
                wanted -= histogram[digit--];
            }
            threshold = known == 0 ? digit : (threshold << bits) | digit;
            known += bits;
        }
        int count = 0;
        for (int i = 0; i < n && count < k; i++) {
            int order = Integer.compareUnsigned(key(scores[at + i]), threshold);
            if (order > 0 || (order == 0 && wanted-- > 0)) {
                out[outAt + count++] = i;
            }
        }
        return count;
    }

    /** An int whose unsigned order is that of the scores, with NaN below −∞. */
    private static int key(float score) {
        if (score != score) {
            return 0;
        }
        int bits = Float.floatToRawIntBits(score + 0f); // makes −0 into +0
        return bits ^ ((bits >> 31) | 0x80000000);
    }
}
