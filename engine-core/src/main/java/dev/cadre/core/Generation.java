package dev.cadre.core;

import java.util.Iterator;

/**
 * A running generation, pulled token by token: {@code for (Token t : generation)}. Work happens in the iterator, on the
 * calling thread and the model's workers. It can be iterated once.
 */
public interface Generation extends Iterable<Token>, AutoCloseable {
    /**
     * The tokens. {@code hasNext} computes the next one.
     *
     * @throws IllegalStateException if called a second time
     */
    @Override
    Iterator<Token> iterator();

    /** Ends the generation at the next layer. May be called by any thread, any number of times. */
    void cancel();

    /** Generates what is left and returns the result. */
    Completion result();

    /** Cancels what is left. */
    @Override
    void close();
}
