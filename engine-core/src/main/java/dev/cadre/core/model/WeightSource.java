package dev.cadre.core.model;

import dev.cadre.kernels.Matrix;
import java.lang.foreign.Arena;

/**
 * The tensors of a checkpoint by the engine's names ({@code blk.3.attn_q_a}, without a suffix for weights), with their
 * shapes checked.
 */
public interface WeightSource extends AutoCloseable {
    /** Whether the checkpoint has this tensor. */
    boolean has(String name);

    /** A matrix [rows, columns], a view of the file. */
    Matrix matrix(String name, long rows, long columns);

    /** One matrix [rows, columns] for each expert, views of the file. */
    Matrix[] experts(String name, int experts, long rows, long columns);

    /** One vector of {@code length} elements for each expert, as float32. */
    float[][] expertVectors(String name, int experts, int length);

    /** A vector of {@code length} elements as float32. */
    float[] vector(String name, int length);

    /** Keeps memory that the weights need beside the mapped files; closed with the model. */
    Arena arena();

    @Override
    void close();
}
