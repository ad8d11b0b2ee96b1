package dev.cadre.core;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A process that is killed while it saves leaves the last saved session or the next one, whole. */
class KilledSaveTest {
    private static final int START = 130;
    private static final int MOST_ROUNDS = 20;
    private static final LoadOptions OPTIONS = Golden.exact().withThreads(1);

    @TempDir
    private Path temp;

    @Test
    void theOldFileOrTheNewOne() throws IOException, InterruptedException {
        Path file = temp.resolve("session");
        Random random = new Random(5);
        int killedWhileWriting = 0;
        try (MoeModel model = MoeModel.load(Golden.resource("golden/mixed"), OPTIONS);
                Session straight = model.newSession()) {
            straight.append(new int[START]);
            for (int round = 0; round < MOST_ROUNDS && killedWhileWriting < 2; round++) {
                int saved = runAndKill(file, random.nextInt(200));
                killedWhileWriting += Files.exists(temp.resolve("session.partial")) ? 1 : 0;
                try (Session back = model.restore(file)) {
                    int position = back.position();
                    assertTrue(
                            position == START + saved || position == START + saved + 1,
                            "restored " + position + " after " + saved + " saves");
                    try (Session expected = straight.fork()) {
                        expected.append(new int[position - START]);
                        assertArrayEquals(
                                expected.append(7).values(), back.append(7).values(), 0f);
                    }
                    back.save(file); // over what the killed process has left
                }
                Files.delete(file);
            }
        }
        assertTrue(killedWhileWriting > 0, "no round was killed in the middle of a file");
    }

    /** Number of the last save that the child has reported. */
    private int runAndKill(Path file, int millis) throws IOException, InterruptedException {
        Path log = temp.resolve("log");
        List<String> arguments = List.of(Golden.resource("golden/mixed").toString(), file.toString());
        Process child = ChildJvm.start(temp, List.of(), Child.class, arguments); // kernels as here: the same bits
        while (child.isAlive() && lastLine(log) == 0) {
            Thread.sleep(10);
        }
        assertTrue(child.isAlive(), Files.readString(temp.resolve("err")));
        Thread.sleep(millis);
        for (int i = 0; i < 1_000_000 && !Files.exists(temp.resolve("session.partial")); i++) {
            Thread.onSpinWait(); // in the middle of a file, if it goes well
        }
        child.destroyForcibly().waitFor();
        return lastLine(log);
    }

    /** The number in the last line that is complete, or 0. */
    private static int lastLine(Path log) throws IOException {
        String text = Files.readString(log);
        int end = text.lastIndexOf('\n');
        return end < 0 ? 0 : Integer.parseInt(text.substring(text.lastIndexOf('\n', end - 1) + 1, end));
    }

    /** Saves after every token. */
    static final class Child {
        private Child() {}

        public static void main(String[] args) {
            try (MoeModel model = MoeModel.load(Path.of(args[0]), OPTIONS);
                    Session session = model.newSession()) {
                session.append(new int[START]);
                for (int i = 1; i < 100_000; i++) {
                    session.append(0);
                    session.save(Path.of(args[1]));
                    System.out.println(i);
                }
            }
        }
    }
}
