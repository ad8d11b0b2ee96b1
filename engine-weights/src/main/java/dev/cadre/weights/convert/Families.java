package dev.cadre.weights.convert;

import dev.cadre.weights.Checkpoint;
import dev.cadre.weights.CheckpointFormatException;
import dev.cadre.weights.ConversionOptions;
import java.util.List;

/** The model families that can be converted. */
public final class Families {
    private static final List<Family> ALL = List.of(new GlmDsaFamily());

    private Families() {}

    /** What a family knows about its checkpoints. */
    interface Family {
        /** {@code model_type} in config.json. */
        String modelType();

        /** Puts all keys and tensors into the plan. */
        void plan(Plan plan);
    }

    /** The conversion of {@code source}: all keys and tensors, nothing read yet but headers. */
    public static Plan plan(Checkpoint source, ConversionOptions options) {
        String modelType = source.metadata().requireString("model_type");
        for (Family family : ALL) {
            if (family.modelType().equals(modelType)) {
                Plan plan = new Plan(source, options);
                family.plan(plan);
                plan.finish();
                return plan;
            }
        }
        throw new CheckpointFormatException(
                source.path(),
                -1,
                "model_type",
                "is \"" + modelType + "\"; convertible are "
                        + ALL.stream().map(Family::modelType).toList());
    }
}
