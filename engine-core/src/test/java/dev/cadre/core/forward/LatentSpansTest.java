package dev.cadre.core.forward;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.cadre.core.KvPrecision;
import dev.cadre.core.cache.CacheLayout;
import dev.cadre.core.cache.PagePool;
import dev.cadre.core.cache.SequenceCache;
import dev.cadre.core.model.AttentionConfig;
import dev.cadre.core.model.Families;
import dev.cadre.core.model.ModelConfig;
import dev.cadre.weights.Checkpoint;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Attention over many spans: equal to the definition, and the same bits however the spans are shared out. */
class LatentSpansTest {
    private static final int POSITIONS = 9000; // more than 64 spans of the least length
    private static final int CHOSEN = 700;

    private final Random random = new Random(12);

    @ParameterizedTest
    @EnumSource
    void equalsTheDefinitionAloneAndInABatch(KvPrecision precision) throws Exception {
        Path folder =
                Path.of(getClass().getClassLoader().getResource("golden/mixed").toURI());
        try (Checkpoint checkpoint = Checkpoint.open(folder);
                Families.Described described = Families.describe(checkpoint)) {
            ModelConfig config = described.config();
            CacheLayout layout = new CacheLayout(config, precision);
            try (PagePool pool = new PagePool(layout.pageBytes(), Long.MAX_VALUE);
                    SequenceCache cache = new SequenceCache(layout, pool)) {
                AttentionConfig.Latent c =
                        (AttentionConfig.Latent) config.layers().getFirst().attention();
                int rows = 12;
                cache.reserve(POSITIONS + rows);
                float[] latent = new float[c.cacheWidth()];
                for (int p = 0; p < POSITIONS + rows; p++) {
                    noise(latent);
                    cache.writeLatent(0, p, latent, 0);
                }
                cache.commit(POSITIONS);
                float[] queries = new float[rows * c.heads() * c.cacheWidth()];
                noise(queries);
                int[] chosen = choose();
                float[][] all = new float[3][];
                int[] threads = {1, 2, 4}; // for four workers twelve rows are few, and their spans are shared out
                for (int i = 0; i < 3; i++) {
                    all[i] = attend(c, cache, rows, threads[i], queries, chosen);
                }
                assertArrayEquals(all[0], all[1], 0f);
                assertArrayEquals(all[0], all[2], 0f);
                for (int row = 0; row < rows; row++) {
                    assertRow(c, cache, row, queries, chosen, all[0]);
                }
            }
        }
    }

    private void noise(float[] x) {
        for (int i = 0; i < x.length; i++) {
            x[i] = (float) random.nextGaussian();
        }
    }

    private int[] choose() {
        return random.ints(0, POSITIONS).distinct().limit(CHOSEN).sorted().toArray();
    }

    private static float[] attend(
            AttentionConfig.Latent c, SequenceCache cache, int rows, int threads, float[] queries, int[] chosen) {
        try (Team team = Team.of(threads)) {
            Batch batch = new Batch();
            batch.add(cache, new int[rows], 0, rows, Batch.Logits.NONE);
            Selection selection = new Selection();
            selection.begin(rows, CHOSEN);
            for (int row = 0; row < rows; row += 2) { // every other row attends to all positions
                System.arraycopy(chosen, 0, selection.positions(), selection.start(row), CHOSEN);
                selection.setCount(row, CHOSEN);
            }
            float[] out = new float[rows * c.heads() * c.latentRank()];
            new LatentSpans(team).run(c, 0, batch, selection, queries, out);
            return out;
        }
    }

    private static void assertRow(
            AttentionConfig.Latent c, SequenceCache cache, int row, float[] queries, int[] chosen, float[] out) {
        int n = row % 2 == 0 ? CHOSEN : POSITIONS + row + 1;
        float[][] latents = new float[n][c.cacheWidth()];
        for (int i = 0; i < n; i++) {
            cache.readLatent(0, row % 2 == 0 ? chosen[i] : i, latents[i], 0);
        }
        for (int h = 0; h < c.heads(); h++) {
            int q = (row * c.heads() + h) * c.cacheWidth();
            double[] weights = new double[n];
            for (int i = 0; i < n; i++) {
                for (int d = 0; d < c.cacheWidth(); d++) {
                    weights[i] += (double) queries[q + d] * latents[i][d] * c.scale();
                }
            }
            double max = Arrays.stream(weights).max().orElseThrow();
            double sum = 0;
            for (int i = 0; i < n; i++) {
                weights[i] = Math.exp(weights[i] - max);
                sum += weights[i];
            }
            for (int d = 0; d < c.latentRank(); d++) {
                double expected = 0;
                for (int i = 0; i < n; i++) {
                    expected += weights[i] / sum * latents[i][d];
                }
                assertEquals(expected, out[(row * c.heads() + h) * c.latentRank() + d], 3e-5, "row " + row);
            }
        }
    }
}
