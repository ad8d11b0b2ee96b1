package dev.cadre.core.forward;

import dev.cadre.core.cache.SequenceCache;
import java.util.Arrays;

/**
 * A ragged batch: runs of consecutive tokens, each of another sequence. One sequence's decode step is a run of one row,
 * its prefill a long run; a batch mixes them freely.
 */
public final class Batch {
    /** Of which rows of a run logits are wanted. */
    public enum Logits {
        NONE,
        LAST,
        ALL
    }

    private int rows;
    private int[] tokens = new int[16];
    private int[] positions = new int[16];
    private SequenceCache[] caches = new SequenceCache[16];
    private int[] logitRows = new int[16];
    private int logitCount;

    /** Forgets all runs. */
    public void clear() {
        Arrays.fill(caches, 0, rows, null);
        rows = 0;
        logitCount = 0;
    }

    /**
     * Adds a run: {@code count} tokens that follow what {@code cache} holds. A cache may have one run in a batch.
     */
    public void add(SequenceCache cache, int[] ids, int from, int count, Logits logits) {
        if (rows + count > tokens.length) {
            int size = Math.max(rows + count, 2 * tokens.length);
            tokens = Arrays.copyOf(tokens, size);
            positions = Arrays.copyOf(positions, size);
            caches = Arrays.copyOf(caches, size);
            logitRows = Arrays.copyOf(logitRows, size);
        }
        for (int i = 0; i < count; i++) {
            tokens[rows + i] = ids[from + i];
            positions[rows + i] = cache.length() + i;
            caches[rows + i] = cache;
        }
        int wanted = switch (logits) {
            case NONE -> 0;
            case LAST -> Math.min(1, count);
            case ALL -> count;
        };
        for (int i = count - wanted; i < count; i++) {
            logitRows[logitCount++] = rows + i;
        }
        rows += count;
    }

    /** T. */
    public int rows() {
        return rows;
    }

    /** Number of rows whose logits are wanted. */
    public int logitCount() {
        return logitCount;
    }

    int logitRow(int i) {
        return logitRows[i];
    }

    int token(int row) {
        return tokens[row];
    }

    int position(int row) {
        return positions[row];
    }

    SequenceCache cache(int row) {
        return caches[row];
    }

    boolean lastOfRun(int row) {
        return row + 1 == rows || caches[row + 1] != caches[row];
    }

    /** Makes room in every sequence for its run. */
    void reserve() {
        for (int row = 0; row < rows; row++) {
            if (lastOfRun(row)) {
                caches[row].reserve(positions[row] + 1);
            }
        }
    }

    /** Declares all runs' positions valid. */
    void commit() {
        int first = 0;
        for (int row = 0; row < rows; row++) {
            if (lastOfRun(row)) {
                caches[row].commit(tokens, first, row + 1 - first);
                first = row + 1;
            }
        }
    }
}
