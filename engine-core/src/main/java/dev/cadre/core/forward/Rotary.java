package dev.cadre.core.forward;

import dev.cadre.core.model.RopeConfig;
import java.util.IdentityHashMap;
import java.util.Map;

/** Rotary position embedding: cosines and sines of a batch's positions, and their application. */
final class Rotary {
    private final Map<float[], Table> tables = new IdentityHashMap<>();

    /** Cosines and sines, [T, width/2] each. */
    private static final class Table {
        private final Floats cosines = new Floats();
        private final Floats sines = new Floats();
        private float[] cos;
        private float[] sin;
    }

    /** Computes the angles of all rows for a rotation; rotations that differ only in pairing share them. */
    void prepare(RopeConfig rope, Batch batch) {
        Table table = tables.computeIfAbsent(rope.inverseFrequencies(), key -> new Table());
        float[] frequencies = rope.inverseFrequencies();
        int half = frequencies.length;
        table.cos = table.cosines.of(batch.rows(), half);
        table.sin = table.sines.of(batch.rows(), half);
        for (int row = 0; row < batch.rows(); row++) {
            for (int i = 0; i < half; i++) {
                // a float32 product, as in training
                double angle = (float) batch.position(row) * frequencies[i];
                table.cos[row * half + i] = (float) Angles.cos(angle) * rope.magnitude();
                table.sin[row * half + i] = (float) Angles.sin(angle) * rope.magnitude();
            }
        }
    }

    /** Rotates {@code x[at..at + width)} in place by the angles of batch row {@code row}. */
    void apply(RopeConfig rope, int row, float[] x, int at) {
        Table table = tables.get(rope.inverseFrequencies());
        int half = rope.inverseFrequencies().length;
        int first = row * half;
        float[] cos = table.cos;
        float[] sin = table.sin;
        if (rope.interleaved()) {
            for (int i = 0; i < half; i++) {
                float a = x[at + 2 * i];
                float b = x[at + 2 * i + 1];
                x[at + 2 * i] = a * cos[first + i] - b * sin[first + i];
                x[at + 2 * i + 1] = b * cos[first + i] + a * sin[first + i];
            }
        } else {
            for (int i = 0; i < half; i++) {
                float a = x[at + i];
                float b = x[at + half + i];
                x[at + i] = a * cos[first + i] - b * sin[first + i];
                x[at + half + i] = b * cos[first + i] + a * sin[first + i];
            }
        }
    }
}
