package dev.cadre.weights.convert;

import dev.cadre.weights.CheckpointFormatException;
import dev.cadre.weights.GgufWriter;
import dev.cadre.weights.Metadata;
import java.nio.file.Path;

/** Puts keys that start with the architecture's name, and those that all architectures share. */
final class ConfigKeys {
    private final Plan plan;
    private final GgufWriter writer;
    private final String prefix;

    /** Also puts the {@code general} keys. */
    ConfigKeys(Plan plan, String architecture) {
        this.plan = plan;
        this.writer = plan.writer();
        this.prefix = architecture + ".";
        String given = plan.options().name();
        Path folder = plan.source().path().toAbsolutePath().normalize();
        writer.putString("general.architecture", architecture)
                .putString("general.type", "model")
                .putString("general.name", given != null ? given : String.valueOf(folder.getFileName()))
                .putUint32(
                        "general.file_type", TypeChooser.fileType(plan.options().type()))
                .putUint32("general.quantization_version", 2);
    }

    static CheckpointFormatException wrong(Metadata config, String key, String problem) {
        return new CheckpointFormatException(Path.of(config.source()), -1, key, problem);
    }

    ConfigKeys size(String key, long value) {
        writer.putUint32(prefix + key, value);
        return this;
    }

    ConfigKeys real(String key, double value) {
        writer.putFloat32(prefix + key, value);
        return this;
    }

    ConfigKeys flag(String key, boolean value) {
        writer.putBoolean(prefix + key, value);
        return this;
    }

    ConfigKeys flags(String key, boolean[] values) {
        writer.putBooleans(prefix + key, values);
        return this;
    }

    /** {@code expert_gating_func}, after {@code scoring_func} or what the family does where that is absent. */
    ConfigKeys gating(String fallback) {
        String function = plan.config().stringOr("scoring_func", fallback);
        return switch (function) {
            case "softmax" -> size("expert_gating_func", 1);
            case "sigmoid" -> size("expert_gating_func", 2);
            default ->
                throw wrong(plan.config(), "scoring_func", "is \"" + function + "\", known are softmax and sigmoid");
        };
    }

    /**
     * Base, dimensions and scaling of the rotation.
     *
     * @param dimensions that are rotated
     * @param latent the architecture keeps YaRN's attention factor in a key of its own
     */
    ConfigKeys rope(long dimensions, double defaultBase, boolean latent) {
        Metadata config = plan.config();
        Metadata rope = rope(config);
        size("rope.dimension_count", dimensions);
        real("rope.freq_base", base(config, rope, defaultBase));
        String type = ropeType(rope);
        switch (type) {
            case "default", "llama3" -> {
                // llama3 scaling is a tensor, see RopeFactors
            }
            case "linear", "yarn" -> {
                writer.putString(prefix + "rope.scaling.type", type);
                real("rope.scaling.factor", rope.requireDouble("factor"));
                if (type.equals("yarn")) {
                    yarn(config, rope);
                    if (latent && !rope.isNull("mscale_all_dim")) {
                        real("rope.scaling.yarn_log_multiplier", 0.1 * rope.requireDouble("mscale_all_dim"));
                    }
                }
            }
            default -> throw wrong(config, "rope_parameters.rope_type", "is \"" + type + "\", which is not known here");
        }
        return this;
    }

    private void yarn(Metadata config, Metadata rope) {
        size("rope.scaling.original_context_length", rope.requireLong("original_max_position_embeddings"));
        for (String beta : new String[] {"beta_fast", "beta_slow"}) {
            if (!rope.isNull(beta)) {
                real("rope.scaling.yarn_" + beta, rope.requireDouble(beta));
            }
        }
        if (!rope.isNull("attention_factor")) {
            // llama.cpp multiplies it with what the scaling implies, transformers puts it in its place
            throw wrong(config, "rope_parameters.attention_factor", "is set, and GGUF has no key of that meaning");
        }
        double all = rope.doubleOr("mscale_all_dim", 0);
        if (all != 0 && rope.doubleOr("mscale", 0) != all) {
            throw wrong(config, "rope_parameters.mscale", "is not mscale_all_dim, " + all + "; GGUF keeps only one");
        }
    }

    /** The rotation's options: {@code rope_parameters}, in older configs {@code rope_scaling}; or null. */
    static Metadata rope(Metadata config) {
        Metadata parameters = config.child("rope_parameters");
        return parameters != null ? parameters : config.child("rope_scaling");
    }

    static String ropeType(Metadata rope) {
        return rope == null ? "default" : rope.stringOr("rope_type", rope.stringOr("type", "default"));
    }

    static double base(Metadata config, Metadata rope, double fallback) {
        return rope != null && !rope.isNull("rope_theta")
                ? rope.requireDouble("rope_theta")
                : config.doubleOr("rope_theta", fallback);
    }
}
