package dev.cadre.core;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Prompts with the same beginning share its pages and are not computed again; nobody sees another difference. */
class PrefixCacheTest {
    private static final LoadOptions OPTIONS = Golden.exact().withThreads(2).withPrefillChunk(32);
    private static final SessionOptions CONTEXT = SessionOptions.ofContext(2048);

    private static DefaultMoeModel load(String name, LoadOptions options) {
        return (DefaultMoeModel) MoeModel.load(Golden.resource("golden/" + name), options);
    }

    private static int[] tokens(int n, int tail) {
        int[] ids = new int[n];
        for (int i = 0; i < n; i++) {
            ids[i] = i >= n - 20 ? (i * tail) % 89 : (i * 7 + i / 5) % 97;
        }
        return ids;
    }

    /** Appends and says how many layers of how many chunks were computed for it. */
    private static int layersRun(DefaultSession session, int[] tokens, float[] logits) {
        int[] calls = {0};
        assertTrue(session.append(tokens, logits, () -> ++calls[0] < 0));
        return calls[0];
    }

    @ParameterizedTest
    @CsvSource({
        "mixed, F32, 7",
        "mixed, FP8, 7",
        "grouped, BF16, 4",
        "families/qwen3_moe, FP8, 3",
        "families/deepseek_v32, FP8, 3",
        "families/gpt_oss, F32, 3",
        "families/llama4_text, FP8, 3"
    })
    void theBitsAreThoseOfARunWithout(String name, KvPrecision precision, int layers) {
        LoadOptions options = OPTIONS.withCachePrecision(precision);
        try (DefaultMoeModel without = load(name, options.withPrefixCacheBytes(0));
                DefaultMoeModel with = load(name, options)) {
            float[] expected = new float[with.info().vocabulary()];
            float[] values = new float[with.info().vocabulary()];
            for (int tail : new int[] {3, 5, 3}) {
                try (DefaultSession a = (DefaultSession) without.newSession(CONTEXT);
                        DefaultSession b = (DefaultSession) with.newSession(CONTEXT)) {
                    layersRun(a, tokens(340, tail), expected);
                    int run = layersRun(b, tokens(340, tail), values);
                    assertArrayEquals(expected, values, 0f, "tail " + tail);
                    assertEquals(tail == 3 && run > layers ? 11 * layers : layers, run, "chunks of 32 positions");
                    for (int i = 0; i < 8; i++) {
                        assertArrayEquals(a.append(i).values(), b.append(i).values(), 0f, "token " + i);
                    }
                    b.rewind(200); // into a page that the index holds
                    a.rewind(200);
                    assertArrayEquals(
                            a.append(tokens(30, 2)).values(),
                            b.append(tokens(30, 2)).values(),
                            0f);
                }
            }
            assertEquals(0, without.engine().pool().heldPages());
            with.engine().prefixes().clear();
            assertEquals(0, with.engine().pool().heldPages());
        }
    }

    @Test
    void logitsOfEveryPositionAreComputed() {
        try (DefaultMoeModel model = load("mixed", OPTIONS);
                Session first = model.newSession();
                Session second = model.newSession()) {
            int[] prompt = tokens(200, 3);
            float[] expected = first.forward(prompt).values();
            assertArrayEquals(expected, second.forward(prompt).values(), 0f);
            assertEquals(200, second.position());
        }
    }

    private static Completion generate(Session session, int[] prompt) {
        return session.generate(prompt, Sampling.greedy().withMaxTokens(2)).result();
    }

    @Test
    void usageSaysWhatWasCached() {
        int[] prompt = tokens(148, 3); // two full pages and 20 tokens
        try (DefaultMoeModel model = load("mixed", OPTIONS);
                Session first = model.newSession(CONTEXT);
                Session same = model.newSession(CONTEXT);
                Session shorter = model.newSession(CONTEXT);
                Session other = model.newSession(CONTEXT)) {
            Completion computed = generate(first, prompt);
            assertEquals(new Completion.Usage(148, 0, 2), computed.usage());
            Completion cached = generate(same, prompt);
            assertEquals(new Completion.Usage(148, 128, 2), cached.usage());
            assertEquals(computed.tokens(), cached.tokens());
            assertEquals(0, generate(same, prompt).usage().cachedPromptTokens(), "only beginnings are shared");
            int[] wholePages = Arrays.copyOf(prompt, 128);
            assertEquals(64, generate(shorter, wholePages).usage().cachedPromptTokens(), "the last token is computed");
            int[] changed = prompt.clone();
            changed[70]++;
            assertEquals(64, generate(other, changed).usage().cachedPromptTokens());
        }
        try (DefaultMoeModel model = load("mixed", OPTIONS.withPrefixCacheBytes(0));
                Session first = model.newSession(CONTEXT);
                Session same = model.newSession(CONTEXT)) {
            assertEquals(0, generate(first, prompt).usage().cachedPromptTokens());
            assertEquals(0, generate(same, prompt).usage().cachedPromptTokens());
        }
    }

    @Test
    void sessionsOfTheSameBeginningShareItsPages() {
        try (DefaultMoeModel model = load("mixed", OPTIONS)) {
            Session[] sessions = new Session[10];
            for (int i = 0; i < sessions.length; i++) {
                sessions[i] = model.newSession();
                sessions[i].append(tokens(64 * 8 + 10, i + 1)); // the last 20 tokens differ
            }
            // seven shared pages, and two of each
            assertEquals(7 + 10 * 2, model.engine().pool().heldPages());
            for (Session session : sessions) {
                session.close();
            }
            assertEquals(7 + 10, model.engine().pool().heldPages(), "the full pages stay");
        }
    }

    @Test
    void computedAtTheSameTimeTheyAreSharedAfterwards() {
        try (DefaultMoeModel model = load("mixed", OPTIONS);
                Session a = model.newSession();
                Session b = model.newSession()) {
            int[] prompt = tokens(130, 3);
            for (int from = 0; from < 130; from += 26) {
                a.append(Arrays.copyOfRange(prompt, from, from + 26));
                b.append(Arrays.copyOfRange(prompt, from, from + 26));
            }
            assertEquals(2 + 2, model.engine().pool().heldPages());
        }
    }

    @Test
    void whatOnlyThePrefixCacheHoldsMakesRoom() {
        long page = 64 * cacheBytesPerToken();
        try (DefaultMoeModel model =
                load("mixed", OPTIONS.withCacheBytes(6 * page).withPrefixCacheBytes(6 * page))) {
            for (int i = 0; i < 5; i++) {
                try (Session session = model.newSession()) {
                    int[] prompt = new int[64 * 5];
                    Arrays.fill(prompt, i);
                    session.append(prompt);
                }
            }
            try (Session session = model.newSession()) {
                session.append(new int[64 * 6]);
                session.rewind(64 * 6 - 10);
                session.append(new int[10]); // there is no page for a copy
                assertEquals(64 * 6, session.position());
            }
        }
    }

    private static long cacheBytesPerToken() {
        try (MoeModel model = load("mixed", OPTIONS)) {
            return model.info().cacheBytesPerToken();
        }
    }

    @Test
    void cancelledAndRestoredSessionsDoNoHarm(@TempDir Path temp) {
        Path file = temp.resolve("saved");
        try (DefaultMoeModel model = load("mixed", OPTIONS)) {
            float[] logits = new float[model.info().vocabulary()];
            try (DefaultSession session = (DefaultSession) model.newSession()) {
                session.append(tokens(300, 3));
                session.save(file);
            }
            int known = model.engine().prefixes().size();
            try (DefaultSession session = (DefaultSession) model.newSession()) {
                assertTrue(!session.append(tokens(300, 4), logits, () -> true));
                assertEquals(0, session.position());
                session.append(tokens(300, 3));
                assertEquals(300, session.position());
            }
            assertEquals(known, model.engine().prefixes().size());
            model.engine().prefixes().clear();
            try (Session session = model.restore(file)) {
                session.append(tokens(100, 9));
                assertEquals(0, model.engine().prefixes().size(), "a file is not this engine's computation");
                session.rewind(0);
                session.append(tokens(100, 9));
                assertEquals(1, model.engine().prefixes().size());
            }
        }
    }
}
