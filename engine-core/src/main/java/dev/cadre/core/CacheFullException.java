package dev.cadre.core;

/**
 * No page of the key-value cache is left within its budget, or the disk of its file is full; then the cause is the
 * {@link java.io.IOException}. Only the request that asked fails.
 */
public final class CacheFullException extends CadreException {
    private static final long serialVersionUID = 1L;

    public CacheFullException(String message) {
        super(message);
    }

    public CacheFullException(String message, Throwable cause) {
        super(message, cause);
    }
}
