package dev.cadre.core.cache;

import dev.cadre.core.KvPrecision;
import dev.cadre.core.model.AttentionConfig;
import dev.cadre.core.model.AttentionConfig.Span;
import dev.cadre.core.model.ModelConfig;
import dev.cadre.kernels.IndexKernel;
import java.lang.foreign.MemorySegment;
import java.util.stream.LongStream;

/**
 * Where a page keeps what. A page holds {@link #PAGE_TOKENS} consecutive positions of one sequence for one group of
 * layers:
 *
 * <pre>
 *   first layer of the group: [64 rows of latent | 64 index keys]   (index keys only where it owns an indexer; their
 *                                                                    dimensions are outermost, see IndexKeyFormat)
 *   next layer: …
 *   grouped-query layer: [heads of keys: 64 rows each | heads of values: 64 rows each]
 * </pre>
 *
 * A latent row is the latent vector after its norm and the rotated key part; an index key is stored after its norm and
 * rotation.
 *
 * <p>Where all layers see all positions, they are one group. Otherwise layers of the same {@link AttentionConfig.Span}
 * make groups of their own, so that pages behind a window can be given back; groups have the same number of layers, and
 * hence pages the same size, so that one pool serves all of them.
 */
public final class CacheLayout {
    /** Positions in one page: what the index scan takes at a time. */
    public static final int PAGE_TOKENS = IndexKernel.KEYS;

    /**
     * Positions that are kept although they lie behind a window, so that a sequence can be taken back a little without
     * being computed again.
     */
    static final int REWIND_TOKENS = 1024;

    private final KvPrecision precision;
    private final int[] group; // of each layer
    private final Span[] spans; // of each group
    private final long[] latentOffset; // or keys
    private final long[] indexOffset; // or values
    private final RowFormat[] latentRow; // or one head's key or value
    private final IndexKeyFormat[] indexKeys;
    private final int[] rowsPerToken; // of latentRow: one, or keys and values of all heads
    private final long bytesPerToken;
    private final long pageBytes;

    /** The layout for a model. */
    public CacheLayout(ModelConfig config, KvPrecision precision) {
        this.precision = precision;
        int layers = config.layers().size();
        latentOffset = new long[layers];
        indexOffset = new long[layers];
        latentRow = new RowFormat[layers];
        indexKeys = new IndexKeyFormat[layers];
        rowsPerToken = new int[layers];
        long[] bytes = new long[layers]; // of one page's part for a layer
        for (int i = 0; i < layers; i++) {
            switch (config.layers().get(i).attention()) {
                case AttentionConfig.Latent latent -> {
                    latentRow[i] = new RowFormat(precision, latent.cacheWidth(), latent.ropeWidth());
                    rowsPerToken[i] = 1;
                    if (latent.ownsIndexer()) {
                        indexKeys[i] =
                                new IndexKeyFormat(precision, latent.indexer().width());
                        bytes[i] = indexKeys[i].bytes();
                    }
                }
                case AttentionConfig.Grouped grouped -> {
                    latentRow[i] = new RowFormat(precision, grouped.headWidth(), 0);
                    rowsPerToken[i] = 2 * grouped.keyValueHeads();
                }
            }
            bytes[i] += (long) PAGE_TOKENS * rowsPerToken[i] * latentRow[i].bytes();
        }
        LayerGroups groups = LayerGroups.of(config, bytes);
        group = groups.ofLayer();
        spans = groups.spans();
        long[] at = new long[spans.length];
        for (int i = 0; i < layers; i++) {
            long rows = (long) PAGE_TOKENS * latentRow[i].bytes();
            latentOffset[i] = at[group[i]];
            indexOffset[i] = latentOffset[i] + (rowsPerToken[i] == 1 ? rows : rowsPerToken[i] / 2 * rows);
            at[group[i]] += bytes[i];
        }
        bytesPerToken = LongStream.of(at).sum() / PAGE_TOKENS;
        pageBytes = LongStream.of(at).max().orElse(0);
    }

    /** Bytes of one page. */
    public long pageBytes() {
        return pageBytes;
    }

    /** Bytes that one position takes over all layers, while it lies in every window. */
    public long bytesPerToken() {
        return bytesPerToken;
    }

    /** Bytes of the pages that a sequence of {@code positions} holds; windowed layers hold their last ones only. */
    public long bytesFor(long positions) {
        int length = (int) Math.min(Integer.MAX_VALUE, positions);
        long pages = 0;
        for (int g = 0; g < spans.length; g++) {
            pages += pagesFor(length) - firstKept(g, length) / PAGE_TOKENS;
        }
        return Math.multiplyExact(pages, pageBytes);
    }

    static int pagesFor(int positions) {
        return (int) (((long) positions + PAGE_TOKENS - 1) / PAGE_TOKENS);
    }

    /** Number of page tables that a sequence has. */
    int groups() {
        return spans.length;
    }

    /**
     * Whether a sequence can have these pages.
     *
     * @param length its positions
     * @param groups first and end of each group's pages, one after the other
     * @param pages of all groups together
     */
    public boolean fits(int length, int[] groups, long pages) {
        if (groups.length != 2 * spans.length) {
            return false;
        }
        long count = 0;
        for (int g = 0; g < spans.length; g++) {
            int first = groups[2 * g];
            int end = groups[2 * g + 1];
            if (first < 0 || first > firstNeeded(g, length) / PAGE_TOKENS || end != pagesFor(length) || first > end) {
                return false;
            }
            count += end - first;
        }
        return count == pages;
    }

    int group(int layer) {
        return group[layer];
    }

    /** Whether there are layers that do not see all positions. */
    boolean hasWindows() {
        for (Span span : spans) {
            if (!span.equals(Span.ALL)) {
                return true;
            }
        }
        return false;
    }

    /** The first position that a group needs when {@code length} positions have been read. */
    int firstNeeded(int group, int length) {
        return spans[group].first(length);
    }

    /** The first position that a group keeps then: some more than it needs. */
    int firstKept(int group, int length) {
        return firstNeeded(group, Math.max(0, length - REWIND_TOKENS));
    }

    /** Zeroes the rows of a page from {@code slot} on. */
    void clearRows(MemorySegment page, int ofGroup, int slot) {
        for (int layer = 0; layer < group.length; layer++) {
            if (group[layer] == ofGroup) {
                long rows = (long) PAGE_TOKENS * latentRow[layer].bytes();
                for (int r = 0; r < rowsPerToken[layer]; r++) {
                    clear(page, latentOffset[layer] + r * rows, latentRow[layer], slot);
                }
                if (indexKeys[layer] != null) {
                    indexKeys[layer].clear(page, indexOffset[layer], slot);
                }
            }
        }
    }

    private static void clear(MemorySegment page, long rows, RowFormat format, int slot) {
        page.asSlice(rows + (long) slot * format.bytes(), (long) (PAGE_TOKENS - slot) * format.bytes())
                .fill((byte) 0);
    }

    KvPrecision precision() {
        return precision;
    }

    /** How a latent row, or one head's key or value, is stored. */
    RowFormat row(int layer) {
        return latentRow[layer];
    }

    IndexKeyFormat indexKeys(int layer) {
        return indexKeys[layer];
    }

    long latentOffset(int layer) {
        return latentOffset[layer];
    }

    long indexOffset(int layer) {
        return indexOffset[layer];
    }

    /** Where the keys of one head begin. */
    long keyOffset(int layer, int head) {
        return latentOffset[layer] + (long) head * PAGE_TOKENS * latentRow[layer].bytes();
    }

    /** Where the values of one head begin. */
    long valueOffset(int layer, int head) {
        return indexOffset[layer] + (long) head * PAGE_TOKENS * latentRow[layer].bytes();
    }
}
