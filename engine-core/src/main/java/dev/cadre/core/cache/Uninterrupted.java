package dev.cadre.core.cache;

import java.io.IOException;

/**
 * Runs file operations on a thread of their own. A channel closes itself when the thread that uses it is interrupted,
 * and callers interrupt to cancel a generation: that must not close the file under all other sessions.
 */
final class Uninterrupted {
    private Uninterrupted() {}

    /** A file operation. */
    interface Operation<T> {
        T run() throws IOException;
    }

    /** Runs the operation and waits for its end, whatever interrupts arrive; they stay pending for the caller. */
    static <T> T call(Operation<T> operation) throws IOException {
        Worker<T> worker = new Worker<>(operation);
        Thread thread = Thread.ofPlatform().daemon().name("cadre-cache-file").start(worker);
        boolean interrupted = false;
        while (true) {
            try {
                thread.join();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return worker.result();
    }

    /** Keeps what the operation gave or threw. */
    private static final class Worker<T> implements Runnable {
        private final Operation<T> operation;
        private T value;
        private Throwable failure;

        Worker(Operation<T> operation) {
            this.operation = operation;
        }

        @Override
        public void run() {
            try {
                value = operation.run();
            } catch (IOException | RuntimeException | Error e) {
                failure = e;
            }
        }

        T result() throws IOException {
            switch (failure) {
                case null -> {
                    return value;
                }
                case IOException e -> throw e;
                case RuntimeException e -> throw e;
                case Error e -> throw e;
                default -> throw new IllegalStateException(failure);
            }
        }
    }
}
