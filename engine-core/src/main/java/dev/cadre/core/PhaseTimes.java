package dev.cadre.core;

/**
 * Where the time of a model's steps went, in nanoseconds, added up since the model was loaded. Reading the clock a few
 * times in each layer costs nothing that could be measured and allocates nothing. Read it between steps only.
 */
public final class PhaseTimes {
    /** A part of a step that grows with the context, or the experts, which do not. */
    public enum Phase {
        /** Scoring all earlier positions with the indexer's heads. */
        INDEX_SCAN,
        /** Choosing the best of these scores. */
        SELECTION,
        /** Queries against the cached positions, without the projections around it. */
        ATTENTION,
        /** Router, routed and shared experts, or the dense MLP. */
        EXPERTS
    }

    private final long[] nanos = new long[Phase.values().length];

    /** All zero. */
    public PhaseTimes() {}

    /** Counts the time from {@code start}, a value of {@link System#nanoTime}, until now. */
    public void add(Phase phase, long start) {
        nanos[phase.ordinal()] += System.nanoTime() - start;
    }

    /** The time of a phase so far. */
    public long nanos(Phase phase) {
        return nanos[phase.ordinal()];
    }
}
