package dev.cadre.core.cache;

import dev.cadre.core.KvPrecision;
import dev.cadre.kernels.CacheLines;
import java.lang.foreign.MemorySegment;

/**
 * The cache of one sequence: its page tables, its length, and its tokens where they are known. Writing and reading name
 * a layer and a position; which page and where in it is settled here.
 *
 * <p>Invariants:
 * <ol>
 *   <li>Each table ends where [0, reserved) needs, and begins at or before the first position that its layers need for
 *       the next token.
 *   <li>Positions at and beyond {@link #length()} are not valid: a step writes them before it moves the length.
 *   <li>Before a position is written, its pages belong to this sequence alone (see {@link #reserve}).
 *   <li>Known tokens are those of the first positions; {@link #knownTokens()} never exceeds the length.
 * </ol>
 *
 * <p>One thread changes a sequence at a time; while a step runs, workers read and write rows of different positions.
 */
public final class SequenceCache implements AutoCloseable {
    private final CacheLayout layout;
    private final PagePool pool;
    private PageTable[] tables; // of each group of layers
    private final int[] endBefore; // of each, while pages are reserved
    private TokenHistory tokens = new TokenHistory();
    private PrefixIndex.Node prefix; // that stands for its first pages, or null
    private boolean filledByOthers; // from a file
    private int length;
    private boolean closed;

    /** An empty sequence. */
    public SequenceCache(CacheLayout layout, PagePool pool) {
        this.layout = layout;
        this.pool = pool;
        this.tables = new PageTable[layout.groups()];
        this.endBefore = new int[tables.length];
        for (int g = 0; g < tables.length; g++) {
            tables[g] = new PageTable(pool);
        }
    }

    /**
     * A sequence of {@code length} positions without its pages yet: the caller takes them (see {@link #takePages}) and
     * fills them (see {@link CachePages#in}).
     *
     * @param groups first and end of each group's pages, one after the other, which {@link CacheLayout#fits} accepts
     * @param known tokens of the first positions
     */
    public static SequenceCache of(CacheLayout layout, PagePool pool, int length, int[] groups, int[] known) {
        SequenceCache cache = new SequenceCache(layout, pool);
        for (int g = 0; g < cache.tables.length; g++) {
            cache.tables[g].startAt(groups[2 * g]);
        }
        cache.filledByOthers = length > 0;
        cache.length = length;
        cache.tokens.add(known, 0, known.length);
        return cache;
    }

    /**
     * Takes at most {@code most} of the pages of a group that are still missing.
     *
     * @param groups as for {@link #of}
     * @return whether all groups have all pages
     * @throws dev.cadre.core.CacheFullException if pages run out
     */
    public boolean takePages(int[] groups, int most) {
        for (int g = 0; g < tables.length; g++) {
            int missing = groups[2 * g + 1] - tables[g].end();
            if (missing > 0) {
                tables[g].extendTo(tables[g].end() + Math.min(most, missing));
                return false;
            }
        }
        return true;
    }

    CacheLayout layout() {
        return layout;
    }

    int firstPage(int group) {
        return tables[group].first();
    }

    int endPage(int group) {
        return tables[group].end();
    }

    int pageNumber(int group, int index) {
        return tables[group].page(index);
    }

    MemorySegment memory(int group, int index) {
        return tables[group].memory(index);
    }

    /** Number of valid positions. */
    public int length() {
        return length;
    }

    /** Bytes of its pages, those included that other sequences share. */
    public long bytes() {
        long count = 0;
        for (PageTable table : tables) {
            count += table.end() - table.first();
        }
        return count * layout.pageBytes();
    }

    /** Number of leading positions whose tokens are known. */
    public int knownTokens() {
        return tokens.count();
    }

    /** The tokens of the known positions [from, to). */
    public int[] tokens(int from, int to) {
        return tokens.range(from, to);
    }

    /**
     * Makes room for positions up to {@code newLength} and makes the pages to be written private. Pages far behind a
     * window are given back first.
     *
     * @throws dev.cadre.core.CacheFullException if pages run out; the sequence is then as before
     */
    public void reserve(int newLength) {
        int needed = CacheLayout.pagesFor(newLength);
        for (int g = 0; g < tables.length; g++) {
            tables[g].keepFrom(layout.firstKept(g, length) / CacheLayout.PAGE_TOKENS);
            endBefore[g] = tables[g].end();
        }
        try {
            for (PageTable table : tables) {
                if (length % CacheLayout.PAGE_TOKENS != 0 && newLength > length) {
                    table.makePrivate(length / CacheLayout.PAGE_TOKENS);
                }
                table.extendTo(needed);
            }
        } catch (RuntimeException e) {
            for (int g = 0; g < tables.length; g++) {
                tables[g].keepBelow(endBefore[g]);
            }
            throw e;
        }
    }

    /** Declares positions below {@code newLength} valid, after they were written. Their tokens are not known. */
    public void commit(int newLength) {
        length = newLength;
    }

    /** Declares the next {@code count} positions valid, after a step has written them. */
    public void commit(int[] ids, int from, int count) {
        if (tokens.count() == length) {
            tokens.add(ids, from, count);
        }
        length += count;
    }

    /** Whether {@link #truncate} can take the sequence back to this length: all that its layers see is still there. */
    public boolean canTruncate(int newLength) {
        for (int g = 0; g < tables.length; g++) {
            int held = CacheLayout.PAGE_TOKENS * tables[g].first();
            if (newLength > 0 && held > layout.firstNeeded(g, newLength)) {
                return false;
            }
        }
        return true;
    }

    /** Forgets positions at and beyond {@code newLength} and gives back pages that hold nothing else. */
    public void truncate(int newLength) {
        if (newLength < 0 || newLength > length || !canTruncate(newLength)) {
            throw new IllegalArgumentException("cannot rewind to " + newLength + " of " + length + " positions");
        }
        length = newLength;
        tokens.truncate(newLength);
        prefix = prefix == null ? null : prefix.upTo(newLength / CacheLayout.PAGE_TOKENS);
        filledByOthers &= newLength > 0;
        for (PageTable table : tables) {
            table.keepBelow(CacheLayout.pagesFor(newLength));
        }
    }

    /** A second sequence with the same content; pages are shared until one of the two writes them. */
    public SequenceCache fork() {
        SequenceCache copy = new SequenceCache(layout, pool);
        for (int g = 0; g < tables.length; g++) {
            copy.tables[g] = tables[g].fork(CacheLayout.pagesFor(length));
        }
        copy.tokens = tokens.copy();
        copy.prefix = prefix;
        copy.filledByOthers = filledByOthers;
        copy.length = length;
        return copy;
    }

    /** Whether only a fork can take the sequence back after {@code count} tokens were appended, in several steps. */
    public boolean needsMark(int count) {
        return layout.hasWindows() && count > CacheLayout.REWIND_TOKENS;
    }

    /** Becomes what {@code mark}, an earlier fork, is, and closes it. */
    public void restore(SequenceCache mark) {
        PageTable[] mine = tables;
        tables = mark.tables;
        mark.tables = mine;
        tokens = mark.tokens;
        prefix = mark.prefix;
        filledByOthers = mark.filledByOthers;
        length = mark.length;
        mark.close();
    }

    /** Whether this engine computed all positions, of known tokens. */
    boolean dependsOnTokensAlone() {
        return !filledByOthers && tokens.count() == length;
    }

    /** Tokens of the known positions; valid until more are added. */
    int[] tokenArray() {
        return tokens.array();
    }

    /** What stands for the first pages in the index, or null. */
    PrefixIndex.Node prefix() {
        return prefix;
    }

    void prefix(PrefixIndex.Node node) {
        prefix = node;
    }

    /** The pages of all groups at one index, or null if one of them was given back. */
    int[] pages(int index) {
        int[] pages = new int[tables.length];
        for (int g = 0; g < tables.length; g++) {
            if (index < tables[g].first()) {
                return null;
            }
            pages[g] = tables[g].page(index);
        }
        return pages;
    }

    /** Uses these pages, of the same content, instead of its own ones at an index. */
    void share(int index, int[] pages) {
        for (int g = 0; g < tables.length; g++) {
            if (index >= tables[g].first()) {
                tables[g].replace(index, pages[g]);
            }
        }
    }

    /** Begins an empty sequence with full pages that were computed before from the same tokens. */
    void adopt(int[][] pages, int[] ids, PrefixIndex.Node node) {
        int positions = pages.length * CacheLayout.PAGE_TOKENS;
        for (int g = 0; g < tables.length; g++) {
            tables[g].startAt(layout.firstKept(g, positions) / CacheLayout.PAGE_TOKENS);
            for (int i = tables[g].first(); i < pages.length; i++) {
                pool.retain(pages[i][g]);
                tables[g].append(pages[i][g]);
            }
        }
        prefix = node;
        commit(ids, 0, positions);
    }

    /** Stores the latent row [r + dr] of a position. */
    public void writeLatent(int layer, int position, float[] row, int at) {
        write(layer, layout.row(layer), layout.latentOffset(layer), position, row, at);
    }

    /** Reads the latent row of a position. */
    public void readLatent(int layer, int position, float[] row, int at) {
        read(layer, layout.row(layer), layout.latentOffset(layer), position, 1, row, at);
    }

    /**
     * Reads the latent rows of {@code count} positions of one page.
     *
     * @param position the first; all must lie in its page
     * @param rows receives [count, r + dr]
     */
    public void readLatents(int layer, int position, int count, float[] rows) {
        read(layer, layout.row(layer), layout.latentOffset(layer), position, count, rows, 0);
    }

    /** Whether index keys, and the queries that meet them, must be spread by a Hadamard rotation. */
    public boolean spreadsIndexKeys() {
        return layout.precision() == KvPrecision.FP8;
    }

    /** Stores the index key [Di] of a position. */
    public void writeIndexKey(int layer, int position, float[] row, int at) {
        layout.indexKeys(layer).write(row, at, page(layer, position), layout.indexOffset(layer), (int) slot(position));
    }

    /**
     * Reads the index keys of the page that a position lies in.
     *
     * @param tile receives [Di + 1, 64], for {@link dev.cadre.kernels.IndexKernel}: the keys of all of the page's
     *     positions by their dimensions, then a factor for each
     */
    public void readIndexKeys(int layer, int position, float[] tile) {
        layout.indexKeys(layer).read(page(layer, position), layout.indexOffset(layer), tile);
    }

    /**
     * Brings the index keys of the pages of [from, to) into the core's cache before they are read.
     *
     * @return something to be kept, or the compiler drops the work
     */
    public int touchIndexKeys(int layer, int from, int to) {
        IndexKeyFormat format = layout.indexKeys(layer);
        int all = 0;
        for (int p = from; p < to; p += CacheLayout.PAGE_TOKENS) {
            all ^= format.touch(page(layer, p), layout.indexOffset(layer));
        }
        return all;
    }

    /** Stores one head's key [dh] of a position. */
    public void writeKey(int layer, int head, int position, float[] row, int at) {
        write(layer, layout.row(layer), layout.keyOffset(layer, head), position, row, at);
    }

    /** Stores one head's value [dh] of a position. */
    public void writeValue(int layer, int head, int position, float[] row, int at) {
        write(layer, layout.row(layer), layout.valueOffset(layer, head), position, row, at);
    }

    /** Reads one head's keys [count, dh] of positions of one page. */
    public void readKeys(int layer, int head, int position, int count, float[] rows) {
        read(layer, layout.row(layer), layout.keyOffset(layer, head), position, count, rows, 0);
    }

    /** Reads one head's values [count, dh] of positions of one page. */
    public void readValues(int layer, int head, int position, int count, float[] rows) {
        read(layer, layout.row(layer), layout.valueOffset(layer, head), position, count, rows, 0);
    }

    /**
     * Brings one head's keys and values of positions of one page into the core's cache before they are read.
     *
     * @return something to be kept, or the compiler drops the work
     */
    public int touchKeysAndValues(int layer, int head, int position, int count) {
        MemorySegment page = page(layer, position);
        int rowBytes = layout.row(layer).bytes();
        long from = slot(position) * rowBytes;
        long bytes = (long) count * rowBytes;
        return CacheLines.touch(page, layout.keyOffset(layer, head) + from, bytes)
                ^ CacheLines.touch(page, layout.valueOffset(layer, head) + from, bytes);
    }

    private void write(int layer, RowFormat format, long base, int position, float[] row, int at) {
        format.write(row, at, page(layer, position), base + slot(position) * format.bytes());
    }

    private void read(int layer, RowFormat format, long base, int position, int count, float[] rows, int at) {
        format.read(page(layer, position), base + slot(position) * format.bytes(), count, rows, at);
    }

    private static long slot(int position) {
        return position % CacheLayout.PAGE_TOKENS;
    }

    private MemorySegment page(int layer, int position) {
        return tables[layout.group(layer)].memory(position / CacheLayout.PAGE_TOKENS);
    }

    /** Gives all pages back. */
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            length = 0;
            tokens.truncate(0);
            for (PageTable table : tables) {
                table.keepBelow(0);
            }
        }
    }
}
