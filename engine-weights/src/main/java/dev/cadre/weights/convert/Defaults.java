package dev.cadre.weights.convert;

import dev.cadre.weights.Metadata;
import java.util.LinkedHashMap;
import java.util.SequencedMap;

/**
 * What transformers takes where a family's config does not say: a file that left it out would mean something else.
 *
 * @param ropeBase {@code rope_theta}
 * @param eps {@code rms_norm_eps}
 * @param sharedExperts {@code n_shared_experts}
 * @param scale {@code routed_scaling_factor}
 * @param denseLayers layers without experts at the beginning
 * @param groups {@code n_group}
 * @param groupsUsed {@code topk_group}
 * @param rope all of {@code rope_parameters}; empty for a rotation without scaling
 */
record Defaults(
        double ropeBase,
        double eps,
        int sharedExperts,
        double scale,
        int denseLayers,
        int groups,
        int groupsUsed,
        SequencedMap<String, Object> rope) {
    static Defaults eps(double eps) {
        return new Defaults(10_000, eps, 0, 1, 0, 1, 1, new LinkedHashMap<>());
    }

    Defaults ropeBase(double base) {
        return new Defaults(base, eps, sharedExperts, scale, denseLayers, groups, groupsUsed, rope);
    }

    /** One shared expert. */
    Defaults shared(double scaleOfRouted, int layersWithoutExperts) {
        return new Defaults(ropeBase, eps, 1, scaleOfRouted, layersWithoutExperts, groups, groupsUsed, rope);
    }

    Defaults groups(int all, int used) {
        return new Defaults(ropeBase, eps, sharedExperts, scale, denseLayers, all, used, rope);
    }

    /** {@code n_group}: null is one group, other than absence. */
    int groups(Metadata config) {
        return config.intOr("n_group", config.has("n_group") ? 1 : groups);
    }

    /** {@code topk_group}, likewise. */
    int groupsUsed(Metadata config) {
        return config.intOr("topk_group", config.has("topk_group") ? 1 : groupsUsed);
    }

    /** YaRN with the usual betas, and what {@code more} names. */
    Defaults yarn(double factor, long originalContext, SequencedMap<String, Object> more) {
        SequencedMap<String, Object> options = new LinkedHashMap<>(more);
        options.put("rope_type", "yarn");
        options.put("factor", factor);
        options.put("original_max_position_embeddings", originalContext);
        return new Defaults(ropeBase, eps, sharedExperts, scale, denseLayers, groups, groupsUsed, options);
    }
}
