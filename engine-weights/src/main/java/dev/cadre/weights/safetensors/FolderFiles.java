package dev.cadre.weights.safetensors;

import dev.cadre.weights.CheckpointFormatException;
import dev.cadre.weights.CheckpointIOException;
import dev.cadre.weights.CheckpointLimits;
import dev.cadre.weights.internal.JsonObject;
import dev.cadre.weights.internal.MappedFile;
import dev.cadre.weights.internal.StrictJson;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;

/**
 * The files of one Hugging Face folder, and nothing outside it. A name must be a plain file name, and a symbolic link
 * must stay in the folder, except that in the Hugging Face cache ({@code …/snapshots/REVISION}) it may lead to
 * {@code …/blobs}.
 */
public final class FolderFiles {
    /** A tokenizer of 400,000 merges has some 2 million values. */
    private static final int MAX_JSON_VALUES = 1 << 23;

    private final Path folder;
    private final CheckpointLimits limits;

    /** Files of {@code folder}, with limits that suit tokenizers. */
    public FolderFiles(Path folder) {
        this(folder, CheckpointLimits.DEFAULTS.withMaxJsonValues(MAX_JSON_VALUES));
    }

    FolderFiles(Path folder, CheckpointLimits limits) {
        this.folder = folder;
        this.limits = limits;
    }

    /** Where a file of this name is or would be. */
    public Path path(String name) {
        return folder.resolve(name);
    }

    public boolean exists(String name) {
        return Files.exists(folder.resolve(name));
    }

    /** Reads a file that must hold one JSON object. */
    public JsonObject readJson(String name) {
        try (Arena mapping = Arena.ofConfined()) {
            return StrictJson.readObject(MappedFile.map(inside(name), mapping), limits);
        }
    }

    /** Reads a text file, which must be UTF-8. */
    public String readText(String name) {
        try (Arena mapping = Arena.ofConfined()) {
            MappedFile file = MappedFile.map(inside(name), mapping);
            if (file.size() > limits.maxStringBytes()) {
                throw new CheckpointFormatException(
                        file.path(),
                        -1,
                        null,
                        "has " + file.size() + " bytes, the limit is " + limits.maxStringBytes());
            }
            ByteBuffer bytes = ByteBuffer.wrap(file.segment().toArray(ValueLayout.JAVA_BYTE));
            return StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
        } catch (CharacterCodingException e) {
            throw new CheckpointFormatException(folder.resolve(name), -1, null, "is not UTF-8", e);
        }
    }

    /** The file of this name in the folder, after the rules of the class. */
    Path inside(String name) {
        try {
            Path relative = Path.of(name);
            boolean plain = !name.isEmpty()
                    && !relative.isAbsolute()
                    && relative.getNameCount() == 1
                    && !name.equals(".")
                    && !name.equals("..")
                    && name.indexOf('/') < 0
                    && name.indexOf('\\') < 0;
            if (!plain) {
                throw new CheckpointFormatException(
                        folder, -1, name, "names a file outside the folder; only plain file names are allowed");
            }
            Path file = folder.resolve(relative);
            if (!Files.exists(file)) {
                throw new CheckpointIOException(file, "there is no such file");
            }
            Path home = folder.toRealPath();
            Path real = file.toRealPath();
            if (!real.startsWith(home) && !isCacheBlob(home, real)) {
                throw new CheckpointFormatException(
                        file, -1, null, "is a link to " + real + ", which is outside the model's folder");
            }
            return file;
        } catch (InvalidPathException e) {
            throw new CheckpointFormatException(folder, -1, name, "is no file name", e);
        } catch (IOException e) {
            throw new CheckpointIOException(folder.resolve(name), "cannot be resolved: " + e.getMessage(), e);
        }
    }

    private static boolean isCacheBlob(Path home, Path real) {
        Path snapshots = home.getParent();
        return snapshots != null
                && snapshots.endsWith("snapshots")
                && real.startsWith(snapshots.resolveSibling("blobs"));
    }
}
