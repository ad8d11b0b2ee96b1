package dev.cadre.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every attack ends in a {@link CheckpointFormatException} with its reason, and allocates little. */
class HostileGgufTest {
    private static final byte[] GOLDEN = bytes(GoldenCheckpointTest.golden("gguf-types/model.gguf"));

    @TempDir
    Path temp;

    private static byte[] bytes(Path path) {
        try {
            return Files.readAllBytes(path);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @ParameterizedTest
    @EnumSource
    void isRefusedWithItsReason(HostileGguf attack) {
        byte[] bytes = attack.build();
        Path file = TestFiles.write(temp.resolve("model.gguf"), bytes);
        readAll(file); // loads the classes
        CheckpointFormatException error = Allocations.bounded(
                bytes.length,
                attack.name(),
                () -> assertThrows(CheckpointFormatException.class, () -> Checkpoint.open(file)));
        assertTrue(error.getMessage().contains(attack.reason()), error.getMessage());
        assertTrue(error.getMessage().contains(file.toString()), error.getMessage());
        assertEquals(file, error.path());
        assertTrue(error.getMessage().length() < 1000, error.getMessage());
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3})
    void theUnattackedBaseOpens(int version) {
        byte[] file = new GgufBytes()
                .version(version)
                .key("general.alignment", GgufBytes.U32, GgufBytes.u32(64))
                .tensor("a", 0, 0, 4, 4)
                .tensor("b", 24, 64, 1)
                .align(64)
                .data(65)
                .build();
        try (Checkpoint checkpoint = Checkpoint.open(TestFiles.write(temp.resolve("m.gguf"), file))) {
            assertEquals(2, checkpoint.tensors().size());
        }
    }

    @Test
    void foldersOfGgufFiles() {
        byte[] file = new GgufBytes().tensor("a", 0, 0, 1).data(32).build();
        TestFiles.write(temp.resolve("model.gguf"), file);
        assertTrue(readAll(temp));
        TestFiles.write(temp.resolve("config.json"), "{}");
        assertTrue(readAll(temp), "with the original's config");
        TestFiles.write(temp.resolve("other.gguf"), file);
        refused(temp, "name one of: [model.gguf, other.gguf]");
    }

    /** True if the file opens; every metadata value is read then. Whatever else than our exceptions escapes fails. */
    private static boolean readAll(Path file) {
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            for (String key : checkpoint.metadata().keys()) {
                try {
                    checkpoint.metadata().value(key);
                } catch (CheckpointFormatException e) {
                    assertTrue(e.offset() >= 0, e.getMessage());
                }
            }
            for (TensorEntry tensor : checkpoint.tensors()) {
                tensor.data().get(ValueLayout.JAVA_BYTE, tensor.bytes() - 1);
            }
            return true;
        } catch (CheckpointFormatException e) {
            return false;
        }
    }

    @Test
    void badTextInAnArrayIsAnErrorWhereItIsRead() {
        byte[] bad = GgufBytes.concat(
                GgufBytes.u32(GgufBytes.STRING), GgufBytes.u64(1), GgufBytes.u64(1), new byte[] {(byte) 0xfe});
        byte[] file = new GgufBytes().key("k", GgufBytes.ARRAY, bad).build();
        try (Checkpoint checkpoint = Checkpoint.open(TestFiles.write(temp.resolve("m.gguf"), file))) {
            CheckpointFormatException error = assertThrows(
                    CheckpointFormatException.class, () -> checkpoint.metadata().requireStrings("k"));
            assertTrue(error.getMessage().contains("not valid UTF-8"), error.getMessage());
            assertTrue(error.offset() > 0);
        }
    }

    @Test
    void aVocabularyIsMeasuredNotDecoded() {
        byte[] tokens = new byte[300_000 * 11];
        for (int at = 0; at < tokens.length; at += 11) {
            tokens[at] = 3;
            tokens[at + 8] = 'a';
            tokens[at + 9] = 'b';
            tokens[at + 10] = 'c';
        }
        byte[] array = GgufBytes.concat(GgufBytes.u32(GgufBytes.STRING), GgufBytes.u64(300_000), tokens);
        byte[] file = new GgufBytes().key("tokens", GgufBytes.ARRAY, array).build();
        Path path = TestFiles.write(temp.resolve("vocabulary.gguf"), file);
        try (Checkpoint checkpoint = Allocations.bounded(0, "vocabulary", () -> Checkpoint.open(path))) {
            assertEquals("abc", checkpoint.metadata().requireStrings("tokens").get(299_999));
        }
    }

    @Test
    void manyTinyTensorsTakeAtMost512BytesEach() {
        GgufBytes header = new GgufBytes()
                .key("general.alignment", GgufBytes.U32, GgufBytes.u32(1))
                .align(1);
        for (int i = 0; i < 50_000; i++) {
            header.tensor("t" + i, 24, i, 1);
        }
        byte[] file = header.data(50_000).build();
        Path path = TestFiles.write(temp.resolve("many.gguf"), file);
        try (Checkpoint checkpoint =
                Allocations.bounded(file.length + 50_000 * 512L / 4, "tensors", () -> Checkpoint.open(path))) {
            assertEquals(50_000, checkpoint.tensors().size());
        }
    }

    @Test
    void splitSets() {
        Path folder = GoldenCheckpointTest.golden("gguf-split");
        List<byte[]> parts = List.of(
                bytes(folder.resolve("model-00001-of-00003.gguf")),
                bytes(folder.resolve("model-00002-of-00003.gguf")),
                bytes(folder.resolve("model-00003-of-00003.gguf")));
        Path first = write(parts.get(0), 1);
        CheckpointException missing = assertThrows(CheckpointIOException.class, () -> Checkpoint.open(first));
        assertTrue(missing.getMessage().contains("model-00002-of-00003.gguf"), missing.getMessage());
        assertTrue(missing.getMessage().contains("part 2 of 3"), missing.getMessage());
        write(parts.get(2), 2);
        write(parts.get(1), 3);
        refused(first, "split.no");
        write(parts.get(1), 2);
        write(parts.get(2), 3);
        assertTrue(readAll(first));
        write(parts.get(0), 3);
        refused(first, "split.no");
        write(Arrays.copyOf(parts.get(2), parts.get(2).length - 32), 3);
        refused(first, "truncated");
        refused(write(parts.get(1), 4), "part 4 of 3");
        refused(write(parts.get(1), 0), "part 0 of 3");
        write(GOLDEN, 3);
        refused(first, "split.count");
    }

    private Path write(byte[] part, int number) {
        return TestFiles.write(temp.resolve("split/model-0000" + number + "-of-00003.gguf"), part);
    }

    private static void refused(Path file, String reason) {
        CheckpointFormatException error = assertThrows(CheckpointFormatException.class, () -> Checkpoint.open(file));
        assertTrue(error.getMessage().contains(reason), error.getMessage());
    }
}
