package dev.cadre.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A token allocates nothing in steady state, on any thread, for every family.
 *
 * <p>Whether an allocation is removed by C2 depends on when and how it compiles. The exact test therefore runs the
 * scalar kernels in a JVM that has C1 only, which removes none: every allocation in the source counts, always. With the
 * vector kernels, vectors are objects until C2 has compiled what uses them, and stay objects where it does not inline a
 * call that they cross. That test waits for a series of steps that allocates nothing, for so many steps that everything
 * has been compiled: compilation is in the foreground and its thresholds are low, so time plays no part.
 */
class SteadyStateAllocationTest {
    /** Steps whose bytes are counted: within one page of the cache, since a new page is no steady state. */
    private static final int STEPS = 48;

    @TempDir
    private Path temp;

    @Test
    void scalarStepsAllocateNothing() throws IOException, InterruptedException {
        Path golden = Golden.resource("golden");
        List<Path> models = new ArrayList<>(List.of(golden.resolve("full"), golden.resolve("mixed/model.gguf")));
        try (Stream<Path> families = Files.list(golden.resolve("families"));
                Stream<Path> stored = Files.list(golden.resolve("stored"))) {
            Stream.concat(families, stored).sorted().forEach(models::add);
        }
        assertNothing(models, List.of("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dcadre.kernels=scalar"));
    }

    @Test
    void vectorStepsAllocateNothingInTheEnd() throws IOException, InterruptedException {
        Path families = Golden.resource("golden").resolve("families");
        assertNothing(
                List.of(Golden.resource("golden").resolve("full"), families.resolve("qwen3_moe")),
                List.of(
                        "-XX:+UseSerialGC",
                        "-XX:-BackgroundCompilation",
                        "-XX:CompileThresholdScaling=0.1",
                        "-Dcadre.kernels=vector",
                        "-Dseries=200"));
    }

    private void assertNothing(List<Path> models, List<String> flags) throws IOException, InterruptedException {
        List<String> lines = run(models, flags);
        assertEquals(models.size() * KvPrecision.values().length, lines.size(), lines.toString());
        for (String line : lines) {
            assertTrue(line.endsWith(": 0"), "bytes of " + STEPS + " steps:\n" + String.join("\n", lines));
        }
    }

    private List<String> run(List<Path> models, List<String> flags) throws IOException, InterruptedException {
        List<String> arguments = models.stream().map(Path::toString).toList();
        Process child = ChildJvm.start(temp, flags, Child.class, arguments);
        try {
            assertTrue(child.waitFor(300, TimeUnit.SECONDS), "the child hangs");
        } finally {
            child.destroyForcibly();
        }
        assertEquals(0, child.exitValue(), Files.readString(temp.resolve("err")));
        return Files.readAllLines(temp.resolve("log"));
    }

    /** Prints a line for each model: its name, and the bytes that some steps allocated on all threads. */
    static final class Child {
        private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

        private Child() {}

        public static void main(String[] args) {
            for (String model : args) {
                for (KvPrecision precision : KvPrecision.values()) {
                    LoadOptions options = LoadOptions.defaults().withThreads(2).withCachePrecision(precision);
                    try (MoeModel loaded = MoeModel.load(Path.of(model), options)) {
                        long bytes = longer(loaded);
                        System.out.println(model + " " + precision + ": " + bytes);
                    }
                }
            }
        }

        /**
         * The fewest bytes of several series of steps: what is done once (a class is loaded, a worker gets a large item
         * for the first time, a method is compiled) spoils one of them.
         */
        private static long longer(MoeModel model) {
            try (Session session = model.newSession()) {
                long least = Long.MAX_VALUE;
                for (int series = 0; series < Integer.getInteger("series", 6) && least > 0; series++) {
                    if (session.position() > 6 * 64) { // the smallest model has a context of 512
                        session.rewind(0);
                    }
                    least = Math.min(least, bytes(model, session));
                }
                return least;
            }
        }

        /** Goes on to the next page but one, and counts what steps within it allocate. */
        private static long bytes(MoeModel model, Session session) {
            long[] workers = Thread.getAllStackTraces().keySet().stream()
                    .filter(thread -> thread.getName().startsWith("cadre-worker"))
                    .mapToLong(Thread::threadId)
                    .toArray();
            float[] logits = new float[model.info().vocabulary()];
            int[] token = new int[1];
            int start = (session.position() / 64 + 1) * 64 + 4;
            while (session.position() < start) {
                token[0] = 1 + session.position() % 50;
                session.append(token, logits);
            }
            allocated(workers); // what its own first call allocates
            long before = allocated(workers);
            for (int i = 0; i < STEPS; i++) {
                token[0] = 1 + i;
                session.append(token, logits);
            }
            return allocated(workers) - before;
        }

        private static long allocated(long[] workers) {
            long bytes = THREADS.getThreadAllocatedBytes(Thread.currentThread().threadId());
            for (long worker : workers) {
                bytes += THREADS.getThreadAllocatedBytes(worker);
            }
            return bytes;
        }
    }
}
