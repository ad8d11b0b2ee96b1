package dev.cadre.core;

/** The model produced logits that are no numbers, so no token can be chosen. */
public final class NumericException extends CadreException {
    private static final long serialVersionUID = 1L;

    public NumericException(String message) {
        super(message);
    }
}
