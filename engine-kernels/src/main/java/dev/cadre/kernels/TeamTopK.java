package dev.cadre.kernels;

import java.util.Arrays;

/**
 * The selection of {@link TopK} by all workers together, for long rows of scores: each range of the row elects its own
 * k greatest, and these are selected from again. Ranges have a fixed size, and the result is the exact one, so it does
 * not depend on the number of workers.
 */
public final class TeamTopK {
    private static final int RANGE = 1 << 15;

    private final WorkerTeam team;
    private final TopK[] selectors;
    private final ElectTask elect = new ElectTask();
    private int[] counts = {};
    private int[] elected = {}; // [ranges, k], positions in the row
    private float[] electedScores = {};

    /** A selector that works with {@code team}. */
    public TeamTopK(WorkerTeam team) {
        this.team = team;
        selectors = new TopK[team.size()];
        Arrays.setAll(selectors, worker -> new TopK());
    }

    /** One worker's selector. */
    public TopK of(int worker) {
        return selectors[worker];
    }

    /** As {@link TopK#select}. Must not be called from within a phase of the team. */
    public int select(float[] scores, int at, int n, int k, int[] out, int outAt) {
        int ranges = (n + RANGE - 1) / RANGE;
        if (ranges <= 1 || k >= RANGE || k <= 0) {
            return selectors[0].select(scores, at, n, k, out, outAt);
        }
        if (elected.length < ranges * k) {
            elected = new int[ranges * k];
            electedScores = new float[ranges * k];
        }
        if (counts.length < ranges) {
            counts = new int[ranges];
        }
        elect.scores = scores;
        elect.at = at;
        elect.n = n;
        elect.k = k;
        team.run(ranges, elect);
        elect.scores = null;
        int candidates = 0;
        for (int r = 0; r < ranges; r++) {
            for (int i = r * k; i < r * k + counts[r]; i++) {
                elected[candidates] = elected[i];
                electedScores[candidates++] = scores[at + elected[i]];
            }
        }
        // Candidates stand in the order of their positions, so a tie still goes to the lower one.
        int count = selectors[0].select(electedScores, 0, candidates, k, out, outAt);
        for (int i = outAt; i < outAt + count; i++) {
            out[i] = elected[out[i]];
        }
        return count;
    }

    /** Elects the best of one range. */
    private final class ElectTask implements WorkerTeam.Task {
        private float[] scores;
        private int at;
        private int n;
        private int k;

        @Override
        public void run(int item, int worker) {
            int from = item * RANGE;
            int count = selectors[worker].select(scores, at + from, Math.min(RANGE, n - from), k, elected, item * k);
            for (int i = item * k; i < item * k + count; i++) {
                elected[i] += from;
            }
            counts[item] = count;
        }
    }
}
