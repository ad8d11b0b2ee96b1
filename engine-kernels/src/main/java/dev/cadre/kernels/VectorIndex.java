package dev.cadre.kernels;

import static dev.cadre.kernels.Lanes.F;
import static dev.cadre.kernels.Lanes.L;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/** {@link IndexKernel} by the Vector API: lanes are keys. */
final class VectorIndex implements IndexKernel {
    /** Keys that one register tile takes: a tile at 512 bits. */
    private static final int STEP = 4 * L;

    @Override
    public void scores(
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
            int outAt) {
        Arrays.fill(sums, 0, KEYS, 0f);
        for (int j = 0; j < n; j += STEP) {
            int h = 0;
            for (; h <= heads - 4; h += 4) {
                fourHeads(q, qAt + h * width, width, weights, weightsAt + h, tile, tileAt + j, sums, j);
            }
            for (; h < heads; h++) {
                oneHead(q, qAt + h * width, width, weights[weightsAt + h], tile, tileAt + j, sums, j);
            }
        }
        int factors = tileAt + width * KEYS;
        int j = 0;
        for (; j <= n - L; j += L) {
            FloatVector.fromArray(F, tile, factors + j)
                    .mul(FloatVector.fromArray(F, sums, j))
                    .intoArray(out, outAt + j);
        }
        for (; j < n; j++) {
            out[outAt + j] = tile[factors + j] * sums[j];
        }
    }

    /**
     * Four heads against four vectors of keys; ReLU and weights while the sums are still in registers. Eight loads for
     * sixteen multiply-adds leave the loads no bottleneck.
     */
    private static void fourHeads(
            float[] q, int q0, int width, float[] weights, int weightsAt, float[] t, int tAt, float[] sums, int at) {
        int q1 = q0 + width;
        int q2 = q1 + width;
        int q3 = q2 + width;
        FloatVector zero = FloatVector.zero(F);
        FloatVector s00 = zero;
        FloatVector s01 = zero;
        FloatVector s02 = zero;
        FloatVector s03 = zero;
        FloatVector s10 = zero;
        FloatVector s11 = zero;
        FloatVector s12 = zero;
        FloatVector s13 = zero;
        FloatVector s20 = zero;
        FloatVector s21 = zero;
        FloatVector s22 = zero;
        FloatVector s23 = zero;
        FloatVector s30 = zero;
        FloatVector s31 = zero;
        FloatVector s32 = zero;
        FloatVector s33 = zero;
        for (int d = 0; d < width; d++) {
            int from = tAt + d * KEYS;
            FloatVector k0 = FloatVector.fromArray(F, t, from);
            FloatVector k1 = FloatVector.fromArray(F, t, from + L);
            FloatVector k2 = FloatVector.fromArray(F, t, from + 2 * L);
            FloatVector k3 = FloatVector.fromArray(F, t, from + 3 * L);
            FloatVector b = FloatVector.broadcast(F, q[q0 + d]);
            s00 = b.fma(k0, s00);
            s01 = b.fma(k1, s01);
            s02 = b.fma(k2, s02);
            s03 = b.fma(k3, s03);
            b = FloatVector.broadcast(F, q[q1 + d]);
            s10 = b.fma(k0, s10);
            s11 = b.fma(k1, s11);
            s12 = b.fma(k2, s12);
            s13 = b.fma(k3, s13);
            b = FloatVector.broadcast(F, q[q2 + d]);
            s20 = b.fma(k0, s20);
            s21 = b.fma(k1, s21);
            s22 = b.fma(k2, s22);
            s23 = b.fma(k3, s23);
            b = FloatVector.broadcast(F, q[q3 + d]);
            s30 = b.fma(k0, s30);
            s31 = b.fma(k1, s31);
            s32 = b.fma(k2, s32);
            s33 = b.fma(k3, s33);
        }
        FloatVector r0 = FloatVector.fromArray(F, sums, at);
        FloatVector r1 = FloatVector.fromArray(F, sums, at + L);
        FloatVector r2 = FloatVector.fromArray(F, sums, at + 2 * L);
        FloatVector r3 = FloatVector.fromArray(F, sums, at + 3 * L);
        FloatVector b = FloatVector.broadcast(F, weights[weightsAt]);
        r0 = b.fma(s00.max(zero), r0);
        r1 = b.fma(s01.max(zero), r1);
        r2 = b.fma(s02.max(zero), r2);
        r3 = b.fma(s03.max(zero), r3);
        b = FloatVector.broadcast(F, weights[weightsAt + 1]);
        r0 = b.fma(s10.max(zero), r0);
        r1 = b.fma(s11.max(zero), r1);
        r2 = b.fma(s12.max(zero), r2);
        r3 = b.fma(s13.max(zero), r3);
        b = FloatVector.broadcast(F, weights[weightsAt + 2]);
        r0 = b.fma(s20.max(zero), r0);
        r1 = b.fma(s21.max(zero), r1);
        r2 = b.fma(s22.max(zero), r2);
        r3 = b.fma(s23.max(zero), r3);
        b = FloatVector.broadcast(F, weights[weightsAt + 3]);
        b.fma(s30.max(zero), r0).intoArray(sums, at);
        b.fma(s31.max(zero), r1).intoArray(sums, at + L);
        b.fma(s32.max(zero), r2).intoArray(sums, at + 2 * L);
        b.fma(s33.max(zero), r3).intoArray(sums, at + 3 * L);
    }

    /** One head against four vectors of keys. */
    private static void oneHead(float[] q, int qAt, int width, float weight, float[] t, int tAt, float[] sums, int at) {
        FloatVector zero = FloatVector.zero(F);
        FloatVector s0 = zero;
        FloatVector s1 = zero;
        FloatVector s2 = zero;
        FloatVector s3 = zero;
        for (int d = 0; d < width; d++) {
            int from = tAt + d * KEYS;
            FloatVector b = FloatVector.broadcast(F, q[qAt + d]);
            s0 = b.fma(FloatVector.fromArray(F, t, from), s0);
            s1 = b.fma(FloatVector.fromArray(F, t, from + L), s1);
            s2 = b.fma(FloatVector.fromArray(F, t, from + 2 * L), s2);
            s3 = b.fma(FloatVector.fromArray(F, t, from + 3 * L), s3);
        }
        FloatVector w = FloatVector.broadcast(F, weight);
        w.fma(s0.max(zero), FloatVector.fromArray(F, sums, at)).intoArray(sums, at);
        w.fma(s1.max(zero), FloatVector.fromArray(F, sums, at + L)).intoArray(sums, at + L);
        w.fma(s2.max(zero), FloatVector.fromArray(F, sums, at + 2 * L)).intoArray(sums, at + 2 * L);
        w.fma(s3.max(zero), FloatVector.fromArray(F, sums, at + 3 * L)).intoArray(sums, at + 3 * L);
    }
}
