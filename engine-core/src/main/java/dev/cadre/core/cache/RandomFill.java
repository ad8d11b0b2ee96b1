package dev.cadre.core.cache;

import dev.cadre.core.model.AttentionConfig;
import dev.cadre.core.model.ModelConfig;
import dev.cadre.kernels.WorkerTeam;
import java.util.SplittableRandom;

/**
 * Writes random rows into a cache, for measuring at a depth that was never computed. Numbers are standard normal, which
 * is what the norms before the cache leave. Every row is another one, so no two positions score alike.
 */
public final class RandomFill {
    private static final int NUMBERS = 1 << 16;

    /** Positions written at a time, so that windowed layers give back what lies behind their window. */
    private static final int STEP = 8192;

    private final SequenceCache cache;
    private final ModelConfig config;
    private final float[] numbers; // rows start anywhere in the first NUMBERS
    private final long seed;

    private RandomFill(SequenceCache cache, ModelConfig config, long seed) {
        this.cache = cache;
        this.config = config;
        this.seed = seed;
        int widest = 0;
        for (ModelConfig.Layer layer : config.layers()) {
            widest = Math.max(
                    widest,
                    switch (layer.attention()) {
                        case AttentionConfig.Latent c ->
                            c.ownsIndexer()
                                    ? Math.max(c.cacheWidth(), c.indexer().width())
                                    : c.cacheWidth();
                        case AttentionConfig.Grouped c -> c.headWidth();
                    });
        }
        this.numbers = new float[NUMBERS + widest];
        SplittableRandom random = new SplittableRandom(seed);
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = (float) random.nextGaussian();
        }
    }

    /**
     * Appends {@code count} positions.
     *
     * @throws dev.cadre.core.CacheFullException if pages run out; the sequence is then as before
     */
    public static void append(SequenceCache cache, ModelConfig config, int count, long seed, WorkerTeam team) {
        SequenceCache mark = cache.needsMark(count) ? cache.fork() : null;
        int before = cache.length();
        RandomFill fill = new RandomFill(cache, config, seed);
        try {
            for (int from = before; from < before + count; from = cache.length()) {
                fill.step(from, Math.min(before + count, from + STEP), team);
            }
        } catch (RuntimeException e) {
            if (mark == null) {
                cache.truncate(before);
            } else {
                cache.restore(mark);
            }
            throw e;
        }
        if (mark != null) {
            mark.close();
        }
    }

    private void step(int from, int to, WorkerTeam team) {
        cache.reserve(to);
        int firstPage = from / CacheLayout.PAGE_TOKENS;
        team.run(CacheLayout.pagesFor(to) - firstPage, (item, worker) -> {
            int start = (firstPage + item) * CacheLayout.PAGE_TOKENS;
            write(Math.max(from, start), Math.min(to, start + CacheLayout.PAGE_TOKENS));
        });
        cache.commit(to);
    }

    private void write(int from, int to) {
        SplittableRandom random = new SplittableRandom(seed + from);
        for (int layer = 0; layer < config.layers().size(); layer++) {
            for (int p = from; p < to; p++) {
                switch (config.layers().get(layer).attention()) {
                    case AttentionConfig.Latent c -> {
                        cache.writeLatent(layer, p, numbers, random.nextInt(NUMBERS));
                        if (c.ownsIndexer()) {
                            cache.writeIndexKey(layer, p, numbers, random.nextInt(NUMBERS));
                        }
                    }
                    case AttentionConfig.Grouped c -> {
                        for (int h = 0; h < c.keyValueHeads(); h++) {
                            cache.writeKey(layer, h, p, numbers, random.nextInt(NUMBERS));
                            cache.writeValue(layer, h, p, numbers, random.nextInt(NUMBERS));
                        }
                    }
                }
            }
        }
    }
}
