package dev.cadre.core.model;

/**
 * Rotary position embedding (Su et al., 2021) of one kind of layer.
 *
 * @param inverseFrequencies radians per position of each pair of dimensions, long-context scaling already applied; its
 *     length is half the rotated width
 * @param interleaved pairs are (x[2i], x[2i+1]); otherwise half-split, (x[i], x[i + width/2])
 * @param magnitude factor on cosine and sine (YaRN's attention factor), 1 for none
 */
public record RopeConfig(float[] inverseFrequencies, boolean interleaved, float magnitude) {
    /** Number of dimensions that are rotated. */
    public int width() {
        return 2 * inverseFrequencies.length;
    }

    /** The same rotation with the other pairing of dimensions. */
    public RopeConfig withInterleaved(boolean value) {
        return new RopeConfig(inverseFrequencies, value, magnitude);
    }

    /** The same rotation with each frequency divided by a factor; null for no change. */
    RopeConfig dividedBy(float[] factors) {
        if (factors == null) {
            return this;
        }
        float[] divided = inverseFrequencies.clone();
        for (int i = 0; i < divided.length; i++) {
            divided[i] /= factors[i];
        }
        return new RopeConfig(divided, interleaved, magnitude);
    }
}
