package dev.cadre.weights;

import java.nio.file.Path;

/** What goes wrong with a checkpoint: its content ({@link CheckpointFormatException}) or reaching it. */
public abstract sealed class CheckpointException extends RuntimeException
        permits CheckpointFormatException, CheckpointIOException {
    private static final long serialVersionUID = 1L;

    private final transient Path path;

    CheckpointException(Path path, String message, Throwable cause) {
        super(message, cause);
        this.path = path;
    }

    /** The file or folder concerned; null after deserialisation. */
    public Path path() {
        return path;
    }
}
