package dev.cadre.core.cache;

import dev.cadre.core.CacheFullException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BooleanSupplier;

/**
 * Pages of cache memory with reference counts. Knows bytes and references, no tokens.
 *
 * <p>Invariants:
 * <ol>
 *   <li>A page is either free (no references) or held (one or more).
 *   <li>Free and held pages together are all pages ever taken from the operating system; they never exceed the budget.
 *   <li>A page with more than one reference is not written.
 *   <li>When all tables are closed, no page is held.
 * </ol>
 *
 * <p>All methods may be called by any thread.
 */
public final class PagePool implements AutoCloseable {
    private final long pageBytes;
    private final long budgetPages;
    private final PageStore store;
    private final List<MemorySegment> pages = new ArrayList<>();
    private final ArrayDeque<Integer> free = new ArrayDeque<>();
    private int[] references = new int[16];
    private int held;
    private BooleanSupplier shortage = () -> false;

    /**
     * A pool outside the heap that takes memory page by page, as it is asked for.
     *
     * @param pageBytes size of a page
     * @param budgetBytes most memory to take
     */
    public PagePool(long pageBytes, long budgetBytes) {
        this(pageBytes, budgetBytes, new MemoryPages(pageBytes));
    }

    PagePool(long pageBytes, long budgetBytes, PageStore store) {
        this.pageBytes = pageBytes;
        this.budgetPages = pagesWithin(pageBytes, budgetBytes);
        this.store = store;
    }

    /**
     * A pool in a mapped file, which grows as pages are asked for and is deleted when the pool is closed.
     *
     * @param budgetBytes most bytes of the file to use
     * @throws dev.cadre.core.CacheFileException if the file cannot be made, or exists and is something else
     */
    public static PagePool onFile(Path path, long pageBytes, long budgetBytes) {
        long most = pagesWithin(pageBytes, budgetBytes);
        return new PagePool(pageBytes, budgetBytes, new FilePages(ScratchFile.ON_DISK, path, pageBytes, most));
    }

    private static long pagesWithin(long pageBytes, long budgetBytes) {
        return pageBytes == 0 ? Integer.MAX_VALUE : Math.min(Integer.MAX_VALUE, budgetBytes / pageBytes);
    }

    /**
     * Takes a free page, with one reference. Its content is whatever it was.
     *
     * @throws CacheFullException if the budget is used up, or the disk or the operating system gives no more
     */
    public synchronized int acquire() {
        Integer page = free.poll();
        if (page == null) {
            page = growOrReclaim();
        }
        references[page] = 1;
        held++;
        return page;
    }

    /** Sets what is asked to release a page when there is no other; it says whether it did. */
    synchronized void onShortage(BooleanSupplier release) {
        shortage = release;
    }

    private int growOrReclaim() {
        try {
            return grow();
        } catch (CacheFullException e) {
            if (shortage.getAsBoolean()) {
                return free.poll();
            }
            throw e;
        }
    }

    private int grow() {
        int page = pages.size();
        if (page >= budgetPages) {
            throw new CacheFullException("the key-value cache is full: all " + budgetPages + " pages of " + pageBytes
                    + " bytes are in use; close sessions, or raise the cache budget");
        }
        try {
            pages.add(store.next());
        } catch (OutOfMemoryError e) {
            throw new CacheFullException(
                    "the operating system gives no memory for a cache page of " + pageBytes + " bytes, after " + page
                            + " pages; lower the cache budget",
                    e);
        } catch (IOException e) {
            throw new CacheFullException(
                    "the cache file cannot grow by a page of " + pageBytes + " bytes, after " + page + " pages: "
                            + e.getMessage() + "; close sessions, or make room on its disk",
                    e);
        }
        if (page >= references.length) {
            references = Arrays.copyOf(references, 2 * references.length);
        }
        return page;
    }

    /** Adds a reference to a held page. */
    public synchronized void retain(int page) {
        if (references[page] <= 0) {
            throw new IllegalStateException("page " + page + " is not held");
        }
        references[page]++;
    }

    /** Drops a reference; the last one frees the page. */
    public synchronized void release(int page) {
        if (references[page] <= 0) {
            throw new IllegalStateException("page " + page + " is not held");
        }
        if (--references[page] == 0) {
            held--;
            free.push(page);
        }
    }

    synchronized boolean shared(int page) {
        return references[page] > 1;
    }

    synchronized int references(int page) {
        return references[page];
    }

    synchronized MemorySegment memory(int page) {
        return pages.get(page);
    }

    /** Pages that are held now. */
    public synchronized int heldPages() {
        return held;
    }

    /** Pages that were taken from the operating system, or of the file. */
    public synchronized int allocatedPages() {
        return pages.size();
    }

    /** Bytes of these pages. */
    public synchronized long allocatedBytes() {
        return pages.size() * pageBytes;
    }

    @Override
    public void close() {
        store.close();
    }
}
