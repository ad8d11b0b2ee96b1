package dev.cadre.kernels;

/**
 * Products of small float tiles that lie in a cache: the two halves of attention. Accumulation is in float32 and in a
 * fixed order for every output, whatever the tile around it.
 */
public interface TileKernel {
    /**
     * c[i][j] = Σ_k a[i][k]·b[j][k]: scores of queries against keys.
     *
     * @param a rows [m, k] at {@code aAt}, {@code aStride} apart
     * @param b rows [n, k] at {@code bAt}, {@code bStride} apart
     * @param c results [m, n] at {@code cAt}, {@code cStride} apart
     */
    void dot(
            float[] a,
            int aAt,
            int aStride,
            int m,
            float[] b,
            int bAt,
            int bStride,
            int n,
            int k,
            float[] c,
            int cAt,
            int cStride,
            Workspace workspace);

    /**
     * c[i][d] += Σ_j p[i][j]·v[j][d]: values weighted by probabilities.
     *
     * @param p weights [m, n] at {@code pAt}, {@code pStride} apart
     * @param v rows [n, width] at {@code vAt}, {@code vStride} apart
     * @param c sums [m, width] at {@code cAt}, {@code cStride} apart
     */
    void accumulate(
            float[] p,
            int pAt,
            int pStride,
            int m,
            float[] v,
            int vAt,
            int vStride,
            int n,
            int width,
            float[] c,
            int cAt,
            int cStride);
}
