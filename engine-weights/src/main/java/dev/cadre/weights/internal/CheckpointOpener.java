package dev.cadre.weights.internal;

import dev.cadre.weights.Checkpoint;
import dev.cadre.weights.CheckpointFormatException;
import dev.cadre.weights.CheckpointIOException;
import dev.cadre.weights.CheckpointLimits;
import dev.cadre.weights.gguf.GgufOpener;
import dev.cadre.weights.safetensors.HuggingFaceFolder;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Finds out what a path is and opens it. */
public final class CheckpointOpener {
    private CheckpointOpener() {}

    /** See {@link Checkpoint#open(Path, CheckpointLimits)}. */
    public static Checkpoint open(Path path, CheckpointLimits limits) {
        if (!Files.exists(path)) {
            throw new CheckpointIOException(path, "there is no such file or folder");
        }
        Arena arena = Arena.ofShared();
        boolean opened = false;
        try {
            Checkpoint checkpoint = openIn(path, limits, arena);
            opened = true;
            return checkpoint;
        } catch (InternalError e) {
            // HotSpot reports a fault on a mapped page so: the file shrank under the reader
            throw new CheckpointIOException(path, "changed while its header was read", e);
        } finally {
            if (!opened) {
                arena.close();
            }
        }
    }

    private static Checkpoint openIn(Path path, CheckpointLimits limits, Arena arena) {
        if (Files.isDirectory(path)) {
            boolean huggingFace = Files.exists(path.resolve(HuggingFaceFolder.CONFIG))
                    // repositories of GGUF files often keep the original's config beside them
                    && (hasFile(path, ".safetensors") || !hasFile(path, ".gguf"));
            return huggingFace
                    ? HuggingFaceFolder.open(path, limits, arena)
                    : GgufOpener.open(onlyGgufOf(path), limits, arena);
        }
        String name = path.getFileName().toString();
        if (name.equals(HuggingFaceFolder.CONFIG) || name.endsWith(".safetensors")) {
            Path folder = path.toAbsolutePath().getParent();
            return HuggingFaceFolder.open(path.getParent() == null ? folder : path.getParent(), limits, arena);
        }
        return GgufOpener.open(path, limits, arena);
    }

    private static boolean hasFile(Path folder, String suffix) {
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.anyMatch(entry -> entry.toString().endsWith(suffix));
        } catch (IOException e) {
            throw new CheckpointIOException(folder, "cannot be listed: " + e.getMessage(), e);
        }
    }

    private static Path onlyGgufOf(Path folder) {
        List<Path> models;
        try (Stream<Path> entries = Files.list(folder)) {
            models = entries.filter(entry -> entry.toString().endsWith(".gguf"))
                    .map(GgufOpener::firstPart)
                    .distinct()
                    .sorted()
                    .limit(10)
                    .toList();
        } catch (IOException e) {
            throw new CheckpointIOException(folder, "cannot be listed: " + e.getMessage(), e);
        }
        if (models.size() == 1) {
            return models.getFirst();
        }
        throw new CheckpointFormatException(
                folder,
                -1,
                null,
                models.isEmpty()
                        ? "the folder has neither a config.json nor a GGUF file"
                        : "the folder has several GGUF models, name one of: "
                                + models.stream().map(Path::getFileName).toList());
    }
}
