package dev.cadre.kernels;

import static dev.cadre.kernels.Lanes.F;
import static dev.cadre.kernels.Lanes.L;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/** {@link TileKernel} by the Vector API. */
final class VectorTileKernel implements TileKernel {
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
            Workspace ws) {
        int whole = k / L * L;
        int quads = n / DotTile.ROWS * DotTile.ROWS;
        float[] partials = ws.partials(m * Math.max(quads, 1) * L);
        int[] at = ws.paddedAt(m);
        for (int i = 0; i < m; i++) {
            at[i] = aAt + i * aStride;
        }
        if (quads > 0) {
            Arrays.fill(partials, 0, m * quads * L, 0f);
            DotTile.run(a, at, 0, m, 0, b, bAt, bStride, quads, whole, partials, 0, quads * L);
        }
        for (int i = 0; i < m; i++) {
            int to = cAt + i * cStride;
            int j = 0;
            for (; j <= quads - L; j += L) {
                Lanes.fold(partials, (i * quads + j) * L).intoArray(c, to + j);
            }
            for (; j < quads; j++) {
                c[to + j] = Lanes.sum(FloatVector.fromArray(F, partials, (i * quads + j) * L));
            }
            for (; j < n; j++) {
                c[to + j] = dotRow(a, at[i], b, bAt + j * bStride, whole);
            }
            if (whole < k) {
                addTail(a, at[i], b, bAt, bStride, n, whole, k, c, to);
            }
        }
    }

    private static float dotRow(float[] a, int aAt, float[] b, int bAt, int whole) {
        FloatVector sum = FloatVector.zero(F);
        for (int d = 0; d < whole; d += L) {
            sum = FloatVector.fromArray(F, b, bAt + d).fma(FloatVector.fromArray(F, a, aAt + d), sum);
        }
        return Lanes.sum(sum);
    }

    private static void addTail(
            float[] a, int aAt, float[] b, int bAt, int bStride, int n, int from, int k, float[] c, int to) {
        for (int j = 0; j < n; j++) {
            float sum = c[to + j];
            for (int d = from; d < k; d++) {
                sum = Math.fma(a[aAt + d], b[bAt + j * bStride + d], sum);
            }
            c[to + j] = sum;
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
        int i = 0;
        for (; i <= m - 4; i += 4) {
            int d = 0;
            for (; d <= width - 2 * L; d += 2 * L) {
                accumulateFour(
                        p, pAt + i * pStride, pStride, v, vAt + d, vStride, n, c, cAt + i * cStride + d, cStride);
            }
            for (int r = i; r < i + 4; r++) {
                accumulateRow(p, pAt + r * pStride, v, vAt, vStride, n, d, width, c, cAt + r * cStride);
            }
        }
        for (; i < m; i++) {
            accumulateRow(p, pAt + i * pStride, v, vAt, vStride, n, 0, width, c, cAt + i * cStride);
        }
    }

    /** Four rows of weights against a strip of two vectors of every value row. */
    private static void accumulateFour(
            float[] p, int p0, int pStride, float[] v, int vAt, int vStride, int n, float[] c, int cAt, int cStride) {
        int c1 = cAt + cStride;
        int c2 = c1 + cStride;
        int c3 = c2 + cStride;
        int p1 = p0 + pStride;
        int p2 = p1 + pStride;
        int p3 = p2 + pStride;
        FloatVector s00 = FloatVector.fromArray(F, c, cAt);
        FloatVector s01 = FloatVector.fromArray(F, c, cAt + L);
        FloatVector s10 = FloatVector.fromArray(F, c, c1);
        FloatVector s11 = FloatVector.fromArray(F, c, c1 + L);
        FloatVector s20 = FloatVector.fromArray(F, c, c2);
        FloatVector s21 = FloatVector.fromArray(F, c, c2 + L);
        FloatVector s30 = FloatVector.fromArray(F, c, c3);
        FloatVector s31 = FloatVector.fromArray(F, c, c3 + L);
        for (int j = 0; j < n; j++) {
            FloatVector a = FloatVector.fromArray(F, v, vAt + j * vStride);
            FloatVector b = FloatVector.fromArray(F, v, vAt + j * vStride + L);
            FloatVector q = FloatVector.broadcast(F, p[p0 + j]);
            s00 = q.fma(a, s00);
            s01 = q.fma(b, s01);
            q = FloatVector.broadcast(F, p[p1 + j]);
            s10 = q.fma(a, s10);
            s11 = q.fma(b, s11);
            q = FloatVector.broadcast(F, p[p2 + j]);
            s20 = q.fma(a, s20);
            s21 = q.fma(b, s21);
            q = FloatVector.broadcast(F, p[p3 + j]);
            s30 = q.fma(a, s30);
            s31 = q.fma(b, s31);
        }
        s00.intoArray(c, cAt);
        s01.intoArray(c, cAt + L);
        s10.intoArray(c, c1);
        s11.intoArray(c, c1 + L);
        s20.intoArray(c, c2);
        s21.intoArray(c, c2 + L);
        s30.intoArray(c, c3);
        s31.intoArray(c, c3 + L);
    }

    private static void accumulateRow(
            float[] p, int pAt, float[] v, int vAt, int vStride, int n, int from, int width, float[] c, int cAt) {
        int d = from;
        for (; d <= width - L; d += L) {
            FloatVector s = FloatVector.fromArray(F, c, cAt + d);
            for (int j = 0; j < n; j++) {
                s = FloatVector.broadcast(F, p[pAt + j]).fma(FloatVector.fromArray(F, v, vAt + j * vStride + d), s);
            }
            s.intoArray(c, cAt + d);
        }
        for (; d < width; d++) {
            float s = c[cAt + d];
            for (int j = 0; j < n; j++) {
                s = Math.fma(p[pAt + j], v[vAt + j * vStride + d], s);
            }
            c[cAt + d] = s;
        }
    }
}
