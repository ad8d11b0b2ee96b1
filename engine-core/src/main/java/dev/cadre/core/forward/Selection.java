package dev.cadre.core.forward;

/**
 * The positions that each row of a batch attends to: all of them, or those that an indexer chose. A full layer sets it,
 * the shared layers above use it again.
 */
final class Selection {
    private int[] positions = {};
    private int[] counts = {};
    private int stride;

    /** Every row attends to everything up to itself. */
    void selectAll(int rows) {
        begin(rows, 0);
    }

    /** Starts anew with all rows attending to everything; at most {@code most} positions can be chosen for a row. */
    void begin(int rows, int most) {
        stride = most;
        if (counts.length < rows) {
            counts = new int[rows];
        }
        if (positions.length < rows * most) {
            positions = new int[rows * most];
        }
        for (int row = 0; row < rows; row++) {
            counts[row] = -1;
        }
    }

    /** Where a row's chosen positions go, ascending. */
    int[] positions() {
        return positions;
    }

    int start(int row) {
        return row * stride;
    }

    void setCount(int row, int count) {
        counts[row] = count;
    }

    /** Whether the row attends to everything up to its own position. */
    boolean isAll(int row) {
        return counts[row] < 0;
    }

    int count(int row) {
        return counts[row];
    }
}
