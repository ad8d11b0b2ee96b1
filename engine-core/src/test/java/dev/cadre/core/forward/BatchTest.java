package dev.cadre.core.forward;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.cadre.core.KvPrecision;
import dev.cadre.core.cache.CacheLayout;
import dev.cadre.core.cache.PagePool;
import dev.cadre.core.cache.SequenceCache;
import dev.cadre.core.model.Families;
import dev.cadre.core.model.ModelConfig;
import dev.cadre.core.model.WeightLoader;
import dev.cadre.weights.Checkpoint;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Rows of a mixed batch get the bits that they get alone. */
class BatchTest {
    @ParameterizedTest
    @ValueSource(strings = {"full", "mixed", "grouped"})
    void batchMatesChangeNothing(String name) throws Exception {
        Path folder = Path.of(
                BatchTest.class.getClassLoader().getResource("golden/" + name).toURI());
        try (Checkpoint checkpoint = Checkpoint.open(folder);
                Families.Described described = Families.describe(checkpoint);
                Team team = Team.of(2)) {
            ModelConfig config = described.config();
            ForwardPass forward =
                    new ForwardPass(config, WeightLoader.load(config, described.weights(), team.kernels()), team);
            CacheLayout layout = new CacheLayout(config, KvPrecision.F32);
            int v = config.vocabulary();
            int[] a = tokens(21, 5, v);
            int[] b = tokens(9, 11, v);
            int[] c = tokens(30, 3, v);
            try (PagePool pool = new PagePool(layout.pageBytes(), Long.MAX_VALUE)) {
                SequenceCache[] alone = {
                    new SequenceCache(layout, pool), new SequenceCache(layout, pool), new SequenceCache(layout, pool)
                };
                float[][] expected = {
                    run(forward, v, alone[0], a), run(forward, v, alone[1], b), run(forward, v, alone[2], c)
                };
                float[][] next = new float[3][];
                for (int i = 0; i < 3; i++) {
                    int[] one = {7 + i};
                    next[i] = run(forward, v, alone[i], one);
                }
                SequenceCache[] together = {
                    new SequenceCache(layout, pool), new SequenceCache(layout, pool), new SequenceCache(layout, pool)
                };
                Batch batch = new Batch();
                batch.add(together[0], a, 0, a.length, Batch.Logits.LAST);
                batch.add(together[1], b, 0, b.length, Batch.Logits.NONE);
                batch.add(together[2], c, 0, c.length, Batch.Logits.LAST);
                float[] mixed = new float[2 * v];
                forward.run(batch, mixed, null, () -> false);
                assertArrayEquals(expected[0], Arrays.copyOfRange(mixed, 0, v), 0f);
                assertArrayEquals(expected[2], Arrays.copyOfRange(mixed, v, 2 * v), 0f);
                batch.clear();
                float[] decode = new float[3 * v];
                for (int i = 0; i < 3; i++) {
                    int[] one = {7 + i};
                    batch.add(together[i], one, 0, 1, Batch.Logits.LAST);
                }
                forward.run(batch, decode, null, () -> false);
                for (int i = 0; i < 3; i++) {
                    assertArrayEquals(next[i], Arrays.copyOfRange(decode, i * v, (i + 1) * v), 0f);
                }
                for (int i = 0; i < 3; i++) {
                    alone[i].close();
                    together[i].close();
                }
                assertEquals(0, pool.heldPages());
            }
        }
    }

    private static float[] run(ForwardPass forward, int vocabulary, SequenceCache cache, int[] tokens) {
        Batch batch = new Batch();
        batch.add(cache, tokens, 0, tokens.length, Batch.Logits.LAST);
        float[] logits = new float[vocabulary];
        forward.run(batch, logits, null, () -> false);
        return logits;
    }

    private static int[] tokens(int n, int step, int vocabulary) {
        int[] ids = new int[n];
        for (int i = 0; i < n; i++) {
            ids[i] = (i * step + 1) % vocabulary;
        }
        return ids;
    }
}
