package dev.cadre.core;

/** A session could not be saved or restored. Neither the session nor an earlier file has changed. */
public final class SessionFileException extends CadreException {
    private static final long serialVersionUID = 1L;

    /** What went wrong. */
    public enum Reason {
        /** The file could not be read or written; the cause says more. */
        IO,
        /** The file is no saved session, or is incomplete or altered. */
        DAMAGED,
        /** Another version of this library wrote it. */
        VERSION,
        /** It was saved with another model. */
        MODEL,
        /** It was saved with another precision of the key-value cache. */
        PRECISION
    }

    private final Reason reason;

    public SessionFileException(Reason reason, String message) {
        super(message);
        this.reason = reason;
    }

    public SessionFileException(Reason reason, String message, Throwable cause) {
        super(message, cause);
        this.reason = reason;
    }

    /** What went wrong. */
    public Reason reason() {
        return reason;
    }
}
