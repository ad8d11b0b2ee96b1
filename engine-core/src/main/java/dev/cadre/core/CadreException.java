package dev.cadre.core;

/** Base of the errors that this library throws of its own; the message says what is wrong, where, and what to do. */
public class CadreException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public CadreException(String message) {
        super(message);
    }

    public CadreException(String message, Throwable cause) {
        super(message, cause);
    }
}
