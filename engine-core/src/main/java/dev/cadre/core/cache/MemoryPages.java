package dev.cadre.core.cache;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Pages outside the heap, each allocated when it is asked for. */
final class MemoryPages implements PageStore {
    private final Arena arena = Arena.ofShared();
    private final long pageBytes;

    MemoryPages(long pageBytes) {
        this.pageBytes = pageBytes;
    }

    @Override
    public MemorySegment next() {
        return arena.allocate(pageBytes, 64);
    }

    @Override
    public void close() {
        arena.close();
    }
}
