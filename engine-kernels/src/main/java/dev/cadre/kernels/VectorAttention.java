package dev.cadre.kernels;

import static dev.cadre.kernels.Lanes.F;
import static dev.cadre.kernels.Lanes.L;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * {@link AttentionKernel} by the Vector API. Lanes are queries where scores are made, so that no sum over lanes is ever
 * needed, and numbers of a value where values are summed; the register tiles are {@link AttentionTiles}.
 */
final class VectorAttention implements AttentionKernel {
    @Override
    public int lanes() {
        return L;
    }

    @Override
    public void pack(
            float[] q, int qAt, int qStride, int queries, int width, float[] packed, int packedAt, int columns) {
        ScalarAttention.packRows(q, qAt, qStride, queries, width, packed, packedAt, columns);
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
        int i = 0;
        for (; i <= columns - 2 * L; i += 2 * L) {
            for (int j = 0; j < n; j += KEYS) {
                AttentionTiles.scoresOfTwo(
                        packed,
                        packedAt + i,
                        columns,
                        keys,
                        keysAt + j * keyStride,
                        keyStride,
                        width,
                        s,
                        j * columns + i);
            }
        }
        if (i < columns) {
            for (int j = 0; j < n; j += KEYS) {
                AttentionTiles.scoresOfOne(
                        packed,
                        packedAt + i,
                        columns,
                        keys,
                        keysAt + j * keyStride,
                        keyStride,
                        width,
                        s,
                        j * columns + i);
            }
        }
    }

    @Override
    public void softmax(float[] s, int columns, int n, float scale, float[] max, float[] sum, float[] kept) {
        for (int i = 0; i < columns; i += L) {
            FloatVector before = FloatVector.fromArray(F, max, i);
            FloatVector after = scaleAndMax(s, i, columns, n, scale, before);
            VectorMask<Float> first = before.compare(VectorOperators.EQ, Float.NEGATIVE_INFINITY);
            FloatVector factor = Lanes.exp(before.sub(after)).blend(0f, first);
            FloatVector total = exponentials(s, i, columns, n, after);
            after.intoArray(max, i);
            factor.intoArray(kept, i);
            FloatVector.fromArray(F, sum, i).mul(factor).add(total).intoArray(sum, i);
        }
    }

    private static FloatVector scaleAndMax(float[] s, int at, int columns, int n, float scale, FloatVector before) {
        FloatVector max = before;
        for (int j = 0; j < n; j++) {
            FloatVector v = FloatVector.fromArray(F, s, at + j * columns).mul(scale);
            v.intoArray(s, at + j * columns);
            max = max.max(v);
        }
        return max;
    }

    private static FloatVector exponentials(float[] s, int at, int columns, int n, FloatVector max) {
        FloatVector total = FloatVector.zero(F);
        for (int j = 0; j < n; j++) {
            FloatVector v = FloatVector.fromArray(F, s, at + j * columns);
            VectorMask<Float> nothing = v.compare(VectorOperators.EQ, Float.NEGATIVE_INFINITY);
            FloatVector p = Lanes.exp(v.sub(max)).blend(0f, nothing);
            p.intoArray(s, at + j * columns);
            total = total.add(p);
        }
        return total;
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
        int fours = queries / 4 * 4;
        int d = 0;
        for (; d <= width - 3 * L; d += 3 * L) {
            for (int i = 0; i < fours; i += 4) {
                AttentionTiles.valuesOfThree(
                        p, pAt + i, columns, v, vAt + d, vStride, n, c, cAt + i * cStride + d, cStride);
            }
        }
        for (; d <= width - L; d += L) {
            for (int i = 0; i < fours; i += 4) {
                AttentionTiles.valuesOfOne(
                        p, pAt + i, columns, v, vAt + d, vStride, n, c, cAt + i * cStride + d, cStride);
            }
        }
        for (int i = 0; i < queries; i++) {
            accumulateRow(p, pAt + i, columns, v, vAt, vStride, n, i < fours ? d : 0, width, c, cAt + i * cStride);
        }
    }

    private static void accumulateRow(
            float[] p,
            int pAt,
            int columns,
            float[] v,
            int vAt,
            int vStride,
            int n,
            int from,
            int width,
            float[] c,
            int cAt) {
        int d = from;
        for (; d <= width - 4 * L; d += 4 * L) {
            AttentionTiles.valuesOfFourForOne(p, pAt, columns, v, vAt + d, vStride, n, c, cAt + d);
        }
        for (; d <= width - L; d += L) {
            FloatVector s = FloatVector.fromArray(F, c, cAt + d);
            for (int j = 0; j < n; j++) {
                s = FloatVector.broadcast(F, p[pAt + j * columns])
                        .fma(FloatVector.fromArray(F, v, vAt + j * vStride + d), s);
            }
            s.intoArray(c, cAt + d);
        }
        for (; d < width; d++) {
            float s = c[cAt + d];
            for (int j = 0; j < n; j++) {
                s = Math.fma(p[pAt + j * columns], v[vAt + j * vStride + d], s);
            }
            c[cAt + d] = s;
        }
    }
}
