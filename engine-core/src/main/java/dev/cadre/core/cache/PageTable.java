package dev.cadre.core.cache;

import dev.cadre.core.CacheFullException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The pages of one sequence for one group of layers. Knows page numbers, no tokens and no layers.
 *
 * <p>Invariants:
 * <ol>
 *   <li>Page i holds positions [64·i, 64·i + 64); the table holds one reference to each page in [first, end).
 *   <li>A page that other tables hold too is copied before it is written (see {@link #makePrivate}).
 *   <li>When the pool refuses a page, the table is as before.
 * </ol>
 */
final class PageTable {
    private final PagePool pool;
    private int[] pages = new int[8];
    private MemorySegment[] memory = new MemorySegment[8];
    private int first;
    private int end;

    PageTable(PagePool pool) {
        this.pool = pool;
    }

    int first() {
        return first;
    }

    int end() {
        return end;
    }

    int page(int index) {
        return pages[index];
    }

    MemorySegment memory(int index) {
        return memory[index];
    }

    /**
     * Takes pages until there are {@code newEnd}.
     *
     * @throws dev.cadre.core.CacheFullException if they run out; the table is then as before
     */
    void extendTo(int newEnd) {
        int before = end;
        try {
            while (end < newEnd) {
                append(pool.acquire());
            }
        } catch (RuntimeException e) {
            keepBelow(before);
            throw e;
        }
    }

    /** Replaces a page that others hold too by a copy. */
    void makePrivate(int index) {
        if (!pool.shared(pages[index])) {
            return;
        }
        int copy;
        try {
            copy = pool.acquire();
        } catch (CacheFullException e) {
            if (!pool.shared(pages[index])) {
                return; // the prefix index has let go of it
            }
            throw e;
        }
        MemorySegment target = pool.memory(copy);
        target.copyFrom(memory[index]);
        pool.release(pages[index]);
        pages[index] = copy;
        memory[index] = target;
    }

    /** Appends a page, of which the table takes over one reference. */
    void append(int page) {
        if (end == pages.length) {
            pages = Arrays.copyOf(pages, 2 * end);
            memory = Arrays.copyOf(memory, 2 * end);
        }
        pages[end] = page;
        memory[end++] = pool.memory(page);
    }

    /** Replaces a page by another of the same content, and takes a reference to that. */
    void replace(int index, int page) {
        if (pages[index] != page) {
            pool.retain(page);
            pool.release(pages[index]);
            pages[index] = page;
            memory[index] = pool.memory(page);
        }
    }

    /** Gives back the pages before {@code newFirst}. */
    void keepFrom(int newFirst) {
        while (first < Math.min(newFirst, end)) {
            pool.release(pages[first]);
            memory[first++] = null;
        }
    }

    /** Gives back the pages at and beyond {@code newEnd}. */
    void keepBelow(int newEnd) {
        while (end > newEnd) {
            if (--end >= first) {
                pool.release(pages[end]);
            }
            memory[end] = null;
        }
        first = Math.min(first, end);
    }

    /** Begins at {@code index}, without the pages before it; only for an empty table. */
    void startAt(int index) {
        if (end > 0) {
            throw new IllegalStateException("the table has pages");
        }
        if (index > pages.length) {
            pages = new int[index];
            memory = new MemorySegment[index];
        }
        first = index;
        end = index;
    }

    /** A table with the same pages below {@code newEnd}, each with one more reference. */
    PageTable fork(int newEnd) {
        PageTable copy = new PageTable(pool);
        copy.startAt(first);
        for (int i = first; i < newEnd; i++) {
            pool.retain(pages[i]);
            copy.append(pages[i]);
        }
        return copy;
    }
}
