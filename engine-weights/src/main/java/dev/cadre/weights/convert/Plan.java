package dev.cadre.weights.convert;

import dev.cadre.kernels.format.BlockFormat;
import dev.cadre.weights.Checkpoint;
import dev.cadre.weights.CheckpointFormatException;
import dev.cadre.weights.ConversionOptions;
import dev.cadre.weights.GgufWriter;
import dev.cadre.weights.Metadata;
import dev.cadre.weights.RowSource;
import dev.cadre.weights.StoredTensor;
import dev.cadre.weights.StoredTensors;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.IntFunction;

/** A conversion in the making: takes the source's tensors one by one, checks their shapes, declares the results. */
public final class Plan {
    private final Checkpoint source;
    private final ConversionOptions options;
    private final TypeChooser types;
    private final GgufWriter writer = new GgufWriter();
    private final Set<String> used = new HashSet<>();

    Plan(Checkpoint source, ConversionOptions options) {
        this.source = source;
        this.options = options;
        this.types = new TypeChooser(options);
    }

    /** Whether a tensor takes the type asked for, or stays F32 because the model is sensitive to it. */
    enum Role {
        MATRIX,
        EXACT
    }

    Checkpoint source() {
        return source;
    }

    Metadata config() {
        return source.metadata();
    }

    ConversionOptions options() {
        return options;
    }

    /** Receives the result. */
    public GgufWriter writer() {
        return writer;
    }

    boolean has(String name) {
        return StoredTensors.find(source, name) != null;
    }

    /** Takes the source tensor {@code name}, which must have this shape. */
    StoredTensor take(String name, long... shape) {
        StoredTensor stored = StoredTensors.require(source, name);
        if (!Arrays.equals(stored.shape(), shape)) {
            throw new CheckpointFormatException(
                    stored.parts().getFirst().file(),
                    stored.parts().getFirst().offset(),
                    name,
                    "its shape is " + Arrays.toString(stored.shape()) + ", after config.json it must be "
                            + Arrays.toString(shape));
        }
        used.add(name);
        return stored;
    }

    /** A tensor that only gets another name. */
    void rename(String name, String target, Role role, long... shape) {
        StoredTensor stored = take(name, shape);
        add(target, role, shape, rowsOf(stored, 0));
    }

    /** As {@link #rename}, where the tensor is there. */
    void renameIfPresent(String name, String target, Role role, long... shape) {
        if (has(name)) {
            rename(name, target, role, shape);
        }
    }

    /** {@code count} matrices [rows, columns] as one tensor [count, rows, columns]. */
    void stack(IntFunction<String> names, int count, String target, long rows, long columns) {
        StoredTensor[] parts = new StoredTensor[count];
        for (int i = 0; i < count; i++) {
            parts[i] = take(names.apply(i), rows, columns);
        }
        add(target, Role.MATRIX, new long[] {count, rows, columns}, (first, rowCount, dst) -> {
            for (int i = 0; i < rowCount; i++) {
                long row = first + i;
                parts[(int) (row / rows)].decodeRow(row % rows, dst, Math.toIntExact(i * columns));
            }
        });
    }

    void add(String target, Role role, long[] shape, RowSource rows) {
        BlockFormat format = role == Role.EXACT ? BlockFormat.F32 : types.matrix(target, shape[shape.length - 1]);
        writer.addTensor(target, format, shape, rows);
    }

    /** The rows of {@code stored} from {@code offset} on. */
    static RowSource rowsOf(StoredTensor stored, long offset) {
        int columns = Math.toIntExact(stored.columns());
        return (first, count, dst) -> {
            for (int i = 0; i < count; i++) {
                stored.decodeRow(offset + first + i, dst, i * columns);
            }
        };
    }

    /** A tensor that is left out on purpose. */
    void skip(String name) {
        used.add(name);
    }

    /** Fails if the source has a tensor that nothing took: better no file than one that lacks something. */
    void finish() {
        List<String> left = StoredTensors.names(source).stream()
                .filter(name -> !used.contains(name) && !isIgnorable(name))
                .toList();
        if (!left.isEmpty()) {
            throw new CheckpointFormatException(
                    source.path(),
                    -1,
                    left.getFirst(),
                    "it has no place in GGUF that is known"
                            + (left.size() > 1 ? ", like " + (left.size() - 1) + " more tensors" : ""));
        }
    }

    /** Buffers that follow from the config, and scales of activations, which are quantised anew at run time. */
    private static boolean isIgnorable(String name) {
        return name.endsWith(".rotary_emb.inv_freq")
                || name.endsWith(".input_scale")
                || name.endsWith(".k_scale")
                || name.endsWith(".v_scale");
    }
}
