package dev.cadre.kernels;

/**
 * The scan of the lightning indexer: all heads of one query against a tile of keys.
 *
 * <p>Keys lie with their dimensions outermost, so that one number of the query meets the same dimension of many keys,
 * and neither the products nor ReLU and the sum over heads ever add up the lanes of a vector. Every sum is accumulated
 * in float32 in the order of dimensions, then of heads, and a key's sums have nothing to do with those of its
 * neighbours: both twins, and tiles of any content beside, give the same bits.
 */
public interface IndexKernel {
    /** Keys of a tile. */
    int KEYS = 64;

    /** Floats of a tile of keys of {@code width} dimensions. */
    static int tileSize(int width) {
        return (width + 1) * KEYS;
    }

    /**
     * out[outAt + j] = factor[j] · Σ_h weights[weightsAt + h] · max(0, Σ_d q[h][d] · key[d][j]) for n keys.
     *
     * @param q rows [heads, width] at {@code qAt}
     * @param tile [width + 1, {@link #KEYS}] from {@code tileAt} on: the keys by their dimensions, then a positive
     *     factor for each; what stands for keys beyond n does not matter
     * @param n at most {@link #KEYS}
     * @param sums room for {@link #KEYS} numbers
     */
    void scores(
            float[] q,
            int qAt,
            int heads,
            int width,
            float[] weights,
            int weightsAt,
            float[] tile,
            int tileAt,
            int n,
            float[] sums,
            float[] out,
            int outAt);
}
