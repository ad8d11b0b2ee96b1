package dev.cadre.core.forward;

import java.util.Arrays;

/** The work items of a phase of matrix products: ranges of output rows, each of one product. */
final class RowRanges {
    /** Rows of an item: enough to pay for taking it, few enough to spread well. */
    private static final int ROWS = 64;

    /** From so many tokens on, an item has more rows, since it packs its tokens before it multiplies. */
    private static final int MANY_TOKENS = 16;

    private static final int MANY_ROWS = 256;

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
        int most = tokens < MANY_TOKENS ? ROWS : Math.clamp(phaseRows / (4L * workers) / 16 * 16, ROWS, MANY_ROWS);
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
