package dev.cadre.weights.safetensors;

import dev.cadre.kernels.format.BlockFormat;
import dev.cadre.weights.CheckpointFormatException;
import dev.cadre.weights.CheckpointLimits;
import dev.cadre.weights.TensorEntry;
import dev.cadre.weights.internal.Cursor;
import dev.cadre.weights.internal.JsonObject;
import dev.cadre.weights.internal.MappedFile;
import dev.cadre.weights.internal.Shapes;
import dev.cadre.weights.internal.StrictJson;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;

/**
 * Reads the header of one safetensors file.
 *
 * <p>Layout: u64 header length N, N bytes of JSON {@code {"name": {"dtype", "shape", "data_offsets": [begin, end]}}}
 * (offsets count from the end of the header), then the tensors without gaps. The key {@code __metadata__} maps strings
 * to strings.
 */
final class SafetensorsReader {
    private static final String METADATA = "__metadata__";

    private static final Map<String, BlockFormat> TYPES = Map.ofEntries(
            Map.entry("BOOL", BlockFormat.BOOL),
            Map.entry("U8", BlockFormat.U8),
            Map.entry("I8", BlockFormat.I8),
            Map.entry("F8_E4M3", BlockFormat.F8_E4M3),
            Map.entry("F8_E5M2", BlockFormat.F8_E5M2),
            Map.entry("F8_E8M0", BlockFormat.F8_E8M0),
            Map.entry("U16", BlockFormat.U16),
            Map.entry("I16", BlockFormat.I16),
            Map.entry("F16", BlockFormat.F16),
            Map.entry("BF16", BlockFormat.BF16),
            Map.entry("U32", BlockFormat.U32),
            Map.entry("I32", BlockFormat.I32),
            Map.entry("F32", BlockFormat.F32),
            Map.entry("U64", BlockFormat.U64),
            Map.entry("I64", BlockFormat.I64),
            Map.entry("F64", BlockFormat.F64));

    private final MappedFile file;
    private final CheckpointLimits limits;
    private final SequencedMap<String, TensorEntry> tensors = new LinkedHashMap<>();
    private boolean metadataSeen;
    private long dataStart;

    private SafetensorsReader(MappedFile file, CheckpointLimits limits) {
        this.file = file;
        this.limits = limits;
    }

    /** The tensors of {@code file} by name, in the order of their data. */
    static List<TensorEntry> read(MappedFile file, CheckpointLimits limits) {
        return new SafetensorsReader(file, limits).read();
    }

    private List<TensorEntry> read() {
        Cursor cursor = new Cursor(file.path(), file.segment(), 0);
        long headerBytes = cursor.count("length of the header", 1, limits.maxHeaderBytes());
        dataStart = cursor.position() + headerBytes;
        try (StrictJson json = new StrictJson(file.path(), file.segment(), cursor.position(), headerBytes, limits)) {
            json.members((name, value) -> member(json, name, value));
        }
        List<TensorEntry> sorted = new ArrayList<>(tensors.values());
        sorted.sort(Comparator.comparingLong(TensorEntry::offset).thenComparingLong(TensorEntry::bytes));
        checkContiguous(sorted);
        return sorted;
    }

    private void member(StrictJson json, String name, Object value) {
        if (name.equals(METADATA)) {
            checkMetadata(json, value);
            return;
        }
        if (tensors.containsKey(name)) {
            throw json.error(name, "a second tensor has this name");
        }
        if (tensors.size() >= limits.maxTensors()) {
            throw json.error(name, "more than " + limits.maxTensors() + " tensors");
        }
        if (!(value instanceof JsonObject object)) {
            throw json.error(name, "the entry of a tensor must be an object");
        }
        tensors.put(name, entry(json, name, object.members()));
    }

    private void checkMetadata(StrictJson json, Object value) {
        if (metadataSeen) {
            throw json.error(METADATA, "occurs twice");
        }
        metadataSeen = true;
        if (!(value instanceof JsonObject object)
                || !object.members().values().stream().allMatch(String.class::isInstance)) {
            throw json.error(METADATA, "must be an object of strings");
        }
    }

    private TensorEntry entry(StrictJson json, String name, Map<String, Object> fields) {
        if (!(fields.get("dtype") instanceof String dtype)) {
            throw json.error(name, "it has no dtype");
        }
        BlockFormat format = TYPES.get(dtype);
        if (format == null) {
            throw json.error(
                    name,
                    "its dtype is \"" + (dtype.length() > 40 ? dtype.substring(0, 40) + "…" : dtype) + "\", known are "
                            + TYPES.keySet().stream().sorted().toList());
        }
        long[] shape = longs(json, name, fields, "shape");
        if (shape.length > limits.maxDimensions()) {
            throw json.error(name, "it has " + shape.length + " dimensions, the limit is " + limits.maxDimensions());
        }
        long bytes;
        try {
            bytes = isEmpty(shape) ? 0 : Shapes.bytes(format, shape);
        } catch (IllegalArgumentException e) {
            throw json.error(name, e.getMessage());
        }
        long[] range = longs(json, name, fields, "data_offsets");
        long room = file.size() - dataStart;
        if (range.length != 2 || range[0] > range[1]) {
            throw json.error(name, "its data_offsets are not [begin, end]");
        }
        if (range[1] > room) {
            throw json.error(
                    name,
                    "its data ends at " + range[1] + " of a data section that has only " + room
                            + " bytes (truncated download?)");
        }
        if (range[1] - range[0] != bytes) {
            throw json.error(
                    name,
                    "its data_offsets span " + (range[1] - range[0]) + " bytes, but shape and dtype take " + bytes);
        }
        long offset = dataStart + range[0];
        return new TensorEntry(
                name, format, shape, file.path(), offset, bytes, file.segment().asSlice(offset, bytes));
    }

    /** As transformers stores a shared expert of width 0. */
    private static boolean isEmpty(long[] shape) {
        return Arrays.stream(shape).anyMatch(dimension -> dimension == 0);
    }

    private static long[] longs(StrictJson json, String name, Map<String, Object> fields, String field) {
        if (!(fields.get(field) instanceof List<?> list)) {
            throw json.error(name, "it has no array " + field);
        }
        long[] result = new long[list.size()];
        for (int i = 0; i < result.length; i++) {
            if (!(list.get(i) instanceof Long number) || number < 0) {
                throw json.error(name, field + " must hold integers from 0 to 2^63 - 1, found " + list.get(i));
            }
            result[i] = number;
        }
        return result;
    }

    private void checkContiguous(List<TensorEntry> sorted) {
        long end = dataStart;
        String before = "the header";
        for (TensorEntry tensor : sorted) {
            if (tensor.offset() != end) {
                throw new CheckpointFormatException(
                        file.path(),
                        tensor.offset(),
                        tensor.name(),
                        (tensor.offset() < end ? "it overlaps " : "there is a hole after ") + before
                                + ", which ends at " + end);
            }
            end += tensor.bytes();
            before = "tensor " + tensor.name();
        }
        if (end != file.size()) {
            throw new CheckpointFormatException(
                    file.path(), end, null, "the file has " + (file.size() - end) + " bytes after its last tensor");
        }
    }
}
