package dev.cadre.core.model;

import dev.cadre.core.UnsupportedModelException;
import dev.cadre.weights.Metadata;
import dev.cadre.weights.config.RopeOptions;
import java.util.HashMap;
import java.util.Map;

/**
 * Inverse frequencies of the rotary embeddings that checkpoints describe: default, linear, YaRN (Peng et al., 2023) and
 * Llama-3 scaling.
 *
 * <p>Frequencies are rounded to float32 and angles are float32 products, since the models were trained so.
 *
 * @param type {@code default}, {@code linear}, {@code yarn} or {@code llama3}
 * @param theta base of the wavelengths
 * @param factor by how much the context was stretched
 * @param parameters further numbers by their Hugging Face names; absent ones have their defaults
 */
record RopeFrequencies(String type, double theta, double factor, Map<String, Double> parameters, boolean truncate) {
    private static final String[] NUMBERS = {
        "beta_fast",
        "beta_slow",
        "mscale",
        "mscale_all_dim",
        "attention_factor",
        "original_max_position_embeddings",
        "low_freq_factor",
        "high_freq_factor"
    };

    /**
     * Reads what a {@code config.json} says.
     *
     * @throws UnsupportedModelException for a scaling that is not implemented
     */
    static RopeFrequencies fromHuggingFace(RopeOptions rope) {
        Metadata config = rope.config();
        Metadata nested = rope.options();
        if (nested == null) {
            return new RopeFrequencies("default", rope.base(), 1, Map.of(), true);
        }
        String type = rope.type();
        Map<String, Double> parameters = new HashMap<>();
        for (String name : NUMBERS) {
            if (!nested.isNull(name)) {
                parameters.put(name, nested.requireDouble(name));
            }
        }
        if (type.equals("llama3") || type.equals("yarn")) {
            parameters.put("original_max_position_embeddings", rope.originalContext());
        }
        double factor = 1;
        if (type.equals("linear") || type.equals("yarn") || type.equals("llama3")) {
            double maxPositions = config.doubleOr("max_position_embeddings", 0);
            factor = !nested.isNull("factor")
                    ? nested.requireDouble("factor")
                    : maxPositions / parameters.getOrDefault("original_max_position_embeddings", maxPositions);
        }
        return new RopeFrequencies(type, rope.base(), factor, parameters, rope.truncates()).checked(config);
    }

    /** Reads the {@code rope.*} keys of a GGUF file. */
    static RopeFrequencies fromGguf(Metadata metadata, String prefix, boolean truncate) {
        double theta = metadata.doubleOr(prefix + "rope.freq_base", 10_000);
        String scaling = metadata.stringOr(prefix + "rope.scaling.type", "none");
        String type = scaling.equals("none") ? "default" : scaling;
        double factor = metadata.doubleOr(prefix + "rope.scaling.factor", 1);
        Map<String, Double> parameters = new HashMap<>();
        if (type.equals("yarn")) {
            parameters.put(
                    "original_max_position_embeddings",
                    metadata.doubleOr(
                            prefix + "rope.scaling.original_context_length",
                            metadata.doubleOr(prefix + "context_length", 0)));
            parameters.put("beta_fast", metadata.doubleOr(prefix + "rope.scaling.yarn_beta_fast", 32));
            parameters.put("beta_slow", metadata.doubleOr(prefix + "rope.scaling.yarn_beta_slow", 1));
            if (metadata.has(prefix + "rope.scaling.yarn_log_multiplier")) {
                // the converter stores 0.1 · mscale_all_dim; mscale equals it in every published model
                double mscale = 10 * metadata.requireDouble(prefix + "rope.scaling.yarn_log_multiplier");
                parameters.put("mscale", mscale);
                parameters.put("mscale_all_dim", mscale);
            }
            if (metadata.has(prefix + "rope.scaling.attn_factor")) {
                parameters.put("attention_factor", metadata.requireDouble(prefix + "rope.scaling.attn_factor"));
            }
        }
        return new RopeFrequencies(type, theta, factor, parameters, truncate).checked(metadata);
    }

    private RopeFrequencies checked(Metadata source) {
        switch (type) {
            case "default", "linear", "yarn", "llama3" -> {}
            default ->
                throw new UnsupportedModelException(source.source() + ": rope type '" + type
                        + "' is not supported; known are default, linear, yarn and llama3");
        }
        if (!(theta > 0) || !(factor > 0)) {
            throw new UnsupportedModelException(
                    source.source() + ": rope theta " + theta + " and factor " + factor + " must be positive");
        }
        if (type.equals("yarn") && (theta == 1 || !(parameter("original_max_position_embeddings", 0) > 0))) {
            throw new UnsupportedModelException(source.source() + ": YaRN cannot stretch a context of "
                    + parameter("original_max_position_embeddings", 0) + " positions with rope theta " + theta);
        }
        return this;
    }

    private double parameter(String name, double fallback) {
        return parameters.getOrDefault(name, fallback);
    }

    /** The rotation of {@code width} dimensions (even). */
    RopeConfig of(int width, boolean interleaved) {
        if (width <= 0 || width % 2 != 0) {
            throw new IllegalArgumentException("a rotary width must be even and positive, not " + width);
        }
        float[] frequencies = new float[width / 2];
        for (int i = 0; i < frequencies.length; i++) {
            float power = (float) Math.pow((float) theta, (float) (2.0 * i / width));
            frequencies[i] = 1f / power;
        }
        float magnitude = 1f;
        switch (type) {
            case "linear" -> {
                for (int i = 0; i < frequencies.length; i++) {
                    frequencies[i] /= (float) factor;
                }
            }
            case "yarn" -> {
                yarn(frequencies, width);
                magnitude = (float) attentionFactor();
            }
            case "llama3" -> llama3(frequencies);
            default -> {}
        }
        return new RopeConfig(frequencies, interleaved, magnitude);
    }

    private void yarn(float[] frequencies, int width) {
        double low = correction(orIfZero(parameter("beta_fast", 32), 32), width);
        double high = correction(orIfZero(parameter("beta_slow", 1), 1), width);
        if (truncate) {
            low = Math.floor(low);
            high = Math.ceil(high);
        }
        low = Math.max(low, 0);
        high = Math.min(high, width - 1);
        if (low == high) {
            high += 0.001; // keeps the ramp finite
        }
        for (int i = 0; i < frequencies.length; i++) {
            double ramp = Math.clamp((i - low) / (high - low), 0, 1);
            frequencies[i] = (float) (frequencies[i] / factor * ramp + frequencies[i] * (1 - ramp));
        }
    }

    private static double orIfZero(double value, double fallback) {
        return value == 0 ? fallback : value;
    }

    /** The (fractional) index of the pair that turns {@code rotations} times over the original context. */
    private double correction(double rotations, int width) {
        double original = parameter("original_max_position_embeddings", 0);
        return width * Math.log(original / (rotations * 2 * Math.PI)) / (2 * Math.log(theta));
    }

    private double attentionFactor() {
        if (parameters.containsKey("attention_factor")) {
            return parameters.get("attention_factor");
        }
        double mscale = parameter("mscale", 0);
        double allDims = parameter("mscale_all_dim", 0);
        return mscale != 0 && allDims != 0 ? yarnScale(mscale) / yarnScale(allDims) : yarnScale(1);
    }

    private double yarnScale(double mscale) {
        return factor <= 1 ? 1 : 0.1 * mscale * Math.log(factor) + 1;
    }

    /** Factor on the attention scores of latent attention: YaRN's temperature, squared; 1 without YaRN. */
    double scoreFactor() {
        double allDims = parameter("mscale_all_dim", 0);
        if (type.equals("default") || allDims == 0) {
            return 1;
        }
        return yarnScale(allDims) * yarnScale(allDims);
    }

    private void llama3(float[] frequencies) {
        double lowFactor = parameter("low_freq_factor", 1);
        double highFactor = parameter("high_freq_factor", 4);
        double original = parameter("original_max_position_embeddings", 8192);
        for (int i = 0; i < frequencies.length; i++) {
            double wavelength = 2 * Math.PI / frequencies[i];
            if (wavelength > original / lowFactor) {
                frequencies[i] = (float) (frequencies[i] / factor);
            } else if (wavelength >= original / highFactor) {
                double smooth = (original / wavelength - lowFactor) / (highFactor - lowFactor);
                frequencies[i] = (float) ((1 - smooth) * frequencies[i] / factor + smooth * frequencies[i]);
            }
        }
    }
}
