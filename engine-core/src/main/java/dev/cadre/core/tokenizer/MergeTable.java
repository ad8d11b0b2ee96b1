package dev.cadre.core.tokenizer;

/** Which two neighbouring symbols become one, and which pairs go first. */
interface MergeTable {
    /** No merge of this pair. */
    long NONE = -1;

    /**
     * The merge of two symbols.
     *
     * @return rank in the upper 32 bits (lower goes first), the merged symbol in the lower, or {@link #NONE}
     */
    long find(int left, int right);

    static int rank(long merge) {
        return (int) (merge >>> 32);
    }

    static int merged(long merge) {
        return (int) merge;
    }

    static long merge(int rank, int merged) {
        return ((long) rank << 32) | merged;
    }
}
