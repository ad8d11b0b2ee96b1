package dev.cadre.core;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cadre.core.PhaseTimes.Phase;
import java.io.IOException;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class DiagnosticsTest {
    private static final int DEPTH = 300;

    private static float[] logitsAfterFill(String name, int threads, int pieces, long seed) throws IOException {
        LoadOptions options = LoadOptions.defaults().withThreads(threads).withCachePrecision(KvPrecision.FP8);
        try (MoeModel model = MoeModel.load(Golden.of(name).folder(), options);
                Session session = model.newSession(SessionOptions.ofContext(DEPTH + 8))) {
            int perPiece = DEPTH / pieces;
            for (int i = 0; i < pieces; i++) {
                Diagnostics.appendRandom(session, perPiece, seed + i);
            }
            assertEquals(DEPTH, session.position());
            return session.append(1, 2, 3).row(0);
        }
    }

    @Test
    void randomContentIsTheSameForASeedAndAnyThreads() throws IOException {
        for (String name : new String[] {"mixed", "grouped"}) {
            float[] first = logitsAfterFill(name, 1, 1, 5);
            assertArrayEquals(first, logitsAfterFill(name, 2, 1, 5), 0f);
            assertFalse(Arrays.equals(first, logitsAfterFill(name, 2, 1, 6)));
            for (float logit : logitsAfterFill(name, 2, 3, 5)) { // pieces that begin inside a page
                assertTrue(Float.isFinite(logit));
            }
        }
    }

    @Test
    void whatDoesNotFitIsRefusedAndChangesNothing() throws IOException {
        LoadOptions options = LoadOptions.defaults().withCacheBytes(1_000_000);
        try (MoeModel model = MoeModel.load(Golden.of("mixed").folder(), options);
                Session session = model.newSession(SessionOptions.ofContext(1_000_000))) {
            session.append(1, 2, 3);
            assertThrows(CacheFullException.class, () -> Diagnostics.appendRandom(session, 900_000, 1));
            assertEquals(3, session.position());
            assertThrows(InvalidRequestException.class, () -> Diagnostics.appendRandom(session, 1_000_000, 1));
            assertThrows(InvalidRequestException.class, () -> Diagnostics.appendRandom(session, -1, 1));
            assertEquals(3, session.position());
        }
    }

    @Test
    void phasesAndBytesAreCounted() throws IOException {
        try (MoeModel model = MoeModel.load(Golden.of("mixed").folder());
                Session session = model.newSession()) {
            PhaseTimes times = Diagnostics.phaseTimes(model);
            assertEquals(0, times.nanos(Phase.ATTENTION));
            assertEquals(0, Diagnostics.cacheBytes(session));
            session.append(Golden.of("mixed").prompt());
            for (Phase phase : Phase.values()) {
                assertTrue(times.nanos(phase) > 0, phase.name()); // the prompt is longer than the indexer's top-k
            }
            int pages = (session.position() + 63) / 64;
            assertEquals(pages * 64L * model.info().cacheBytesPerToken(), Diagnostics.cacheBytes(session));
        }
    }
}
