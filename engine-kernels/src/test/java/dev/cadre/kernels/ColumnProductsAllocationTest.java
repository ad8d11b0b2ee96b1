package dev.cadre.kernels;

import dev.cadre.kernels.format.BlockFormat;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
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
                        "1 tokens, step 1: 0 bytes",
                        "1 tokens, step 2: 0 bytes",
                        "4 tokens, step 1: 0 bytes",
                        "4 tokens, step 2: 0 bytes"),
                Child.class,
                temp);
    }

    static final class Child {
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
                        long bytes = SettledProducts.allocated(w, tokens);
                        System.out.println(tokens + " tokens, step " + step + ": " + bytes + " bytes");
                    }
                }
            }
        }
    }
}
