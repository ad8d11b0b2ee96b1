package dev.cadre.core;

/**
 * How to open a session.
 *
 * @param context most positions that the session may hold; 0 for the model's own limit
 */
public record SessionOptions(int context) {
    public SessionOptions {
        if (context < 0) {
            throw new IllegalArgumentException("context is " + context + "; it must not be negative");
        }
    }

    /** As long as the model allows. */
    public static SessionOptions defaults() {
        return new SessionOptions(0);
    }

    /** At most {@code positions} positions. */
    public static SessionOptions ofContext(int positions) {
        return new SessionOptions(positions);
    }
}
