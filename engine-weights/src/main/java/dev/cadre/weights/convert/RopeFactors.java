package dev.cadre.weights.convert;

import dev.cadre.weights.Metadata;
import dev.cadre.weights.config.RopeOptions;
import dev.cadre.weights.convert.Plan.Role;
import java.util.Set;

/** Llama-3 scaling of the rotation, which GGUF keeps as a tensor: what each frequency is divided by. */
final class RopeFactors {
    /** The architectures whose tensors llama.cpp lets have it. */
    private static final Set<String> WITH_TENSOR = Set.of("llama", "llama4");

    private RopeFactors() {}

    /** Adds {@code rope_freqs.weight} where the config scales so. */
    static void add(Plan plan, RopeOptions rope, String architecture, long width) {
        if (!rope.type().equals("llama3")) {
            return;
        }
        if (!WITH_TENSOR.contains(architecture)) {
            throw ConfigKeys.wrong(
                    rope,
                    "rope_type",
                    "is \"llama3\", which " + architecture + " cannot say in GGUF" + ConfigKeys.RUN_FOLDER);
        }
        float[] factors = factors(rope, Math.toIntExact(width));
        plan.add(
                "rope_freqs.weight",
                Role.EXACT,
                new long[] {factors.length},
                (first, count, dst) -> System.arraycopy(factors, 0, dst, 0, factors.length));
    }

    private static float[] factors(RopeOptions scaled, int width) {
        Metadata rope = scaled.options();
        double factor = rope.doubleOr("factor", 8);
        double low = rope.doubleOr("low_freq_factor", 1);
        double high = rope.doubleOr("high_freq_factor", 4);
        double original = scaled.wholeOriginalContext();
        float[] factors = new float[width / 2];
        for (int i = 0; i < factors.length; i++) {
            double waveLength = 2 * Math.PI * Math.pow(scaled.base(), 2.0 * i / width);
            if (waveLength < original / high) {
                factors[i] = 1;
            } else if (waveLength > original / low) {
                factors[i] = (float) factor;
            } else {
                double smooth = (original / waveLength - low) / (high - low);
                factors[i] = (float) (1 / ((1 - smooth) / factor + smooth));
            }
        }
        return factors;
    }
}
