package dev.cadre.weights;

import dev.cadre.weights.internal.CheckpointOpener;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;

/**
 * An open checkpoint: metadata and memory-mapped tensors. Opening reads headers only, whatever the file's size.
 *
 * <p>Immutable and thread-safe. Tensor data is mapped: {@link #close} unmaps it, and access after that throws
 * {@code IllegalStateException}. A file that shrinks while it is open makes reads of the missing pages fail with
 * {@code InternalError} (see {@code docs/guarantees.md}): replace model files by renaming, never in place.
 */
public interface Checkpoint extends AutoCloseable {
    /** As {@link #open(Path, CheckpointLimits)} with {@link CheckpointLimits#DEFAULTS}. */
    static Checkpoint open(Path path) {
        return open(path, CheckpointLimits.DEFAULTS);
    }

    /**
     * Opens a checkpoint.
     *
     * @param path a {@code .gguf} file, of which any part of a split set stands for the whole; or a Hugging Face folder
     *     with {@code config.json} and safetensors, its config.json, or a {@code .safetensors} file in it; or a folder
     *     that holds one GGUF model and no safetensors
     * @throws CheckpointFormatException if a file is malformed, inconsistent or beyond a limit
     * @throws CheckpointIOException if a file is missing or cannot be read or mapped
     */
    static Checkpoint open(Path path, CheckpointLimits limits) {
        return CheckpointOpener.open(path, limits);
    }

    /** What was opened: the first file of a GGUF model, or the folder. */
    Path path();

    /** {@code "gguf"} or {@code "safetensors"}. */
    String format();

    /** GGUF key/value pairs (of the first part), or {@code config.json}. */
    Metadata metadata();

    /** All tensors in file order. */
    Collection<TensorEntry> tensors();

    /** The tensor of this name, or null. */
    TensorEntry find(String name);

    /**
     * The tensor of this name.
     *
     * @throws CheckpointFormatException if there is none
     */
    TensorEntry require(String name);

    /** The mapped files. */
    List<Path> files();

    /**
     * Compares the files' sizes with those at open.
     *
     * @throws CheckpointIOException if one shrank or is gone
     */
    void checkUnchanged();

    /** Unmaps all files. Waits for nobody: the caller makes sure that no thread still reads. Idempotent. */
    @Override
    void close();
}
