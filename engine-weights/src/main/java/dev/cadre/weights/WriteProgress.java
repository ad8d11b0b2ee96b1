package dev.cadre.weights;

/**
 * How far a {@link GgufWriter} is.
 *
 * @param tensor the tensor being written
 * @param doneBytes bytes of tensor data written so far
 * @param totalBytes bytes of tensor data in all
 */
public record WriteProgress(String tensor, long doneBytes, long totalBytes) {}
