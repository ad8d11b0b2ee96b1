package dev.cadre.core.tokenizer;

import dev.cadre.weights.Checkpoint;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The tokenizer keys of a GGUF file, written as JSON in the place of a config: how GGUF stores keys is another target's
 * part.
 */
public final class VocabularyFuzz {
    private static final Path FOLDER = folder();

    private VocabularyFuzz() {}

    /** A folder with one tensor, so that it opens. */
    private static Path folder() {
        byte[] header =
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}".getBytes(StandardCharsets.UTF_8);
        ByteBuffer file = ByteBuffer.allocate(8 + header.length + 4)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(header.length)
                .put(header);
        try {
            Path folder = Files.createTempDirectory("cadre-fuzz");
            Path tensors = Files.write(folder.resolve("model.safetensors"), file.array());
            folder.toFile().deleteOnExit();
            tensors.toFile().deleteOnExit();
            folder.resolve("config.json").toFile().deleteOnExit();
            return folder;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public static void fuzzerTestOneInput(byte[] data) {
        FuzzedText.run(data, VocabularyFuzz::read);
    }

    private static BpeTokenizer read(byte[] json) {
        try {
            Files.write(FOLDER.resolve("config.json"), json);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        try (Checkpoint checkpoint = Checkpoint.open(FOLDER)) {
            return GgufTokenizer.read(checkpoint.metadata());
        }
    }
}
