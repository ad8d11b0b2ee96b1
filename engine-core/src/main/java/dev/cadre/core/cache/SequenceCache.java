package dev.cadre.core.cache;

import dev.cadre.core.KvPrecision;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The cache of one sequence: a table from positions to pages, and its length. Writing and reading name a layer and a
 * position; which page and where in it is settled here.
 *
 * <p>Invariants:
 * <ol>
 *   <li>Page i holds positions [64·i, 64·i + 64); the table has exactly the pages that [0, reserved) needs.
 *   <li>Positions at and beyond {@link #length()} are not valid: a step writes them before it moves the length.
 *   <li>Before a position is written, its page belongs to this sequence alone (see {@link #reserve}).
 * </ol>
 *
 * <p>One thread changes a sequence at a time; while a step runs, workers read and write rows of different positions.
 */
public final class SequenceCache implements AutoCloseable {
    private final CacheLayout layout;
    private final PagePool pool;
    private int[] pages = new int[8];
    private MemorySegment[] memory = new MemorySegment[8];
    private int pageCount;
    private int length;
    private boolean closed;

    /** An empty sequence. */
    public SequenceCache(CacheLayout layout, PagePool pool) {
        this.layout = layout;
        this.pool = pool;
    }

    /** Number of valid positions. */
    public int length() {
        return length;
    }

    /** Bytes of its pages, those included that other sequences share. */
    public long bytes() {
        return pageCount * layout.pageBytes();
    }

    /**
     * Makes room for positions up to {@code newLength} and makes the pages to be written private.
     *
     * @throws dev.cadre.core.CacheFullException if pages run out; the sequence is then as before
     */
    public void reserve(int newLength) {
        int needed = (newLength + CacheLayout.PAGE_TOKENS - 1) / CacheLayout.PAGE_TOKENS;
        if (length % CacheLayout.PAGE_TOKENS != 0 && newLength > length) {
            makePrivate(length / CacheLayout.PAGE_TOKENS);
        }
        int before = pageCount;
        try {
            while (pageCount < needed) {
                append(pool.acquire());
            }
        } catch (RuntimeException e) {
            dropPages(before);
            throw e;
        }
    }

    private void makePrivate(int index) {
        if (!pool.shared(pages[index])) {
            return;
        }
        int copy = pool.acquire();
        MemorySegment target = pool.memory(copy);
        target.copyFrom(memory[index]);
        pool.release(pages[index]);
        pages[index] = copy;
        memory[index] = target;
    }

    private void append(int page) {
        if (pageCount == pages.length) {
            pages = Arrays.copyOf(pages, 2 * pageCount);
            memory = Arrays.copyOf(memory, 2 * pageCount);
        }
        pages[pageCount] = page;
        memory[pageCount++] = pool.memory(page);
    }

    private void dropPages(int keep) {
        while (pageCount > keep) {
            pool.release(pages[--pageCount]);
            memory[pageCount] = null;
        }
    }

    /** Declares positions below {@code newLength} valid, after a step has written them. */
    public void commit(int newLength) {
        length = newLength;
    }

    /** Forgets positions at and beyond {@code newLength} and gives back pages that hold nothing else. */
    public void truncate(int newLength) {
        if (newLength < 0 || newLength > length) {
            throw new IllegalArgumentException("cannot rewind to " + newLength + " of " + length + " positions");
        }
        length = newLength;
        dropPages((newLength + CacheLayout.PAGE_TOKENS - 1) / CacheLayout.PAGE_TOKENS);
    }

    /** A second sequence with the same content; pages are shared until one of the two writes them. */
    public SequenceCache fork() {
        SequenceCache copy = new SequenceCache(layout, pool);
        int valid = (length + CacheLayout.PAGE_TOKENS - 1) / CacheLayout.PAGE_TOKENS;
        for (int i = 0; i < valid; i++) {
            pool.retain(pages[i]);
            copy.append(pages[i]);
        }
        copy.length = length;
        return copy;
    }

    /** Stores the latent row [r + dr] of a position. */
    public void writeLatent(int layer, int position, float[] row, int at) {
        write(layout.row(layer), layout.latentOffset(layer), position, row, at);
    }

    /** Reads the latent row of a position. */
    public void readLatent(int layer, int position, float[] row, int at) {
        read(layout.row(layer), layout.latentOffset(layer), position, 1, row, at);
    }

    /** Whether index keys, and the queries that meet them, must be spread by a Hadamard rotation. */
    public boolean spreadsIndexKeys() {
        return layout.precision() == KvPrecision.FP8;
    }

    /** Stores the index key [Di] of a position. */
    public void writeIndexKey(int layer, int position, float[] row, int at) {
        write(layout.indexRow(layer), layout.indexOffset(layer), position, row, at);
    }

    /**
     * Reads the index keys of {@code count} positions of one page.
     *
     * @param position the first; all must lie in its page
     * @param rows receives [count, Di]
     */
    public void readIndexKeys(int layer, int position, int count, float[] rows) {
        read(layout.indexRow(layer), layout.indexOffset(layer), position, count, rows, 0);
    }

    /** Stores one head's key [dh] of a position. */
    public void writeKey(int layer, int head, int position, float[] row, int at) {
        write(layout.row(layer), layout.keyOffset(layer, head), position, row, at);
    }

    /** Stores one head's value [dh] of a position. */
    public void writeValue(int layer, int head, int position, float[] row, int at) {
        write(layout.row(layer), layout.valueOffset(layer, head), position, row, at);
    }

    /** Reads one head's keys [count, dh] of positions of one page. */
    public void readKeys(int layer, int head, int position, int count, float[] rows) {
        read(layout.row(layer), layout.keyOffset(layer, head), position, count, rows, 0);
    }

    /** Reads one head's values [count, dh] of positions of one page. */
    public void readValues(int layer, int head, int position, int count, float[] rows) {
        read(layout.row(layer), layout.valueOffset(layer, head), position, count, rows, 0);
    }

    private void write(RowFormat format, long base, int position, float[] row, int at) {
        format.write(row, at, page(position), base + slot(position) * format.bytes());
    }

    private void read(RowFormat format, long base, int position, int count, float[] rows, int at) {
        format.read(page(position), base + slot(position) * format.bytes(), count, rows, at);
    }

    private static long slot(int position) {
        return position % CacheLayout.PAGE_TOKENS;
    }

    private MemorySegment page(int position) {
        return memory[position / CacheLayout.PAGE_TOKENS];
    }

    /** Gives all pages back. */
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            length = 0;
            dropPages(0);
        }
    }
}
