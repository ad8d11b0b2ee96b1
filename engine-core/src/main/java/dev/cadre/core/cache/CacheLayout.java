package dev.cadre.core.cache;

import dev.cadre.core.KvPrecision;
import dev.cadre.core.model.AttentionConfig;
import dev.cadre.core.model.ModelConfig;

/**
 * Where a page keeps what. A page holds {@link #PAGE_TOKENS} consecutive positions of one sequence for all layers:
 *
 * <pre>
 *   layer 0: [64 rows of latent | 64 index keys]   (index keys only where the layer owns an indexer)
 *   layer 1: …
 *   grouped-query layer: [heads of keys: 64 rows each | heads of values: 64 rows each]
 * </pre>
 *
 * A latent row is the latent vector after its norm and the rotated key part; an index key is stored after its norm and
 * rotation.
 */
public final class CacheLayout {
    /** Positions in one page. */
    public static final int PAGE_TOKENS = 64;

    private final KvPrecision precision;
    private final long[] latentOffset; // or keys
    private final long[] indexOffset; // or values
    private final RowFormat[] latentRow; // or one head's key or value
    private final RowFormat[] indexRow;
    private final long pageBytes;

    /** The layout for a model. */
    public CacheLayout(ModelConfig config, KvPrecision precision) {
        this.precision = precision;
        int layers = config.layers().size();
        latentOffset = new long[layers];
        indexOffset = new long[layers];
        latentRow = new RowFormat[layers];
        indexRow = new RowFormat[layers];
        long at = 0;
        for (int i = 0; i < layers; i++) {
            switch (config.layers().get(i).attention()) {
                case AttentionConfig.Latent latent -> {
                    latentRow[i] = new RowFormat(precision, latent.cacheWidth(), latent.ropeWidth());
                    latentOffset[i] = at;
                    at += (long) PAGE_TOKENS * latentRow[i].bytes();
                    indexOffset[i] = at;
                    if (latent.ownsIndexer()) {
                        indexRow[i] = new RowFormat(precision, latent.indexer().width(), 0);
                        at += (long) PAGE_TOKENS * indexRow[i].bytes();
                    }
                }
                case AttentionConfig.Grouped grouped -> {
                    latentRow[i] = new RowFormat(precision, grouped.headWidth(), 0);
                    long bytes = (long) PAGE_TOKENS * grouped.keyValueHeads() * latentRow[i].bytes();
                    latentOffset[i] = at;
                    indexOffset[i] = at + bytes;
                    at += 2 * bytes;
                }
            }
        }
        pageBytes = at;
    }

    /** Bytes of one page. */
    public long pageBytes() {
        return pageBytes;
    }

    /** Bytes that one position takes over all layers. */
    public long bytesPerToken() {
        return pageBytes / PAGE_TOKENS;
    }

    /** Bytes of the pages that {@code positions} positions need. */
    public long bytesFor(long positions) {
        return Math.multiplyExact((positions + PAGE_TOKENS - 1) / PAGE_TOKENS, pageBytes);
    }

    KvPrecision precision() {
        return precision;
    }

    /** How a latent row, or one head's key or value, is stored. */
    RowFormat row(int layer) {
        return latentRow[layer];
    }

    RowFormat indexRow(int layer) {
        return indexRow[layer];
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
