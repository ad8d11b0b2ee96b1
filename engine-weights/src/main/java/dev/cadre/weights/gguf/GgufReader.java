package dev.cadre.weights.gguf;

import dev.cadre.kernels.format.BlockFormat;
import dev.cadre.weights.CheckpointFormatException;
import dev.cadre.weights.CheckpointLimits;
import dev.cadre.weights.Metadata;
import dev.cadre.weights.TensorEntry;
import dev.cadre.weights.internal.Cursor;
import dev.cadre.weights.internal.MappedFile;
import dev.cadre.weights.internal.Shapes;
import dev.cadre.weights.internal.ValueMetadata;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.Set;

/**
 * Reads the header of one GGUF file.
 *
 * <p>Layout, little-endian: magic "GGUF", u32 version, u64 tensor count, u64 key count; per key a string, u32 type and
 * the value; per tensor a string, u32 dimension count, u64 dimensions (innermost first), u32 type, u64 offset from the
 * data section; padding to the alignment (key general.alignment, else 32); the data section.
 */
final class GgufReader {
    static final int MAGIC = 0x46554747;
    static final String ALIGNMENT_KEY = "general.alignment";
    static final int DEFAULT_ALIGNMENT = 32;

    /** An empty key, a type number, a one-byte value. */
    private static final int LEAST_KEY_BYTES = 13;
    /** An empty name, no dimensions, type, offset. */
    private static final int LEAST_TENSOR_BYTES = 24;

    private final MappedFile file;
    private final CheckpointLimits limits;
    private final Cursor cursor;

    private GgufReader(MappedFile file, CheckpointLimits limits) {
        this.file = file;
        this.limits = limits;
        this.cursor = new Cursor(file.path(), file.segment(), 0);
    }

    /**
     * What one file holds.
     *
     * @param version 2 or 3
     * @param alignment bytes that tensor offsets are multiples of
     */
    record Part(MappedFile file, int version, int alignment, Metadata metadata, List<TensorEntry> tensors) {}

    static Part read(MappedFile file, CheckpointLimits limits) {
        return new GgufReader(file, limits).read();
    }

    private Part read() {
        int version = readVersion();
        long tensorCount = cursor.count("number of tensors", LEAST_TENSOR_BYTES, limits.maxTensors());
        long keyCount = cursor.count("number of metadata keys", LEAST_KEY_BYTES, limits.maxMetadataKeys());
        Metadata metadata = new ValueMetadata(file.path(), readKeys(keyCount));
        int alignment = alignment(metadata);
        List<Declaration> declarations = readDeclarations(tensorCount);
        return new Part(file, version, alignment, metadata, place(declarations, alignment));
    }

    private int readVersion() {
        int magic = cursor.i32("magic number");
        if (magic != MAGIC) {
            throw cursor.error(
                    0,
                    null,
                    String.format(
                            "not a GGUF file: it starts with bytes %08x, not \"GGUF\"", Integer.reverseBytes(magic)));
        }
        int version = cursor.i32("version");
        if (version == 2 || version == 3) {
            return version;
        }
        int swapped = Integer.reverseBytes(version);
        if (swapped >= 1 && swapped <= 3) {
            throw cursor.error(4, null, "a big-endian GGUF file; only little-endian files can be read");
        }
        throw cursor.error(
                4,
                null,
                "GGUF version " + Integer.toUnsignedString(version) + "; versions 2 and 3 can be read"
                        + (version == 1 ? " (convert the model again with current tools)" : ""));
    }

    private SequencedMap<String, Object> readKeys(long count) {
        GgufValues values = new GgufValues(file.segment(), limits);
        SequencedMap<String, Object> result = new LinkedHashMap<>();
        for (long i = 0; i < count; i++) {
            long at = cursor.position();
            String key = cursor.string("a key", limits.maxNameBytes());
            if (result.containsKey(key)) {
                throw cursor.error(at, key, "the key occurs twice");
            }
            result.put(key, values.value(cursor, GgufValues.type(cursor, key), key, 0));
        }
        return result;
    }

    private int alignment(Metadata metadata) {
        long alignment = metadata.longOr(ALIGNMENT_KEY, DEFAULT_ALIGNMENT);
        if (alignment < 1 || alignment > 1 << 30 || Long.bitCount(alignment) != 1) {
            throw cursor.error(-1, ALIGNMENT_KEY, "is " + alignment + ", must be a power of two from 1 to 2^30");
        }
        return (int) alignment;
    }

    /** A tensor as declared: {@code offset} counts from the data section, {@code at} is where the declaration is. */
    private record Declaration(String name, BlockFormat format, long[] shape, long offset, long bytes, long at) {}

    private List<Declaration> readDeclarations(long count) {
        List<Declaration> result = new ArrayList<>();
        Set<String> names = new HashSet<>();
        for (long i = 0; i < count; i++) {
            long at = cursor.position();
            String name = cursor.string("name of a tensor", limits.maxNameBytes());
            if (name.isEmpty()) {
                throw cursor.error(at, null, "the name of tensor " + i + " is empty");
            }
            if (!names.add(name)) {
                throw cursor.error(at, name, "a second tensor has this name");
            }
            long[] shape = readShape(name);
            long typeAt = cursor.position();
            int type = cursor.i32("type of a tensor");
            BlockFormat format = BlockFormat.ofGgmlId(type);
            if (format == null) {
                throw cursor.error(typeAt, name, unknownType(type));
            }
            long offset = cursor.i64("offset of a tensor");
            try {
                result.add(new Declaration(name, format, shape, offset, Shapes.bytes(format, shape), at));
            } catch (IllegalArgumentException e) {
                throw cursor.error(at, name, e.getMessage());
            }
        }
        return result;
    }

    private long[] readShape(String name) {
        long at = cursor.position();
        long dimensions = cursor.u32("number of dimensions of a tensor");
        if (dimensions > limits.maxDimensions()) {
            throw cursor.error(
                    at, name, "it has " + dimensions + " dimensions, the limit is " + limits.maxDimensions());
        }
        long[] shape = new long[(int) dimensions];
        for (int i = shape.length - 1; i >= 0; i--) {
            shape[i] = cursor.i64("dimension of a tensor");
        }
        return shape;
    }

    private static String unknownType(int type) {
        String number = Integer.toUnsignedString(type);
        return switch (type) {
            case 4, 5, 31, 32, 33, 36, 37, 38 ->
                "its type is " + number + ", which ggml has withdrawn; quantise the model again";
            default ->
                type >= 97 && type < 1000
                        ? "its type is " + number + ", not a type of ggml but of a fork (ik_llama.cpp?); "
                                + "use a file with types of llama.cpp"
                        : "its type is " + number + ", which is not known";
        };
    }

    private List<TensorEntry> place(List<Declaration> declarations, int alignment) {
        // a file without tensors (a vocabulary) may end without the padding
        long dataStart = (cursor.position() + alignment - 1) / alignment * alignment;
        if (!declarations.isEmpty() && dataStart > file.size()) {
            throw cursor.error(file.size(), null, "the file ends before its data section at " + dataStart);
        }
        List<TensorEntry> result = new ArrayList<>(declarations.size());
        for (Declaration d : declarations) {
            if (d.offset < 0 || d.offset % alignment != 0) {
                throw cursor.error(
                        d.at,
                        d.name,
                        "its offset " + Long.toUnsignedString(d.offset) + " is no multiple of the alignment "
                                + alignment);
            }
            long room = file.size() - dataStart;
            if (d.offset > room || d.bytes > room - d.offset) {
                throw cursor.error(
                        d.at,
                        d.name,
                        "it takes " + d.bytes + " bytes from " + d.offset + " of a data section that has only " + room
                                + " (truncated download?)");
            }
            long offset = dataStart + d.offset;
            result.add(new TensorEntry(
                    d.name,
                    d.format,
                    d.shape,
                    file.path(),
                    offset,
                    d.bytes,
                    file.segment().asSlice(offset, d.bytes)));
        }
        checkDisjoint(result);
        return result;
    }

    private void checkDisjoint(List<TensorEntry> tensors) {
        List<TensorEntry> sorted = new ArrayList<>(tensors);
        sorted.sort(Comparator.comparingLong(TensorEntry::offset));
        for (int i = 1; i < sorted.size(); i++) {
            TensorEntry before = sorted.get(i - 1);
            TensorEntry after = sorted.get(i);
            if (before.offset() + before.bytes() > after.offset()) {
                throw new CheckpointFormatException(
                        file.path(),
                        after.offset(),
                        after.name(),
                        "it overlaps tensor " + before.name() + ", which takes " + before.bytes() + " bytes from "
                                + before.offset());
            }
        }
    }
}
