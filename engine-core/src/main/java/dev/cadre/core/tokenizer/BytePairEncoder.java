package dev.cadre.core.tokenizer;

import java.util.Arrays;

/**
 * Byte-pair merging of one word (Sennrich et al., 2016): again and again the neighbouring pair of lowest rank, of
 * equals the leftmost, becomes one symbol. A heap of candidate pairs over a linked list makes it O(n log n), whatever
 * the word.
 */
final class BytePairEncoder {
    private final MergeTable merges;

    BytePairEncoder(MergeTable merges) {
        this.merges = merges;
    }

    /**
     * Merges {@code symbols[0..n)} in place.
     *
     * @return the number of symbols left
     */
    int merge(int[] symbols, int n) {
        if (n < 2) {
            return n;
        }
        int[] next = new int[n];
        int[] previous = new int[n];
        Heap heap = new Heap(2 * n);
        for (int i = 0; i < n; i++) {
            next[i] = i + 1;
            previous[i] = i - 1;
            if (i + 1 < n) {
                offer(heap, symbols, i, i + 1);
            }
        }
        while (heap.size > 0) {
            long candidate = heap.poll();
            int at = (int) candidate;
            int right = symbols[at] < 0 ? n : next[at];
            if (right >= n) {
                continue; // the left symbol is gone, or has no neighbour any more
            }
            long merge = merges.find(symbols[at], symbols[right]);
            if (merge == MergeTable.NONE || MergeTable.rank(merge) != (int) (candidate >>> 32)) {
                continue; // one of the two has changed since
            }
            symbols[at] = MergeTable.merged(merge);
            symbols[right] = -1;
            next[at] = next[right];
            if (next[at] < n) {
                previous[next[at]] = at;
                offer(heap, symbols, at, next[at]);
            }
            if (previous[at] >= 0) {
                offer(heap, symbols, previous[at], at);
            }
        }
        int count = 0;
        for (int i = 0; i < n; i++) {
            if (symbols[i] >= 0) {
                symbols[count++] = symbols[i];
            }
        }
        return count;
    }

    private void offer(Heap heap, int[] symbols, int left, int right) {
        long merge = merges.find(symbols[left], symbols[right]);
        if (merge != MergeTable.NONE) {
            heap.offer(((long) MergeTable.rank(merge) << 32) | left);
        }
    }

    /** A binary min-heap of longs: rank, then position. */
    private static final class Heap {
        private long[] items;
        private int size;

        Heap(int capacity) {
            items = new long[capacity];
        }

        void offer(long item) {
            if (size == items.length) {
                items = Arrays.copyOf(items, 2 * size);
            }
            int at = size++;
            while (at > 0 && items[(at - 1) >>> 1] > item) {
                items[at] = items[(at - 1) >>> 1];
                at = (at - 1) >>> 1;
            }
            items[at] = item;
        }

        long poll() {
            long least = items[0];
            long item = items[--size];
            int at = 0;
            while (2 * at + 1 < size) {
                int child = 2 * at + 1;
                if (child + 1 < size && items[child + 1] < items[child]) {
                    child++;
                }
                if (items[child] >= item) {
                    break;
                }
                items[at] = items[child];
                at = child;
            }
            items[at] = item;
            return least;
        }
    }
}
