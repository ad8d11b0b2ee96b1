package dev.cadre.core.cache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.cadre.core.CacheFullException;
import dev.cadre.core.KvPrecision;
import dev.cadre.core.model.AttentionConfig;
import dev.cadre.core.model.FeedForwardConfig;
import dev.cadre.core.model.ModelConfig;
import dev.cadre.core.model.RopeConfig;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Random sequences of operations on paged caches, against plain arrays. */
class PagePoolModelTest {
    private static final int WIDTH = 6;
    private static final int BUDGET_PAGES = 12;

    /** A sequence and what it must hold: one number for each position. */
    private record Pair(SequenceCache cache, List<Float> expected) {}

    private static CacheLayout layout() {
        RopeConfig rope = new RopeConfig(new float[] {1f}, true, 1f);
        AttentionConfig.IndexerConfig indexer = new AttentionConfig.IndexerConfig(1, WIDTH, 4, 1e-6f, rope);
        AttentionConfig attention =
                new AttentionConfig.Latent(1, 4, WIDTH - 2, 2, 2, 2, 1f, 1e-6f, rope, indexer, false, null);
        ModelConfig.Layer layer = new ModelConfig.Layer(attention, new FeedForwardConfig.Dense(4));
        ModelConfig config = new ModelConfig("test", 8, 8, 1e-6f, 4096, List.of(layer, layer), 0, new int[0]);
        return new CacheLayout(config, KvPrecision.F32);
    }

    @Test
    void randomOperationsAgreeWithPlainArrays() {
        for (long seed = 1; seed <= 60; seed++) {
            CacheLayout layout = layout();
            try (PagePool pool = new PagePool(layout.pageBytes(), BUDGET_PAGES * layout.pageBytes())) {
                run(layout, pool, new Random(seed), "seed " + seed);
            }
        }
    }

    @Test
    void inAFileToo(@TempDir Path temp) {
        CacheLayout layout = layout();
        for (long seed = 61; seed <= 70; seed++) {
            try (PagePool pool =
                    PagePool.onFile(temp.resolve("kv"), layout.pageBytes(), BUDGET_PAGES * layout.pageBytes())) {
                run(layout, pool, new Random(seed), "seed " + seed);
            }
        }
    }

    private static void run(CacheLayout layout, PagePool pool, Random random, String where) {
        List<Pair> pairs = new ArrayList<>();
        for (int step = 0; step < 200; step++) {
            int what = random.nextInt(10);
            if (pairs.isEmpty() || what == 0) {
                pairs.add(new Pair(new SequenceCache(layout, pool), new ArrayList<>()));
                continue;
            }
            Pair pair = pairs.get(random.nextInt(pairs.size()));
            switch (what) {
                case 1, 2 -> pairs.add(new Pair(pair.cache.fork(), new ArrayList<>(pair.expected)));
                case 3 -> {
                    pair.cache.close();
                    pairs.remove(pair);
                }
                case 4 -> {
                    int to = random.nextInt(pair.expected.size() + 1);
                    pair.cache.truncate(to);
                    pair.expected.subList(to, pair.expected.size()).clear();
                }
                default -> append(pair, 1 + random.nextInt(90), random);
            }
            for (Pair each : pairs) {
                check(each, where + ", step " + step);
            }
        }
        pairs.forEach(p -> p.cache.close());
        assertEquals(0, pool.heldPages(), where);
    }

    /** Appends if the budget allows; a refusal must change nothing. */
    private static void append(Pair pair, int count, Random random) {
        int from = pair.expected.size();
        try {
            pair.cache.reserve(from + count);
        } catch (CacheFullException e) {
            return;
        }
        for (int p = from; p < from + count; p++) {
            float value = random.nextFloat();
            float[] row = new float[WIDTH];
            Arrays.fill(row, value);
            for (int layer = 0; layer < 2; layer++) {
                row[0] = value + layer;
                pair.cache.writeLatent(layer, p, row, 0);
                pair.cache.writeIndexKey(layer, p, row, 0);
            }
            pair.expected.add(value);
        }
        pair.cache.commit(from + count);
    }

    private static void check(Pair pair, String where) {
        assertEquals(pair.expected.size(), pair.cache.length(), where);
        float[] row = new float[WIDTH];
        float[] wanted = new float[WIDTH];
        for (int p = 0; p < pair.expected.size(); p += 1 + p / 3) {
            Arrays.fill(wanted, pair.expected.get(p));
            wanted[0] = pair.expected.get(p) + 1;
            pair.cache.readLatent(1, p, row, 0);
            assertArrayEquals(wanted, row, where);
            pair.cache.readIndexKeys(1, p, 1, row);
            assertArrayEquals(wanted, row, where);
        }
    }

    @Test
    void invariant4_everyPageComesBack() {
        CacheLayout layout = layout();
        try (PagePool pool = new PagePool(layout.pageBytes(), 3 * layout.pageBytes())) {
            SequenceCache cache = new SequenceCache(layout, pool);
            cache.reserve(3 * CacheLayout.PAGE_TOKENS);
            SequenceCache other = new SequenceCache(layout, pool);
            assertThrows(CacheFullException.class, () -> other.reserve(1));
            cache.close();
            cache.close();
            other.reserve(3 * CacheLayout.PAGE_TOKENS);
            assertEquals(3, pool.heldPages());
            other.close();
            assertEquals(0, pool.heldPages());
            assertEquals(3 * layout.pageBytes(), pool.allocatedBytes());
            assertThrows(IllegalStateException.class, () -> pool.release(0));
        }
    }
}
