package dev.cadre.core.forward;

import java.util.Arrays;

/** The work items of a phase of matrix products: ranges of output rows, each of one product. */
final class RowRanges {
    /** Rows of the smallest items: enough to pay for taking one. */
    private static final int LEAST_ROWS = 64;

    /**
     * Rows of the largest items of a few tokens. Their time goes into reading weights, and after every jump to another
     * place the memory takes microseconds to stream again, as much as it takes to multiply 64 rows.
     */
    private static final int LONG_RUN = 1024;

    /** From so many tokens on, weights are decoded into a cache that the tokens share, and jumps matter less. */
    private static final int MANY_TOKENS = 16;

    private static final int MANY_TOKENS_ROWS = 512;

    /** Items for each worker, if the rows are enough: one slow worker must not hold the others long. */
    private static final int ITEMS_PER_WORKER = 4;

    private int size;
    private int[] products = new int[64];
    private int[] starts = new int[64];
    private int[] counts = new int[64];

    void clear() {
        size = 0;
    }

    /**
     * Lists the ranges of one product.
     *
     * @param rows output rows of the product
     * @param tokens rows of activations
     * @param phaseRows output rows of all products of the phase
     * @param workers workers that share them
     */
    void add(int product, long rows, int tokens, long phaseRows, int workers) {
        int limit = tokens < MANY_TOKENS ? LONG_RUN : MANY_TOKENS_ROWS;
        int most = Math.clamp(phaseRows / ((long) ITEMS_PER_WORKER * workers) / 16 * 16, LEAST_ROWS, limit);
        for (long row = 0; row < rows; row += most) {
            if (size == products.length) {
                products = Arrays.copyOf(products, 2 * size);
                starts = Arrays.copyOf(starts, 2 * size);
                counts = Arrays.copyOf(counts, 2 * size);
            }
            products[size] = product;
            starts[size] = Math.toIntExact(row);
            counts[size++] = (int) Math.min(most, rows - row);
        }
    }

    /** Number of items. */
    int size() {
        return size;
    }

    int product(int item) {
        return products[item];
    }

    /** First output row of an item. */
    int start(int item) {
        return starts[item];
    }

    /** Output rows of an item. */
    int count(int item) {
        return counts[item];
    }
}
