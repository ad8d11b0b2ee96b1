package dev.cadre.kernels;

/** The reference of {@link IndexKernel}. */
final class ScalarIndex implements IndexKernel {
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
        for (int j = 0; j < n; j++) {
            float sum = 0;
            for (int h = 0; h < heads; h++) {
                float s = 0;
                for (int d = 0; d < width; d++) {
                    s = Math.fma(q[qAt + h * width + d], tile[tileAt + d * KEYS + j], s);
                }
                sum = Math.fma(weights[weightsAt + h], Math.max(0f, s), sum);
            }
            out[outAt + j] = tile[tileAt + width * KEYS + j] * sum;
        }
    }
}
