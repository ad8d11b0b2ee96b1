package dev.cadre.weights.convert;

import dev.cadre.weights.CheckpointFormatException;
import dev.cadre.weights.Metadata;

/**
 * The rotation that a config describes, with transformers' choice between the places where an option can be.
 *
 * @param key where the options are
 * @param options those of the rotation; null if there are none
 */
record Rope(Metadata config, String key, Metadata options) {
    /** {@code rope_scaling}, the older name, unless it is empty; then {@code rope_parameters}. */
    static Rope of(Metadata config) {
        Metadata scaling = config.child("rope_scaling");
        if (scaling != null && !scaling.keys().isEmpty()) {
            return new Rope(config, "rope_scaling", scaling);
        }
        return new Rope(config, "rope_parameters", config.child("rope_parameters"));
    }

    String type() {
        return options == null ? "default" : options.stringOr("rope_type", options.stringOr("type", "default"));
    }

    double base() {
        return options != null && !options.isNull("rope_theta")
                ? options.requireDouble("rope_theta")
                : config.doubleOr("rope_theta", 10_000);
    }

    /** Positions before stretching: the value beside the options wins over the one among them. */
    long originalContext() {
        String name = "original_max_position_embeddings";
        return config.isNull(name)
                ? options.longOr(name, config.requireLong("max_position_embeddings"))
                : config.requireLong(name);
    }

    /** The share of a head that is rotated. */
    double share(double fallback) {
        String name = "partial_rotary_factor";
        return options == null || options.isNull(name) ? config.doubleOr(name, fallback) : options.requireDouble(name);
    }

    double number(String name) {
        return options == null ? 0 : options.doubleOr(name, 0);
    }

    /** YaRN's range of dimensions is rounded to whole ones; null is false to transformers, absence is not. */
    boolean truncates() {
        return !options.has("truncate") || options.booleanOr("truncate", false);
    }

    CheckpointFormatException wrong(String option, String problem) {
        return ConfigKeys.wrong(config, key + "." + option, problem);
    }
}
