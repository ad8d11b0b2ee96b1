package dev.cadre.core.sampling;

import dev.cadre.core.NumericException;
import dev.cadre.core.Sampling;
import dev.cadre.kernels.TopK;
import dev.cadre.kernels.VectorMath;
import java.util.Arrays;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/**
 * Chooses tokens from logits. Holds a random stream and the counts of the tokens seen, so there is one for each
 * generation. Total and deterministic: of equal logits the lower id comes first, and NaN counts as impossible.
 */
public final class Sampler {
    /** First guess of how many tokens make up the top-p mass. */
    private static final int FIRST_CANDIDATES = 256;

    private final Sampling options;
    private final VectorMath math;
    private final int vocabulary;
    private final RandomGenerator random;
    private final TopK topK = new TopK();
    private final int[] generated; // times each token was generated
    private final boolean[] seen; // in the prompt or generated
    private final float[] logits;
    private int[] candidates = {};
    private long[] order = {};

    /**
     * A sampler for one generation.
     *
     * @param vocabulary V, length of a row of logits
     */
    public Sampler(Sampling options, VectorMath math, int vocabulary) {
        this.options = options;
        this.math = math;
        this.vocabulary = vocabulary;
        this.random = RandomGeneratorFactory.of("L64X128MixRandom").create(options.seed());
        boolean penalises =
                options.repetitionPenalty() != 1 || options.presencePenalty() != 0 || options.frequencyPenalty() != 0;
        this.generated = penalises ? new int[vocabulary] : null;
        this.seen = penalises ? new boolean[vocabulary] : null;
        this.logits = new float[vocabulary];
    }

    /** Tells of prompt tokens, which the repetition penalty counts. */
    public void observePrompt(int[] tokens) {
        if (seen != null) {
            for (int token : tokens) {
                seen[token] = true;
            }
        }
    }

    /**
     * Chooses the next token.
     *
     * @param row V logits at {@code at}; not changed
     * @param usable ids below this may be drawn at random; those above are padding of the embedding
     * @throws NumericException if no logit is a number
     */
    public int next(float[] row, int at, int usable) {
        System.arraycopy(row, at, logits, 0, vocabulary);
        applyPenalties();
        int token = options.temperature() == 0 ? argmax(vocabulary) : draw(usable);
        if (generated != null) {
            generated[token]++;
            seen[token] = true;
        }
        return token;
    }

    private void applyPenalties() {
        if (seen == null) {
            return;
        }
        float repetition = (float) options.repetitionPenalty();
        for (int id = 0; id < vocabulary; id++) {
            if (seen[id]) {
                logits[id] = logits[id] > 0 ? logits[id] / repetition : logits[id] * repetition;
            }
            if (generated[id] > 0) {
                logits[id] -= (float) (options.presencePenalty() + options.frequencyPenalty() * generated[id]);
            }
        }
    }

    private int argmax(int n) {
        int best = -1;
        for (int id = 0; id < n; id++) {
            // written so that NaN never wins
            if (logits[id] > (best < 0 ? Float.NEGATIVE_INFINITY : logits[best])) {
                best = id;
            }
        }
        if (best < 0) {
            throw new NumericException("no logit is a finite number: the weights or the cache hold NaN or infinity");
        }
        return best;
    }

    private int draw(int n) {
        float sharpness = (float) (1 / options.temperature());
        float max = logits[argmax(n)] * sharpness;
        math.scale(logits, 0, sharpness, n);
        for (int id = 0; id < n; id++) {
            if (Float.isNaN(logits[id])) {
                logits[id] = Float.NEGATIVE_INFINITY;
            }
        }
        float total = math.expSum(logits, 0, n, max); // logits are now likelihoods relative to the best token's 1
        int count = options.topK() > 0 ? Math.min(options.topK(), n) : n;
        if (candidates.length < n) {
            candidates = new int[n];
            order = new long[n];
        }
        if (options.topP() == 1 && options.minP() == 0 && count == n) {
            return drawFrom(null, n, total);
        }
        count = mostLikely(n, count, total);
        double mass = 0;
        double keptMass = options.topP() * sumOf(count, total, n);
        int kept = 0;
        while (kept < count && (kept == 0 || mass < keptMass) && logits[candidates[kept]] >= options.minP()) {
            mass += logits[candidates[kept++]];
        }
        return drawFrom(candidates, Math.max(kept, 1), mass);
    }

    /** Mass of the candidates, of which {@code count} were allowed. */
    private double sumOf(int count, float total, int n) {
        if (options.topK() == 0 || options.topK() >= n) {
            return total;
        }
        double sum = 0;
        for (int i = 0; i < count; i++) {
            sum += logits[candidates[i]];
        }
        return sum;
    }

    /**
     * Puts the most likely tokens into {@code candidates}, best first: {@code limit} of them, or fewer once they hold
     * the mass that top-p keeps.
     */
    private int mostLikely(int n, int limit, float total) {
        int size = options.topK() > 0 ? limit : Math.min(limit, FIRST_CANDIDATES);
        while (true) {
            int count = topK.select(logits, 0, n, size, candidates, 0);
            double mass = 0;
            for (int i = 0; i < count; i++) {
                int id = candidates[i];
                mass += logits[id];
                // likelihoods are not negative, so their bits order as they do; lower ids first among equals
                order[i] = ((long) Float.floatToRawIntBits(logits[id]) << 32) | (Integer.MAX_VALUE - id);
            }
            if (size == limit || mass >= options.topP() * total) {
                Arrays.sort(order, 0, count);
                for (int i = 0; i < count; i++) {
                    candidates[i] = Integer.MAX_VALUE - (int) order[count - 1 - i];
                }
                return count;
            }
            size = (int) Math.min(limit, 8L * size);
        }
    }

    private int drawFrom(int[] ids, int count, double mass) {
        double left = random.nextDouble() * mass;
        int last = 0;
        for (int i = 0; i < count; i++) {
            int id = ids == null ? i : ids[i];
            if (logits[id] > 0) {
                last = id;
                left -= logits[id];
                if (left < 0) {
                    return id;
                }
            }
        }
        return last; // rounding left a rest
    }
}
