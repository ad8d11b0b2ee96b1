package dev.cadre.core;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cadre.core.SessionFileException.Reason;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Saved sessions continue as if nothing had happened, and everything else is a typed error that changes nothing. */
class SavedSessionTest {
    private static final LoadOptions OPTIONS = LoadOptions.defaults()
            .withThreads(2)
            .withCachePrecision(KvPrecision.FP8)
            .withPrefixCacheBytes(0); // pages are counted
    private static DefaultMoeModel model; // GLM-DSA, 16 positions selected

    @TempDir
    private Path temp;

    @BeforeAll
    static void load() {
        model = (DefaultMoeModel) MoeModel.load(Golden.resource("golden/mixed"), OPTIONS);
    }

    @AfterAll
    static void close() {
        assertEquals(0, model.engine().pool().heldPages());
        model.close();
    }

    private static int[] tokens(int n) {
        int[] ids = new int[n];
        for (int i = 0; i < n; i++) {
            ids[i] = (i * 7 + i / 5) % 97;
        }
        return ids;
    }

    private Path saved(int positions) {
        Path file = temp.resolve("session-" + positions);
        try (Session session = model.newSession()) {
            session.append(tokens(positions));
            session.save(file);
        }
        return file;
    }

    private static Reason reasonOf(Path file) {
        int held = model.engine().pool().heldPages();
        SessionFileException e = assertThrows(SessionFileException.class, () -> model.restore(file));
        assertTrue(e.getMessage().startsWith(file.toString()), e.getMessage());
        assertEquals(held, model.engine().pool().heldPages());
        return e.reason();
    }

    @ParameterizedTest
    @CsvSource({
        "mixed, F32",
        "mixed, BF16",
        "mixed, FP8",
        "grouped, F32",
        "grouped, BF16",
        "grouped, FP8",
        "families/qwen3_moe, FP8",
        "families/deepseek_v32, F32",
        "families/gpt_oss, BF16",
        "families/llama4_text, F32"
    })
    void aRestoredSessionContinuesBitForBit(String name, KvPrecision precision) {
        LoadOptions options = OPTIONS.withCachePrecision(precision);
        Path folder = Golden.resource("golden/" + name);
        Path file = temp.resolve("saved");
        int[] next = tokens(40);
        float[] expected;
        int position;
        try (MoeModel first = MoeModel.load(folder, options);
                Session session = first.newSession()) {
            session.append(tokens(131));
            Sampling greedy = Sampling.greedy().withMaxTokens(8);
            session.generate(tokens(2), greedy).result(); // leaves a token that was not read yet
            position = session.position();
            session.save(file);
            expected = session.forward(next).values();
        }
        try (MoeModel second = MoeModel.load(folder, options.withThreads(1).withPrefillChunk(7));
                Session session = second.restore(file)) {
            assertEquals(position, session.position());
            assertArrayEquals(expected, session.forward(next).values(), 0f);
            session.rewind(position - 1);
            session.save(file); // over the old one
            try (Session again = second.restore(file)) {
                assertEquals(position - 1, again.position());
                assertArrayEquals(session.append(9).values(), again.append(9).values(), 0f);
            }
        }
    }

    @Test
    void sessionsOfAnyLengthComeBack() {
        for (int positions : new int[] {0, 1, 63, 64, 65, 128, 500}) {
            Path file = temp.resolve("n" + positions);
            try (Session session = model.newSession()) {
                session.forward(tokens(positions));
                session.save(file);
                try (Session back = model.restore(file, SessionOptions.ofContext(positions + 1))) {
                    assertEquals(positions, back.position());
                    assertArrayEquals(session.append(5).values(), back.append(5).values(), 0f);
                    assertThrows(InvalidRequestException.class, () -> back.append(6), "the context of the restore");
                }
            }
        }
        Path file = temp.resolve("n500");
        assertThrows(InvalidRequestException.class, () -> model.restore(file, SessionOptions.ofContext(499)));
    }

    @Test
    void tokensOfManyBlocksComeBack() {
        Path file = temp.resolve("long");
        int[] ids = tokens(40_000);
        try (DefaultSession session = (DefaultSession) model.newSession()) {
            session.cache().reserve(ids.length);
            session.cache().commit(ids, 0, ids.length);
            session.save(file);
        }
        try (DefaultSession back = (DefaultSession) model.restore(file)) {
            assertEquals(ids.length, back.cache().knownTokens());
            assertArrayEquals(ids, back.cache().tokens(0, ids.length));
        }
    }

    @Test
    void forgottenPositionsAreNotInTheFile() throws IOException {
        Path plain = saved(70);
        Path rewound = temp.resolve("rewound");
        try (Session session = model.newSession()) {
            session.append(tokens(70));
            session.append(11, 12, 13);
            session.rewind(70);
            session.save(rewound);
        }
        assertEquals(-1, Files.mismatch(plain, rewound));
    }

    @Test
    void windowsAndUnknownTokensComeBack() {
        Path file = temp.resolve("windows");
        LoadOptions options = OPTIONS.withPrefillChunk(64);
        try (MoeModel windows = MoeModel.load(Golden.resource("golden/families/gpt_oss"), options);
                Session session = windows.newSession(SessionOptions.ofContext(4000))) {
            Diagnostics.appendRandom(session, 2000, 3);
            session.append(tokens(70));
            session.save(file);
            try (Session back = windows.restore(file, SessionOptions.ofContext(4000))) {
                assertArrayEquals(
                        session.append(tokens(20)).values(),
                        back.append(tokens(20)).values(),
                        0f);
                InvalidRequestException e = assertThrows(InvalidRequestException.class, () -> back.rewind(100));
                assertTrue(e.getMessage().contains("sliding window"), e.getMessage());
                back.rewind(2000);
            }
        }
    }

    @Test
    void whicheverStepOfWritingFailsTheOldFileStays() throws IOException {
        Path file = temp.resolve("session");
        try (Session session = model.newSession()) {
            session.append(tokens(100));
            session.save(file);
            byte[] old = Files.readAllBytes(file);
            session.append(tokens(40));
            int held = model.engine().pool().heldPages();
            int fatal = 0;
            for (; ; fatal++) {
                FailingFiles disk = new FailingFiles(fatal);
                try {
                    ((DefaultSession) session).save(file, disk.output());
                    break;
                } catch (SessionFileException e) {
                    assertEquals(Reason.IO, e.reason());
                    assertTrue(e.getMessage().contains("No space left"), e.getMessage());
                    if (disk.renamed()) {
                        restoredHas(140, file); // only that its name survives a crash is not sure
                        Files.write(file, old);
                    }
                    assertArrayEquals(old, Files.readAllBytes(file));
                    try (var files = Files.list(temp)) {
                        assertEquals(1, files.count(), "after step " + fatal);
                    }
                    assertEquals(held, model.engine().pool().heldPages());
                }
            }
            assertTrue(fatal >= 9, fatal + " steps"); // open, header, groups, tokens, 3 pages, force, rename, sync
            restoredHas(140, file);
        }
    }

    /** What kills no process in a test: a power failure loses what is not forced. */
    @Test
    void everythingIsForcedBeforeItHasItsName() {
        FailingFiles disk = new FailingFiles(-1);
        try (DefaultSession session = (DefaultSession) model.newSession()) {
            session.append(tokens(100));
            session.save(temp.resolve("session"), disk.output());
        }
        assertEquals(List.of("write", "force", "rename", "sync folder"), disk.done());
    }

    private static void restoredHas(int positions, Path file) {
        try (Session back = model.restore(file)) {
            assertEquals(positions, back.position());
        }
    }

    @Test
    void whicheverStepOfReadingFailsNothingIsHeld() {
        Path file = saved(140);
        int fatal = 0;
        for (; ; fatal++) {
            FailingFiles disk = new FailingFiles(fatal);
            try {
                model.restore(file, SessionOptions.defaults(), disk.input()).close();
                break;
            } catch (SessionFileException e) {
                assertEquals(Reason.IO, e.reason());
                assertEquals(0, model.engine().pool().heldPages());
            }
        }
        assertTrue(fatal >= 8, fatal + " steps"); // open, size, header, groups, tokens, 3 pages
        assertEquals(Reason.IO, reasonOf(temp.resolve("missing")));
        assertEquals(Reason.IO, reasonOf(temp));
    }

    @Test
    void everyAlteredByteIsNoticed() throws IOException {
        Path file = saved(80);
        byte[] whole = Files.readAllBytes(file);
        byte[] bytes = whole.clone();
        for (int at = 0; at < bytes.length; at += at < 600 ? 1 : 211) {
            bytes[at] ^= (byte) (1 << at % 8);
            Files.write(file, bytes);
            boolean version = at >= 8 && at < 12;
            assertEquals(version ? Reason.VERSION : Reason.DAMAGED, reasonOf(file), "byte " + at);
            bytes[at] = whole[at];
        }
        Files.write(file, bytes);
        restoredHas(80, file);
    }

    @Test
    void everyCutIsNoticed() throws IOException {
        Path file = saved(80);
        byte[] whole = Files.readAllBytes(file);
        for (int size = 0; size < whole.length; size += size < 600 ? 1 : 1009) {
            Files.write(file, Arrays.copyOf(whole, size));
            assertEquals(Reason.DAMAGED, reasonOf(file), size + " bytes");
        }
        Files.write(file, Arrays.copyOf(whole, whole.length + 1));
        assertEquals(Reason.DAMAGED, reasonOf(file));
    }

    @Test
    void exchangedPagesAreNoticed() throws IOException {
        Path file = saved(128);
        byte[] whole = Files.readAllBytes(file);
        int block = Math.toIntExact(model.engine().pageBytes() + 4);
        byte[] exchanged = whole.clone();
        System.arraycopy(whole, whole.length - block, exchanged, whole.length - 2 * block, block);
        System.arraycopy(whole, whole.length - 2 * block, exchanged, whole.length - block, block);
        assertNotEquals(-1, Arrays.mismatch(whole, exchanged));
        Files.write(file, exchanged);
        assertEquals(Reason.DAMAGED, reasonOf(file));
    }

    /** Headers that somebody wrote with care: their checksum is right, their promises are not. */
    @ParameterizedTest
    @CsvSource({
        "48, 2147483647, positions",
        "48, -1, positions",
        "52, 2147483647, known tokens",
        "52, 1, fewer known tokens",
        "56, 2147483647, unread tokens",
        "56, -5, unread tokens",
        "60, 2147483647, groups",
        "64, 2147483647, page bytes",
        "68, 2147483647, page bytes of 2^63",
        "72, 2147483647, pages",
        "76, 2147483647, pages of 2^63",
        "12, 77, precision"
    })
    void promisesBeyondTheFileAreRefused(int at, int value, String what) throws IOException {
        Path file = saved(80);
        byte[] bytes = Files.readAllBytes(file);
        ByteBuffer header = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        header.putInt(at, value);
        CRC32C sum = new CRC32C();
        sum.update(new byte[8]);
        sum.update(bytes, 0, 80);
        header.putInt(80, (int) sum.getValue());
        Files.write(file, bytes);
        assertEquals(Reason.DAMAGED, reasonOf(file), what);
    }

    @Test
    void otherModelsAndPrecisionsAreNamed() throws IOException {
        Path file = saved(80);
        for (String other : new String[] {"full", "grouped", "families/deepseek_v32"}) {
            try (MoeModel wrong = MoeModel.load(Golden.resource("golden/" + other), OPTIONS)) {
                SessionFileException e = assertThrows(SessionFileException.class, () -> wrong.restore(file));
                assertEquals(Reason.MODEL, e.reason());
            }
        }
        try (MoeModel exact =
                MoeModel.load(Golden.resource("golden/mixed"), OPTIONS.withCachePrecision(KvPrecision.F32))) {
            SessionFileException e = assertThrows(SessionFileException.class, () -> exact.restore(file));
            assertEquals(Reason.PRECISION, e.reason());
            assertTrue(e.getMessage().contains("FP8") && e.getMessage().contains("F32"), e.getMessage());
        }
        assertFalse(Files.exists(temp.resolve("session-80.partial")));
    }

    @Test
    void aTunedModelIsAnotherModel() throws IOException {
        Path file = saved(80);
        Path folder = temp.resolve("tuned");
        Files.createDirectory(folder);
        Path golden = Golden.resource("golden/mixed");
        Files.copy(golden.resolve("config.json"), folder.resolve("config.json"));
        byte[] weights = Files.readAllBytes(golden.resolve("model.safetensors"));
        int header = Math.toIntExact(
                ByteBuffer.wrap(weights).order(ByteOrder.LITTLE_ENDIAN).getLong(0));
        for (int i = 8 + header + 1; i < weights.length; i += 4) {
            weights[i] ^= 1; // a small change of every float32
        }
        Files.write(folder.resolve("model.safetensors"), weights);
        try (MoeModel tuned = MoeModel.load(folder, OPTIONS)) {
            SessionFileException e = assertThrows(SessionFileException.class, () -> tuned.restore(file));
            assertEquals(Reason.MODEL, e.reason());
        }
    }

    @Test
    void aFullCacheIsATypedErrorAndLeavesNothing() {
        Path file = saved(200);
        long page = model.engine().pageBytes();
        try (DefaultMoeModel small =
                (DefaultMoeModel) MoeModel.load(Golden.resource("golden/mixed"), OPTIONS.withCacheBytes(3 * page))) {
            assertThrows(CacheFullException.class, () -> small.restore(file));
            assertEquals(0, small.engine().pool().heldPages());
        }
    }

    @Test
    void othersGenerateWhileSessionsAreSaved() throws Exception {
        Path file = temp.resolve("busy");
        float[] expected;
        try (Session alone = model.newSession()) {
            expected = alone.append(tokens(400)).values();
        }
        try (Session kept = model.newSession();
                ExecutorService pool = Executors.newFixedThreadPool(1)) {
            kept.append(tokens(400));
            Future<?> others = pool.submit(() -> {
                for (int i = 0; i < 5; i++) {
                    try (Session other = model.newSession()) {
                        assertArrayEquals(expected, other.append(tokens(400)).values(), 0f);
                    }
                }
            });
            do {
                kept.save(file);
                try (Session fork = kept.fork();
                        Session back = model.restore(file)) {
                    assertArrayEquals(fork.append(3).values(), back.append(3).values(), 0f);
                }
            } while (!others.isDone());
            others.get();
        }
    }

    @Test
    void closingTheModelWhileASessionIsSaved() throws Exception {
        Path file = saved(500);
        for (int round = 0; round < 10; round++) {
            MoeModel other = MoeModel.load(Golden.resource("golden/mixed"), OPTIONS);
            try (ExecutorService pool = Executors.newFixedThreadPool(1)) {
                Future<?> saving = pool.submit(() -> {
                    Session session = other.newSession();
                    session.append(tokens(500));
                    while (true) {
                        session.save(file);
                        other.restore(file).close();
                    }
                });
                Thread.sleep(20 + 10 * round);
                other.close();
                Throwable cause =
                        assertThrows(ExecutionException.class, saving::get).getCause();
                assertEquals(ModelClosedException.class, cause.getClass(), cause.toString());
            }
            restoredHas(500, file);
        }
    }

    @Test
    void aClosedModelOrSessionSaysSo() {
        Path file = saved(10);
        MoeModel other = MoeModel.load(Golden.resource("golden/mixed"), OPTIONS);
        Session session = other.newSession();
        Session closed = other.newSession();
        closed.close();
        assertThrows(ModelClosedException.class, () -> closed.save(file));
        other.close();
        assertThrows(ModelClosedException.class, () -> session.save(file));
        assertThrows(ModelClosedException.class, () -> other.restore(file));
        restoredHas(10, file);
    }
}
