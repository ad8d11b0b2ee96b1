package dev.cadre.weights.internal;

import dev.cadre.weights.CheckpointIOException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A file mapped whole and read-only.
 *
 * @param path the file
 * @param segment its bytes
 * @param size its size when it was mapped
 */
public record MappedFile(Path path, MemorySegment segment, long size) {
    /** Maps {@code path} until {@code arena} is closed. */
    public static MappedFile map(Path path, Arena arena) {
        if (Files.isDirectory(path)) {
            throw new CheckpointIOException(path, "is a folder, a file was expected");
        }
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            long size = channel.size();
            MemorySegment segment = size == 0
                    ? MemorySegment.NULL.asReadOnly()
                    : channel.map(FileChannel.MapMode.READ_ONLY, 0, size, arena);
            return new MappedFile(path, segment, size);
        } catch (NoSuchFileException e) {
            throw new CheckpointIOException(path, "there is no such file", e);
        } catch (AccessDeniedException e) {
            throw new CheckpointIOException(path, "may not be read (permissions)", e);
        } catch (IOException | UnsupportedOperationException e) {
            throw new CheckpointIOException(path, "cannot be mapped: " + e.getMessage(), e);
        }
    }

    /** Throws if the file has fewer bytes than were mapped. */
    void checkUnchanged() {
        long now;
        try {
            now = Files.size(path);
        } catch (IOException e) {
            throw new CheckpointIOException(path, "is gone since it was opened", e);
        }
        if (now < size) {
            throw new CheckpointIOException(
                    path,
                    "had " + size + " bytes when it was opened and has " + now
                            + " now; replace model files by renaming, not in place");
        }
    }
}
