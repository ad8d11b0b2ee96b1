package dev.cadre.core.model;

import dev.cadre.kernels.Matrix;
import dev.cadre.weights.Checkpoint;
import dev.cadre.weights.StoredTensor;
import dev.cadre.weights.StoredTensors;

/** Weights of a GGUF file, whose names and layouts the engine uses as its own. */
final class GgufWeights extends CheckpointWeights {
    GgufWeights(Checkpoint checkpoint) {
        super(checkpoint);
    }

    @Override
    String fileName(String name) {
        String file = name.endsWith(".bias") ? name : name + ".weight";
        // some architectures call the norm before the experts by its place after attention
        if (name.endsWith(".ffn_norm") && checkpoint.find(file) == null) {
            return file.replace(".ffn_norm.", ".post_attention_norm.");
        }
        return file;
    }

    @Override
    public Matrix[] experts(String name, int experts, long rows, long columns) {
        String fused = name.replace("ffn_gate_exps", "ffn_gate_up_exps").replace("ffn_up_exps", "ffn_gate_up_exps");
        StoredTensor stored = StoredTensors.find(checkpoint, fileName(name));
        if (stored == null && !fused.equals(name) && has(fused)) {
            return half(fused, name.endsWith("ffn_up_exps"), experts, rows, columns);
        }
        stored = StoredTensors.require(checkpoint, fileName(name));
        check(stored, Math.multiplyExact(experts, rows), columns);
        return slices(stored, experts, rows);
    }

    /** Gate or up of a fused tensor [E, 2I, H], gate rows first. */
    private Matrix[] half(String fused, boolean second, int experts, long rows, long columns) {
        StoredTensor stored = StoredTensors.require(checkpoint, fileName(fused));
        check(stored, Math.multiplyExact(2L * experts, rows), columns);
        return slices(stored, experts, second ? rows : 0, 2 * rows, rows, 1);
    }
}
