package dev.cadre.weights;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cadre.kernels.format.BlockCodec;
import dev.cadre.kernels.format.BlockEncoder;
import dev.cadre.kernels.format.BlockFormat;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GgufWriterTest {
    private static final int ROWS = 37;
    private static final int COLUMNS = 512;

    @TempDir
    Path temp;

    private static float value(long tensor, long row, int column) {
        return (float) new Random(tensor * 31 + row * 7919 + column).nextGaussian();
    }

    private static RowSource rows(int tensor) {
        return (first, count, dst) -> {
            for (int i = 0; i < count * COLUMNS; i++) {
                dst[i] = value(tensor, first + i / COLUMNS, i % COLUMNS);
            }
        };
    }

    private static GgufWriter everyFormat() {
        GgufWriter writer = new GgufWriter()
                .putString("general.architecture", "test")
                .putUint32("big", 4_000_000_000L)
                .putFloat32("third", 1 / 3f)
                .putBoolean("yes", true)
                .putStrings("words", List.of("a", "", "漢字"))
                .putInt32s("ints", 1, -2)
                .putFloat32s("floats", 0.5f)
                .putBooleans("flags", true, false);
        int number = 0;
        for (BlockFormat format : BlockFormat.values()) {
            if (BlockEncoder.supports(format)) {
                writer.addTensor("t." + format, format, new long[] {ROWS, COLUMNS}, rows(number++));
            }
        }
        return writer.addTensor("copied", BlockFormat.I32, new long[] {3}, MemorySegment.ofArray(new int[] {1, 2, 3}));
    }

    private static void check(Checkpoint checkpoint) {
        Metadata m = checkpoint.metadata();
        assertEquals("test", m.requireString("general.architecture"));
        assertEquals(4_000_000_000L, m.requireLong("big"));
        assertEquals(1 / 3f, m.requireDouble("third"));
        assertTrue(m.requireBoolean("yes"));
        assertEquals(List.of("a", "", "漢字"), m.requireStrings("words"));
        assertArrayEquals(new int[] {1, -2}, m.requireInts("ints"));
        assertArrayEquals(new double[] {0.5}, m.requireDoubles("floats"));
        assertArrayEquals(new boolean[] {true, false}, m.requireBooleans("flags"));
        int number = 0;
        for (TensorEntry tensor : checkpoint.tensors()) {
            float[] decoded = new float[(int) tensor.elements()];
            BlockCodec.of(tensor.format()).decode(tensor.data(), 0, decoded, 0, decoded.length);
            if (tensor.name().equals("copied")) {
                assertArrayEquals(new float[] {1, 2, 3}, decoded);
                continue;
            }
            assertArrayEquals(new long[] {ROWS, COLUMNS}, tensor.shape());
            float[] source = new float[ROWS * COLUMNS];
            rows(number++).rows(0, ROWS, source);
            byte[] encoded = new byte[(int) tensor.bytes()];
            BlockEncoder.of(tensor.format()).encode(source, 0, source.length, MemorySegment.ofArray(encoded), 0);
            assertEquals(-1, tensor.data().mismatch(MemorySegment.ofArray(encoded)), tensor.name());
        }
    }

    @Test
    void whatIsWrittenIsRead() {
        Path target = temp.resolve("model.gguf");
        List<WriteProgress> progress = new ArrayList<>();
        GgufWriter writer = everyFormat();
        List<Path> files =
                writer.write(target, WriteOptions.DEFAULTS.withThreads(3).withProgress(progress::add));
        assertEquals(List.of(target), files);
        try (Checkpoint checkpoint = Checkpoint.open(target)) {
            check(checkpoint);
        }
        WriteProgress last = progress.getLast();
        assertEquals(writer.tensorBytes(), last.doneBytes());
        assertEquals(writer.tensorBytes(), last.totalBytes());
        assertEquals(List.of("model.gguf"), names());
    }

    private List<String> names() {
        try (Stream<Path> files = Files.list(temp)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void partsOfASet() {
        List<Path> files =
                everyFormat().write(temp.resolve("model.gguf"), WriteOptions.DEFAULTS.withMaxPartBytes(60_000));
        assertTrue(files.size() > 3, files.toString());
        assertEquals(
                "model-00001-of-0000" + files.size() + ".gguf",
                files.getFirst().getFileName().toString());
        assertEquals(files.stream().map(file -> file.getFileName().toString()).toList(), names());
        try (Checkpoint checkpoint = Checkpoint.open(files.getLast())) {
            check(checkpoint);
            assertEquals(files, checkpoint.files());
        }
    }

    @Test
    void theBytesDoNotDependOnThreads() throws IOException {
        byte[] one = written("one.gguf", 1);
        assertArrayEquals(one, written("four.gguf", 4));
    }

    private byte[] written(String name, int threads) throws IOException {
        Path target = temp.resolve(name);
        everyFormat().write(target, WriteOptions.DEFAULTS.withThreads(threads));
        return Files.readAllBytes(target);
    }

    @Test
    void twoWritersOfOneTarget() throws InterruptedException {
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        GgufWriter slow = new GgufWriter().addTensor("t", BlockFormat.F32, new long[] {1, 4}, (first, count, dst) -> {
            begun.countDown();
            try {
                goOn.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
        Path target = temp.resolve("m.gguf");
        Thread thread = Thread.ofPlatform().start(() -> slow.write(target, WriteOptions.DEFAULTS));
        begun.await();
        CheckpointIOException error =
                assertThrows(CheckpointIOException.class, () -> everyFormat().write(target, WriteOptions.DEFAULTS));
        assertTrue(error.getMessage().contains("being written already"), error.getMessage());
        goOn.countDown();
        thread.join();
        try (Checkpoint checkpoint = Checkpoint.open(target)) {
            assertEquals(1, checkpoint.tensors().size());
        }
        assertEquals(List.of("m.gguf"), names());
    }

    @Test
    void anExistingFileIsKept() throws IOException {
        Path target = Files.writeString(temp.resolve("model.gguf"), "precious");
        assertThrows(CheckpointIOException.class, () -> everyFormat().write(target, WriteOptions.DEFAULTS));
        assertEquals("precious", Files.readString(target));
        everyFormat().write(target, WriteOptions.DEFAULTS.withOverwrite(true));
        Checkpoint.open(target).close();
        assertEquals(List.of("model.gguf"), names());
    }

    @Test
    void aFailingSourceLeavesNothing() throws IOException {
        Path target = Files.writeString(temp.resolve("model.gguf"), "precious");
        GgufWriter writer = everyFormat().addTensor("bad", BlockFormat.F32, new long[] {5, 4}, (first, count, dst) -> {
            throw new CancellationException("stop");
        });
        assertThrows(
                CancellationException.class, () -> writer.write(target, WriteOptions.DEFAULTS.withOverwrite(true)));
        assertEquals("precious", Files.readString(target));
        assertEquals(List.of("model.gguf"), names());
    }

    @Test
    void anInterruptedWriterLeavesNothing() throws InterruptedException {
        CountDownLatch begun = new CountDownLatch(1);
        GgufWriter writer = new GgufWriter()
                .addTensor("t", BlockFormat.F32, new long[] {1 << 17, 512}, (first, count, dst) -> {
                    begun.countDown();
                });
        AtomicReference<RuntimeException> thrown = new AtomicReference<>();
        Thread thread = Thread.ofPlatform().start(() -> {
            try {
                writer.write(temp.resolve("m.gguf"), WriteOptions.DEFAULTS.withThreads(2));
            } catch (RuntimeException e) {
                thrown.set(e);
            }
        });
        begun.await();
        thread.interrupt();
        thread.join();
        assertEquals(CheckpointIOException.class, thrown.get().getClass());
        assertTrue(
                thrown.get().getMessage().contains("interrupted"), thrown.get().getMessage());
        assertEquals(List.of(), names());
    }

    @Test
    void valuesThatATypeCannotHold() {
        refuses(BlockFormat.Q4_K, Float.NaN, "element 3 of row 1 is NaN");
        refuses(BlockFormat.Q8_0, Float.POSITIVE_INFINITY, "is Infinity, which Q8_0 cannot hold");
        refuses(BlockFormat.F16, 70_000, "use BF16 or F32");
        new GgufWriter()
                .addTensor("t", BlockFormat.F16, new long[] {1, 256}, (first, count, dst) -> dst[0] = Float.NaN)
                .write(temp.resolve("half.gguf"), WriteOptions.DEFAULTS);
        assertEquals(List.of("half.gguf"), names());
    }

    private void refuses(BlockFormat format, float value, String reason) {
        GgufWriter writer = new GgufWriter()
                .addTensor("t", format, new long[] {2, 256}, (first, count, dst) -> dst[256 + 3] = value);
        CheckpointFormatException error = assertThrows(
                CheckpointFormatException.class, () -> writer.write(temp.resolve("x.gguf"), WriteOptions.DEFAULTS));
        assertEquals("t", error.item());
        assertTrue(error.getMessage().contains(reason), error.getMessage());
    }

    @Test
    void wrongDeclarations() {
        GgufWriter writer = new GgufWriter().putUint32("k", 1);
        RowSource none = (first, count, dst) -> {};
        assertThrows(IllegalArgumentException.class, () -> writer.putString("k", "again"));
        assertThrows(IllegalArgumentException.class, () -> writer.putUint32("u", -1));
        assertThrows(IllegalArgumentException.class, () -> writer.putUint32("u", 1L << 32));
        assertThrows(
                IllegalArgumentException.class, () -> writer.addTensor("t", BlockFormat.Q4_K, new long[] {255}, none));
        assertThrows(
                IllegalArgumentException.class,
                () -> writer.addTensor("t", BlockFormat.F32, new long[] {1, 1, 1, 1, 1}, none));
        assertThrows(
                UnsupportedOperationException.class,
                () -> writer.addTensor("t", BlockFormat.IQ1_S, new long[] {256}, none));
        assertThrows(
                IllegalArgumentException.class,
                () -> writer.addTensor("t", BlockFormat.U8, new long[] {4}, MemorySegment.ofArray(new byte[4])));
        assertThrows(
                IllegalArgumentException.class,
                () -> writer.addTensor("t", BlockFormat.I8, new long[] {4}, MemorySegment.ofArray(new byte[3])));
        writer.addTensor("t", BlockFormat.F32, new long[] {4}, none);
        assertThrows(
                IllegalArgumentException.class, () -> writer.addTensor("t", BlockFormat.F32, new long[] {4}, none));
        assertFalse(Files.exists(temp.resolve("t.gguf")));
    }
}
