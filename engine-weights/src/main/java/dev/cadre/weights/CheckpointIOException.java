package dev.cadre.weights;

import java.nio.file.Path;

/** A file could not be reached, mapped, read or written, or it shrank while it was open. */
public final class CheckpointIOException extends CheckpointException {
    private static final long serialVersionUID = 1L;

    public CheckpointIOException(Path path, String problem) {
        this(path, problem, null);
    }

    public CheckpointIOException(Path path, String problem, Throwable cause) {
        super(path, path + ": " + problem, cause);
    }
}
