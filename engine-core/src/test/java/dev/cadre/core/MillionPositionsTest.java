package dev.cadre.core;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cadre.core.model.AttentionConfig;
import dev.cadre.core.model.FeedForwardConfig;
import dev.cadre.core.model.ModelConfig;
import dev.cadre.core.model.RopeConfig;
import dev.cadre.core.model.WeightSource;
import dev.cadre.kernels.Matrix;
import dev.cadre.kernels.format.BlockFormat;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A session of 1,048,576 positions in a file, FP8. The model is small and made so that a token looks for itself: its
 * index query is the direction of its own index key. Needles are such tokens, read by the model at the start, in the
 * middle and at the end; all else is random. A position takes part in the answer if changing its latent changes the
 * logits.
 */
class MillionPositionsTest {
    private static final int LENGTH = 1 << 20;
    private static final int NEEDLE = 5;
    private static final int HIDDEN = 32;
    private static final int LATENT = 24;
    private static final int SELECTED = 64;

    @TempDir
    private Path temp;

    private static ModelConfig config() {
        RopeConfig still = new RopeConfig(new float[4], true, 1f); // positions turn nothing
        AttentionConfig.IndexerConfig indexer = new AttentionConfig.IndexerConfig(2, HIDDEN, SELECTED, 1e-6f, still);
        ModelConfig.Layer[] layers = new ModelConfig.Layer[2];
        for (int i = 0; i < 2; i++) {
            AttentionConfig attention = new AttentionConfig.Latent(
                    4, HIDDEN, LATENT - 8, 8, 8, 8, 0.25f, 1e-6f, still, indexer, i == 1, null);
            layers[i] = new ModelConfig.Layer(attention, new FeedForwardConfig.Dense(HIDDEN));
        }
        return new ModelConfig("needles", 16, HIDDEN, 1e-6f, LENGTH, List.of(layers), 0, new int[0]);
    }

    /** Random weights, but for an indexer that compares tokens with themselves. */
    private static final class Weights implements WeightSource {
        private final Arena arena = Arena.ofShared();

        private static float[] embedding(int token) {
            SplittableRandom random = new SplittableRandom(100 + token);
            float[] row = new float[HIDDEN];
            for (int i = 0; i < HIDDEN; i += 2) { // the mean is zero, so that a LayerNorm changes the length only
                row[i] = random.nextBoolean() ? 1 : -1;
                row[i + 1] = -row[i];
            }
            for (int i = HIDDEN - 1; i > 0; i--) {
                int j = random.nextInt(i + 1);
                float swap = row[i];
                row[i] = row[j];
                row[j] = swap;
            }
            return row;
        }

        private static float value(String name, int row, int column, SplittableRandom random) {
            if (name.equals("token_embd")) {
                return embedding(row)[column];
            }
            if (name.endsWith("indexer.attn_q_b") || name.endsWith("indexer.attn_k") || name.endsWith("attn_q_a")) {
                return row % HIDDEN == column ? 1 : 0;
            }
            if (name.endsWith("indexer.proj")) {
                return embedding(NEEDLE)[column];
            }
            return (float) (0.3 * random.nextGaussian());
        }

        @Override
        public boolean has(String name) {
            return true;
        }

        @Override
        public Matrix matrix(String name, long rows, long columns) {
            SplittableRandom random = new SplittableRandom(name.hashCode());
            MemorySegment data = arena.allocate(4 * rows * columns, 64);
            for (int r = 0; r < rows; r++) {
                for (int c = 0; c < columns; c++) {
                    data.setAtIndex(ValueLayout.JAVA_FLOAT, r * columns + c, value(name, r, c, random));
                }
            }
            return Matrix.of(BlockFormat.F32, rows, columns, data);
        }

        @Override
        public float[] vector(String name, int length) {
            float[] values = new float[length];
            Arrays.fill(values, name.endsWith("bias") ? 0f : 1f);
            return values;
        }

        @Override
        public Matrix[] experts(String name, int experts, long rows, long columns) {
            throw new UnsupportedOperationException(name);
        }

        @Override
        public float[][] expertVectors(String name, int experts, int length) {
            throw new UnsupportedOperationException(name);
        }

        @Override
        public Arena arena() {
            return arena;
        }

        @Override
        public void close() {
            arena.close();
        }
    }

    @Test
    void needlesAreFoundAndEverythingIsExactAtAMillion() throws IOException {
        Path file = temp.resolve("kv");
        LoadOptions options = LoadOptions.defaults()
                .withThreads(2)
                .withCachePrecision(KvPrecision.FP8)
                .withCacheFile(file, 1L << 30);
        try (MoeModel model = DefaultMoeModel.ofWeights(config(), new Weights(), options);
                DefaultSession session = (DefaultSession) model.newSession()) {
            int[] needles = {3, LENGTH / 2 + 17, LENGTH - 40};
            for (int needle : needles) {
                Diagnostics.appendRandom(session, needle - session.position(), needle);
                session.append(NEEDLE);
            }
            Diagnostics.appendRandom(session, LENGTH - 3 - session.position(), 1);
            assertEquals(LENGTH - 3, session.position());
            long arithmetic = LENGTH * model.info().cacheBytesPerToken();
            assertEquals(16 + 4 + 16 + 36 + 16 + 4 + 16, model.info().cacheBytesPerToken());
            assertEquals(arithmetic, Diagnostics.cacheBytes(session), 0.03 * arithmetic);
            assertTrue(Files.size(file) >= Diagnostics.cacheBytes(session));

            float[] answer = answer(session);
            assertFalse(Float.isNaN(answer[0]));
            for (int layer = 0; layer < 2; layer++) {
                for (int needle : needles) {
                    assertFalse(Arrays.equals(answer, answerWithChanged(session, layer, needle)), "needle " + needle);
                }
                int touched = 0;
                for (int other = 100_003; other < LENGTH - 3; other += 350_007) {
                    touched += Arrays.equals(answer, answerWithChanged(session, layer, other)) ? 0 : 1;
                }
                assertEquals(0, touched, "positions that were not selected");
            }
            assertArrayEquals(answer, answer(session), 0f, "all latents are as they were");
            forkRewindSaveRestore(model, session, answer);
        }
        assertFalse(Files.exists(file));
    }

    /** The logits after the needle's token, which is then forgotten. */
    private static float[] answer(Session session) {
        int before = session.position();
        float[] logits = session.append(NEEDLE).values();
        session.rewind(before);
        return logits;
    }

    private static float[] answerWithChanged(DefaultSession session, int layer, int position) {
        float[] row = new float[LATENT];
        session.cache().readLatent(layer, position, row, 0);
        float[] other = new float[LATENT];
        for (int i = 0; i < LATENT; i++) {
            other[i] = 1 - row[i];
        }
        session.cache().writeLatent(layer, position, other, 0);
        float[] logits = answer(session);
        session.cache().writeLatent(layer, position, row, 0);
        return logits;
    }

    private void forkRewindSaveRestore(MoeModel model, Session session, float[] answer) {
        Path saved = temp.resolve("session");
        session.save(saved);
        try (Session fork = session.fork()) {
            assertArrayEquals(answer, fork.append(NEEDLE).values(), 0f, "a fork");
            fork.append(1, 2); // up to the last position
            assertEquals(LENGTH, fork.position());
            fork.rewind(LENGTH - 3);
            assertArrayEquals(answer, answer(fork), 0f, "a fork taken back");
        }
        assertArrayEquals(answer, answer(session), 0f, "the session beside its fork");
        try (Session restored = model.restore(saved)) {
            assertEquals(LENGTH - 3, restored.position());
            assertArrayEquals(answer, answer(restored), 0f, "a restored session");
        }
    }
}
