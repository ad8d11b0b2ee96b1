package dev.cadre.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Hugging Face folders with hostile safetensors files, configs, indices and links. */
class HostileFolderTest {
    private static final byte[] TENSOR = TestFiles.safetensors("{" + TestFiles.entry("a", "U8", "1", 0, 1) + "}", 1);

    @TempDir
    Path temp;

    private Path folder;

    @BeforeEach
    void goodFolder() {
        folder = temp.resolve("model");
        TestFiles.write(folder.resolve("config.json"), "{\"model_type\":\"x\"}");
        TestFiles.write(folder.resolve("model.safetensors"), TENSOR);
        Checkpoint.open(folder).close(); // good, and loads the classes
    }

    @ParameterizedTest
    @EnumSource
    void safetensorsIsRefusedWithItsReason(HostileSafetensors attack) {
        byte[] bytes = attack.build();
        TestFiles.write(folder.resolve("model.safetensors"), bytes);
        CheckpointException error = Allocations.bounded(bytes.length, attack.name(), () -> refused(attack.reason()));
        assertEquals(folder.resolve("model.safetensors"), error.path());
        assertTrue(error.getMessage().length() < 1000, error.getMessage());
    }

    private CheckpointException refused(String reason) {
        CheckpointException error = assertThrows(CheckpointException.class, () -> Checkpoint.open(folder));
        assertTrue(error.getMessage().contains(reason), error.getMessage());
        assertTrue(error.getMessage().startsWith(folder.toString()), error.getMessage());
        return error;
    }

    @Test
    void safetensorsHeaderOver100MillionBytes() throws IOException {
        TestFiles.write(folder.resolve("model.safetensors"), GgufBytes.u64(100_000_001));
        try (var file = new RandomAccessFile(folder.resolve("model.safetensors").toFile(), "rw")) {
            file.setLength(200_000_000);
        }
        refused("the limit is 100000000");
    }

    @Test
    void safetensorsTruncatedAtEveryByteAndEveryByteMutated() throws IOException {
        byte[] golden =
                Files.readAllBytes(GoldenCheckpointTest.golden("safetensors-sharded/model-00001-of-00003.safetensors"));
        Path file = folder.resolve("model.safetensors");
        for (int length = 0; length < golden.length; length++) {
            TestFiles.write(file, Arrays.copyOf(golden, length));
            assertThrows(CheckpointFormatException.class, () -> Checkpoint.open(folder), "cut at " + length);
        }
        int refused = 0;
        int header = golden.length - 4 * 6 * 8;
        for (int at = 0; at < header; at++) {
            byte[] bytes = golden.clone();
            bytes[at] ^= (byte) (1 << at % 8);
            TestFiles.write(file, bytes);
            try (Checkpoint checkpoint = Checkpoint.open(folder)) {
                assertTrue(checkpoint.tensors().size() <= 6);
            } catch (CheckpointFormatException e) {
                refused++;
            }
        }
        assertTrue(refused > header / 2, refused + " of " + header);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "[]",
                "null",
                "{",
                "{\"a\":}",
                "{\"a\":1}}",
                "{\"a\":1,\"a\":2}",
                "{\"a\":{\"b\":1,\"b\":2}}",
                "{a:1}",
                "{'a':1}",
                "{\"a\":01}",
                "{\"a\":1,}",
                "// comment\n{}",
                "{\"a\":\"\\ud83x\"}",
                "\ufeff{}x"
            })
    void malformedConfig(String config) {
        TestFiles.write(folder.resolve("config.json"), config);
        refused("config.json");
    }

    @Test
    void configBombs() {
        TestFiles.write(folder.resolve("config.json"), "[".repeat(1_000_000));
        refused("a JSON object is expected");
        TestFiles.write(folder.resolve("config.json"), "{\"a\":" + "[".repeat(1_000_000));
        refused("nesting depth");
        TestFiles.write(folder.resolve("config.json"), "{\"a\":" + "9".repeat(1_000_000) + "}");
        refused("Number value length");
        TestFiles.write(folder.resolve("config.json"), "{\"a\":[" + "[],".repeat(2_000_000) + "0]}");
        refused("more than 1048576 values");
        TestFiles.write(folder.resolve("config.json"), "{\"a\":1}".getBytes(StandardCharsets.UTF_16));
        refused("config.json");
        TestFiles.write(folder.resolve("config.json"), new byte[] {'{', '"', (byte) 0xff, '"', ':', '1', '}'});
        refused("config.json");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "../secret.safetensors",
                "/etc/passwd",
                "sub/part.safetensors",
                "./model.safetensors",
                "..",
                ".",
                "",
                "sub\\\\part.safetensors",
                "a\\u0000b",
                "file:///etc/passwd",
                "https://example.org/x.safetensors"
            })
    void indexNamesNoPathOutsideTheFolder(String shard) throws IOException {
        TestFiles.write(temp.resolve("secret.safetensors"), TENSOR);
        TestFiles.write(folder.resolve("sub/part.safetensors"), TENSOR);
        Files.delete(folder.resolve("model.safetensors"));
        index("{\"weight_map\":{\"a\":\"" + shard + "\"}}");
        CheckpointException error = refused("file name");
        assertEquals(CheckpointFormatException.class, error.getClass());
    }

    @Test
    void indexContent() throws IOException {
        Files.move(folder.resolve("model.safetensors"), folder.resolve("one.safetensors"));
        index("{\"weight_map\":{\"a\":\"one.safetensors\"}}");
        Checkpoint.open(folder).close();
        index("{}");
        refused("weight_map");
        index("{\"weight_map\":[]}");
        refused("weight_map");
        index("{\"weight_map\":{}}");
        refused("names 0 files");
        index("{\"weight_map\":{\"a\":1}}");
        refused("must be a file name");
        index("{\"weight_map\":{\"a\":\"one.safetensors\",\"a\":\"one.safetensors\"}}");
        refused("occurs twice");
        index("{\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"one.safetensors\"}}");
        refused("does not hold it");
        index("{\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"gone.safetensors\"}}");
        refused("gone.safetensors: there is no such file");
        Files.copy(folder.resolve("one.safetensors"), folder.resolve("two.safetensors"));
        index("{\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"two.safetensors\"}}");
        refused("does not hold it");
        Files.delete(folder.resolve("model.safetensors.index.json"));
        refused("several safetensors files");
        Files.delete(folder.resolve("one.safetensors"));
        Checkpoint.open(folder).close();
        Files.delete(folder.resolve("two.safetensors"));
        refused("no safetensors file");
        Files.delete(folder.resolve("config.json"));
        refused("neither a config.json nor a GGUF file");
    }

    private void index(String json) {
        TestFiles.write(folder.resolve("model.safetensors.index.json"), json);
    }

    @Test
    void linksMustStayInTheFolder() throws IOException {
        TestFiles.write(temp.resolve("secret.safetensors"), TENSOR);
        Path link = folder.resolve("model.safetensors");
        Files.move(link, folder.resolve("inside.bin"));
        Files.createSymbolicLink(link, Path.of("inside.bin"));
        Checkpoint.open(folder).close();
        Files.delete(link);
        Files.createSymbolicLink(link, Path.of("../secret.safetensors"));
        refused("outside the model's folder");
        Files.delete(link);
        Files.createSymbolicLink(link, temp.resolve("secret.safetensors"));
        refused("outside the model's folder");
        Files.delete(link);
        Files.createSymbolicLink(link, link);
        refused("model.safetensors");
        Files.delete(link);
        Files.move(folder.resolve("inside.bin"), link);
        Files.delete(folder.resolve("config.json"));
        Files.createSymbolicLink(folder.resolve("config.json"), TestFiles.write(temp.resolve("other.json"), "{}"));
        refused("outside the model's folder");
    }

    @Test
    void theCacheOfHuggingFaceWorks() throws IOException {
        Path cache = temp.resolve("hub/models--org--name");
        TestFiles.write(cache.resolve("blobs/11"), "{}");
        TestFiles.write(cache.resolve("blobs/22"), TENSOR);
        folder = Files.createDirectories(cache.resolve("snapshots/abcdef"));
        Files.createSymbolicLink(folder.resolve("config.json"), Path.of("../../blobs/11"));
        Files.createSymbolicLink(folder.resolve("model.safetensors"), Path.of("../../blobs/22"));
        Checkpoint.open(folder).close();
        Path elsewhere = Files.createSymbolicLink(temp.resolve("alias"), folder);
        Checkpoint.open(elsewhere).close();
        Files.delete(folder.resolve("model.safetensors"));
        TestFiles.write(temp.resolve("hub/models--org--other/blobs/33"), TENSOR);
        Files.createSymbolicLink(folder.resolve("model.safetensors"), Path.of("../../../models--org--other/blobs/33"));
        refused("outside the model's folder");
    }

    @Test
    void whatIsNotThere() {
        folder = temp.resolve("nowhere");
        assertEquals(
                CheckpointIOException.class, refused("no such file or folder").getClass());
    }

    @Test
    void aShrunkenFileIsNoticed() throws IOException {
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            checkpoint.checkUnchanged();
            Files.write(folder.resolve("model.safetensors"), new byte[3]);
            CheckpointIOException error = assertThrows(CheckpointIOException.class, checkpoint::checkUnchanged);
            assertTrue(error.getMessage().contains("has 3 now"), error.getMessage());
        }
    }
}
