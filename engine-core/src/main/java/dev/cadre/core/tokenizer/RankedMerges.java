package dev.cadre.core.tokenizer;

import java.util.Arrays;

/** Merges in the order of a list: an open-addressing table from pairs of ids. */
final class RankedMerges implements MergeTable {
    private long[] pairs;
    private long[] merges;
    private int size;

    RankedMerges(int expected) {
        int capacity = Math.max(16, Integer.highestOneBit(Math.max(1, expected)) * 4);
        pairs = new long[capacity];
        merges = new long[capacity];
        Arrays.fill(pairs, NONE);
    }

    /** Adds a merge; of two for one pair, the first stays. */
    void add(int left, int right, int rank, int merged) {
        if (2 * size > pairs.length) {
            grow();
        }
        long pair = pair(left, right);
        int slot = slot(pair);
        if (pairs[slot] == NONE) {
            pairs[slot] = pair;
            merges[slot] = MergeTable.merge(rank, merged);
            size++;
        }
    }

    private void grow() {
        long[] oldPairs = pairs;
        long[] oldMerges = merges;
        pairs = new long[2 * oldPairs.length];
        merges = new long[2 * oldPairs.length];
        Arrays.fill(pairs, NONE);
        for (int i = 0; i < oldPairs.length; i++) {
            if (oldPairs[i] != NONE) {
                int slot = slot(oldPairs[i]);
                pairs[slot] = oldPairs[i];
                merges[slot] = oldMerges[i];
            }
        }
    }

    private static long pair(int left, int right) {
        return ((long) left << 32) | right;
    }

    private int slot(long pair) {
        long hash = pair * 0x9E3779B97F4A7C15L;
        int slot = (int) (hash >>> 40) & (pairs.length - 1);
        while (pairs[slot] != NONE && pairs[slot] != pair) {
            slot = (slot + 1) & (pairs.length - 1);
        }
        return slot;
    }

    @Override
    public long find(int left, int right) {
        int slot = slot(pair(left, right));
        return pairs[slot] == NONE ? NONE : merges[slot];
    }
}
