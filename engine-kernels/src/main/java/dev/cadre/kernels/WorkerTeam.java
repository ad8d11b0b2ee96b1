package dev.cadre.kernels;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.LockSupport;

/**
 * A fixed set of platform threads that run one flat list of work items at a time.
 *
 * <p>A phase is published, and every worker (the caller is worker 0) goes through a range of the items of its own, in
 * order; one that is done takes the last items of the others' ranges. {@link #run} returns when all are done. Items
 * that follow one another mostly read memory that does, so each worker reads one long stream, far from the others'.
 * Workers that take items by turns jump at every item and read close to each other, which takes longer.
 *
 * <p>Between phases the workers spin for some microseconds, since the next phase of a forward pass follows at once, and
 * then park, so an idle team uses no CPU. Running a phase allocates nothing. Which worker runs an item is left to
 * chance, so an item's result must not depend on it.
 *
 * <p>Only one thread may call {@link #run} at a time; the owner guards that.
 */
public final class WorkerTeam implements AutoCloseable {
    /** One phase of work. */
    @FunctionalInterface
    public interface Task {
        /**
         * Runs one item.
         *
         * @param item from 0 to the number of items, each exactly once
         * @param worker the worker's number, for scratch space of its own: 0 to {@link WorkerTeam#size()}, exclusive
         */
        void run(int item, int worker);
    }

    private static final int SPINS = 4_000;
    private static final VarHandle EPOCH;

    static {
        try {
            EPOCH = MethodHandles.lookup().findVarHandle(WorkerTeam.class, "epoch", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** Longs between two workers' ranges, so that they share no cache line, nor a pair of them. */
    private static final int APART = 16;

    private final Worker[] workers;

    /** What is left of each worker's range of items: the next one in the upper 32 bits, the end in the lower. */
    private final AtomicLongArray ranges;

    private final AtomicInteger running = new AtomicInteger();
    private final AtomicInteger failures = new AtomicInteger();

    // Written by the caller before the epoch moves on, read by workers after they have seen it move.
    private Task task;
    private Thread caller;
    private volatile Throwable failure;
    private volatile boolean closed;
    private volatile int epoch;

    /**
     * Starts a team.
     *
     * @param size number of workers with the caller, at least 1
     * @param name prefix of the thread names
     */
    public WorkerTeam(int size, String name) {
        if (size < 1) {
            throw new IllegalArgumentException("a team needs at least one worker, not " + size);
        }
        ranges = new AtomicLongArray((size + 1) * APART);
        workers = new Worker[size - 1];
        for (int i = 0; i < workers.length; i++) {
            workers[i] = new Worker(i + 1);
            workers[i].thread =
                    Thread.ofPlatform().daemon().name(name + "-" + (i + 1)).start(workers[i]);
        }
    }

    /** Number of workers, the caller included. */
    public int size() {
        return workers.length + 1;
    }

    /**
     * Runs {@code task} for every item in [0, itemCount) and returns when all are done.
     *
     * <p>If an item throws, the items not yet taken are dropped, and the first error seen is thrown here as it was.
     *
     * @throws IllegalStateException if the team is closed
     */
    public void run(int itemCount, Task phase) {
        if (closed) {
            throw new IllegalStateException("the worker team is closed");
        }
        if (workers.length == 0 || itemCount <= 1) {
            for (int item = 0; item < itemCount; item++) {
                phase.run(item, 0);
            }
            return;
        }
        task = phase;
        for (int worker = 0; worker < size(); worker++) {
            ranges.setPlain(place(worker), range(first(worker, itemCount), first(worker + 1, itemCount)));
        }
        caller = Thread.currentThread();
        failure = null;
        failures.setPlain(0);
        running.setPlain(workers.length);
        EPOCH.setVolatile(this, epoch + 1);
        for (Worker worker : workers) {
            if (worker.parked) {
                LockSupport.unpark(worker.thread);
            }
        }
        takeItems(phase, 0);
        awaitWorkers();
        task = null;
        Throwable thrown = failure;
        if (thrown != null) {
            WorkerTeam.<RuntimeException>rethrow(thrown);
        }
    }

    private void awaitWorkers() {
        int spins = 0;
        boolean interrupted = false;
        while (running.get() != 0) {
            if (++spins < SPINS) {
                Thread.onSpinWait();
            } else {
                // The last worker unparks us; the time limit covers the moment between our check and our parking.
                LockSupport.parkNanos(this, 50_000);
                interrupted |= Thread.interrupted();
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private static int place(int worker) {
        return (worker + 1) * APART;
    }

    private static long range(int next, int end) {
        return (long) next << 32 | end;
    }

    /** Where a worker's range begins. */
    private int first(int worker, int itemCount) {
        return (int) ((long) itemCount * worker / size());
    }

    private void takeItems(Task phase, int worker) {
        try {
            for (int item = next(worker); item >= 0; item = next(worker)) {
                phase.run(item, worker);
            }
            for (int i = 1; i < size(); i++) {
                int other = (worker + i) % size();
                for (int item = last(other); item >= 0; item = last(other)) {
                    phase.run(item, worker);
                }
            }
        } catch (Throwable t) {
            if (failures.getAndIncrement() == 0) {
                failure = t;
            }
            for (int i = 0; i < size(); i++) {
                ranges.set(place(i), 0);
            }
        }
    }

    /** Takes the first item left in a worker's own range; -1 if there is none. */
    private int next(int worker) {
        while (true) {
            long left = ranges.get(place(worker));
            int next = (int) (left >>> 32);
            if (next >= (int) left) {
                return -1;
            }
            if (ranges.compareAndSet(place(worker), left, left + (1L << 32))) {
                return next;
            }
        }
    }

    /** Takes the last item left in another worker's range; -1 if there is none. */
    private int last(int worker) {
        while (true) {
            long left = ranges.get(place(worker));
            if ((int) (left >>> 32) >= (int) left) {
                return -1;
            }
            if (ranges.compareAndSet(place(worker), left, left - 1)) {
                return (int) left - 1;
            }
        }
    }

    @SuppressWarnings("unchecked")
    private static <T extends Throwable> void rethrow(Throwable t) throws T {
        throw (T) t;
    }

    /** Stops the threads and waits for them. Must not be called while {@link #run} runs. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        EPOCH.setVolatile(this, epoch + 1);
        for (Worker worker : workers) {
            LockSupport.unpark(worker.thread);
        }
        boolean interrupted = false;
        for (Worker worker : workers) {
            while (worker.thread.isAlive()) {
                try {
                    worker.thread.join();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private final class Worker implements Runnable {
        private final int number;
        private Thread thread;
        private volatile boolean parked;

        Worker(int number) {
            this.number = number;
        }

        @Override
        public void run() {
            int seen = 0;
            while (true) {
                seen = awaitEpochAfter(seen);
                if (closed) {
                    return;
                }
                takeItems(task, number);
                Thread waiting = caller;
                if (running.decrementAndGet() == 0) {
                    LockSupport.unpark(waiting);
                }
            }
        }

        private int awaitEpochAfter(int seen) {
            for (int spins = 0; spins < SPINS; spins++) {
                int now = epoch;
                if (now != seen) {
                    return now;
                }
                Thread.onSpinWait();
            }
            parked = true;
            try {
                int now;
                while ((now = epoch) == seen) {
                    LockSupport.park(WorkerTeam.this);
                }
                return now;
            } finally {
                parked = false;
            }
        }
    }

    /**
     * Threads to use when nothing else is said: physical cores (hyper-threads share the units that matter here),
     * but not more than the processors that the container gives this JVM.
     */
    public static int defaultSize() {
        return Math.max(
                1, Math.min(CpuTopology.physicalCores(), Runtime.getRuntime().availableProcessors()));
    }
}
