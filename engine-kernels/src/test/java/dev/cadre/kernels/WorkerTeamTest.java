package dev.cadre.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.management.ManagementFactory;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.LongAdder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WorkerTeamTest {
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 7})
    void everyItemRunsExactlyOnce(int size) {
        try (WorkerTeam team = new WorkerTeam(size, "test")) {
            for (int round = 0; round < 3000; round++) {
                int items = round % 50;
                AtomicIntegerArray runs = new AtomicIntegerArray(items);
                team.run(items, (item, worker) -> {
                    assertTrue(worker >= 0 && worker < size);
                    runs.incrementAndGet(item);
                });
                for (int i = 0; i < items; i++) {
                    assertEquals(1, runs.get(i));
                }
            }
        }
    }

    @Test
    void workOfOnePhaseIsSeenByTheNext() {
        int[] plain = new int[64];
        try (WorkerTeam team = new WorkerTeam(3, "test")) {
            for (int round = 1; round <= 2000; round++) {
                int expected = round;
                team.run(plain.length, (item, worker) -> plain[item]++);
                team.run(plain.length, (item, worker) -> assertEquals(expected, plain[63 - item]));
            }
        }
    }

    @Test
    void anErrorReachesTheCallerAndTheTeamGoesOn() {
        InternalError error = new InternalError("on purpose");
        try (WorkerTeam team = new WorkerTeam(3, "test")) {
            Throwable thrown = assertThrows(
                    InternalError.class,
                    () -> team.run(100, (item, worker) -> {
                        if (item == 57) {
                            throw error;
                        }
                    }));
            assertSame(error, thrown);
            LongAdder count = new LongAdder();
            team.run(100, (item, worker) -> count.increment());
            assertEquals(100, count.sum());
        }
    }

    @Test
    void closingEndsTheThreadsAndRefusesWork() {
        WorkerTeam team = new WorkerTeam(4, "closing-test");
        team.run(8, (item, worker) -> {});
        team.close();
        team.close();
        boolean alive = Thread.getAllStackTraces().keySet().stream()
                .anyMatch(t -> t.getName().startsWith("closing-test"));
        assertFalse(alive);
        assertThrows(IllegalStateException.class, () -> team.run(1, (item, worker) -> {}));
    }

    @Test
    void aPhaseAllocatesNothing() {
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        try (WorkerTeam team = new WorkerTeam(2, "test")) {
            WorkerTeam.Task task = (item, worker) -> {};
            for (int i = 0; i < 2000; i++) {
                team.run(16, task);
            }
            long before = threads.getCurrentThreadAllocatedBytes();
            for (int i = 0; i < 2000; i++) {
                team.run(16, task);
            }
            long bytes = threads.getCurrentThreadAllocatedBytes() - before;
            assertTrue(bytes < 2000, () -> bytes + " bytes for 2000 phases");
        }
    }

    @Test
    void anInterruptIsKeptAndNothingIsLost() {
        try (WorkerTeam team = new WorkerTeam(2, "test")) {
            Thread.currentThread().interrupt();
            LongAdder count = new LongAdder();
            team.run(1000, (item, worker) -> count.increment());
            assertTrue(Thread.interrupted());
            assertEquals(1000, count.sum());
        }
    }
}
