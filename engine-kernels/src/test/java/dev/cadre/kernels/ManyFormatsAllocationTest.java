package dev.cadre.kernels;

import com.sun.management.ThreadMXBean;
import dev.cadre.kernels.format.BlockFormat;
import dev.cadre.kernels.format.RandomBlocks;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Products of one format after the other in one JVM allocate nothing once C2 has compiled them. C2 leaves out code that
 * has not run yet, until too many such guesses have gone wrong in what a method calls. All products call the Vector
 * API, so the later ones are compiled with all their branches, and must still fit its limits. Here no guess may go
 * wrong twice, which makes a JVM old from the start.
 */
class ManyFormatsAllocationTest {
    @TempDir
    Path temp;

    @Test
    void compiledProductsAllocateNothing() throws IOException, InterruptedException {
        VectorJvm.expect(List.of("nothing"), Child.class, temp, "-XX:PerMethodTrapLimit=1");
    }

    /** Multiplies until some products allocate nothing, for as long as a slow machine may need. */
    static final class Child {
        private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        private static final long PATIENCE = TimeUnit.SECONDS.toNanos(20);
        private static final int PRODUCTS = 20;
        private static final int ROWS = 64;
        private static final int COLUMNS = 1024;

        private Child() {}

        public static void main(String[] args) {
            List<String> allocating = new ArrayList<>();
            try (Arena arena = Arena.ofConfined()) {
                for (BlockFormat format : RandomBlocks.formats()) {
                    if (!RowKernels.multiplies(format)) {
                        continue;
                    }
                    MemorySegment data = arena.allocate(format.bytes(ROWS * COLUMNS), 64);
                    RandomBlocks.fill(format, ROWS * COLUMNS, 0.02f, new Random(1), data, 0);
                    Matrix.Scales scales = RowKernels.takesPairs(format)
                            ? KernelDuelTest.rowScales(BlockFormat.BF16, ROWS, COLUMNS, 64, new Random(2))
                            : null;
                    Matrix w = Matrix.of(format, ROWS, COLUMNS, data, scales);
                    for (int tokens : new int[] {1, 8}) {
                        long bytes = allocated(w, tokens);
                        if (bytes > 0) {
                            allocating.add(format + " with " + tokens + " tokens: " + bytes + " bytes");
                        }
                    }
                }
            }
            System.out.println(allocating.isEmpty() ? "nothing" : String.join("\n", allocating));
        }

        private static long allocated(Matrix w, int tokens) {
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
            return bytes / PRODUCTS;
        }
    }
}
