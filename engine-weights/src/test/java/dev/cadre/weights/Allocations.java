package dev.cadre.weights;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.function.Supplier;

/** Bounds what the current thread allocates. */
public final class Allocations {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private Allocations() {}

    /** Runs {@code action}, which may allocate 1 MiB and four times the file's size. */
    public static <T> T bounded(long fileBytes, String what, Supplier<T> action) {
        long before = THREADS.getCurrentThreadAllocatedBytes();
        T result = action.get();
        long allocated = THREADS.getCurrentThreadAllocatedBytes() - before;
        assertTrue(
                allocated <= (1 << 20) + 4 * fileBytes,
                () -> what + ": allocated " + allocated + " bytes for a file of " + fileBytes);
        return result;
    }
}
