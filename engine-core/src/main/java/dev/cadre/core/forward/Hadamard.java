package dev.cadre.core.forward;

/**
 * The orthonormal Hadamard transform. It changes no dot product between two vectors that both went through it, and
 * spreads a single large component over all of them, which eight-bit floats with a common scale need.
 */
final class Hadamard {
    private Hadamard() {}

    /**
     * Transforms {@code x[at..at + n)} in place. Where n is no power of two, the largest powers of two that it is the
     * sum of are transformed one after the other, which is still orthonormal.
     */
    static void rotate(float[] x, int at, int n) {
        int from = at;
        for (int left = n; left > 0; ) {
            int size = Integer.highestOneBit(left);
            rotatePowerOfTwo(x, from, size);
            from += size;
            left -= size;
        }
    }

    private static void rotatePowerOfTwo(float[] x, int at, int n) {
        for (int half = 1; half < n; half *= 2) {
            for (int block = at; block < at + n; block += 2 * half) {
                for (int i = block; i < block + half; i++) {
                    float a = x[i];
                    float b = x[i + half];
                    x[i] = a + b;
                    x[i + half] = a - b;
                }
            }
        }
        float factor = (float) (1 / Math.sqrt(n));
        for (int i = at; i < at + n; i++) {
            x[i] *= factor;
        }
    }
}
