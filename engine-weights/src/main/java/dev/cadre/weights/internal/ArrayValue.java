package dev.cadre.weights.internal;

/**
 * An array that stays in its file until it is read; iteration reads it front to back. Elements are String, Boolean,
 * Long, BigInteger, Double or nested {@code ArrayValue}s.
 */
public interface ArrayValue extends Iterable<Object> {
    /** Number of elements. */
    int size();

    /** Type of the elements, for messages. */
    String elementType();
}
