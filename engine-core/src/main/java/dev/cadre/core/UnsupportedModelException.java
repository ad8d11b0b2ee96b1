package dev.cadre.core;

/** The checkpoint is well-formed, but asks for something that this engine does not do; the message names it. */
public final class UnsupportedModelException extends CadreException {
    private static final long serialVersionUID = 1L;

    public UnsupportedModelException(String message) {
        super(message);
    }
}
