package dev.cadre.core.model;

import dev.cadre.kernels.Matrix;
import dev.cadre.weights.Checkpoint;

/** Weights of a Hugging Face folder, found by a family's {@link TensorNames}. */
final class HuggingFaceWeights extends CheckpointWeights {
    private final TensorNames names;

    HuggingFaceWeights(Checkpoint checkpoint, TensorNames names) {
        super(checkpoint);
        this.names = names;
    }

    @Override
    String fileName(String name) {
        return fileName(name, -1);
    }

    private String fileName(String name, int expert) {
        String found;
        String prefix = "";
        if (name.startsWith("blk.")) {
            int dot = name.indexOf('.', 4);
            prefix = "model.layers." + name.substring(4, dot) + ".";
            found = names.layer().get(name.substring(dot + 1));
        } else {
            found = names.global().get(name);
        }
        if (found == null) {
            return name; // a tensor that only GGUF files have; the look-up will not find it
        }
        return prefix + (expert < 0 ? found : found.replace("%d", Integer.toString(expert)));
    }

    @Override
    public Matrix matrix(String name, long rows, long columns) {
        return plainMatrix(checkpoint.require(fileName(name)), rows, columns);
    }

    @Override
    public Matrix[] experts(String name, int experts, long rows, long columns) {
        Matrix[] each = new Matrix[experts];
        for (int e = 0; e < experts; e++) {
            each[e] = plainMatrix(checkpoint.require(fileName(name, e)), rows, columns);
        }
        return each;
    }
}
