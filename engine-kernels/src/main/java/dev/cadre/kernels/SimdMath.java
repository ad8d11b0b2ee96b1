package dev.cadre.kernels;

import static dev.cadre.kernels.Lanes.F;
import static dev.cadre.kernels.Lanes.L;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/** {@link VectorMath} by the Vector API. Every loop: whole vectors, then one masked vector. */
final class SimdMath implements VectorMath {
    private static VectorMask<Float> tail(int i, int n) {
        return F.indexInRange(i, n);
    }

    @Override
    public float dot(float[] a, int aAt, float[] b, int bAt, int n) {
        FloatVector sum = FloatVector.zero(F);
        int i = 0;
        for (; i <= n - L; i += L) {
            sum = FloatVector.fromArray(F, a, aAt + i).fma(FloatVector.fromArray(F, b, bAt + i), sum);
        }
        if (i < n) {
            VectorMask<Float> m = tail(i, n);
            sum = FloatVector.fromArray(F, a, aAt + i, m).fma(FloatVector.fromArray(F, b, bAt + i, m), sum);
        }
        return Lanes.sum(sum);
    }

    @Override
    public void add(float[] y, int yAt, float[] x, int xAt, int n) {
        int i = 0;
        for (; i <= n - L; i += L) {
            FloatVector.fromArray(F, y, yAt + i)
                    .add(FloatVector.fromArray(F, x, xAt + i))
                    .intoArray(y, yAt + i);
        }
        for (; i < n; i++) {
            y[yAt + i] += x[xAt + i];
        }
    }

    @Override
    public void scale(float[] y, int yAt, float factor, int n) {
        int i = 0;
        for (; i <= n - L; i += L) {
            FloatVector.fromArray(F, y, yAt + i).mul(factor).intoArray(y, yAt + i);
        }
        for (; i < n; i++) {
            y[yAt + i] *= factor;
        }
    }

    @Override
    public void addScaled(float[] y, int yAt, float[] x, int xAt, float factor, int n) {
        FloatVector f = FloatVector.broadcast(F, factor);
        int i = 0;
        for (; i <= n - L; i += L) {
            f.fma(FloatVector.fromArray(F, x, xAt + i), FloatVector.fromArray(F, y, yAt + i))
                    .intoArray(y, yAt + i);
        }
        for (; i < n; i++) {
            y[yAt + i] = Math.fma(factor, x[xAt + i], y[yAt + i]);
        }
    }

    @Override
    public void rmsNorm(float[] x, int xAt, float[] weight, float eps, float[] out, int outAt, int n) {
        float factor = 1f / (float) Math.sqrt(dot(x, xAt, x, xAt, n) / n + eps);
        int i = 0;
        if (weight == null) {
            for (; i < n; i++) {
                out[outAt + i] = x[xAt + i] * factor;
            }
            return;
        }
        for (; i <= n - L; i += L) {
            FloatVector.fromArray(F, x, xAt + i)
                    .mul(factor)
                    .mul(FloatVector.fromArray(F, weight, i))
                    .intoArray(out, outAt + i);
        }
        for (; i < n; i++) {
            out[outAt + i] = x[xAt + i] * factor * weight[i];
        }
    }

    @Override
    public void layerNorm(float[] x, int xAt, float[] weight, float[] bias, float eps, float[] out, int outAt, int n) {
        FloatVector sums = FloatVector.zero(F);
        int i = 0;
        for (; i <= n - L; i += L) {
            sums = sums.add(FloatVector.fromArray(F, x, xAt + i));
        }
        if (i < n) {
            sums = sums.add(FloatVector.fromArray(F, x, xAt + i, tail(i, n)));
        }
        float mean = Lanes.sum(sums) / n;
        FloatVector squares = FloatVector.zero(F);
        for (i = 0; i < n; i += L) {
            VectorMask<Float> m = tail(i, n);
            FloatVector d = FloatVector.fromArray(F, x, xAt + i, m).sub(mean, m);
            squares = d.fma(d, squares);
        }
        float factor = 1f / (float) Math.sqrt(Lanes.sum(squares) / n + eps);
        for (i = 0; i < n; i += L) {
            VectorMask<Float> m = tail(i, n);
            FloatVector.fromArray(F, x, xAt + i, m)
                    .sub(mean)
                    .mul(factor)
                    .fma(FloatVector.fromArray(F, weight, i, m), FloatVector.fromArray(F, bias, i, m))
                    .intoArray(out, outAt + i, m);
        }
    }

    @Override
    public void softmax(float[] x, int at, int n, float sink) {
        float max = Math.max(max(x, at, n), sink);
        float sum = expSum(x, at, n, max);
        if (sink != Float.NEGATIVE_INFINITY) {
            sum += ScalarMath.expOf(sink - max);
        }
        scale(x, at, 1f / sum, n);
    }

    @Override
    public float expSum(float[] x, int at, int n, float max) {
        return Exponentials.replace(x, at, n, 1f, max);
    }

    @Override
    public float max(float[] x, int at, int n) {
        FloatVector greatest = FloatVector.broadcast(F, Float.NEGATIVE_INFINITY);
        int i = 0;
        for (; i <= n - L; i += L) {
            greatest = greatest.max(FloatVector.fromArray(F, x, at + i));
        }
        float max = greatest.reduceLanes(VectorOperators.MAX);
        for (; i < n; i++) {
            max = Math.max(max, x[at + i]);
        }
        return max;
    }

    @Override
    public void swiGlu(float[] gate, int gateAt, float[] up, int upAt, int n) {
        Exponentials.silu(gate, gateAt, n, 1f);
        int i = 0;
        for (; i <= n - L; i += L) {
            FloatVector.fromArray(F, gate, gateAt + i)
                    .mul(FloatVector.fromArray(F, up, upAt + i))
                    .intoArray(gate, gateAt + i);
        }
        for (; i < n; i++) {
            gate[gateAt + i] *= up[upAt + i];
        }
    }

    @Override
    public void clampedSwiGlu(float[] gate, int gateAt, float[] up, int upAt, int n) {
        int i = 0;
        for (; i <= n - L; i += L) {
            FloatVector.fromArray(F, gate, gateAt + i).min(ScalarMath.GLU_LIMIT).intoArray(gate, gateAt + i);
        }
        for (; i < n; i++) {
            gate[gateAt + i] = Math.min(gate[gateAt + i], ScalarMath.GLU_LIMIT);
        }
        Exponentials.silu(gate, gateAt, n, ScalarMath.GLU_SLOPE);
        i = 0;
        for (; i <= n - L; i += L) {
            FloatVector u = FloatVector.fromArray(F, up, upAt + i)
                    .min(ScalarMath.GLU_LIMIT)
                    .max(-ScalarMath.GLU_LIMIT);
            FloatVector.fromArray(F, gate, gateAt + i).mul(u.add(1f)).intoArray(gate, gateAt + i);
        }
        for (; i < n; i++) {
            gate[gateAt + i] *= Math.clamp(up[upAt + i], -ScalarMath.GLU_LIMIT, ScalarMath.GLU_LIMIT) + 1f;
        }
    }

    @Override
    public void sigmoid(float[] x, int at, int n) {
        Exponentials.replace(x, at, n, -1f, 0f);
        int i = 0;
        for (; i <= n - L; i += L) {
            FloatVector e = FloatVector.fromArray(F, x, at + i);
            FloatVector.broadcast(F, 1f).div(e.add(1f)).intoArray(x, at + i);
        }
        for (; i < n; i++) {
            x[at + i] = 1f / (1f + x[at + i]);
        }
    }
}
