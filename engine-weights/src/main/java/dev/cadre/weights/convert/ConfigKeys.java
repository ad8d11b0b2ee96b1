package dev.cadre.weights.convert;

import dev.cadre.weights.CheckpointFormatException;
import dev.cadre.weights.GgufWriter;
import dev.cadre.weights.Metadata;
import dev.cadre.weights.config.RopeOptions;
import java.nio.file.Path;

/** Puts keys that start with the architecture's name, and those that all architectures share. */
final class ConfigKeys {
    /** What to do with a checkpoint that GGUF cannot express. */
    static final String RUN_FOLDER = ": run the folder itself";

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

    static CheckpointFormatException wrong(RopeOptions rope, String option, String problem) {
        return wrong(rope.config(), rope.key() + "." + option, problem);
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

    /** What an architecture in GGUF implies about YaRN. */
    enum Yarn {
        /** The range of dimensions is rounded, cosines and sines grow with the logarithm of the factor. */
        PLAIN,
        /** As {@link #PLAIN}, with a key for {@code mscale_all_dim} (latent attention). */
        WITH_MULTIPLIER,
        /** As {@link #PLAIN}, without rounding (gpt-oss). */
        UNROUNDED
    }

    /**
     * Base, dimensions and scaling of the rotation.
     *
     * @param dimensions that are rotated
     */
    ConfigKeys rope(RopeOptions rope, long dimensions, Yarn yarn) {
        size("rope.dimension_count", dimensions);
        real("rope.freq_base", rope.base());
        String type = rope.type();
        boolean latent = yarn == Yarn.WITH_MULTIPLIER;
        switch (type) {
            case "default" -> {}
            case "llama3" -> {
                // a tensor, see RopeFactors, which the grouped families have
                if (latent) {
                    throw wrong(rope, "rope_type", "is \"llama3\", which " + prefix + "* cannot say" + RUN_FOLDER);
                }
            }
            case "linear" -> {
                if (latent && rope.number("mscale_all_dim") != 0) {
                    throw wrong(
                            rope,
                            "mscale_all_dim",
                            "is " + rope.number("mscale_all_dim") + "; GGUF has it for YaRN, not for linear scaling"
                                    + RUN_FOLDER);
                }
                scaling(rope, type);
            }
            case "yarn" -> {
                scaling(rope, type);
                yarn(rope, yarn);
            }
            default -> throw wrong(rope, "rope_type", "is \"" + type + "\", which is not known here");
        }
        return this;
    }

    private void scaling(RopeOptions rope, String type) {
        writer.putString(prefix + "rope.scaling.type", type);
        real("rope.scaling.factor", rope.options().requireDouble("factor"));
    }

    private void yarn(RopeOptions rope, Yarn yarn) {
        size("rope.scaling.original_context_length", rope.wholeOriginalContext());
        for (String beta : new String[] {"beta_fast", "beta_slow"}) {
            // 0 is absence to transformers
            if (rope.number(beta) != 0) {
                real("rope.scaling.yarn_" + beta, rope.number(beta));
            }
        }
        if (!rope.options().isNull("attention_factor")) {
            // llama.cpp multiplies it with what the scaling implies, transformers puts it in its place
            throw wrong(rope, "attention_factor", "is set, and GGUF has no key of that meaning" + RUN_FOLDER);
        }
        if (rope.truncates() == (yarn == Yarn.UNROUNDED)) {
            throw wrong(
                    rope,
                    "truncate",
                    "is " + rope.truncates() + "; " + prefix + "* in GGUF implies " + !rope.truncates() + RUN_FOLDER);
        }
        double mscale = rope.number("mscale");
        double all = rope.number("mscale_all_dim");
        if (yarn == Yarn.WITH_MULTIPLIER) {
            if (all != 0 && mscale != all) {
                throw wrong(rope, "mscale", "is not mscale_all_dim, " + all + "; GGUF keeps only one" + RUN_FOLDER);
            }
            if (all != 0) {
                real("rope.scaling.yarn_log_multiplier", 0.1 * all);
            }
        } else if (mscale != 0 && all != 0) {
            // either alone changes nothing here; both set an attention factor
            throw wrong(
                    rope,
                    "mscale",
                    "is " + mscale + " beside mscale_all_dim " + all + ", GGUF has no keys for it" + RUN_FOLDER);
        }
    }
}
