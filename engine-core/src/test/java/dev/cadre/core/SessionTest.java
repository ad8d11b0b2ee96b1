package dev.cadre.core;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What the public API promises of sessions and generations. */
class SessionTest {
    private static Golden golden;
    private static MoeModel model;

    @BeforeAll
    static void load() throws IOException {
        golden = Golden.of("mixed");
        model = MoeModel.load(golden.folder(), Golden.exact().withThreads(2));
    }

    @AfterAll
    static void close() {
        model.close();
    }

    private static List<Integer> greedy(int n) {
        return Arrays.stream(golden.greedy()).limit(n).boxed().toList();
    }

    @Test
    void resultCountsAndStopReason() {
        try (Session session = model.newSession()) {
            Completion completion = session.generate(
                            golden.prompt(), Sampling.greedy().withMaxTokens(5))
                    .result();
            assertEquals(greedy(5), completion.tokens());
            assertEquals(StopReason.MAX_TOKENS, completion.stopReason());
            assertEquals(new Completion.Usage(golden.prompt().length, 0, 5), completion.usage());
            assertEquals(golden.prompt().length + 5, session.position());
        }
    }

    @Test
    void aSecondGenerationContinuesTheFirst() {
        try (Session session = model.newSession()) {
            int[] prompt = golden.prompt();
            session.generate(prompt, Sampling.greedy().withMaxTokens(5)).result();
            // the reference continues with its own sixth token if we hand it over as the next prompt
            int[] sixth = {golden.greedy()[5]};
            Completion rest =
                    session.generate(sixth, Sampling.greedy().withMaxTokens(4)).result();
            assertEquals(greedy(10).subList(6, 10), rest.tokens());
        }
    }

    @Test
    void forkSharesThePastAndDiverges() {
        try (Session session = model.newSession()) {
            session.forward(golden.prompt());
            float[] expected;
            try (Session copy = session.fork()) {
                copy.forward(1, 2, 3);
                expected = copy.forward(4).values();
            }
            float[] direct = session.forward(1, 2, 3, 4).row(3);
            assertArrayEquals(expected, direct, 0f);
        }
    }

    @Test
    void rowsWithoutLogitsChangeNothing() {
        int[] prompt = golden.prompt();
        int n = prompt.length;
        try (Session all = model.newSession();
                Session last = model.newSession();
                Session one = model.newSession()) {
            assertArrayEquals(
                    all.forward(prompt).row(n - 1), last.append(prompt).values(), 0f);
            for (int token : prompt) {
                one.append(token);
            }
            float[] next = all.forward(5).values();
            assertArrayEquals(next, last.append(5).values(), 0f);
            assertArrayEquals(next, one.append(5).values(), 0f);
        }
    }

    @Test
    void rewindForgets() {
        try (Session session = model.newSession()) {
            session.forward(golden.prompt());
            float[] expected = session.forward(7, 8).values();
            session.rewind(golden.prompt().length);
            session.forward(9, 10, 11);
            session.rewind(golden.prompt().length);
            assertArrayEquals(expected, session.forward(7, 8).values(), 0f);
            assertThrows(InvalidRequestException.class, () -> session.rewind(10_000));
        }
    }

    @Test
    void contextIsALimit() {
        try (Session session = model.newSession(SessionOptions.ofContext(45))) {
            List<Integer> ids = new ArrayList<>();
            Generation generation = session.generate(golden.prompt(), Sampling.greedy());
            generation.forEach(token -> ids.add(token.id()));
            assertEquals(greedy(6), ids);
            assertEquals(StopReason.CONTEXT_FULL, generation.result().stopReason());
        }
        try (Session session = model.newSession(SessionOptions.ofContext(10))) {
            InvalidRequestException e = assertThrows(
                    InvalidRequestException.class, () -> session.generate(golden.prompt(), Sampling.greedy()));
            assertTrue(e.getMessage().contains("context of 10"), e.getMessage());
        }
    }

    @Test
    void badTokensAreRefused() {
        try (Session session = model.newSession()) {
            int beyond = model.info().vocabulary();
            InvalidRequestException e = assertThrows(InvalidRequestException.class, () -> session.forward(3, beyond));
            assertTrue(e.getMessage().contains("token 1 is " + beyond), e.getMessage());
            assertThrows(InvalidRequestException.class, () -> session.forward(-1));
            assertThrows(InvalidRequestException.class, () -> session.generate(new int[0], Sampling.greedy()));
            assertEquals(0, session.position());
        }
    }

    @Test
    void cancelEndsTheGenerationAndTheSessionGoesOn() {
        try (Session session = model.newSession()) {
            Generation generation = session.generate(golden.prompt(), Sampling.greedy());
            Iterator<Token> tokens = generation.iterator();
            for (int i = 0; i < 3; i++) {
                assertEquals(golden.greedy()[i], tokens.next().id());
            }
            generation.cancel();
            assertFalse(tokens.hasNext());
            assertEquals(StopReason.CANCELLED, generation.result().stopReason());
            int[] fourth = {golden.greedy()[3]};
            Completion rest =
                    session.generate(fourth, Sampling.greedy().withMaxTokens(2)).result();
            assertEquals(greedy(6).subList(4, 6), rest.tokens());
        }
    }

    @Test
    void interruptCancels() {
        try (Session session = model.newSession()) {
            Generation generation = session.generate(golden.prompt(), Sampling.greedy());
            Thread.currentThread().interrupt();
            Completion completion = generation.result();
            assertTrue(Thread.interrupted());
            assertEquals(StopReason.CANCELLED, completion.stopReason());
            assertEquals(0, session.position());
        }
    }

    @Test
    void fullCacheIsATypedErrorAndOtherSessionsGoOn() {
        long page = 64 * model.info().cacheBytesPerToken();
        LoadOptions options = Golden.exact().withThreads(1).withCacheBytes(2 * page);
        try (MoeModel small = MoeModel.load(golden.folder(), options);
                Session first = small.newSession();
                Session second = small.newSession()) {
            first.forward(golden.prompt());
            float[] expected = first.fork().forward(5).values();
            int[] tooMany = new int[100];
            assertThrows(CacheFullException.class, () -> second.forward(tooMany));
            assertEquals(0, second.position());
        }
    }

    @Test
    void closedModelAndSessionSayso() {
        MoeModel other = MoeModel.load(golden.folder(), Golden.exact());
        Session session = other.newSession();
        session.forward(1, 2, 3);
        session.close();
        assertThrows(ModelClosedException.class, () -> session.forward(4));
        Session open = other.newSession();
        open.forward(1);
        other.close();
        other.close();
        assertThrows(ModelClosedException.class, () -> open.forward(2));
        assertThrows(ModelClosedException.class, other::newSession);
        open.close();
    }

    @Test
    void manyThreadsEachWithASessionOfItsOwn() throws Exception {
        try (ExecutorService pool = Executors.newFixedThreadPool(6)) {
            Callable<List<Integer>> task = () -> {
                try (Session session = model.newSession()) {
                    return session.generate(golden.prompt(), Sampling.greedy().withMaxTokens(12))
                            .result()
                            .tokens();
                }
            };
            List<Future<List<Integer>>> results = new ArrayList<>();
            for (int i = 0; i < 12; i++) {
                results.add(pool.submit(task));
            }
            for (Future<List<Integer>> result : results) {
                assertEquals(greedy(12), result.get());
            }
        }
    }

    @Test
    void closingTheModelWhileOthersGenerate() throws Exception {
        MoeModel other = MoeModel.load(golden.folder(), Golden.exact().withThreads(2));
        try (ExecutorService pool = Executors.newFixedThreadPool(8)) {
            List<Future<?>> results = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                results.add(pool.submit(() -> {
                    try (Session session = other.newSession()) {
                        for (Token token : session.generate(
                                golden.prompt(), Sampling.greedy().withMaxTokens(900))) {
                            assertTrue(token.id() >= 0);
                        }
                    }
                    return null;
                }));
            }
            Thread.sleep(100);
            other.close();
            for (Future<?> result : results) {
                Throwable cause = assertThrows(java.util.concurrent.ExecutionException.class, result::get)
                        .getCause();
                assertEquals(ModelClosedException.class, cause.getClass());
            }
        }
    }

    @Test
    void missingTokenizerIsNamed() {
        try (Session session = model.newSession()) {
            UnsupportedModelException e =
                    assertThrows(UnsupportedModelException.class, () -> session.generate("text", Sampling.greedy()));
            assertTrue(e.getMessage().contains("tokenizer.json"), e.getMessage());
        }
    }

    @Test
    void unknownArchitectureIsNamed(@org.junit.jupiter.api.io.TempDir Path folder) throws IOException {
        java.nio.file.Files.writeString(folder.resolve("config.json"), "{\"model_type\": \"glm5_next\"}");
        java.nio.file.Files.copy(
                Golden.resource("golden/mixed/model.safetensors"), folder.resolve("model.safetensors"));
        UnsupportedModelException e = assertThrows(UnsupportedModelException.class, () -> MoeModel.load(folder));
        assertTrue(e.getMessage().contains("'glm5_next'"), e.getMessage());
    }

    @Test
    void logitsGoToTheCallersArray() {
        try (Session session = model.newSession();
                Session other = session.fork()) {
            float[] logits = new float[model.info().vocabulary() + 3];
            session.append(new int[] {1, 2}, logits);
            assertArrayEquals(other.append(1, 2).values(), Arrays.copyOf(logits, logits.length - 3));
            float[] tooShort = new float[model.info().vocabulary() - 1];
            int[] token = {1};
            assertThrows(InvalidRequestException.class, () -> session.append(token, tooShort));
            assertEquals(2, session.position());
        }
    }
}
