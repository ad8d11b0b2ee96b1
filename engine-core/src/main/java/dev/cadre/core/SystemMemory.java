package dev.cadre.core;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** How much memory this process may use: the machine's, or less where a container limits it. */
final class SystemMemory {
    private static final Path CGROUP_V2 = Path.of("/sys/fs/cgroup/memory.max");
    private static final Path CGROUP_V1 = Path.of("/sys/fs/cgroup/memory/memory.limit_in_bytes");
    private static final Path MEMINFO = Path.of("/proc/meminfo");

    /** Assumed where the operating system does not say. */
    private static final long FALLBACK = 8L << 30;

    private SystemMemory() {}

    /** Bytes. */
    static long available() {
        long bytes = machine();
        for (Path limit : new Path[] {CGROUP_V2, CGROUP_V1}) {
            bytes = Math.min(bytes, number(limit));
        }
        return bytes;
    }

    private static long machine() {
        try {
            for (String line : Files.readAllLines(MEMINFO)) {
                if (line.startsWith("MemTotal:")) {
                    return 1024 * Long.parseLong(line.replaceAll("[^0-9]", ""));
                }
            }
        } catch (IOException | NumberFormatException e) {
            return FALLBACK; // not Linux
        }
        return FALLBACK;
    }

    private static long number(Path file) {
        try {
            String text = Files.readString(file).strip();
            return text.equals("max") ? Long.MAX_VALUE : Long.parseLong(text);
        } catch (IOException | NumberFormatException e) {
            return Long.MAX_VALUE; // no limit that we can read
        }
    }
}
