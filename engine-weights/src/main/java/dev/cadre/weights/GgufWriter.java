package dev.cadre.weights;

import dev.cadre.kernels.format.BlockEncoder;
import dev.cadre.kernels.format.BlockFormat;
import dev.cadre.weights.gguf.GgufFileWriter;
import dev.cadre.weights.gguf.GgufFileWriter.Body;
import dev.cadre.weights.gguf.GgufFileWriter.Declared;
import dev.cadre.weights.gguf.KeyValues;
import dev.cadre.weights.internal.Shapes;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/**
 * Writes a GGUF version 3 file, or a set of parts, from keys and tensors that are declared first and read while they
 * are written: memory holds a few rows per thread, whatever the size of the tensors.
 *
 * <p>{@link #write} works on files with the suffix {@code .partial}, forces them to the disk and renames them when all
 * are whole, the first part last. An interrupted or failed run leaves no file with the target's name. The same input
 * gives the same bytes for any number of threads. Not thread-safe.
 */
public final class GgufWriter {
    private final KeyValues keys = new KeyValues();
    private final SequencedMap<String, Declared> tensors = new LinkedHashMap<>();

    /** A writer without keys and tensors. Its first key should be {@code general.architecture}. */
    public GgufWriter() {}

    public GgufWriter putString(String key, String value) {
        keys.put(key, value);
        return this;
    }

    public GgufWriter putBoolean(String key, boolean value) {
        keys.put(key, value);
        return this;
    }

    /**
     * Puts an unsigned 32-bit integer, the type of most sizes.
     *
     * @throws IllegalArgumentException if the value does not fit
     */
    public GgufWriter putUint32(String key, long value) {
        keys.putUint32(key, value);
        return this;
    }

    public GgufWriter putFloat32(String key, double value) {
        keys.putFloat32(key, (float) value);
        return this;
    }

    public GgufWriter putStrings(String key, List<String> values) {
        keys.putStrings(key, values);
        return this;
    }

    public GgufWriter putInt32s(String key, int... values) {
        keys.putInt32s(key, values);
        return this;
    }

    public GgufWriter putFloat32s(String key, float... values) {
        keys.putFloat32s(key, values);
        return this;
    }

    public GgufWriter putBooleans(String key, boolean... values) {
        keys.putBooleans(key, values);
        return this;
    }

    /**
     * Declares a tensor that is encoded while it is written.
     *
     * @param shape dimensions, outermost first
     * @throws IllegalArgumentException if the name is taken or the shape does not fit the format
     * @throws UnsupportedOperationException if the format cannot be written
     */
    public GgufWriter addTensor(String name, BlockFormat format, long[] shape, RowSource source) {
        BlockEncoder.of(format);
        return add(name, format, shape, new Body.Rows(source));
    }

    /**
     * Declares a tensor whose bytes are copied.
     *
     * @param data exactly its bytes; must stay valid until {@link #write} returns
     * @throws IllegalArgumentException if the name is taken, the shape does not fit the format, or the size is wrong
     */
    public GgufWriter addTensor(String name, BlockFormat format, long[] shape, MemorySegment data) {
        if (data.byteSize() != Shapes.bytes(format, shape)) {
            throw new IllegalArgumentException(
                    name + " takes " + Shapes.bytes(format, shape) + " bytes, there are " + data.byteSize());
        }
        return add(name, format, shape, new Body.Bytes(data));
    }

    private GgufWriter add(String name, BlockFormat format, long[] shape, Body body) {
        if (format.ggmlId() < 0) {
            throw new IllegalArgumentException(name + ": GGUF files cannot hold " + format);
        }
        if (shape.length < 1 || shape.length > 4) {
            throw new IllegalArgumentException(name + " has " + shape.length + " dimensions, GGUF allows 1 to 4");
        }
        Declared tensor = new Declared(name, format, shape.clone(), Shapes.bytes(format, shape), body);
        if (tensors.putIfAbsent(name, tensor) != null) {
            throw new IllegalArgumentException("a tensor " + name + " was declared before");
        }
        return this;
    }

    /** Bytes of all tensors declared so far. */
    public long tensorBytes() {
        return tensors.values().stream().mapToLong(Declared::bytes).sum();
    }

    /**
     * Writes everything.
     *
     * @param target the file; with several parts, {@code NAME.gguf} becomes {@code NAME-00001-of-000NN.gguf} and so on
     * @return the files, in order
     * @throws CheckpointIOException if the target exists and may not be overwritten, the disk is full, or writing fails
     * @throws CheckpointFormatException if a tensor has a value that its format cannot hold
     */
    public List<Path> write(Path target, WriteOptions options) {
        return new GgufFileWriter(keys, List.copyOf(tensors.values()), options).write(target);
    }
}
