package dev.cadre.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The Java example in the README compiles and runs as it stands there. */
class ReadmeExampleTest {
    @Test
    void theExampleRuns(@TempDir Path folder) throws IOException, InterruptedException {
        Path root = Path.of("..").toAbsolutePath().normalize();
        String readme = Files.readString(root.resolve("README.md"));
        int from = readme.indexOf("```java\n") + 8;
        String example = readme.substring(from, readme.indexOf("```", from));
        assertTrue(example.lines().count() <= 10, "ten lines");
        Path source = folder.resolve("Example.java");
        Files.writeString(
                source,
                "import dev.cadre.core.*;\nimport java.nio.file.Path;\nclass Example {\n"
                        + "public static void main(String[] args) {\n" + example + "}\n}\n");
        String classPath = System.getProperty("java.class.path");
        String modulePath = System.getProperty("jdk.module.path", "");
        Process process = new ProcessBuilder(List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--add-modules",
                        "jdk.incubator.vector",
                        "-cp",
                        classPath + System.getProperty("path.separator") + modulePath,
                        source.toString()))
                .directory(root.toFile())
                .redirectError(folder.resolve("stderr").toFile())
                .start();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8)) {
            process.getInputStream().transferTo(out);
        }
        assertTrue(process.waitFor(60, TimeUnit.SECONDS));
        assertEquals(0, process.exitValue(), () -> readQuietly(folder.resolve("stderr")));
        assertFalse(bytes.toString(StandardCharsets.UTF_8).isBlank());
    }

    private static String readQuietly(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            return e.toString();
        }
    }
}
