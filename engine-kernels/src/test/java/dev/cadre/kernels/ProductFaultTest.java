package dev.cadre.kernels;

import dev.cadre.kernels.format.BlockFormat;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Products with a matrix whose mapped file was truncated give an {@code InternalError} that can be caught, also from
 * compiled code. Runs in a JVM of its own, because the failure of this test is the death of the process.
 */
class ProductFaultTest {
    @TempDir
    Path temp;

    @Test
    void everyProductSurvivesATruncatedFile() throws IOException, InterruptedException {
        List<String> lines = KernelDuelTest.decodable().map(f -> f + " caught").toList();
        VectorJvm.expect(lines, Child.class, temp);
    }

    /** Multiplies until the kernels are compiled, truncates the file, multiplies again; prints what happened. */
    static final class Child {
        private static final int COLUMNS = 512;
        private static final int ROWS = 16;

        private Child() {}

        public static void main(String[] args) throws IOException {
            Kernels kernels = Kernels.vector();
            for (BlockFormat format : KernelDuelTest.decodable().toList()) {
                byte[] noise = new byte[(int) format.bytes((long) ROWS * COLUMNS)];
                new Random(1).nextBytes(noise);
                Path file = Files.write(Path.of(args[0]).resolve("blocks"), noise);
                try (Arena arena = Arena.ofShared();
                        RandomAccessFile access = new RandomAccessFile(file.toFile(), "rw")) {
                    MemorySegment mapped =
                            access.getChannel().map(FileChannel.MapMode.READ_ONLY, 0, noise.length, arena);
                    Matrix w = Matrix.of(format, ROWS, COLUMNS, mapped);
                    Workspace workspace = new Workspace();
                    for (int i = 0; i < 400; i++) {
                        multiply(kernels, w, workspace);
                    }
                    access.setLength(0);
                    String outcome = "noticed nothing";
                    try {
                        multiply(kernels, w, workspace);
                    } catch (InternalError e) {
                        outcome = "caught";
                    }
                    System.out.println(format + " " + outcome);
                }
            }
        }

        private static void multiply(Kernels kernels, Matrix w, Workspace workspace) {
            float[] x = new float[COLUMNS];
            float[] y = new float[ROWS];
            int[] zero = {0};
            kernels.matrices().multiply(w, 0, ROWS, x, zero, 1, y, zero, workspace);
        }
    }
}
