package dev.cadre.core.cache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cadre.core.CacheFullException;
import dev.cadre.core.model.AttentionConfig.Span;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * Random sequences of appends, forks, rewinds, closes, prefix hits, evictions and refusals, against plain arrays. What
 * a position must hold is a number computed from all tokens up to it, so that a wrong page would be seen.
 */
class PrefixIndexModelTest {
    private static final int PAGE = CacheLayout.PAGE_TOKENS;
    private static final int WIDTH = 6;
    private static final PrefixIndex.Hash GOOD =
            (parent, tokens, from) -> parent * 31 + Arrays.hashCode(Arrays.copyOfRange(tokens, from, from + PAGE));

    /** One sequence; its tokens, and whether anything else than tokens made its content. */
    private static final class Model {
        private final SequenceCache cache;
        private final List<Integer> tokens = new ArrayList<>();
        private float salt; // of content that does not depend on tokens alone

        Model(SequenceCache cache) {
            this.cache = cache;
        }

        float[] contents() {
            float[] all = new float[tokens.size()];
            int state = 17;
            for (int i = 0; i < all.length; i++) {
                state = state * 31 + tokens.get(i);
                all[i] = (state & 0xffff) + salt;
            }
            return all;
        }
    }

    /** A pool, an index and what lives in them. */
    private static final class World {
        private final List<Span> spans;
        private final CacheLayout layout;
        private final PagePool pool;
        private final PrefixIndex index;
        private final Random random;
        private final List<Model> all = new ArrayList<>();
        private int hits;
        private int refusals;

        World(List<Span> spans, int budgetPages, int indexPages, PrefixIndex.Hash hash, long seed) {
            this.spans = spans;
            this.layout = PagePoolModelTest.grouped(spans);
            this.pool = new PagePool(layout.pageBytes(), budgetPages * layout.pageBytes());
            this.index = new PrefixIndex(layout, pool, indexPages * layout.pageBytes(), hash);
            this.random = new Random(seed);
        }

        void run(String where) {
            for (int step = 0; step < 250; step++) {
                int what = random.nextInt(12);
                if (all.isEmpty() || what < 3) {
                    all.add(new Model(new SequenceCache(layout, pool)));
                    append(all.getLast());
                } else {
                    Model model = all.get(random.nextInt(all.size()));
                    switch (what) {
                        case 3 -> fork(model);
                        case 4, 5 -> {
                            model.cache.close();
                            all.remove(model);
                        }
                        case 6 -> rewind(model);
                        case 7 -> unknownTokens(model);
                        case 8 -> fromAFile(model);
                        default -> append(model);
                    }
                }
                check(where + ", step " + step);
            }
            all.forEach(m -> m.cache.close());
            all.clear();
            check(where + ", at the end");
            index.clear();
            assertEquals(0, index.size());
            assertEquals(0, pool.heldPages(), where);
            pool.close();
        }

        private void fork(Model model) {
            Model copy = new Model(model.cache.fork());
            copy.tokens.addAll(model.tokens);
            copy.salt = model.salt;
            all.add(copy);
        }

        private void rewind(Model model) {
            int to = random.nextInt(model.tokens.size() + 1);
            if (model.cache.canTruncate(to)) {
                model.cache.truncate(to);
                model.tokens.subList(to, model.tokens.size()).clear();
                model.salt = to == 0 ? 0 : model.salt;
            }
        }

        /** Each page begins with one of two tokens, so that beginnings coincide. */
        private int token(int position, List<Integer> before) {
            return position % PAGE == 0 ? random.nextInt(2) : before.get(position / PAGE * PAGE);
        }

        private void append(Model model) {
            int from = model.tokens.size();
            int count = 1 + random.nextInt(300);
            List<Integer> wanted = new ArrayList<>(model.tokens);
            for (int p = from; p < from + count; p++) {
                wanted.add(token(p, wanted));
            }
            int[] ids = wanted.stream().mapToInt(Integer::intValue).toArray();
            if (from == 0) {
                int known = index.adopt(model.cache, ids, count - 1);
                assertTrue(known < count && known % PAGE == 0);
                hits += known > 0 ? 1 : 0;
            }
            int start = model.cache.length();
            try {
                model.cache.reserve(from + count);
            } catch (CacheFullException e) {
                refusals++;
                int[] distinct = {0};
                index.forEachPage(page -> distinct[0] += pool.references(page) == 1 ? 1 : 0);
                assertEquals(0, distinct[0], "pages that only the index holds were not given up");
                model.cache.truncate(from);
                return;
            }
            model.tokens.addAll(wanted.subList(from, wanted.size()));
            write(model, start);
            model.cache.commit(ids, start, from + count - start);
            index.register(model.cache);
        }

        /** What another process or a benchmark has written must not be found by its tokens. */
        private void unknownTokens(Model model) {
            model.cache.truncate(0);
            model.tokens.clear();
            model.salt = 0;
            int count = 1 + random.nextInt(200);
            try {
                model.cache.reserve(count);
            } catch (CacheFullException e) {
                return;
            }
            for (int p = 0; p < count; p++) {
                model.tokens.add(token(p, model.tokens));
            }
            model.salt = 0.5f;
            write(model, 0);
            model.cache.commit(count);
            index.register(model.cache);
        }

        /** A copy as a file brings it, then with other numbers, as another build might have saved them. */
        private void fromAFile(Model model) {
            int[] ids = model.tokens.stream().mapToInt(Integer::intValue).toArray();
            int[] groups = new int[2 * layout.groups()];
            int pages = 0;
            for (int g = 0; g < layout.groups(); g++) {
                groups[2 * g] = model.cache.firstPage(g);
                groups[2 * g + 1] = CacheLayout.pagesFor(ids.length);
                pages += groups[2 * g + 1] - groups[2 * g];
            }
            assertTrue(layout.fits(ids.length, groups, pages));
            Model copy = new Model(SequenceCache.of(layout, pool, ids.length, groups, ids));
            try {
                boolean complete = false;
                while (!complete) {
                    complete = copy.cache.takePages(groups, 2);
                }
            } catch (CacheFullException e) {
                copy.cache.close();
                refusals++;
                return;
            }
            ByteBuffer page = ByteBuffer.allocateDirect((int) layout.pageBytes());
            for (int g = 0; g < layout.groups(); g++) {
                for (int i = copy.cache.firstPage(g); i < copy.cache.endPage(g); i++) {
                    CachePages.out(model.cache, Runnable::run).page(g, i, page);
                    CachePages.in(copy.cache, Runnable::run).page(g, i, page);
                }
            }
            copy.tokens.addAll(model.tokens);
            copy.salt = model.salt;
            all.add(copy);
            check("copied");
            copy.salt = ids.length == 0 ? 0 : 0.25f;
            write(copy, 0);
            index.register(copy.cache);
        }

        private void write(Model model, int from) {
            float[] contents = model.contents();
            float[] row = new float[WIDTH];
            for (int layer = 0; layer < spans.size(); layer++) {
                int kept = PAGE * model.cache.firstPage(layout.group(layer));
                for (int p = Math.max(from, kept); p < contents.length; p++) {
                    Arrays.fill(row, contents[p]);
                    row[0] = layer;
                    model.cache.writeKey(layer, 1, p, row, 0);
                }
            }
        }

        /** Computes a prompt of one page and closes it. */
        void prompt(int first) {
            Model model = new Model(new SequenceCache(layout, pool));
            int[] ids = new int[PAGE];
            Arrays.fill(ids, first);
            model.cache.reserve(PAGE);
            model.cache.commit(ids, 0, PAGE);
            index.register(model.cache);
            model.cache.close();
        }

        /** Positions that a prompt with this beginning finds. */
        int knownOf(int first) {
            int[] ids = new int[PAGE + 1];
            Arrays.fill(ids, first);
            try (SequenceCache cache = new SequenceCache(layout, pool)) {
                return index.adopt(cache, ids, PAGE);
            }
        }

        private void check(String where) {
            float[] row = new float[WIDTH];
            float[] wanted = new float[WIDTH];
            int[] references = new int[pool.allocatedPages()];
            index.forEachPage(page -> references[page]++);
            for (Model model : all) {
                float[] contents = model.contents();
                assertEquals(contents.length, model.cache.length(), where);
                for (int layer = 0; layer < spans.size(); layer++) {
                    for (int p = spans.get(layer).first(contents.length); p < contents.length; p += 1 + p / 9) {
                        Arrays.fill(wanted, contents[p]);
                        wanted[0] = layer;
                        model.cache.readKeys(layer, 1, p, 1, row);
                        assertArrayEquals(wanted, row, where);
                    }
                }
                for (int g = 0; g < layout.groups(); g++) {
                    for (int i = model.cache.firstPage(g); i < model.cache.endPage(g); i++) {
                        references[model.cache.pageNumber(g, i)]++;
                    }
                }
            }
            int held = 0;
            for (int page = 0; page < references.length; page++) {
                assertEquals(references[page], pool.references(page), where + ", page " + page);
                held += references[page] > 0 ? 1 : 0;
            }
            assertEquals(held, pool.heldPages(), where);
        }
    }

    @Test
    void randomOperationsAgreeWithPlainArrays() {
        int hits = 0;
        int refusals = 0;
        for (long seed = 1; seed <= 40; seed++) {
            World world = new World(List.of(Span.ALL, Span.ALL), 30, 4 + (int) seed % 20, GOOD, seed);
            world.run("seed " + seed);
            hits += world.hits;
            refusals += world.refusals;
        }
        assertTrue(hits > 200 && refusals > 200, hits + " hits, " + refusals + " refusals");
    }

    @Test
    void withWindows() {
        List<Span> spans = List.of(new Span(70, 0), Span.ALL, new Span(0, 128), new Span(70, 0));
        int hits = 0;
        int refusals = 0;
        for (long seed = 41; seed <= 80; seed++) {
            World world = new World(spans, 160, 100, GOOD, seed);
            world.run("seed " + seed);
            hits += world.hits;
            refusals += world.refusals;
        }
        assertTrue(hits > 200 && refusals > 100, hits + " hits, " + refusals + " refusals");
    }

    @Test
    void invariant2_aHashThatNeverTellsApart() {
        for (long seed = 81; seed <= 90; seed++) {
            new World(List.of(Span.ALL), 40, 20, (parent, tokens, from) -> 0, seed).run("seed " + seed);
        }
    }

    @Test
    void withoutABudgetNothingIsKept() {
        World world = new World(List.of(Span.ALL), 40, 0, GOOD, 91);
        world.run("off");
        assertEquals(0, world.hits);
    }

    @Test
    void invariant4_theLeastRecentlyUsedGoesFirst() {
        World world = new World(List.of(Span.ALL), 40, 3, GOOD, 92);
        for (int first : new int[] {1, 2, 3}) {
            world.prompt(first);
        }
        assertEquals(PAGE, world.knownOf(1)); // 2 is now the oldest
        world.prompt(4);
        assertEquals(0, world.knownOf(2));
        for (int first : new int[] {1, 3, 4}) {
            assertEquals(PAGE, world.knownOf(first));
        }
        assertEquals(3, world.index.size());
        world.index.clear();
        assertEquals(0, world.pool.heldPages());
        world.pool.close();
        assertThrows(IllegalStateException.class, () -> world.pool.release(0));
    }
}
