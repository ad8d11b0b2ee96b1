package dev.cadre.core;

/**
 * A page of a mapped model file, or of the cache file, could not be reached: the file was truncated or its disk failed
 * while in use. The step was discarded; the model cannot be used any more and should be closed.
 */
public final class WeightsFaultException extends CadreException {
    private static final long serialVersionUID = 1L;

    public WeightsFaultException(String message, Throwable cause) {
        super(message, cause);
    }
}
