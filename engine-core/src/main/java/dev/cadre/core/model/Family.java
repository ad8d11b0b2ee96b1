package dev.cadre.core.model;

import dev.cadre.weights.Checkpoint;
import dev.cadre.weights.Metadata;

/**
 * A model family: how its checkpoints describe it. The forward pass knows no families, only the {@link ModelConfig}
 * and the weights that come out of here.
 */
interface Family {
    /** From a Hugging Face {@code config.json} (its text part). */
    ModelConfig fromHuggingFace(Metadata config);

    /**
     * From the key-values of a GGUF file, and from which tensors are there.
     *
     * @param architecture value of {@code general.architecture}, the prefix of the keys
     */
    ModelConfig fromGguf(Checkpoint checkpoint, String architecture);

    /** Where this family's Hugging Face checkpoints keep each tensor. */
    TensorNames names();
}
