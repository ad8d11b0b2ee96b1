package dev.cadre.weights.gguf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cadre.kernels.format.BlockFormat;
import dev.cadre.weights.Checkpoint;
import dev.cadre.weights.CheckpointException;
import dev.cadre.weights.CheckpointIOException;
import dev.cadre.weights.WriteOptions;
import dev.cadre.weights.file.OutputFile;
import dev.cadre.weights.gguf.GgufFileWriter.Body;
import dev.cadre.weights.gguf.GgufFileWriter.Declared;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every step of writing fails once: the first, the second, and so on, until a run has no step left to fail. */
class FailingDiskTest {
    @TempDir
    Path temp;

    /** Fails step number {@code fatal}; a failing write has written half. */
    private static final class FailingOpener implements OutputFile.Opener {
        private final int fatal;
        private final AtomicInteger steps = new AtomicInteger();

        FailingOpener(int fatal) {
            this.fatal = fatal;
        }

        private boolean fails() {
            return steps.getAndIncrement() == fatal;
        }

        private void step() throws IOException {
            if (fails()) {
                throw new IOException("No space left on device");
            }
        }

        @Override
        public OutputFile open(Path path) throws IOException {
            step();
            OutputFile real = OutputFile.ON_DISK.open(path);
            return new OutputFile() {
                @Override
                public void write(ByteBuffer bytes, long position) throws IOException {
                    if (fails()) {
                        real.write(bytes.slice(bytes.position(), bytes.remaining() / 2), position);
                        throw new IOException("No space left on device");
                    }
                    real.write(bytes, position);
                }

                @Override
                public void force(long size) throws IOException {
                    step();
                    real.force(size);
                }

                @Override
                public void close() throws IOException {
                    real.close();
                }
            };
        }

        @Override
        public void rename(Path from, Path to) throws IOException {
            step();
            OutputFile.ON_DISK.rename(from, to);
        }

        @Override
        public void syncFolderOf(Path file) throws IOException {
            OutputFile.ON_DISK.syncFolderOf(file);
        }
    }

    @Test
    void whicheverStepFailsNothingLooksComplete() throws IOException {
        int failures = 0;
        for (int fatal = 0; ; fatal++) {
            FailingOpener disk = new FailingOpener(fatal);
            try {
                List<Path> files = write(disk);
                assertTrue(fatal > 10, "only " + fatal + " steps");
                assertEquals(fatal, disk.steps.get());
                Checkpoint.open(files.getFirst()).close();
                break;
            } catch (CheckpointIOException e) {
                failures++;
                assertTrue(e.getMessage().contains("the disk is full"), e.getMessage());
                assertEquals(List.of(), remaining(), "after step " + fatal);
            }
        }
        assertTrue(failures > 10);
        assertEquals(3, remaining().size());
    }

    @Test
    void aSetWithoutItsFirstPartDoesNotOpen() throws IOException {
        List<Path> files = write(new FailingOpener(-1));
        Files.delete(files.getFirst());
        for (Path file : files.subList(1, files.size())) {
            try (Checkpoint opened = Checkpoint.open(file)) {
                throw new AssertionError(opened + " opened");
            } catch (CheckpointException e) {
                assertTrue(e.getMessage().contains("part 1 of 3 is missing"), e.getMessage());
            }
        }
    }

    private List<Path> write(OutputFile.Opener disk) {
        KeyValues keys = new KeyValues();
        keys.put("general.architecture", "test");
        List<Declared> tensors = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            tensors.add(new Declared(
                    "t" + i,
                    BlockFormat.F32,
                    new long[] {3, 3},
                    36,
                    new Body.Rows((first, count, dst) -> dst[0] = first)));
        }
        WriteOptions options = WriteOptions.DEFAULTS.withMaxPartBytes(64).withThreads(2);
        return new GgufFileWriter(keys, tensors, options, disk).write(temp.resolve("m.gguf"));
    }

    private List<Path> remaining() throws IOException {
        try (Stream<Path> files = Files.list(temp)) {
            return files.toList();
        }
    }
}
