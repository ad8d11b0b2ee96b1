package dev.cadre.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** JVMs with the Vector API, for what may kill a process. */
final class VectorJvm {
    private VectorJvm() {}

    /**
     * Runs a main class of the tests, which gets {@code folder} as its argument, and expects it to end well and to
     * have printed these lines.
     *
     * @param options further options of the JVM
     */
    static void expect(List<String> lines, Class<?> main, Path folder, String... options)
            throws IOException, InterruptedException {
        Path log = folder.resolve("log");
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules",
                "jdk.incubator.vector",
                "-Xbatch",
                "-XX:-CreateCoredumpOnCrash",
                "-cp",
                String.join(
                        File.pathSeparator,
                        location(Kernels.class),
                        location(main),
                        location(org.slf4j.Logger.class))));
        command.addAll(List.of(options));
        command.addAll(List.of(main.getName(), folder.toString()));
        Process child = new ProcessBuilder(command)
                .redirectError(folder.resolve("err").toFile())
                .redirectOutput(log.toFile())
                .directory(folder.toFile())
                .start();
        assertTrue(child.waitFor(240, TimeUnit.SECONDS), "the child hangs");
        List<String> printed = Files.readAllLines(log, StandardCharsets.UTF_8);
        String all = String.join("\n", printed) + Files.readString(folder.resolve("err"));
        assertEquals(0, child.exitValue(), all);
        assertEquals(lines, printed, all);
    }

    private static String location(Class<?> type) {
        return Path.of(type.getProtectionDomain().getCodeSource().getLocation().getPath())
                .toString();
    }
}
