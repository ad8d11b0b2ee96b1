package dev.cadre.kernels;

import java.util.Arrays;

/** The reference of {@link AttentionKernel}. */
final class ScalarAttention implements AttentionKernel {
    @Override
    public int lanes() {
        return 4; // one would do; several keep the padding in use
    }

    @Override
    public void pack(
            float[] q, int qAt, int qStride, int queries, int width, float[] packed, int packedAt, int columns) {
        packRows(q, qAt, qStride, queries, width, packed, packedAt, columns);
    }

    static void packRows(
            float[] q, int qAt, int qStride, int queries, int width, float[] packed, int packedAt, int columns) {
        for (int d = 0; d < width; d++) {
            int to = packedAt + d * columns;
            for (int i = 0; i < queries; i++) {
                packed[to + i] = q[qAt + i * qStride + d];
            }
            Arrays.fill(packed, to + queries, to + columns, 0f);
        }
    }

    @Override
    public void scores(
            float[] packed,
            int packedAt,
            int columns,
            float[] keys,
            int keysAt,
            int keyStride,
            int n,
            int width,
            float[] s) {
        for (int j = 0; j < n; j++) {
            for (int i = 0; i < columns; i++) {
                float sum = 0;
                for (int d = 0; d < width; d++) {
                    sum = Math.fma(keys[keysAt + j * keyStride + d], packed[packedAt + d * columns + i], sum);
                }
                s[j * columns + i] = sum;
            }
        }
    }

    @Override
    public void softmax(
            float[] s, int columns, int queries, int n, float scale, float[] max, float[] sum, float[] kept) {
        for (int i = 0; i < queries; i++) {
            float before = max[i];
            for (int j = 0; j < n; j++) {
                s[j * columns + i] *= scale;
                max[i] = Math.max(max[i], s[j * columns + i]);
            }
            kept[i] = before == Float.NEGATIVE_INFINITY ? 0f : ScalarMath.expOf(before - max[i]);
            float total = 0;
            for (int j = 0; j < n; j++) {
                float score = s[j * columns + i];
                float p = score == Float.NEGATIVE_INFINITY ? 0f : ScalarMath.expOf(score - max[i]);
                s[j * columns + i] = p;
                total += p;
            }
            sum[i] = sum[i] * kept[i] + total;
        }
    }

    @Override
    public void accumulate(
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
            int cStride) {
        for (int i = 0; i < queries; i++) {
            for (int d = 0; d < width; d++) {
                float sum = c[cAt + i * cStride + d];
                for (int j = 0; j < n; j++) {
                    sum = Math.fma(p[pAt + j * columns + i], v[vAt + j * vStride + d], sum);
                }
                c[cAt + i * cStride + d] = sum;
            }
        }
    }
}
