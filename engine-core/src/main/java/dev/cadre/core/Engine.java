package dev.cadre.core;

import dev.cadre.core.cache.CacheLayout;
import dev.cadre.core.cache.PagePool;
import dev.cadre.core.cache.PrefixIndex;
import dev.cadre.core.cache.SequenceCache;
import dev.cadre.core.forward.Batch;
import dev.cadre.core.forward.ForwardPass;
import dev.cadre.core.forward.Team;
import dev.cadre.core.model.ModelConfig;
import dev.cadre.core.model.ModelWeights;
import dev.cadre.core.model.WeightSource;
import dev.cadre.weights.Checkpoint;
import java.util.concurrent.locks.ReentrantLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** Runs the steps of all sessions of one model, one step at a time. */
final class Engine {
    /** Pages that a restored session takes at a time; in a file each of them is written first. */
    private static final int RESTORED_PAGES = 16;

    /** What {@link #append} returns when nothing was appended. */
    static final int CANCELLED = -1;

    private final ModelConfig config;
    private final Checkpoint checkpoint; // null for weights that come from no file
    private final Team team;
    private final ForwardPass forward;
    private final CacheLayout layout;
    private final KvPrecision precision;
    private final PagePool pool;
    private final PrefixIndex prefixes;
    private final int prefillChunk;
    private final ReentrantLock lock = new ReentrantLock(true);
    private final Batch batch = new Batch();
    /** Held shared while pages are moved beside steps, exclusively while the pool is closed. */
    private final ReentrantReadWriteLock pages = new ReentrantReadWriteLock();

    private volatile boolean closed;
    private volatile boolean faulted;

    Engine(
            ModelConfig config,
            ModelWeights weights,
            Checkpoint checkpoint,
            Team team,
            CacheLayout layout,
            LoadOptions options) {
        this.config = config;
        this.checkpoint = checkpoint;
        this.team = team;
        this.forward = new ForwardPass(config, weights, team);
        this.layout = layout;
        this.precision = options.cachePrecision();
        this.pool = options.cacheFile() == null
                ? new PagePool(layout.pageBytes(), options.cacheBytes())
                : PagePool.onFile(options.cacheFile(), layout.pageBytes(), options.cacheBytes());
        this.prefixes = new PrefixIndex(layout, pool, options.prefixCacheBytes());
        this.prefillChunk = options.prefillChunk();
    }

    ModelConfig config() {
        return config;
    }

    Team team() {
        return team;
    }

    PhaseTimes times() {
        return forward.times();
    }

    PrefixIndex prefixes() {
        return prefixes;
    }

    PagePool pool() {
        return pool;
    }

    KvPrecision precision() {
        return precision;
    }

    long pageBytes() {
        return layout.pageBytes();
    }

    /** Whether a sequence can have these pages; see {@link CacheLayout#fits}. */
    boolean hasPages(int length, int[] groups, long pages) {
        return layout.fits(length, groups, pages);
    }

    SequenceCache newCache() {
        return exclusively(() -> new SequenceCache(layout, pool));
    }

    /**
     * A sequence with all its pages, which the caller fills; see {@link SequenceCache#of}.
     *
     * @throws CacheFullException if pages run out; none is then held
     */
    SequenceCache newCache(int length, int[] groups, int[] known) {
        SequenceCache cache = SequenceCache.of(layout, pool, length, groups, known);
        try {
            boolean complete = false;
            while (!complete) { // steps of other sessions come between
                complete = exclusively(() -> cache.takePages(groups, RESTORED_PAGES));
            }
            return cache;
        } catch (RuntimeException e) {
            release(cache);
            throw e;
        }
    }

    /**
     * Appends tokens to a sequence, in chunks: all of them, or nothing.
     *
     * @param before tokens to append first, whose logits nobody wants; empty where only the last logits are wanted
     * @param logits receives the wanted rows of {@code tokens}
     * @param cancelled asked between chunks and layers; when it says true, nothing is appended
     * @return how many leading tokens the prefix cache had, or {@link #CANCELLED}
     */
    int append(
            SequenceCache cache,
            int[] before,
            int[] tokens,
            Batch.Logits wanted,
            float[] logits,
            Trace trace,
            BooleanSupplier cancelled) {
        int length = cache.length();
        int count = before.length + tokens.length;
        SequenceCache mark = cache.needsMark(count) ? exclusively(cache::fork) : null;
        boolean done = false;
        int known;
        try {
            boolean all = wanted == Batch.Logits.ALL;
            known = length > 0 || trace != null
                    ? 0 // a trace shows every position
                    : all ? adopt(cache, before, before.length) : adopt(cache, tokens, tokens.length - 1);
            done = appendChunks(cache, before, all ? known : 0, Batch.Logits.NONE, null, trace, cancelled)
                    && appendChunks(cache, tokens, all ? 0 : known, wanted, logits, trace, cancelled);
        } finally {
            settle(cache, length, mark, done);
        }
        return done ? known : CANCELLED;
    }

    /** Ends an append: forgets the mark, or takes the sequence back, unless the model is closed and has no pages. */
    private void settle(SequenceCache cache, int length, SequenceCache mark, boolean done) {
        lock.lock();
        try {
            if (closed) {
                return;
            }
            if (mark == null && !done) {
                cache.truncate(length);
            } else if (mark != null && !done) {
                cache.restore(mark);
            } else if (mark != null) {
                mark.close();
            }
        } finally {
            lock.unlock();
        }
    }

    private int adopt(SequenceCache cache, int[] tokens, int usable) {
        return usable < CacheLayout.PAGE_TOKENS ? 0 : exclusively(() -> prefixes.adopt(cache, tokens, usable));
    }

    private boolean appendChunks(
            SequenceCache cache,
            int[] tokens,
            int start,
            Batch.Logits wanted,
            float[] logits,
            Trace trace,
            BooleanSupplier cancelled) {
        int vocabulary = config.vocabulary();
        float[] chunkLogits = logits;
        for (int from = start; from < tokens.length; from += prefillChunk) {
            int count = Math.min(prefillChunk, tokens.length - from);
            boolean last = from + count == tokens.length;
            Batch.Logits chunkWants = wanted == Batch.Logits.LAST && !last ? Batch.Logits.NONE : wanted;
            boolean direct = wanted != Batch.Logits.ALL || (from == 0 && last);
            if (!direct && chunkLogits == logits) {
                chunkLogits = new float[prefillChunk * vocabulary];
            }
            if (!step(cache, tokens, from, count, chunkWants, direct ? logits : chunkLogits, trace, cancelled)) {
                return false;
            }
            if (!direct) {
                System.arraycopy(chunkLogits, 0, logits, from * vocabulary, count * vocabulary);
            }
        }
        return true;
    }

    private boolean step(
            SequenceCache cache,
            int[] tokens,
            int from,
            int count,
            Batch.Logits wanted,
            float[] logits,
            Trace trace,
            BooleanSupplier cancelled) {
        lock.lock(); // not through exclusively: a step allocates nothing
        try {
            checkOpen();
            batch.clear();
            batch.add(cache, tokens, from, count, wanted);
            boolean done = forward.run(batch, logits, trace, cancelled);
            if (done && cache.length() / CacheLayout.PAGE_TOKENS > (cache.length() - count) / CacheLayout.PAGE_TOKENS) {
                prefixes.register(cache);
            }
            return done;
        } catch (InternalError e) {
            throw fault(e);
        } finally {
            batch.clear();
            lock.unlock();
        }
    }

    /** Gives a sequence's pages back, unless the model is closed and they are gone already. */
    void release(SequenceCache cache) {
        lock.lock();
        try {
            if (!closed) {
                cache.close();
            }
        } finally {
            lock.unlock();
        }
    }

    /** Runs what must not meet a step or the model's end. */
    <T> T exclusively(Supplier<T> action) {
        lock.lock();
        try {
            checkOpen();
            return action.get();
        } catch (InternalError e) {
            throw fault(e);
        } finally {
            lock.unlock();
        }
    }

    /** Runs what moves pages that no step writes, while steps go on; the model's end waits for it. */
    void besideSteps(Runnable action) {
        pages.readLock().lock();
        try {
            checkOpen();
            action.run();
        } catch (InternalError e) {
            throw fault(e);
        } finally {
            pages.readLock().unlock();
        }
    }

    private WeightsFaultException fault(InternalError e) {
        faulted = true;
        return new WeightsFaultException(
                (checkpoint == null ? "memory" : checkpoint.path())
                        + ": a page of the mapped model, or of the cache file if there is one, could not be read;"
                        + " the file was truncated or its disk failed while the model was in use. Replace model"
                        + " files by renaming, never in place, and load the model again",
                e);
    }

    /** Compares the files with what they were when opened. */
    void checkFiles() {
        if (checkpoint != null) {
            checkpoint.checkUnchanged();
        }
    }

    private void checkOpen() {
        if (closed) {
            throw new ModelClosedException("the model is closed");
        }
        if (faulted) {
            throw new WeightsFaultException("the model's files failed in an earlier step; load it again", null);
        }
    }

    /** Waits for the running step and closes everything. */
    void close(WeightSource weights) {
        lock.lock();
        try {
            if (closed) {
                return;
            }
            closed = true;
            team.close();
            pages.writeLock().lock();
            try (checkpoint;
                    weights) {
                prefixes.clear();
                pool.close();
            } finally {
                pages.writeLock().unlock();
            }
        } finally {
            lock.unlock();
        }
    }
}
