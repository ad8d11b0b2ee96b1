package dev.cadre.kernels;

/**
 * The arithmetic of attention over a tile of decoded keys or values, for many queries (heads, or heads of several rows)
 * at once. Queries lie side by side: a tile of scores is [n, columns], row j for key j, column i for query i, with
 * {@code columns} a multiple of {@link #lanes()}; columns beyond the queries hold something finite that nobody reads.
 *
 * <p>Every score and every sum is accumulated in float32 and in the order of the tile, whatever stands beside it, so a
 * query gets the same bits alone and among others.
 */
public interface AttentionKernel {
    /** Keys are taken by so many; tiles of keys and of scores have room for a multiple of it. */
    int KEYS = 8;

    /** Columns come in multiples of this. */
    int lanes();

    /** Columns for {@code queries} queries. */
    default int columns(int queries) {
        return (queries + lanes() - 1) / lanes() * lanes();
    }

    /**
     * Lays queries side by side: packed[d·columns + i] = q[i][d], zero beyond the queries.
     *
     * @param q rows [queries, width] at {@code qAt}, {@code qStride} apart
     */
    void pack(float[] q, int qAt, int qStride, int queries, int width, float[] packed, int packedAt, int columns);

    /**
     * s[j·columns + i] = Σ_d packed[d][i]·keys[j][d] for n keys. Reads and writes rows up to the next multiple of
     * {@link #KEYS}; what it makes of the rows beyond n means nothing.
     *
     * @param keys rows [n, width] at {@code keysAt}, {@code keyStride} apart
     */
    void scores(
            float[] packed,
            int packedAt,
            int columns,
            float[] keys,
            int keysAt,
            int keyStride,
            int n,
            int width,
            float[] s);

    /**
     * One block of a softmax over keys that come in blocks (Milakov and Gimelshein, 2018): turns scores into
     * probabilities that are not yet divided by their sum, in place. A score of −∞ becomes 0. What columns beyond
     * {@code queries} hold afterwards, here and in the other arrays, means nothing.
     *
     * @param n keys; as in {@link #scores}, s has room for the next multiple of {@link #KEYS}
     * @param max running maximum of each column, −∞ at first
     * @param sum running sum of each column
     * @param kept receives the factor by which earlier sums of values must be multiplied, since the maximum grew
     */
    void softmax(float[] s, int columns, int queries, int n, float scale, float[] max, float[] sum, float[] kept);

    /**
     * c[i][d] += Σ_j p[j·columns + i]·v[j][d] for {@code queries} columns from {@code pAt} on.
     *
     * @param v rows [n, width] at {@code vAt}, {@code vStride} apart
     * @param c rows [queries, width] at {@code cAt}, {@code cStride} apart
     */
    void accumulate(
            float[] p,
            int pAt,
            int columns,
            int queries,
            float[] v,
            int vAt,
            int vStride,
            int n,
            int width,
            float[] c,
            int cAt,
            int cStride);
}
