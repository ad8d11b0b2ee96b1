package dev.cadre.weights.safetensors;

import dev.cadre.weights.Checkpoint;
import dev.cadre.weights.CheckpointFormatException;
import dev.cadre.weights.CheckpointIOException;
import dev.cadre.weights.CheckpointLimits;
import dev.cadre.weights.TensorEntry;
import dev.cadre.weights.internal.JsonObject;
import dev.cadre.weights.internal.MappedCheckpoint;
import dev.cadre.weights.internal.MappedFile;
import dev.cadre.weights.internal.ValueMetadata;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * Opens a folder as Hugging Face lays it out: {@code config.json}, and {@code model.safetensors} or the shards that
 * {@code model.safetensors.index.json} names.
 * Nothing outside the folder is ever opened, see {@link FolderFiles}.
 */
public final class HuggingFaceFolder {
    /** The configuration's file name. */
    public static final String CONFIG = "config.json";

    private static final String SINGLE = "model.safetensors";
    private static final String INDEX = "model.safetensors.index.json";

    private final Path folder;
    private final CheckpointLimits limits;
    private final Arena arena;
    private final FolderFiles source;

    private HuggingFaceFolder(Path folder, CheckpointLimits limits, Arena arena) {
        this.folder = folder;
        this.limits = limits;
        this.arena = arena;
        this.source = new FolderFiles(folder, limits);
    }

    /** Opens {@code folder}. The mapping lives until the result is closed. */
    public static Checkpoint open(Path folder, CheckpointLimits limits, Arena arena) {
        return new HuggingFaceFolder(folder, limits, arena).open();
    }

    private Checkpoint open() {
        ValueMetadata config = new ValueMetadata(
                folder.resolve(CONFIG), source.readJson(CONFIG).members());
        SequencedMap<String, TensorEntry> tensors = new LinkedHashMap<>();
        List<MappedFile> files = new ArrayList<>();
        Path single = singleFile();
        if (single != null) {
            MappedFile file = MappedFile.map(source.inside(single.getFileName().toString()), arena);
            files.add(file);
            SafetensorsReader.read(file, limits).forEach(tensor -> tensors.put(tensor.name(), tensor));
        } else {
            readShards(tensors, files);
        }
        return new MappedCheckpoint(folder, "safetensors", config, tensors, files, arena);
    }

    /** The one file that holds everything, or null where an index says which do. */
    private Path singleFile() {
        if (Files.exists(folder.resolve(SINGLE))) {
            return folder.resolve(SINGLE);
        }
        if (Files.exists(folder.resolve(INDEX))) {
            return null;
        }
        try (Stream<Path> entries = Files.list(folder)) {
            List<Path> found = entries.filter(entry -> entry.toString().endsWith(".safetensors"))
                    .limit(2)
                    .toList();
            if (found.size() == 1) {
                return found.getFirst();
            }
            throw new CheckpointFormatException(
                    folder,
                    -1,
                    null,
                    found.isEmpty()
                            ? "the folder has a config.json but no safetensors file"
                            : "the folder has several safetensors files but no " + INDEX);
        } catch (IOException e) {
            throw new CheckpointIOException(folder, "cannot be listed: " + e.getMessage(), e);
        }
    }

    private void readShards(SequencedMap<String, TensorEntry> tensors, List<MappedFile> files) {
        Path index = folder.resolve(INDEX);
        Map<String, Object> weightMap;
        if (source.readJson(INDEX).members().get("weight_map") instanceof JsonObject object) {
            weightMap = object.members();
        } else {
            throw new CheckpointFormatException(index, -1, "weight_map", "is missing or no object");
        }
        TreeSet<String> shards = new TreeSet<>();
        weightMap.forEach((tensor, shard) -> {
            if (!(shard instanceof String name)) {
                throw new CheckpointFormatException(index, -1, tensor, "its shard must be a file name");
            }
            shards.add(name);
        });
        if (shards.isEmpty() || shards.size() > limits.maxFiles()) {
            throw new CheckpointFormatException(
                    index,
                    -1,
                    "weight_map",
                    "names " + shards.size() + " files, allowed are 1 to " + limits.maxFiles());
        }
        for (String shard : shards) {
            MappedFile file = MappedFile.map(source.inside(shard), arena);
            files.add(file);
            for (TensorEntry tensor : SafetensorsReader.read(file, limits)) {
                addFromShard(tensors, weightMap, shard, tensor);
            }
        }
        if (tensors.size() < weightMap.size()) {
            weightMap.forEach((tensor, shard) -> {
                if (!tensors.containsKey(tensor)) {
                    throw new CheckpointFormatException(
                            index, -1, tensor, "the index puts it in " + shard + ", which does not hold it");
                }
            });
        }
    }

    /** The index decides where a name is in two shards; a tensor that it does not list must be unique. */
    private void addFromShard(
            Map<String, TensorEntry> tensors, Map<String, Object> weightMap, String shard, TensorEntry tensor) {
        Object owner = weightMap.get(tensor.name());
        if (owner != null && !owner.equals(shard)) {
            return;
        }
        if (tensors.putIfAbsent(tensor.name(), tensor) != null) {
            throw new CheckpointFormatException(
                    tensor.file(), -1, tensor.name(), "another shard holds a tensor of this name too");
        }
        if (tensors.size() > limits.maxTensors()) {
            throw new CheckpointFormatException(
                    tensor.file(), -1, null, "more than " + limits.maxTensors() + " tensors");
        }
    }
}
