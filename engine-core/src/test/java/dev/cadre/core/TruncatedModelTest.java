package dev.cadre.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A model whose file, or cache file, is truncated while it generates fails with a typed error; the process lives. */
class TruncatedModelTest {
    @TempDir
    private Path temp;

    @Test
    void aTruncatedFileIsATypedError() throws IOException, InterruptedException {
        Path model = Files.copy(Golden.resource("golden/mixed/model.gguf"), temp.resolve("model.gguf"));
        assertFails(model, temp.resolve("kv"), model);
    }

    @ParameterizedTest
    @EnumSource
    void aTruncatedCacheFileIsATypedError(KvPrecision precision) throws IOException, InterruptedException {
        Path cache = temp.resolve("kv-" + precision);
        assertFails(Golden.resource("golden/mixed/model.gguf"), cache, cache);
    }

    private void assertFails(Path model, Path cache, Path truncated) throws IOException, InterruptedException {
        Path log = temp.resolve("log");
        List<String> arguments = List.of(model.toString(), cache.toString(), truncated.toString());
        Process child = ChildJvm.start(temp, List.of("-XX:-CreateCoredumpOnCrash"), Child.class, arguments);
        assertTrue(child.waitFor(120, TimeUnit.SECONDS), "the child hangs");
        String all = Files.readString(log) + Files.readString(temp.resolve("err"));
        assertEquals(0, child.exitValue(), all);
        assertEquals(
                List.of("step: WeightsFaultException", "later: WeightsFaultException", "closed"),
                Files.readAllLines(log),
                all);
    }

    /** Runs steps until the kernels are compiled, truncates the file, runs on. */
    static final class Child {
        private Child() {}

        public static void main(String[] args) throws IOException {
            String cache = args[1];
            LoadOptions options = LoadOptions.defaults().withThreads(2).withCacheFile(Path.of(cache), 1 << 30);
            for (KvPrecision precision : KvPrecision.values()) {
                options = cache.endsWith(precision.name()) ? options.withCachePrecision(precision) : options;
            }
            Path file = Path.of(args[2]);
            MoeModel model = MoeModel.load(Path.of(args[0]), options);
            Session session = model.newSession();
            Session other = model.newSession();
            for (int i = 0; i < 300; i++) {
                session.append(1 + i % 200);
            }
            System.out.println("step: "
                    + outcome(() -> {
                        int[] prompt = {5};
                        for (Token _ :
                                session.generate(prompt, Sampling.greedy().withMaxTokens(30))) {
                            truncate(file);
                        }
                    }));
            System.out.println("later: " + outcome(() -> other.append(1)));
            session.close();
            other.close();
            model.close();
            System.out.println("closed");
        }

        private static void truncate(Path file) {
            try (RandomAccessFile access = new RandomAccessFile(file.toFile(), "rw")) {
                access.setLength(4096);
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        }

        private static String outcome(Runnable action) {
            try {
                action.run();
                return "noticed nothing";
            } catch (RuntimeException e) {
                return e.getClass().getSimpleName();
            }
        }
    }
}
