package dev.cadre.kernels;

import com.sun.management.ThreadMXBean;
import dev.cadre.kernels.format.BlockFormat;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Once C2 has compiled the products with matrices that are stored by columns, they allocate nothing: also those of the
 * kind that comes second, whose loads C2 may have taken for rare ones. In a JVM of its own, where nothing came before.
 */
class ColumnProductsAllocationTest {
    @TempDir
    Path temp;

    @Test
    void compiledProductsAllocateNothing() throws IOException, InterruptedException {
        VectorJvm.expect(
                List.of(
                        "1 tokens, step 1: nothing",
                        "1 tokens, step 2: nothing",
                        "4 tokens, step 1: nothing",
                        "4 tokens, step 2: nothing"),
                Child.class,
                temp);
    }

    /** Multiplies until some products allocate nothing, for as long as a slow machine may need. */
    static final class Child {
        private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        private static final long PATIENCE = TimeUnit.SECONDS.toNanos(45);
        private static final int PRODUCTS = 50;
        private static final int ROWS = 512;
        private static final int COLUMNS = 256;

        private Child() {}

        public static void main(String[] args) {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment data = arena.allocate(BlockFormat.BF16.bytes(2L * ROWS * COLUMNS));
                for (int tokens : new int[] {1, 4}) {
                    for (int step = 1; step <= 2; step++) {
                        Matrix w = Matrix.ofColumns(
                                BlockFormat.BF16, ROWS, COLUMNS, data, step - 1, (long) step * ROWS, step);
                        System.out.println(tokens + " tokens, step " + step + ": " + outcome(w, tokens));
                    }
                }
            }
        }

        private static String outcome(Matrix w, int tokens) {
            MatrixKernel kernel = Kernels.vector().matrices();
            Workspace workspace = new Workspace();
            float[] x = new float[COLUMNS];
            float[] y = new float[tokens * ROWS];
            int[] xAt = new int[tokens];
            int[] yAt = IntStream.range(0, tokens).map(t -> t * ROWS).toArray();
            long thread = Thread.currentThread().threadId();
            long began = System.nanoTime();
            long bytes;
            do {
                long before = THREADS.getThreadAllocatedBytes(thread);
                for (int i = 0; i < PRODUCTS; i++) {
                    kernel.multiply(w, 0, ROWS, x, xAt, tokens, y, yAt, workspace);
                }
                bytes = THREADS.getThreadAllocatedBytes(thread) - before;
            } while (bytes > 0 && System.nanoTime() - began < PATIENCE);
            return bytes == 0 ? "nothing" : bytes + " bytes";
        }
    }
}
