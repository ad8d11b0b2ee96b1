package dev.cadre.kernels;

/**
 * The step of loops that read stored rows, as a number that C2 does not know.
 *
 * <p>Where C2 can foretell the places of all accesses, it lets a loop's first pass run apart, to check bounds once for
 * the others. Rows are then read by loads at two places of the code, and a processor whose prefetcher follows each
 * place by itself loses the stream of the weights at every row: half of the memory's speed, in C as well
 * ({@code docs/performance.md}).
 */
final class OpaqueStep {
    private static int one = 1; // not final, or C2 would know it

    private OpaqueStep() {}

    /** The same number, for a place in memory to advance by; not to be asked for in the loop itself. */
    static int of(int step) {
        return step * one;
    }
}
