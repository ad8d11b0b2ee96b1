package dev.cadre.core.cache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cadre.core.CacheFullException;
import dev.cadre.core.KvPrecision;
import dev.cadre.core.model.AttentionConfig;
import dev.cadre.core.model.AttentionConfig.QueryKeyNorm;
import dev.cadre.core.model.AttentionConfig.Span;
import dev.cadre.core.model.FeedForwardConfig;
import dev.cadre.core.model.ModelConfig;
import dev.cadre.core.model.RopeConfig;
import dev.cadre.kernels.IndexKernel;
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

    /** A sequence and what it must hold: one number for each position. */
    private static final class Pair {
        private final SequenceCache cache;
        private final List<Float> expected;
        private int furthest; // length that the sequence ever had

        Pair(SequenceCache cache, List<Float> expected, int furthest) {
            this.cache = cache;
            this.expected = expected;
            this.furthest = furthest;
        }
    }

    /** What a run is about. */
    private record Setup(CacheLayout layout, List<Span> spans, int budgetPages, int longestAppend) {}

    private static CacheLayout latent() {
        RopeConfig rope = new RopeConfig(new float[] {1f}, true, 1f);
        AttentionConfig.IndexerConfig indexer = new AttentionConfig.IndexerConfig(1, WIDTH, 4, 1e-6f, rope);
        AttentionConfig attention =
                new AttentionConfig.Latent(1, 4, WIDTH - 2, 2, 2, 2, 1f, 1e-6f, rope, indexer, false, null);
        return layout(List.of(attention, attention));
    }

    static CacheLayout grouped(List<Span> spans) {
        return layout(spans.stream()
                .map(span -> (AttentionConfig) new AttentionConfig.Grouped(
                        2, 2, WIDTH, 1f, null, span, QueryKeyNorm.NONE, 1e-6f, false, false, false, 1f, null))
                .toList());
    }

    private static CacheLayout layout(List<AttentionConfig> attention) {
        List<ModelConfig.Layer> layers = attention.stream()
                .map(a -> new ModelConfig.Layer(a, new FeedForwardConfig.Dense(4)))
                .toList();
        ModelConfig config = new ModelConfig("test", 8, 8, 1e-6f, 4096, layers, 0, new int[0]);
        return new CacheLayout(config, KvPrecision.F32);
    }

    private static Setup allVisible() {
        return new Setup(latent(), List.of(Span.ALL, Span.ALL), 12, 90);
    }

    /** Two groups of the window, one of all, one of the chunks, all of one layer. */
    private static Setup windows() {
        List<Span> spans = List.of(new Span(70, 0), Span.ALL, new Span(0, 128), new Span(70, 0));
        return new Setup(grouped(spans), spans, 260, 700);
    }

    @Test
    void randomOperationsAgreeWithPlainArrays() {
        for (long seed = 1; seed <= 60; seed++) {
            run(allVisible(), null, new Random(seed), "seed " + seed);
        }
    }

    @Test
    void inAFileToo(@TempDir Path temp) {
        for (long seed = 61; seed <= 70; seed++) {
            run(allVisible(), temp.resolve("kv"), new Random(seed), "seed " + seed);
        }
    }

    @Test
    void withWindows() {
        for (long seed = 71; seed <= 100; seed++) {
            run(windows(), null, new Random(seed), "seed " + seed);
        }
    }

    private static void run(Setup setup, Path file, Random random, String where) {
        long pageBytes = setup.layout.pageBytes();
        long budget = setup.budgetPages * pageBytes;
        try (PagePool pool =
                file == null ? new PagePool(pageBytes, budget) : PagePool.onFile(file, pageBytes, budget)) {
            List<Pair> pairs = new ArrayList<>();
            for (int step = 0; step < 200; step++) {
                int what = random.nextInt(10);
                if (pairs.isEmpty() || what == 0) {
                    pairs.add(new Pair(new SequenceCache(setup.layout, pool), new ArrayList<>(), 0));
                    continue;
                }
                Pair pair = pairs.get(random.nextInt(pairs.size()));
                switch (what) {
                    case 1, 2 -> pairs.add(new Pair(pair.cache.fork(), new ArrayList<>(pair.expected), pair.furthest));
                    case 3 -> {
                        pair.cache.close();
                        pairs.remove(pair);
                    }
                    case 4 -> truncate(pair, random);
                    default -> append(setup, pair, 1 + random.nextInt(setup.longestAppend), random);
                }
                for (Pair each : pairs) {
                    check(setup, each, where + ", step " + step);
                }
            }
            pairs.forEach(p -> p.cache.close());
            assertEquals(0, pool.heldPages(), where);
        }
    }

    private static void truncate(Pair pair, Random random) {
        int length = pair.expected.size();
        int to = random.nextInt(length + 1);
        boolean possible = pair.cache.canTruncate(to);
        if (possible) {
            pair.cache.truncate(to);
            pair.expected.subList(to, length).clear();
        } else {
            assertTrue(to < pair.furthest - CacheLayout.REWIND_TOKENS, "from " + length + " to " + to);
            assertThrows(IllegalArgumentException.class, () -> pair.cache.truncate(to));
        }
    }

    /** Appends if the budget allows; a refusal must change nothing. Sometimes appends and goes back to a mark. */
    private static void append(Setup setup, Pair pair, int count, Random random) {
        int from = pair.expected.size();
        boolean undo = random.nextInt(5) == 0;
        SequenceCache mark = undo && pair.cache.needsMark(2000) ? pair.cache.fork() : null;
        try {
            pair.cache.reserve(from + count);
        } catch (CacheFullException e) {
            if (mark != null) {
                pair.cache.restore(mark);
            }
            return;
        }
        for (int p = from; p < from + count; p++) {
            float value = random.nextFloat();
            write(setup, pair.cache, p, value);
            pair.expected.add(value);
        }
        pair.cache.commit(from + count);
        if (undo && mark == null) {
            pair.cache.truncate(from);
        } else if (undo) {
            pair.cache.restore(mark);
        }
        if (undo) {
            pair.expected.subList(from, from + count).clear();
        }
        pair.furthest = Math.max(pair.furthest, pair.expected.size());
    }

    private static void write(Setup setup, SequenceCache cache, int position, float value) {
        float[] row = new float[WIDTH];
        Arrays.fill(row, value);
        for (int layer = 0; layer < setup.spans.size(); layer++) {
            row[0] = value + layer;
            if (setup.layout.hasWindows()) {
                cache.writeKey(layer, 1, position, row, 0);
                cache.writeValue(layer, 0, position, row, 0);
            } else {
                cache.writeLatent(layer, position, row, 0);
                cache.writeIndexKey(layer, position, row, 0);
            }
        }
    }

    /** Each layer still has what the next token sees of it. */
    private static void check(Setup setup, Pair pair, String where) {
        int length = pair.expected.size();
        assertEquals(length, pair.cache.length(), where);
        float[] row = new float[WIDTH];
        float[] wanted = new float[WIDTH];
        for (int layer = 0; layer < setup.spans.size(); layer++) {
            int first = setup.spans.get(layer).first(length);
            for (int p = first; p < length; p += 1 + (p - first) / 3) {
                Arrays.fill(wanted, pair.expected.get(p));
                wanted[0] = pair.expected.get(p) + layer;
                if (setup.layout.hasWindows()) {
                    pair.cache.readKeys(layer, 1, p, 1, row);
                    assertArrayEquals(wanted, row, where);
                    pair.cache.readValues(layer, 0, p, 1, row);
                } else {
                    pair.cache.readLatent(layer, p, row, 0);
                    assertArrayEquals(wanted, row, where);
                    readIndexKey(pair.cache, layer, p, row);
                }
                assertArrayEquals(wanted, row, where);
            }
        }
    }

    private static void readIndexKey(SequenceCache cache, int layer, int position, float[] key) {
        float[] tile = new float[IndexKernel.tileSize(WIDTH)];
        cache.readIndexKeys(layer, position, tile);
        int slot = position % IndexKernel.KEYS;
        for (int d = 0; d < WIDTH; d++) {
            key[d] = tile[WIDTH * IndexKernel.KEYS + slot] * tile[d * IndexKernel.KEYS + slot];
        }
    }

    @Test
    void windowedLayersHoldTheirWindow() {
        Span window = new Span(128, 0);
        CacheLayout layout = grouped(List.of(window, Span.ALL, window, Span.ALL, window, Span.ALL));
        assertEquals(2, layout.groups(), "layers of one span share pages");
        try (PagePool pool = new PagePool(layout.pageBytes(), Long.MAX_VALUE)) {
            SequenceCache cache = new SequenceCache(layout, pool);
            for (int length = 512; length <= 100 * 512; length += 512) {
                cache.reserve(length);
                cache.commit(length);
                double most = 1.03 * layout.bytesFor(length) + 2 * 512 / 64 * layout.pageBytes(); // and the step's own
                assertTrue(pool.heldPages() * layout.pageBytes() <= most, length + ": " + pool.heldPages());
            }
            long allVisible = 100 * 512 * layout.bytesPerToken();
            assertTrue(layout.bytesFor(100 * 512) < 0.52 * allVisible, "half of the layers hold next to nothing");
            cache.close();
            assertEquals(0, pool.heldPages());
        }
    }

    @Test
    void invariant4_everyPageComesBack() {
        CacheLayout layout = latent();
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
