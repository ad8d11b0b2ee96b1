package dev.cadre.core;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.Arrays;
import java.util.Iterator;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Layers with a window or chunks give back what lies behind it, and nobody sees a difference. */
class WindowCacheTest {
    private static final LoadOptions OPTIONS =
            Golden.exact().withThreads(2).withPrefillChunk(64).withPrefixCacheBytes(0); // pages are counted
    private static final SessionOptions CONTEXT = SessionOptions.ofContext(4096);

    private static int[] tokens(int n, int step) {
        int[] ids = new int[n];
        for (int i = 0; i < n; i++) {
            ids[i] = (i * step + i / 7) % 97;
        }
        return ids;
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt_oss", "llama4_text"})
    void goingBackFarComputesAgain(String name) throws IOException {
        Golden golden = Golden.of("families/" + name);
        int[] all = tokens(1400, 5);
        try (MoeModel model = MoeModel.load(golden.folder(), OPTIONS);
                Session session = model.newSession(CONTEXT);
                Session straight = model.newSession(CONTEXT)) {
            float[] expected = straight.append(Arrays.copyOf(all, 40)).values();
            session.append(all);
            float[] continued = session.fork().append(3, 1, 4).values();
            for (int to : new int[] {1300, 300, 37}) {
                session.rewind(to);
                assertEquals(to, session.position());
                session.append(Arrays.copyOfRange(all, to, 1400));
                assertArrayEquals(continued, session.fork().append(3, 1, 4).values(), 0f, "from " + to);
            }
            session.rewind(41);
            session.rewind(39);
            assertArrayEquals(expected, session.append(all[39]).values(), 0f);
            assertEquals(40, session.position());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt_oss", "llama4_text"})
    void aCancelledPromptChangesNothing(String name) throws IOException {
        Golden golden = Golden.of("families/" + name);
        try (DefaultMoeModel model = (DefaultMoeModel) MoeModel.load(golden.folder(), OPTIONS);
                DefaultSession session = (DefaultSession) model.newSession(CONTEXT);
                Session straight = model.newSession(CONTEXT)) {
            session.append(tokens(100, 3));
            straight.append(tokens(100, 3));
            int held = model.engine().pool().heldPages();
            int[] calls = {0};
            boolean done =
                    session.append(tokens(2000, 7), new float[model.info().vocabulary()], () -> ++calls[0] > 31 * 3);
            assertTrue(!done && calls[0] > 31 * 3, "cancelled in the last of 32 chunks");
            assertEquals(100, session.position());
            assertEquals(held, model.engine().pool().heldPages());
            assertArrayEquals(
                    straight.append(tokens(30, 2)).values(),
                    session.append(tokens(30, 2)).values(),
                    0f);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt_oss", "llama4_text"})
    void memoryIsWhatTheInspectionSays(String name) throws IOException {
        Golden golden = Golden.of("families/" + name);
        try (DefaultMoeModel model = (DefaultMoeModel) MoeModel.load(golden.folder(), OPTIONS);
                Session session = model.newSession(CONTEXT)) {
            Iterator<Token> tokens =
                    session.generate(tokens(3500, 5), Sampling.greedy()).iterator();
            tokens.next();
            tokens.next();
            long bytes =
                    ModelInspection.of(golden.folder(), 3501, KvPrecision.F32).cacheBytes();
            long page = model.engine().pool().allocatedBytes()
                    / model.engine().pool().allocatedPages();
            assertEquals(bytes, model.engine().pool().heldPages() * page, 0.03 * bytes);
            assertTrue(bytes < 0.6 * 3501 * model.info().cacheBytesPerToken(), "two of three layers have a window");
        }
    }
}
