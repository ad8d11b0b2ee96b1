package dev.cadre.kernels;

import static dev.cadre.kernels.Lanes.F;
import static dev.cadre.kernels.Lanes.L;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * {@link AttentionKernel} by the Vector API. Lanes are queries where scores are made, so that no sum over lanes is ever
 * needed, and numbers of a value where values are summed; the register tiles are {@link AttentionTiles}.
 */
final class VectorAttention implements AttentionKernel {
    /** The score of a key that a query does not see. */
    private static final float NOTHING = Float.NEGATIVE_INFINITY;

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
    public void softmax(
            float[] s, int columns, int queries, int n, float scale, float[] max, float[] sum, float[] kept) {
        if (queries == 1) {
            softmaxOfOne(s, columns, n, scale, max, sum, kept);
            return;
        }
        for (int i = 0; i < columns; i += L) {
            FloatVector before = FloatVector.fromArray(F, max, i);
            FloatVector after = before;
            for (int j = 0; j < n; j++) {
                after = after.max(FloatVector.fromArray(F, s, i + j * columns).mul(scale));
            }
            for (int j = 0; j < n; j++) {
                FloatVector v = FloatVector.fromArray(F, s, i + j * columns).mul(scale);
                v.sub(after)
                        .blend(NOTHING, v.compare(VectorOperators.EQ, NOTHING))
                        .intoArray(s, i + j * columns);
            }
            VectorMask<Float> first = before.compare(VectorOperators.EQ, NOTHING);
            before.sub(after).blend(NOTHING, first).intoArray(kept, i);
            after.intoArray(max, i);
        }
        Exponentials.replace(s, 0, n * columns, 1f, 0f);
        Exponentials.replace(kept, 0, columns, 1f, 0f);
        for (int i = 0; i < columns; i += L) {
            FloatVector total = FloatVector.zero(F);
            for (int j = 0; j < n; j++) {
                total = total.add(FloatVector.fromArray(F, s, i + j * columns));
            }
            FloatVector.fromArray(F, sum, i)
                    .mul(FloatVector.fromArray(F, kept, i))
                    .add(total)
                    .intoArray(sum, i);
        }
    }

    /**
     * The first column alone, with keys in the lanes: the exponentials of a column of padding would cost as much as
     * those of L queries. The same bits, since the sum goes from key to key here too.
     */
    private static void softmaxOfOne(
            float[] s, int columns, int n, float scale, float[] max, float[] sum, float[] kept) {
        for (int j = 1; j < n; j++) {
            s[j] = s[j * columns];
        }
        int padded = (n + L - 1) / L * L;
        Arrays.fill(s, n, padded, Float.NEGATIVE_INFINITY); // which changes no maximum
        float before = max[0];
        FloatVector greatest = FloatVector.broadcast(F, before);
        for (int j = 0; j < padded; j += L) {
            FloatVector v = FloatVector.fromArray(F, s, j).mul(scale);
            v.intoArray(s, j);
            greatest = greatest.max(v);
        }
        float after = greatest.reduceLanes(VectorOperators.MAX); // the same in any order
        Exponentials.replace(s, 0, padded, 1f, after);
        float total = 0;
        for (int j = 0; j < n; j++) {
            total += s[j];
        }
        for (int j = n - 1; j > 0; j--) {
            s[j * columns] = s[j];
        }
        max[0] = after;
        kept[0] = before == Float.NEGATIVE_INFINITY ? 0f : ScalarMath.expOf(before - after);
        sum[0] = sum[0] * kept[0] + total;
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
