package dev.cadre.weights;

import java.util.Objects;
import java.util.function.Consumer;

/**
 * How a {@link GgufWriter} writes.
 *
 * @param maxPartBytes the most bytes of one file before another part is begun; {@link Long#MAX_VALUE} for one file. A
 *     single tensor may exceed it
 * @param threads threads that encode and write
 * @param overwrite replace an existing target; else it is an error
 * @param progress told after each piece, by one thread at a time
 */
public record WriteOptions(long maxPartBytes, int threads, boolean overwrite, Consumer<WriteProgress> progress) {
    /** One file, a thread per processor, no overwriting, silent. */
    public static final WriteOptions DEFAULTS =
            new WriteOptions(Long.MAX_VALUE, Runtime.getRuntime().availableProcessors(), false, progress -> {});

    public WriteOptions {
        Objects.requireNonNull(progress);
        if (maxPartBytes < 1) {
            throw new IllegalArgumentException("maxPartBytes is " + maxPartBytes + ", must be positive");
        }
        if (threads < 1) {
            throw new IllegalArgumentException("threads is " + threads + ", must be positive");
        }
    }

    public WriteOptions withMaxPartBytes(long bytes) {
        return new WriteOptions(bytes, threads, overwrite, progress);
    }

    public WriteOptions withThreads(int count) {
        return new WriteOptions(maxPartBytes, count, overwrite, progress);
    }

    public WriteOptions withOverwrite(boolean allowed) {
        return new WriteOptions(maxPartBytes, threads, allowed, progress);
    }

    public WriteOptions withProgress(Consumer<WriteProgress> listener) {
        return new WriteOptions(maxPartBytes, threads, overwrite, listener);
    }
}
