package dev.cadre.core.model;

import dev.cadre.core.UnsupportedModelException;
import dev.cadre.weights.Checkpoint;
import dev.cadre.weights.Metadata;
import java.util.Map;

/** The families that this engine runs, by the names that checkpoints give them. */
public final class Families {
    private static final Map<String, Family> HUGGING_FACE = Map.of("glm_moe_dsa", LatentFamily.GLM_MOE_DSA);

    private static final Map<String, Family> GGUF = Map.of("glm-dsa", LatentFamily.GLM_MOE_DSA);

    private Families() {}

    /** A model's configuration and the place of its weights. */
    public record Described(ModelConfig config, WeightSource weights) implements AutoCloseable {
        /** Frees the memory that weights took beside the mapped files. */
        @Override
        public void close() {
            weights.close();
        }
    }

    /**
     * Finds out what a checkpoint holds. Reads headers only.
     *
     * @throws UnsupportedModelException if the family, or an option of it, is not supported
     */
    public static Described describe(Checkpoint checkpoint) {
        Metadata metadata = checkpoint.metadata();
        if (checkpoint.format().equals("gguf")) {
            String architecture = metadata.requireString("general.architecture");
            Family family = GGUF.get(architecture);
            if (family == null) {
                throw unknown(metadata, "general.architecture", architecture, GGUF);
            }
            return new Described(family.fromGguf(metadata, architecture), new GgufWeights(checkpoint));
        }
        Metadata config = metadata.child("text_config") == null ? metadata : metadata.child("text_config");
        String type = config.stringOr("model_type", metadata.stringOr("model_type", ""));
        Family family = HUGGING_FACE.get(type);
        if (family == null) {
            throw unknown(metadata, "model_type", type, HUGGING_FACE);
        }
        return new Described(family.fromHuggingFace(config), new HuggingFaceWeights(checkpoint, family.names()));
    }

    private static UnsupportedModelException unknown(
            Metadata metadata, String key, String found, Map<String, Family> known) {
        return new UnsupportedModelException(
                metadata.source() + ": " + key + " is '" + found + "', which is not supported; known are "
                        + String.join(", ", known.keySet().stream().sorted().toList()));
    }
}
