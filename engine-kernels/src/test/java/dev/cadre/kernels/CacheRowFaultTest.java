package dev.cadre.kernels;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Reading and writing cache rows in a mapped file that was truncated gives an {@code InternalError} that can be caught,
 * also when compiled vector code meets the missing page. Runs in a JVM of its own, because the failure of this test is
 * the death of the process.
 */
class CacheRowFaultTest {
    private static final int PAGE = 4096;

    @TempDir
    Path temp;

    @Test
    void everyAccessSurvivesATruncatedFile() throws IOException, InterruptedException {
        VectorJvm.expect(List.of("0 caught", "1 caught", "2 caught", "3 caught", "4 caught"), Child.class, temp);
    }

    /**
     * Runs each method until it is compiled, cuts the file's second page off and runs it again from the first page into
     * the second; prints what happened.
     */
    static final class Child {
        private static final int N = 1024;

        private Child() {}

        public static void main(String[] args) throws IOException {
            CacheRowKernel rows = Kernels.vector().cacheRows();
            for (int method = 0; method < 5; method++) {
                Path file = Files.write(Path.of(args[0]).resolve("page" + method), new byte[2 * PAGE]);
                try (Arena arena = Arena.ofShared();
                        RandomAccessFile access = new RandomAccessFile(file.toFile(), "rw")) {
                    MemorySegment mapped = access.getChannel().map(FileChannel.MapMode.READ_WRITE, 0, 2 * PAGE, arena);
                    for (int i = 0; i < 20_000; i++) {
                        run(rows, method, mapped);
                    }
                    access.setLength(PAGE);
                    String outcome = "noticed nothing";
                    try {
                        run(rows, method, mapped);
                    } catch (InternalError e) {
                        outcome = "caught";
                    }
                    System.out.println(method + " " + outcome);
                }
            }
        }

        private static void run(CacheRowKernel rows, int method, MemorySegment mapped) {
            float[] x = new float[N];
            long offset = PAGE - 128;
            switch (method) {
                case 0 -> rows.decodeE4m3(mapped, offset, 2, N / 2, 500, 128, x, 0, N / 2);
                case 1 -> rows.decodeBfloat16(mapped, offset, 2, N, N / 2, x, 0, N / 2);
                case 2 -> rows.encodeE4m3(x, 0, N, 1f, mapped, offset);
                case 3 -> rows.decodeInt8(mapped, offset, N, x, 0);
                default -> rows.encodeBfloat16(x, 0, N, mapped, offset);
            }
        }
    }
}
