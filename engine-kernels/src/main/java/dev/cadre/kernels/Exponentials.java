package dev.cadre.kernels;

import static dev.cadre.kernels.Lanes.F;
import static dev.cadre.kernels.Lanes.L;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The loops with an exponential in them.
 *
 * <p>e^x by range reduction and a polynomial (after Cephes' expf; below 2 ulp), in operations that round exactly, so
 * that the result does not depend on whether the JVM has compiled the loop; {@link ScalarMath#expOf} is the twin. It
 * stands in both loops because a method of its own, with a vector as argument and result, is one that C2 may not inline
 * where it takes the call for a rare one, and then every call makes both vectors objects. The rest of an operation is a
 * pass of its own over the array.
 */
final class Exponentials {
    private Exponentials() {}

    /**
     * x[i] = e^(factor·x[i] − shift) in place, and 0 where factor·x[i] is −∞.
     *
     * @return the sum of the results
     */
    static float replace(float[] x, int at, int n, float factor, float shift) {
        FloatVector sums = FloatVector.zero(F);
        int i = 0;
        for (; i <= n - L; i += L) {
            FloatVector z = FloatVector.fromArray(F, x, at + i).mul(factor);
            FloatVector clamped = z.sub(shift).max(ScalarMath.EXP_MIN).min(ScalarMath.EXP_MAX);
            FloatVector shifted = clamped.fma(
                    FloatVector.broadcast(F, ScalarMath.LOG2_E), FloatVector.broadcast(F, ScalarMath.ROUNDER));
            FloatVector whole = shifted.sub(ScalarMath.ROUNDER);
            FloatVector r = whole.fma(FloatVector.broadcast(F, -ScalarMath.LN2_HIGH), clamped);
            r = whole.fma(FloatVector.broadcast(F, -ScalarMath.LN2_LOW), r);
            FloatVector p = FloatVector.broadcast(F, ScalarMath.P0).fma(r, FloatVector.broadcast(F, ScalarMath.P1));
            p = p.fma(r, FloatVector.broadcast(F, ScalarMath.P2));
            p = p.fma(r, FloatVector.broadcast(F, ScalarMath.P3));
            p = p.fma(r, FloatVector.broadcast(F, ScalarMath.P4));
            p = p.fma(r, FloatVector.broadcast(F, ScalarMath.P5));
            p = p.fma(r.mul(r), r).add(1f);
            p = p.reinterpretAsInts()
                    .add(shifted.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23))
                    .reinterpretAsFloats()
                    .blend(0f, z.compare(VectorOperators.EQ, Float.NEGATIVE_INFINITY));
            p.intoArray(x, at + i);
            sums = sums.add(p);
        }
        if (i < n) {
            for (int j = i; j < n; j++) {
                float z = x[at + j] * factor;
                x[at + j] = z == Float.NEGATIVE_INFINITY ? 0f : ScalarMath.expOf(z - shift);
            }
            sums = sums.add(FloatVector.fromArray(F, x, at + i, F.indexInRange(i, n)));
        }
        return Lanes.sum(sums);
    }

    /** x[i] = x[i] / (1 + e^(−slope·x[i])) in place. */
    static void silu(float[] x, int at, int n, float slope) {
        int i = 0;
        for (; i <= n - L; i += L) {
            FloatVector z = FloatVector.fromArray(F, x, at + i);
            FloatVector clamped = z.mul(-slope).max(ScalarMath.EXP_MIN).min(ScalarMath.EXP_MAX);
            FloatVector shifted = clamped.fma(
                    FloatVector.broadcast(F, ScalarMath.LOG2_E), FloatVector.broadcast(F, ScalarMath.ROUNDER));
            FloatVector whole = shifted.sub(ScalarMath.ROUNDER);
            FloatVector r = whole.fma(FloatVector.broadcast(F, -ScalarMath.LN2_HIGH), clamped);
            r = whole.fma(FloatVector.broadcast(F, -ScalarMath.LN2_LOW), r);
            FloatVector p = FloatVector.broadcast(F, ScalarMath.P0).fma(r, FloatVector.broadcast(F, ScalarMath.P1));
            p = p.fma(r, FloatVector.broadcast(F, ScalarMath.P2));
            p = p.fma(r, FloatVector.broadcast(F, ScalarMath.P3));
            p = p.fma(r, FloatVector.broadcast(F, ScalarMath.P4));
            p = p.fma(r, FloatVector.broadcast(F, ScalarMath.P5));
            p = p.fma(r.mul(r), r).add(1f);
            p = p.reinterpretAsInts()
                    .add(shifted.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23))
                    .reinterpretAsFloats();
            z.div(p.add(1f)).intoArray(x, at + i);
        }
        for (; i < n; i++) {
            float z = x[at + i];
            x[at + i] = z / (1f + ScalarMath.expOf(-slope * z));
        }
    }
}
