package dev.cadre.core;

/** A call asks for something that cannot be: the message gives the value, what is allowed, and what to do. */
public final class InvalidRequestException extends CadreException {
    private static final long serialVersionUID = 1L;

    public InvalidRequestException(String message) {
        super(message);
    }
}
