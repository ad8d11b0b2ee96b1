package dev.cadre.kernels.format;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A mapped file that is truncated under a decoder gives an {@code InternalError} that can be caught, also from compiled
 * code. Runs in a JVM of its own, because the failure of this test is the death of the process.
 */
class MappedFaultTest {
    @TempDir
    Path temp;

    @Test
    void everyDecoderSurvivesATruncatedFile() throws IOException, InterruptedException {
        Path log = temp.resolve("log");
        Process child = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xbatch",
                        "-XX:-CreateCoredumpOnCrash",
                        "-cp",
                        String.join(File.pathSeparator, classes(BlockCodec.class), classes(Child.class)),
                        Child.class.getName(),
                        temp.toString())
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .directory(temp.toFile())
                .start();
        assertTrue(child.waitFor(120, TimeUnit.SECONDS), "the child hangs");
        List<String> lines = Files.readAllLines(log, StandardCharsets.UTF_8);
        assertEquals(0, child.exitValue(), String.join("\n", lines));
        assertEquals(BlockFormat.values().length, lines.size(), String.join("\n", lines));
        for (int i = 0; i < lines.size(); i++) {
            assertEquals(BlockFormat.values()[i] + " caught", lines.get(i));
        }
    }

    private static String classes(Class<?> type) {
        return Path.of(type.getProtectionDomain().getCodeSource().getLocation().getPath())
                .toString();
    }

    /** Decodes a format until it is compiled, truncates the file, decodes again; prints what happened. */
    static final class Child {
        private static final int BYTES = 1 << 16;

        private Child() {}

        public static void main(String[] args) throws IOException {
            byte[] noise = new byte[BYTES];
            new Random(1).nextBytes(noise);
            for (BlockFormat format : BlockFormat.values()) {
                Path file = Files.write(Path.of(args[0]).resolve("blocks"), noise);
                try (Arena arena = Arena.ofShared();
                        RandomAccessFile access = new RandomAccessFile(file.toFile(), "rw")) {
                    MemorySegment mapped = access.getChannel().map(FileChannel.MapMode.READ_ONLY, 0, BYTES, arena);
                    int blocks = Math.max(1, 256 / format.blockElements());
                    float[] values = new float[blocks * format.blockElements()];
                    for (int i = 0; i < 6000; i++) {
                        BlockCodec.of(format).decode(mapped, 4096, values, 0, values.length);
                    }
                    access.setLength(0);
                    System.out.println(format + " " + decodeMissing(format, mapped, values));
                }
            }
        }

        private static String decodeMissing(BlockFormat format, MemorySegment mapped, float[] values) {
            try {
                for (int i = 0; i < 10; i++) {
                    BlockCodec.of(format).decode(mapped, 4096, values, 0, values.length);
                }
                return "noticed nothing";
            } catch (InternalError e) {
                return "caught";
            }
        }
    }
}
