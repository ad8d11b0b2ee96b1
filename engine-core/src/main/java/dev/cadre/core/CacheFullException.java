package dev.cadre.core;

/** No page of the key-value cache is left within its memory budget. Only the request that asked fails. */
public final class CacheFullException extends CadreException {
    private static final long serialVersionUID = 1L;

    public CacheFullException(String message) {
        super(message);
    }
}
