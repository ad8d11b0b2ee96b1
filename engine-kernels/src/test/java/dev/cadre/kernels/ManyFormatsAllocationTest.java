package dev.cadre.kernels;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.cadre.kernels.format.BlockFormat;
import dev.cadre.kernels.format.RandomBlocks;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
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
        assumeTrue(
                Kernels.vectorModulePresent() && Lanes.L >= 16,
                "with shorter vectors Q4_0 and others still make objects in such a JVM");
        VectorJvm.expect(List.of("nothing"), Child.class, temp, "-XX:PerMethodTrapLimit=1");
    }

    static final class Child {
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
                        long bytes = SettledProducts.allocated(w, tokens);
                        if (bytes > 0) {
                            allocating.add(format + " with " + tokens + " tokens: " + bytes + " bytes");
                        }
                    }
                }
            }
            System.out.println(allocating.isEmpty() ? "nothing" : String.join("\n", allocating));
        }
    }
}
