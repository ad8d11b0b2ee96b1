package dev.cadre.kernels;

import java.util.Arrays;

/**
 * Exact selection of the k greatest of n scores, without sorting. A histogram of the scores' leading digits tells in
 * which bucket the k-th greatest lies; all above it are taken, and only the members of that bucket are looked at again,
 * digit by digit.
 *
 * <p>Total and deterministic: of equal scores the lower index wins, +0 equals −0, and NaN counts as less than
 * everything else. Not thread-safe, since it keeps a histogram: one for each worker.
 */
public final class TopK {
    private static final int DIGIT_BITS = 11;
    private static final int BUCKETS = 1 << DIGIT_BITS;
    private static final int FIRST_SHIFT = Integer.SIZE - DIGIT_BITS;

    private final int[] histogram = new int[BUCKETS];

    /** Counts every second score, so that a run of equal digits does not wait for its own increments. */
    private final int[] second = new int[BUCKETS];

    private int[] bucket = {}; // indices that share the digits known so far

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
        countLeadingDigits(scores, at, n);
        int digit = BUCKETS - 1;
        int wanted = k; // how many of the bucket are still to be taken
        while (histogram[digit] < wanted) {
            wanted -= histogram[digit--];
        }
        int members = histogram[digit];
        if (bucket.length <= members) {
            bucket = new int[members + members / 4 + 1];
        }
        split(scores, at, n, digit, out, outAt);
        if (members > wanted) {
            narrow(scores, at, members, wanted);
        }
        mergeInto(out, outAt, k - wanted, wanted);
        return k;
    }

    private void countLeadingDigits(float[] scores, int at, int n) {
        int[] even = histogram;
        int[] odd = second;
        Arrays.fill(even, 0);
        Arrays.fill(odd, 0);
        int i = 0;
        for (; i < n - 1; i += 2) {
            even[key(scores[at + i]) >>> FIRST_SHIFT]++;
            odd[key(scores[at + i + 1]) >>> FIRST_SHIFT]++;
        }
        if (i < n) {
            even[key(scores[at + i]) >>> FIRST_SHIFT]++;
        }
        for (int b = 0; b < BUCKETS; b++) {
            even[b] += odd[b];
        }
    }

    /** Indices above the bucket go to {@code out}, those in it to {@link #bucket}; without branches. */
    private void split(float[] scores, int at, int n, int digit, int[] out, int outAt) {
        int[] equal = bucket;
        int above = outAt;
        int in = 0;
        for (int i = 0; i < n; i++) {
            int difference = digit - (key(scores[at + i]) >>> FIRST_SHIFT);
            // Both places are free: fewer than k are above, and the bucket has room for one more than its members.
            out[above] = i;
            above += difference >>> 31;
            equal[in] = i;
            in += (difference - 1 & ~difference) >>> 31;
        }
    }

    /** Keeps the {@code wanted} greatest of the bucket's members, in ascending order of their indices. */
    private void narrow(float[] scores, int at, int members, int wanted) {
        int left = wanted;
        int known = DIGIT_BITS;
        int threshold = key(scores[at + bucket[0]]) >>> FIRST_SHIFT;
        while (known < Integer.SIZE) {
            int bits = Math.min(DIGIT_BITS, Integer.SIZE - known);
            int shift = Integer.SIZE - known - bits;
            Arrays.fill(histogram, 0);
            for (int i = 0; i < members; i++) {
                int key = key(scores[at + bucket[i]]);
                if (key >>> (shift + bits) == threshold) {
                    histogram[(key >>> shift) & ((1 << bits) - 1)]++;
                }
            }
            int digit = (1 << bits) - 1;
            while (histogram[digit] < left) {
                left -= histogram[digit--];
            }
            threshold = (threshold << bits) | digit;
            known += bits;
        }
        int count = 0;
        for (int i = 0; count < wanted; i++) {
            int order = Integer.compareUnsigned(key(scores[at + bucket[i]]), threshold);
            if (order > 0 || (order == 0 && left-- > 0)) {
                bucket[count++] = bucket[i];
            }
        }
    }

    /** Merges the bucket's first {@code more} into the {@code count} indices that are there; both are ascending. */
    private void mergeInto(int[] out, int outAt, int count, int more) {
        int a = count - 1;
        int b = more - 1;
        for (int to = count + more - 1; b >= 0; to--) {
            boolean fromBucket = a < 0 || bucket[b] > out[outAt + a];
            out[outAt + to] = fromBucket ? bucket[b--] : out[outAt + a--];
        }
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
