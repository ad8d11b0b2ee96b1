package dev.cadre.cli;

import dev.cadre.weights.WriteProgress;
import java.util.Locale;
import java.util.function.Consumer;

/** One line on stderr that is written over and over, on a terminal only. */
final class ProgressLine implements Consumer<WriteProgress>, AutoCloseable {
    private static final long INTERVAL_NANOS = 100_000_000;

    private final boolean terminal =
            System.console() != null && System.console().isTerminal();
    private long last;
    private boolean shown;

    @Override
    public void accept(WriteProgress p) {
        long now = System.nanoTime();
        if (terminal && now - last > INTERVAL_NANOS) {
            last = now;
            shown = true;
            System.err.printf(
                    Locale.ROOT,
                    "\r\u001b[K%3d%% of %.1f MiB, %s",
                    100 * p.doneBytes() / Math.max(1, p.totalBytes()),
                    p.totalBytes() / 1048576.0,
                    p.tensor());
        }
    }

    @Override
    public void close() {
        if (shown) {
            System.err.print("\r\u001b[K");
        }
    }
}
