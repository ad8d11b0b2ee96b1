package dev.cadre.core.forward;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.cadre.core.KvPrecision;
import dev.cadre.core.cache.CacheLayout;
import dev.cadre.core.cache.PagePool;
import dev.cadre.core.cache.SequenceCache;
import dev.cadre.core.model.AttentionConfig;
import dev.cadre.core.model.AttentionConfig.Span;
import dev.cadre.core.model.Families;
import dev.cadre.core.model.ModelConfig;
import dev.cadre.weights.Checkpoint;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Tiles of queries over many spans: equal to the definition, and the same bits for a row alone and in any tile. */
class GroupedTilesTest {
    private static final int POSITIONS = 4090; // rows cross the end of the second span
    private static final int ROWS = 20;

    private final Random random = new Random(13);

    @ParameterizedTest
    @CsvSource({
        "0, 0, false, false",
        "3000, 0, true, false",
        "40, 0, false, false",
        "0, 1500, false, false",
        "0, 4096, true, false",
        "0, 0, false, true",
        "100, 0, true, true"
    })
    void equalsTheDefinitionAloneAndInATile(int window, int chunk, boolean withSinks, boolean oneForEachKey)
            throws Exception {
        Path folder = Path.of(getClass()
                .getClassLoader()
                .getResource("golden/families/qwen3_moe")
                .toURI());
        try (Checkpoint checkpoint = Checkpoint.open(folder);
                Families.Described described = Families.describe(checkpoint)) {
            ModelConfig config = described.config();
            CacheLayout layout = new CacheLayout(config, KvPrecision.BF16);
            try (PagePool pool = new PagePool(layout.pageBytes(), Long.MAX_VALUE);
                    SequenceCache cache = new SequenceCache(layout, pool)) {
                AttentionConfig.Grouped family =
                        (AttentionConfig.Grouped) config.layers().getFirst().attention();
                int heads = oneForEachKey ? family.keyValueHeads() : family.heads();
                AttentionConfig.Grouped c = with(family, heads, new Span(window, chunk));
                fill(cache, c);
                float[] queries = noise(ROWS * c.heads() * c.headWidth());
                float[] sinks = withSinks ? noise(c.heads()) : null;
                float[] expected = attend(c, cache, 1, queries, sinks, ROWS);
                assertArrayEquals(expected, attend(c, cache, 16, queries, sinks, ROWS), 0f);
                assertArrayEquals(expected, attend(c, cache, 2, queries, sinks, 1), 0f);
                assertArrayEquals(expected, attend(c, cache, 1, queries, sinks, 7), 0f);
                for (int row = 0; row < ROWS; row++) {
                    assertRow(c, cache, row, queries, sinks, expected);
                }
            }
        }
    }

    private static AttentionConfig.Grouped with(AttentionConfig.Grouped c, int heads, Span span) {
        return new AttentionConfig.Grouped(
                heads,
                c.keyValueHeads(),
                c.headWidth(),
                c.scale(),
                c.rope(),
                span,
                c.norm(),
                c.normEps(),
                c.biases(),
                c.outputBias(),
                c.sinks(),
                c.clip(),
                c.temperature());
    }

    private float[] noise(int n) {
        float[] x = new float[n];
        for (int i = 0; i < n; i++) {
            x[i] = (float) random.nextGaussian();
        }
        return x;
    }

    private void fill(SequenceCache cache, AttentionConfig.Grouped c) {
        cache.reserve(POSITIONS + ROWS);
        for (int p = 0; p < POSITIONS + ROWS; p++) {
            for (int h = 0; h < c.keyValueHeads(); h++) {
                cache.writeKey(0, h, p, noise(c.headWidth()), 0);
                cache.writeValue(0, h, p, noise(c.headWidth()), 0);
            }
        }
    }

    private static float[] attend(
            AttentionConfig.Grouped c, SequenceCache cache, int threads, float[] queries, float[] sinks, int perBatch) {
        int width = c.heads() * c.headWidth();
        float[] all = new float[ROWS * width];
        try (Team team = Team.of(threads)) {
            GroupedTiles tiles = new GroupedTiles(team);
            for (int row = 0; row < ROWS; row += perBatch) {
                int rows = Math.min(perBatch, ROWS - row);
                cache.commit(POSITIONS + row);
                Batch batch = new Batch();
                batch.add(cache, new int[rows], 0, rows, Batch.Logits.NONE);
                float[] q = Arrays.copyOfRange(queries, row * width, (row + rows) * width);
                float[] out = new float[rows * width];
                tiles.run(c, 0, batch, q, out, sinks);
                System.arraycopy(out, 0, all, row * width, out.length);
            }
        }
        return all;
    }

    private static void assertRow(
            AttentionConfig.Grouped c, SequenceCache cache, int row, float[] queries, float[] sinks, float[] out) {
        int width = c.headWidth();
        int position = POSITIONS + row;
        int first = c.span().first(position);
        int n = position + 1 - first;
        for (int h = 0; h < c.heads(); h++) {
            float[][] keys = new float[n][width];
            float[][] values = new float[n][width];
            double[] weights = new double[n];
            int q = (row * c.heads() + h) * width;
            for (int i = 0; i < n; i++) {
                cache.readKeys(0, h / c.group(), first + i, 1, keys[i]);
                cache.readValues(0, h / c.group(), first + i, 1, values[i]);
                for (int d = 0; d < width; d++) {
                    weights[i] += (double) queries[q + d] * keys[i][d] * c.scale();
                }
            }
            double max = Arrays.stream(weights).max().orElseThrow();
            double sum = sinks == null ? 0 : Math.exp(sinks[h] - max);
            for (int i = 0; i < n; i++) {
                weights[i] = Math.exp(weights[i] - max);
                sum += weights[i];
            }
            for (int d = 0; d < width; d++) {
                double expected = 0;
                for (int i = 0; i < n; i++) {
                    expected += weights[i] / sum * values[i][d];
                }
                assertEquals(expected, out[q + d], 3e-5, "row " + row + " head " + h);
            }
        }
    }
}
