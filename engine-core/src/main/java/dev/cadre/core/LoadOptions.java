package dev.cadre.core;

import dev.cadre.kernels.WorkerTeam;
import java.nio.file.Path;

/**
 * How to load a model.
 *
 * @param threads workers of the model's team, the calling thread included; physical cores by default
 * @param cachePrecision how key-value caches store their numbers
 * @param cacheBytes most memory, or bytes of the cache file, that all key-value caches of the model take together
 * @param cacheFile the file that the caches are mapped to, made for this and deleted when the model is closed; null for
 *     memory
 * @param prefixCacheBytes most of these bytes that beginnings of earlier prompts may take after their sessions are
 *     closed, so that sessions with the same beginning do not compute it again; they are given up when memory is
 *     wanted. 0 turns this off
 * @param prefillChunk most rows that go through the model at once; a longer prompt comes in several chunks
 */
public record LoadOptions(
        int threads,
        KvPrecision cachePrecision,
        long cacheBytes,
        Path cacheFile,
        long prefixCacheBytes,
        int prefillChunk) {
    /**
     * Checks the values.
     *
     * @throws IllegalArgumentException naming the value that is out of range
     */
    public LoadOptions {
        if (threads < 1 || threads > 4096) {
            throw new IllegalArgumentException("threads is " + threads + "; it must be from 1 to 4096");
        }
        if (cachePrecision == null) {
            throw new IllegalArgumentException("cachePrecision must not be null");
        }
        if (cacheBytes < 0) {
            throw new IllegalArgumentException("cacheBytes is " + cacheBytes + "; it must not be negative");
        }
        if (prefixCacheBytes < 0) {
            throw new IllegalArgumentException("prefixCacheBytes is " + prefixCacheBytes + "; it must not be negative");
        }
        if (prefillChunk < 1 || prefillChunk > 65_536) {
            throw new IllegalArgumentException("prefillChunk is " + prefillChunk + "; it must be from 1 to 65536");
        }
    }

    /**
     * One thread for each physical core, FP8 caches within half of the machine's memory, an eighth of it for beginnings
     * of earlier prompts, chunks of 512. What FP8 costs in accuracy is in {@code docs/accuracy.md}; results that must
     * equal those of a reference want {@link KvPrecision#F32}.
     */
    public static LoadOptions defaults() {
        long memory = SystemMemory.available();
        return new LoadOptions(WorkerTeam.defaultSize(), KvPrecision.FP8, memory / 2, null, memory / 8, 512);
    }

    public LoadOptions withThreads(int value) {
        return new LoadOptions(value, cachePrecision, cacheBytes, cacheFile, prefixCacheBytes, prefillChunk);
    }

    public LoadOptions withCachePrecision(KvPrecision value) {
        return new LoadOptions(threads, value, cacheBytes, cacheFile, prefixCacheBytes, prefillChunk);
    }

    public LoadOptions withCacheBytes(long value) {
        return new LoadOptions(threads, cachePrecision, value, cacheFile, prefixCacheBytes, prefillChunk);
    }

    /**
     * Caches in a file, so that they may be larger than the machine's memory.
     *
     * @param file a place on a fast local disk; what exists there is used only if it is the left-over of such a cache
     * @param bytes most bytes that it may take
     */
    public LoadOptions withCacheFile(Path file, long bytes) {
        return new LoadOptions(threads, cachePrecision, bytes, file, prefixCacheBytes, prefillChunk);
    }

    /** How much earlier prompts may keep; 0 turns the prefix cache off. */
    public LoadOptions withPrefixCacheBytes(long value) {
        return new LoadOptions(threads, cachePrecision, cacheBytes, cacheFile, value, prefillChunk);
    }

    public LoadOptions withPrefillChunk(int value) {
        return new LoadOptions(threads, cachePrecision, cacheBytes, cacheFile, prefixCacheBytes, value);
    }
}
