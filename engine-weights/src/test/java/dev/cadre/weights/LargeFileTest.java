package dev.cadre.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Opening touches headers only. Sparse files: they take no room on the disk. */
class LargeFileTest {
    private static final int TENSORS = 2000;
    private static final long TENSOR_BYTES = 200_000_000 / 144 * 144;

    @TempDir
    Path temp;

    @Test
    void fourHundredGigabytesInTwoThousandTensors() throws IOException {
        long columns = TENSOR_BYTES / 144 * 256;
        long stride = (TENSOR_BYTES + 31) / 32 * 32;
        GgufBytes header = new GgufBytes();
        for (int i = 0; i < TENSORS; i++) {
            header.tensor("blk." + i + ".ffn_down_exps.weight", 12, i * stride, columns);
        }
        byte[] bytes = header.build();
        Path file = TestFiles.write(temp.resolve("large.gguf"), bytes);
        long dataStart = (bytes.length + 31) / 32 * 32;
        long size = dataStart + TENSORS * stride;
        assertTrue(size > 399_000_000_000L, size + " bytes");
        try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
            sparse.setLength(size);
            sparse.seek(dataStart + (TENSORS - 1) * stride);
            sparse.write(42);
        }
        Checkpoint.open(file).close();
        long start = System.nanoTime();
        try (Checkpoint checkpoint = Allocations.bounded(2_000_000, "400 GB", () -> Checkpoint.open(file))) {
            System.out.printf("opened %,d bytes in %.1f ms%n", size, (System.nanoTime() - start) / 1e6);
            assertEquals(TENSORS, checkpoint.tensors().size());
            TensorEntry last = checkpoint.require("blk." + (TENSORS - 1) + ".ffn_down_exps.weight");
            assertEquals(dataStart + (TENSORS - 1) * stride, last.offset());
            assertEquals(42, last.data().get(ValueLayout.JAVA_BYTE, 0));
            assertEquals(0, last.data().get(ValueLayout.JAVA_BYTE, TENSOR_BYTES - 1));
        }
    }

    @Test
    void oneTensorBeyondFourGigabytes() throws IOException {
        long elements = 5_000_000_000L;
        String json = "{" + TestFiles.entry("w", "U8", "2,2500000000", 0, elements) + "}";
        Path file = TestFiles.write(temp.resolve("hf/model.safetensors"), TestFiles.safetensors(json, 0));
        TestFiles.write(temp.resolve("hf/config.json"), "{}");
        long start = file.toFile().length();
        try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
            sparse.setLength(start + elements);
            sparse.seek(start + elements - 1);
            sparse.write(7);
        }
        try (Checkpoint checkpoint = Checkpoint.open(temp.resolve("hf"))) {
            TensorEntry tensor = checkpoint.require("w");
            assertEquals(2_500_000_000L, tensor.columns());
            assertEquals(7, tensor.data().get(ValueLayout.JAVA_BYTE, elements - 1));
        }
    }
}
