package dev.cadre.kernels;

import dev.cadre.kernels.format.BlockFormat;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
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
    void everyCompiledProductSurvivesATruncatedFile() throws IOException, InterruptedException {
        VectorJvm.expect(everyOneCaught(), Child.class, temp);
    }

    /** As where a product is cold: the Vector API's loads are compiled alone, and do not survive. */
    @Test
    void theGuardNoticesATruncatedFileBeforeTheLoadsDo() throws IOException, InterruptedException {
        VectorJvm.expect(
                everyOneCaught(),
                Child.class,
                temp,
                "-Dguarded=true",
                "-XX:CompileCommand=quiet",
                "-XX:CompileCommand=dontinline,*::fromMemorySegment0");
    }

    @Test
    void loadsThatAreCompiledAloneSurviveATruncatedFile() throws IOException, InterruptedException {
        Stream<String> alone = Stream.of("signed", "unsigned", "f32", "bf16", "f16", "words", "e4m3Codes")
                .map(load -> "-XX:CompileCommand=dontinline,dev.cadre.kernels.StoredLanes::" + load);
        String[] options =
                Stream.concat(Stream.of("-XX:CompileCommand=quiet"), alone).toArray(String[]::new);
        VectorJvm.expect(everyOneCaught(), Child.class, temp, options);
    }

    private static List<String> everyOneCaught() {
        return Child.stored()
                .flatMap(s -> IntStream.of(Child.TOKENS).mapToObj(tokens -> s + " by " + tokens + " tokens: caught"))
                .toList();
    }

    /**
     * Multiplies until the kernels are compiled, truncates the file, multiplies again; prints what happened. Compiled
     * kernels are called without {@link FaultGuard}, which would notice before they do.
     */
    static final class Child {
        private static final Kernels KERNELS = Kernels.vector();
        private static final int COLUMNS = 512;
        private static final int ROWS = 32;
        private static final boolean GUARDED = Boolean.getBoolean("guarded");

        /** Until products are compiled; loads, of which a product has a thousand, are much sooner. */
        private static final int WARM_UP = GUARDED ? 30 : 400;

        /** One is multiplied straight from the blocks; for nine a panel is decoded, without reading ahead. */
        private static final int[] TOKENS = {1, 9};

        private Child() {}

        public static void main(String[] args) throws IOException {
            for (Stored stored : stored().toList()) {
                for (int tokens : TOKENS) {
                    String outcome = outcome(stored, tokens, Path.of(args[0]).resolve("blocks"));
                    System.out.println(stored + " by " + tokens + " tokens: " + outcome);
                }
            }
        }

        /** Every format by rows; by columns, alone or with another matrix that it takes turns with, bfloat16. */
        static Stream<Stored> stored() {
            return Stream.concat(
                    KernelDuelTest.decodable().map(format -> new Stored(format, 0)),
                    Stream.of(new Stored(BlockFormat.BF16, 1), new Stored(BlockFormat.BF16, 2)));
        }

        /**
         * How a matrix is stored.
         *
         * @param step between rows that are stored by columns, or 0
         */
        private record Stored(BlockFormat format, int step) {
            Matrix matrix(MemorySegment data) {
                return step == 0
                        ? Matrix.of(format, ROWS, COLUMNS, data, scales(format))
                        : Matrix.ofColumns(format, ROWS / step, COLUMNS, data, 0, ROWS, step);
            }
        }

        private static String outcome(Stored stored, int tokens, Path file) throws IOException {
            byte[] noise = new byte[(int) stored.format().bytes((long) ROWS * COLUMNS)];
            new Random(1).nextBytes(noise);
            Files.write(file, noise);
            try (Arena arena = Arena.ofShared();
                    RandomAccessFile access = new RandomAccessFile(file.toFile(), "rw")) {
                MemorySegment mapped = access.getChannel().map(FileChannel.MapMode.READ_ONLY, 0, noise.length, arena);
                Matrix w = stored.matrix(mapped);
                Workspace workspace = new Workspace();
                for (int i = 0; i < WARM_UP; i++) {
                    multiply(w, tokens, workspace);
                }
                access.setLength(0);
                try {
                    multiply(w, tokens, workspace);
                } catch (InternalError e) {
                    return "caught";
                }
                return "noticed nothing";
            }
        }

        /** Separate scales where checkpoints have them, which some formats have kernels of their own for. */
        private static Matrix.Scales scales(BlockFormat format) {
            if (RowKernels.takesPairs(format)) {
                byte[] ones = new byte[ROWS * COLUMNS / 32];
                Arrays.fill(ones, (byte) 127);
                return new Matrix.Scales(MemorySegment.ofArray(ones), BlockFormat.F8_E8M0, 1, 32, COLUMNS / 32);
            }
            if (format != BlockFormat.F8_E4M3) {
                return null;
            }
            MemorySegment one = MemorySegment.ofArray(new float[] {1f});
            return new Matrix.Scales(one, BlockFormat.F32, ROWS, COLUMNS, 1);
        }

        private static void multiply(Matrix w, int tokens, Workspace workspace) {
            float[] x = new float[COLUMNS];
            float[] y = new float[tokens * ROWS];
            int[] xAt = new int[tokens];
            int[] yAt = IntStream.range(0, tokens).map(t -> t * ROWS).toArray();
            int rows = (int) w.rows();
            if (GUARDED) {
                KERNELS.matrices().multiply(w, 0, rows, x, xAt, tokens, y, yAt, workspace);
            } else {
                VectorMatrixKernel.multiplyUnguarded(w, 0, rows, x, xAt, tokens, y, yAt, workspace);
            }
        }
    }
}
