package dev.cadre.core;

import dev.cadre.kernels.WorkerTeam;

/**
 * How to load a model.
 *
 * @param threads workers of the model's team, the calling thread included; physical cores by default
 * @param cachePrecision how key-value caches store their numbers
 * @param cacheBytes most memory that all key-value caches of the model take together
 * @param prefillChunk most rows that go through the model at once; a longer prompt comes in several chunks
 */
public record LoadOptions(int threads, KvPrecision cachePrecision, long cacheBytes, int prefillChunk) {
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
        if (prefillChunk < 1 || prefillChunk > 65_536) {
            throw new IllegalArgumentException("prefillChunk is " + prefillChunk + "; it must be from 1 to 65536");
        }
    }

    /** One thread for each physical core, float32 caches within half of the machine's memory, chunks of 512. */
    public static LoadOptions defaults() {
        return new LoadOptions(WorkerTeam.defaultSize(), KvPrecision.F32, SystemMemory.available() / 2, 512);
    }

    public LoadOptions withThreads(int value) {
        return new LoadOptions(value, cachePrecision, cacheBytes, prefillChunk);
    }

    public LoadOptions withCachePrecision(KvPrecision value) {
        return new LoadOptions(threads, value, cacheBytes, prefillChunk);
    }

    public LoadOptions withCacheBytes(long value) {
        return new LoadOptions(threads, cachePrecision, value, prefillChunk);
    }

    public LoadOptions withPrefillChunk(int value) {
        return new LoadOptions(threads, cachePrecision, cacheBytes, value);
    }
}
