package dev.cadre.core.model;

import dev.cadre.kernels.Matrix;
import dev.cadre.weights.Checkpoint;

/** Weights of a GGUF file, whose names and layouts the engine uses as its own. */
final class GgufWeights extends CheckpointWeights {
    GgufWeights(Checkpoint checkpoint) {
        super(checkpoint);
    }

    @Override
    String fileName(String name) {
        return name.endsWith(".bias") ? name : name + ".weight";
    }

    @Override
    public Matrix matrix(String name, long rows, long columns) {
        return plainMatrix(checkpoint.require(fileName(name)), rows, columns);
    }

    @Override
    public Matrix[] experts(String name, int experts, long rows, long columns) {
        Matrix all = matrix(name, Math.multiplyExact(experts, rows), columns);
        Matrix[] each = new Matrix[experts];
        for (int e = 0; e < experts; e++) {
            each[e] = all.rows(e * rows, rows);
        }
        return each;
    }
}
