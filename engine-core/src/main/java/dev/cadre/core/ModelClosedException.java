package dev.cadre.core;

/** The model or session was closed before, or while, the call ran. */
public final class ModelClosedException extends CadreException {
    private static final long serialVersionUID = 1L;

    public ModelClosedException(String message) {
        super(message);
    }
}
