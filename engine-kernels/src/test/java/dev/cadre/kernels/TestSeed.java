package dev.cadre.kernels;

import java.util.Random;

/** Random numbers of the tests: {@code -Dcadre.seed=N} repeats a run, and failures should print {@link #SEED}. */
final class TestSeed {
    static final long SEED = Long.getLong("cadre.seed", 20261125L);

    private TestSeed() {}

    static Random random(int salt) {
        return new Random(SEED * 31 + salt);
    }
}
