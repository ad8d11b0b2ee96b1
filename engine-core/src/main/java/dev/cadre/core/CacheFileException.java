package dev.cadre.core;

/** The file of a file-backed key-value cache cannot be made or deleted. */
public final class CacheFileException extends CadreException {
    private static final long serialVersionUID = 1L;

    public CacheFileException(String message, Throwable cause) {
        super(message, cause);
    }
}
