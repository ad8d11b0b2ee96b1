/**
 * Readers and writers of checkpoints.
 *
 * <ul>
 *   <li>{@link dev.cadre.weights.Checkpoint} opens GGUF files and Hugging Face folders;
 *       {@link dev.cadre.weights.Metadata} and {@link dev.cadre.weights.TensorEntry} are what it holds.
 *   <li>{@link dev.cadre.weights.StoredTensors} finds weights that are stored in several tensors.
 *   <li>{@link dev.cadre.weights.CheckpointConverter} makes GGUF files of Hugging Face folders,
 *       {@link dev.cadre.weights.GgufWriter} of anything.
 *   <li>{@link dev.cadre.weights.CheckpointVerifier} looks for damage, {@link dev.cadre.weights.NpyWriter} dumps.
 * </ul>
 *
 * <p>Files are not trusted: every number in a header is checked before it is used, all limits are in
 * {@link dev.cadre.weights.CheckpointLimits}, and every error is a {@link dev.cadre.weights.CheckpointException}.
 */
package dev.cadre.weights;
