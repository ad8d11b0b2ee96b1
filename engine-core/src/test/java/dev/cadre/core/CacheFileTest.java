package dev.cadre.core;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Models whose caches are in a file. */
class CacheFileTest {
    @TempDir
    private Path temp;

    @Test
    void theSameBitsAsInMemory() throws IOException {
        Golden golden = Golden.of("mixed");
        Path file = temp.resolve("kv");
        LoadOptions options = Golden.exact().withThreads(2);
        try (MoeModel inMemory = MoeModel.load(golden.folder(), options);
                MoeModel onFile = MoeModel.load(golden.folder(), options.withCacheFile(file, 100_000_000));
                Session a = inMemory.newSession();
                Session b = onFile.newSession()) {
            assertArrayEquals(
                    a.forward(golden.prompt()).values(),
                    b.forward(golden.prompt()).values(),
                    0f);
            assertTrue(Files.size(file) > 64 * onFile.info().cacheBytesPerToken());
            Thread.currentThread().interrupt();
            int[] more = new int[64];
            float[] last = b.append(more).values();
            assertTrue(Thread.interrupted());
            assertArrayEquals(a.append(more).values(), last, 0f);
            try (Session other = onFile.newSession()) {
                other.append(golden.prompt());
            }
        }
        assertFalse(Files.exists(file));
    }

    @Test
    void theBudgetIsOfTheFile() throws IOException {
        Golden golden = Golden.of("mixed");
        Path file = temp.resolve("kv");
        long page = 64 * MoeModelSizes.cacheBytesPerToken(golden);
        try (MoeModel model = MoeModel.load(golden.folder(), Golden.exact().withCacheFile(file, 2 * page));
                Session session = model.newSession()) {
            int[] tokens = new int[128];
            Arrays.fill(tokens, 3);
            session.append(tokens);
            assertThrows(CacheFullException.class, () -> session.append(4));
            assertEquals(128, session.position());
        }
    }

    /** Asks a model that is closed again. */
    private static final class MoeModelSizes {
        private MoeModelSizes() {}

        static long cacheBytesPerToken(Golden golden) {
            try (MoeModel model = MoeModel.load(golden.folder(), Golden.exact())) {
                return model.info().cacheBytesPerToken();
            }
        }
    }

    @Test
    void aFileInUseIsATypedErrorAndLeavesNothing() throws IOException {
        Golden golden = Golden.of("mixed");
        Path file = temp.resolve("kv");
        LoadOptions options = Golden.exact().withCacheFile(file, 1 << 20);
        try (MoeModel first = MoeModel.load(golden.folder(), options)) {
            assertThrows(CacheFileException.class, () -> MoeModel.load(golden.folder(), options));
            try (Session session = first.newSession()) {
                session.append(1, 2, 3);
            }
        }
        MoeModel.load(golden.folder(), options).close();
        assertFalse(Files.exists(file));
    }
}
