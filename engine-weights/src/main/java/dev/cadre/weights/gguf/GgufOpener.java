package dev.cadre.weights.gguf;

import dev.cadre.weights.Checkpoint;
import dev.cadre.weights.CheckpointFormatException;
import dev.cadre.weights.CheckpointIOException;
import dev.cadre.weights.CheckpointLimits;
import dev.cadre.weights.Metadata;
import dev.cadre.weights.TensorEntry;
import dev.cadre.weights.gguf.GgufReader.Part;
import dev.cadre.weights.internal.MappedCheckpoint;
import dev.cadre.weights.internal.MappedFile;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Opens GGUF models of one or many files. The parts of a set are named {@code NAME-00001-of-000NN.gguf}, carry the keys
 * split.no (from 0), split.count and split.tensors.count, and the first has all other metadata.
 */
public final class GgufOpener {
    private static final Pattern PART_NAME = Pattern.compile("(.*)-(\\d{5})-of-(\\d{5})\\.gguf", Pattern.DOTALL);
    private static final String SPLIT_COUNT = "split.count";

    private GgufOpener() {}

    /** Opens the model that {@code path} is the file, or one part, of. The mapping lives until the result is closed. */
    public static Checkpoint open(Path path, CheckpointLimits limits, Arena arena) {
        List<Part> parts = new ArrayList<>();
        Matcher name = PART_NAME.matcher(String.valueOf(path.getFileName()));
        if (name.matches()) {
            int count = Integer.parseInt(name.group(3));
            int named = Integer.parseInt(name.group(2));
            if (named < 1 || named > count || count > limits.maxFiles()) {
                throw new CheckpointFormatException(
                        path,
                        -1,
                        null,
                        "the name says part " + named + " of " + count + ", the limit is " + limits.maxFiles());
            }
            readParts(path, name.group(1), count, limits, arena, parts);
        } else {
            Part single = GgufReader.read(MappedFile.map(path, arena), limits);
            long count = single.metadata().longOr(SPLIT_COUNT, 1);
            if (count > 1) {
                throw new CheckpointFormatException(
                        path,
                        -1,
                        SPLIT_COUNT,
                        "it is one of " + count + " parts, but its name does not end in -00001-of-"
                                + String.format("%05d", count) + ".gguf, so the others cannot be found");
            }
            parts.add(single);
        }
        return join(parts, limits, arena);
    }

    /** The first file of the model that {@code path}, a file's name, belongs to. */
    public static Path firstPart(Path path) {
        Matcher name = PART_NAME.matcher(String.valueOf(path.getFileName()));
        return name.matches() ? path.resolveSibling(partName(name.group(1), 1, name.group(3))) : path;
    }

    /** The name of part {@code number}, from 1, of {@code count} parts of the model {@code target}. */
    static Path partOf(Path target, int number, int count) {
        String name = target.getFileName().toString();
        String prefix = name.endsWith(".gguf") ? name.substring(0, name.length() - ".gguf".length()) : name;
        return target.resolveSibling(partName(prefix, number, String.format("%05d", count)));
    }

    private static String partName(String prefix, int number, String count) {
        return String.format("%s-%05d-of-%s.gguf", prefix, number, count);
    }

    private static void readParts(
            Path path, String prefix, int count, CheckpointLimits limits, Arena arena, List<Part> parts) {
        for (int i = 0; i < count; i++) {
            Path file = path.resolveSibling(partName(prefix, i + 1, String.format("%05d", count)));
            if (!Files.exists(file)) {
                throw new CheckpointIOException(file, "part " + (i + 1) + " of " + count + " is missing");
            }
            Part part = GgufReader.read(MappedFile.map(file, arena), limits);
            expect(part.metadata(), file, SPLIT_COUNT, count);
            expect(part.metadata(), file, "split.no", i);
            parts.add(part);
        }
    }

    private static void expect(Metadata metadata, Path file, String key, long expected) {
        long actual = metadata.requireLong(key);
        if (actual != expected) {
            throw new CheckpointFormatException(
                    file, -1, key, "is " + actual + ", but the file's name says " + expected);
        }
    }

    private static Checkpoint join(List<Part> parts, CheckpointLimits limits, Arena arena) {
        Part first = parts.getFirst();
        SequencedMap<String, TensorEntry> tensors = new LinkedHashMap<>();
        List<MappedFile> files = new ArrayList<>();
        for (Part part : parts) {
            files.add(part.file());
            for (TensorEntry tensor : part.tensors()) {
                TensorEntry other = tensors.putIfAbsent(tensor.name(), tensor);
                if (other != null) {
                    throw new CheckpointFormatException(
                            tensor.file(), -1, tensor.name(), "the tensor is in " + other.file() + " too");
                }
            }
            if (tensors.size() > limits.maxTensors()) {
                throw new CheckpointFormatException(
                        part.file().path(), -1, null, "more than " + limits.maxTensors() + " tensors");
            }
        }
        long declared = first.metadata().longOr("split.tensors.count", tensors.size());
        if (parts.size() > 1 && declared != tensors.size()) {
            throw new CheckpointFormatException(
                    first.file().path(),
                    -1,
                    "split.tensors.count",
                    "is " + declared + ", but the parts hold " + tensors.size() + " tensors");
        }
        return new MappedCheckpoint(first.file().path(), "gguf", first.metadata(), tensors, files, arena);
    }
}
