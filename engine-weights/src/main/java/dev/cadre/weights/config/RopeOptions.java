package dev.cadre.weights.config;

import dev.cadre.weights.Metadata;

/**
 * The rotation that a {@code config.json} describes, with transformers' choice between the places where an option can
 * be.
 *
 * @param config with its defaults, see {@link ConfigDefaults}
 * @param key where the options are
 * @param options those of the rotation; null if there are none
 */
public record RopeOptions(Metadata config, String key, Metadata options) {
    private static final String ORIGINAL = "original_max_position_embeddings";
    private static final String POSITIONS = "max_position_embeddings";

    /**
     * {@code rope_scaling}, the older name, unless it is empty; then {@code rope_parameters}. Transformers writes the
     * latter; the former may have been added to it.
     */
    public static RopeOptions of(Metadata config) {
        Metadata scaling = config.child("rope_scaling");
        if (scaling != null && !scaling.keys().isEmpty()) {
            return new RopeOptions(config, "rope_scaling", scaling);
        }
        return new RopeOptions(config, "rope_parameters", config.child("rope_parameters"));
    }

    /** The kind of scaling. */
    public String type() {
        return options == null ? "default" : options.stringOr("rope_type", options.stringOr("type", "default"));
    }

    /** Base of the wavelengths. */
    public double base() {
        return options != null && !options.isNull("rope_theta")
                ? options.requireDouble("rope_theta")
                : config.doubleOr("rope_theta", 10_000);
    }

    /** Positions before stretching; 0 if nothing says. */
    public double originalContext() {
        return holder().doubleOr(ORIGINAL, config.doubleOr(POSITIONS, 0));
    }

    /** As {@link #originalContext}, for files that keep an integer: others, and absence, are errors. */
    public long wholeOriginalContext() {
        return holder().isNull(ORIGINAL) ? config.requireLong(POSITIONS) : holder().requireLong(ORIGINAL);
    }

    /** Beside the options is an older place for the original context, which wins. */
    private Metadata holder() {
        return !config.isNull(ORIGINAL) || options == null ? config : options;
    }

    /** The share of a head that is rotated. */
    public double share(double fallback) {
        String name = "partial_rotary_factor";
        return options == null || options.isNull(name) ? config.doubleOr(name, fallback) : options.requireDouble(name);
    }

    /** A number among the options, or 0. */
    public double number(String name) {
        return options == null ? 0 : options.doubleOr(name, 0);
    }

    /** YaRN's range of dimensions is rounded to whole ones; null is false to transformers, absence is not. */
    public boolean truncates() {
        return options == null || !options.has("truncate") || options.booleanOr("truncate", false);
    }
}
