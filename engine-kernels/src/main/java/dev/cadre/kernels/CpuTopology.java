package dev.cadre.kernels;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;

/** What the operating system says of the processors. */
final class CpuTopology {
    private static final Path CPUS = Path.of("/sys/devices/system/cpu");

    private CpuTopology() {}

    /** Number of physical cores, or of logical processors where it cannot be found out. */
    static int physicalCores() {
        Set<String> cores = new HashSet<>();
        try (DirectoryStream<Path> cpus = Files.newDirectoryStream(CPUS, "cpu[0-9]*")) {
            for (Path cpu : cpus) {
                Path siblings = cpu.resolve("topology/thread_siblings_list");
                if (Files.isReadable(siblings)) {
                    cores.add(Files.readString(siblings).strip());
                }
            }
        } catch (IOException e) {
            cores.clear(); // no such folder (macOS, Windows) or not readable: fall back
        }
        return cores.isEmpty() ? Runtime.getRuntime().availableProcessors() : cores.size();
    }
}
