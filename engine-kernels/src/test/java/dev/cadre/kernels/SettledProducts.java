package dev.cadre.kernels;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

/** What products allocate once C2 has compiled them. */
final class SettledProducts {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    /** As long as a slow machine may need. */
    private static final long PATIENCE = TimeUnit.SECONDS.toNanos(45);

    private static final int PRODUCTS = 20;

    private SettledProducts() {}

    /** Multiplies by vectors until some products have allocated nothing, or for too long; returns bytes for each. */
    static long allocated(Matrix w, int tokens) {
        MatrixKernel kernel = Kernels.vector().matrices();
        Workspace workspace = new Workspace();
        int rows = Math.toIntExact(w.rows());
        float[] x = new float[w.columns()];
        float[] y = new float[tokens * rows];
        int[] xAt = new int[tokens];
        int[] yAt = IntStream.range(0, tokens).map(t -> t * rows).toArray();
        long thread = Thread.currentThread().threadId();
        long began = System.nanoTime();
        long bytes;
        do {
            long before = THREADS.getThreadAllocatedBytes(thread);
            for (int i = 0; i < PRODUCTS; i++) {
                kernel.multiply(w, 0, rows, x, xAt, tokens, y, yAt, workspace);
            }
            bytes = THREADS.getThreadAllocatedBytes(thread) - before;
        } while (bytes > 0 && System.nanoTime() - began < PATIENCE);
        return (bytes + PRODUCTS - 1) / PRODUCTS;
    }
}
