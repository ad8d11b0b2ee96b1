package dev.cadre.core.cache;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

/** Where the pages of a pool lie. Called by one thread at a time. */
interface PageStore extends AutoCloseable {
    /**
     * Memory for one more page. Every byte of it can be stored to: what the disk or the operating system refuses, it
     * refuses here.
     *
     * @throws IOException if the disk is full or fails; the store is then as before
     * @throws OutOfMemoryError if the operating system gives no memory
     */
    MemorySegment next() throws IOException;

    /** Gives everything back; no page may be used any more. */
    @Override
    void close();
}
