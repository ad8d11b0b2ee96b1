package dev.cadre.kernels;

/** The reference of {@link TileKernel}. */
final class ScalarTileKernel implements TileKernel {
    @Override
    public void dot(
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
            Workspace workspace) {
        for (int i = 0; i < m; i++) {
            for (int j = 0; j < n; j++) {
                float sum = 0;
                for (int d = 0; d < k; d++) {
                    sum = Math.fma(a[aAt + i * aStride + d], b[bAt + j * bStride + d], sum);
                }
                c[cAt + i * cStride + j] = sum;
            }
        }
    }

    @Override
    public void accumulate(
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
            int cStride) {
        for (int i = 0; i < m; i++) {
            for (int d = 0; d < width; d++) {
                float sum = c[cAt + i * cStride + d];
                for (int j = 0; j < n; j++) {
                    sum = Math.fma(p[pAt + i * pStride + j], v[vAt + j * vStride + d], sum);
                }
                c[cAt + i * cStride + d] = sum;
            }
        }
    }
}
