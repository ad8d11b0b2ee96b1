package dev.cadre.core.model;

import dev.cadre.kernels.Matrix;
import dev.cadre.kernels.format.BlockCodec;
import dev.cadre.weights.Checkpoint;
import dev.cadre.weights.CheckpointFormatException;
import dev.cadre.weights.TensorEntry;
import java.lang.foreign.Arena;
import java.util.Arrays;

/** What both file formats share: finding a tensor, and comparing its shape with the one that the configuration asks. */
abstract class CheckpointWeights implements WeightSource {
    final Checkpoint checkpoint;
    private final Arena arena = Arena.ofShared();

    CheckpointWeights(Checkpoint checkpoint) {
        this.checkpoint = checkpoint;
    }

    /** The file's name of one of the engine's tensors. */
    abstract String fileName(String name);

    @Override
    public boolean has(String name) {
        return checkpoint.find(fileName(name)) != null;
    }

    @Override
    public float[] vector(String name, int length) {
        TensorEntry entry = checkpoint.require(fileName(name));
        if (entry.elements() != length) {
            throw wrongShape(entry, "[" + length + "]");
        }
        float[] values = new float[length];
        BlockCodec.of(entry.format()).decode(entry.data(), 0, values, 0, length);
        return values;
    }

    /** A whole tensor as a matrix; leading dimensions are folded into rows. */
    Matrix plainMatrix(TensorEntry entry, long rows, long columns) {
        if (entry.rows() != rows || entry.columns() != columns) {
            throw wrongShape(entry, "[" + rows + ", " + columns + "]");
        }
        return Matrix.of(entry.format(), rows, columns, entry.data());
    }

    static CheckpointFormatException wrongShape(TensorEntry entry, String wanted) {
        return new CheckpointFormatException(
                entry.file(),
                entry.offset(),
                entry.name(),
                "tensor " + entry.name() + " has shape " + Arrays.toString(entry.shape()) + ", but the model's"
                        + " configuration asks for " + wanted
                        + ": the configuration and the weights are not of the same model");
    }

    @Override
    public Arena arena() {
        return arena;
    }

    @Override
    public void close() {
        arena.close();
    }
}
