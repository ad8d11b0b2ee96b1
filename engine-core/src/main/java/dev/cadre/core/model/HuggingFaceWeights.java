package dev.cadre.core.model;

import dev.cadre.kernels.Matrix;
import dev.cadre.weights.Checkpoint;
import dev.cadre.weights.StoredTensor;
import dev.cadre.weights.StoredTensors;
import java.util.Arrays;

/** Weights of a Hugging Face folder, found by a family's {@link TensorNames}. */
final class HuggingFaceWeights extends CheckpointWeights {
    /** Where the text model's tensors may begin: alone, or inside a multimodal checkpoint. */
    private static final String[] PREFIXES = {"", "language_model.", "model.language_model."};

    private final TensorNames names;
    private final String prefix;

    HuggingFaceWeights(Checkpoint checkpoint, TensorNames names) {
        super(checkpoint);
        this.names = names;
        this.prefix = findPrefix(checkpoint, names);
    }

    private static String findPrefix(Checkpoint checkpoint, TensorNames names) {
        String embedding = names.global().get("token_embd");
        for (String prefix : PREFIXES) {
            if (checkpoint.find(join(prefix, embedding)) != null) {
                return prefix;
            }
        }
        return "";
    }

    /** {@code model.language_model.} takes the place of {@code model.}; the other prefixes come before it. */
    private static String join(String prefix, String name) {
        return prefix.startsWith("model.") && name.startsWith("model.")
                ? prefix + name.substring("model.".length())
                : prefix.startsWith("model.") ? name : prefix + name;
    }

    @Override
    String fileName(String name) {
        return fileName(name, -1);
    }

    private String fileName(String name, int expert) {
        String found;
        String layer = "";
        if (name.startsWith("blk.")) {
            int dot = name.indexOf('.', 4);
            layer = "model.layers." + name.substring(4, dot) + ".";
            found = names.layer().get(name.substring(dot + 1));
        } else {
            found = names.global().get(name);
        }
        if (found == null) {
            return name; // a tensor that only GGUF files have; the look-up will not find it
        }
        return join(prefix, layer + (expert < 0 ? found : found.replace("%d", Integer.toString(expert))));
    }

    @Override
    public Matrix[] experts(String name, int experts, long rows, long columns) {
        Matrix[] each = new Matrix[experts];
        if (StoredTensors.find(checkpoint, fileName(name, 0)) == null) {
            String down = fileName(name.replaceAll("ffn_(gate|up|down)_exps", "ffn_down_fused"));
            String gateUp = fileName(name.replaceAll("ffn_(gate|up|down)_exps", "ffn_gate_up_fused"));
            if (StoredTensors.find(checkpoint, name.endsWith("ffn_down_exps") ? down : gateUp) != null) {
                return name.endsWith("ffn_down_exps")
                        ? fusedDown(down, experts, rows, columns)
                        : fusedGateUp(gateUp, name.endsWith("ffn_up_exps"), experts, rows, columns);
            }
        }
        for (int e = 0; e < experts; e++) {
            StoredTensor stored = StoredTensors.require(checkpoint, fileName(name, e));
            check(stored, rows, columns);
            each[e] = matrix(stored);
        }
        return each;
    }

    /** Down of all experts in one tensor, [E, H, I] or the other way round, [E, I, H]. */
    private Matrix[] fusedDown(String file, int experts, long rows, long columns) {
        StoredTensor stored = StoredTensors.require(checkpoint, file);
        if (!names.fusedTransposed() || !(stored instanceof StoredTensor.Plain plain)) {
            check(stored, Math.multiplyExact(experts, rows), columns);
            return slices(stored, experts, rows);
        }
        check(stored, Math.multiplyExact(experts, columns), rows);
        return transposed(plain.data(), experts, rows, columns, rows, 0, 1);
    }

    /**
     * Gate or up of all experts in one tensor: [E, 2I, H], or the other way round, [E, H, 2I]; gate first and then up,
     * or the two taking turns.
     */
    private Matrix[] fusedGateUp(String file, boolean up, int experts, long rows, long columns) {
        StoredTensor stored = StoredTensors.require(checkpoint, file);
        boolean turns = names.fusedInterleaved();
        long first = up ? (turns ? 1 : rows) : 0;
        int step = turns ? 2 : 1;
        if (names.fusedTransposed() && stored instanceof StoredTensor.Plain plain) {
            check(stored, Math.multiplyExact(experts, columns), 2 * rows);
            return transposed(plain.data(), experts, rows, columns, 2 * rows, first, step);
        }
        check(stored, Math.multiplyExact(2L * experts, rows), columns);
        return slices(stored, experts, first, 2 * rows, rows, step);
    }

    @Override
    public float[][] expertVectors(String name, int experts, int length) {
        if (!name.contains("ffn_gate_exps") && !name.contains("ffn_up_exps")) {
            return super.expertVectors(name, experts, length);
        }
        // one vector for both, of which each takes its half
        int up = name.contains("ffn_up_exps") ? 1 : 0;
        float[][] both = super.expertVectors(name, experts, 2 * length);
        float[][] each = new float[experts][length];
        for (int e = 0; e < experts; e++) {
            if (names.fusedInterleaved()) {
                for (int i = 0; i < length; i++) {
                    each[e][i] = both[e][2 * i + up];
                }
            } else {
                each[e] = Arrays.copyOfRange(both[e], up * length, (up + 1) * length);
            }
        }
        return each;
    }
}
