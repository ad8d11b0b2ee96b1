package dev.cadre.core;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** JVMs with the class path of the tests and the Vector API, for what may end a process or needs flags of its own. */
final class ChildJvm {
    private ChildJvm() {}

    /**
     * Starts a main class of the tests in {@code folder}, whose files {@code log} and {@code err} receive what it
     * prints.
     */
    static Process start(Path folder, List<String> flags, Class<?> main, List<String> arguments) throws IOException {
        String separator = System.getProperty("path.separator");
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("--add-modules", "jdk.incubator.vector"));
        command.addAll(flags);
        command.addAll(List.of(
                "-cp",
                String.join(
                        separator,
                        System.getProperty("java.class.path"),
                        System.getProperty("jdk.module.path", ""),
                        location(main)),
                main.getName()));
        command.addAll(arguments);
        return new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectOutput(folder.resolve("log").toFile())
                .redirectError(folder.resolve("err").toFile())
                .start();
    }

    private static String location(Class<?> type) {
        return type.getProtectionDomain().getCodeSource().getLocation().getPath();
    }
}
