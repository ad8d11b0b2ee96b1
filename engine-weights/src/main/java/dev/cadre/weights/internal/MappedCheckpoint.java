package dev.cadre.weights.internal;

import dev.cadre.weights.Checkpoint;
import dev.cadre.weights.CheckpointFormatException;
import dev.cadre.weights.Metadata;
import dev.cadre.weights.TensorEntry;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.concurrent.atomic.AtomicBoolean;

/** {@link Checkpoint} over files that one shared arena maps. */
public final class MappedCheckpoint implements Checkpoint {
    private final Path path;
    private final String format;
    private final Metadata metadata;
    private final Map<String, TensorEntry> tensors;
    private final List<MappedFile> files;
    private final Arena arena;
    private final AtomicBoolean closed = new AtomicBoolean();

    /** Takes ownership of {@code arena}. */
    public MappedCheckpoint(
            Path path,
            String format,
            Metadata metadata,
            SequencedMap<String, TensorEntry> tensors,
            List<MappedFile> files,
            Arena arena) {
        this.path = path;
        this.format = format;
        this.metadata = metadata;
        this.tensors = Collections.unmodifiableSequencedMap(tensors);
        this.files = List.copyOf(files);
        this.arena = arena;
    }

    @Override
    public Path path() {
        return path;
    }

    @Override
    public String format() {
        return format;
    }

    @Override
    public Metadata metadata() {
        return metadata;
    }

    @Override
    public Collection<TensorEntry> tensors() {
        return tensors.values();
    }

    @Override
    public TensorEntry find(String name) {
        return tensors.get(name);
    }

    @Override
    public TensorEntry require(String name) {
        TensorEntry entry = tensors.get(name);
        if (entry == null) {
            throw new CheckpointFormatException(
                    path, -1, name, "there is no such tensor among the " + tensors.size() + " of this checkpoint");
        }
        return entry;
    }

    @Override
    public List<Path> files() {
        return files.stream().map(MappedFile::path).toList();
    }

    @Override
    public void checkUnchanged() {
        files.forEach(MappedFile::checkUnchanged);
    }

    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            arena.close();
        }
    }

    @Override
    public String toString() {
        return format + " " + path + ", " + tensors.size() + " tensors";
    }
}
