package dev.cadre.core.cache;

import java.util.Arrays;

/** The tokens of a sequence's first positions, as far as they are known. */
final class TokenHistory {
    private int[] ids = new int[64];
    private int count;

    /** Positions whose tokens are known. */
    int count() {
        return count;
    }

    void add(int[] more, int from, int n) {
        if (count + n > ids.length) {
            ids = Arrays.copyOf(ids, Math.max(count + n, 2 * ids.length));
        }
        System.arraycopy(more, from, ids, count, n);
        count += n;
    }

    void truncate(int newCount) {
        count = Math.min(count, newCount);
    }

    /** The tokens, from position 0 on; valid until more are added. */
    int[] array() {
        return ids;
    }

    int[] range(int from, int to) {
        return Arrays.copyOfRange(ids, from, to);
    }

    TokenHistory copy() {
        TokenHistory copy = new TokenHistory();
        copy.ids = ids.clone();
        copy.count = count;
        return copy;
    }
}
