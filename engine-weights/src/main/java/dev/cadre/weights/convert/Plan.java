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
import dev.cadre.weights.config.ConfigDefaults;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.IntFunction;

/** A conversion in the making: takes the source's tensors one by one, checks their shapes, declares the results. */
public final class Plan {
    /** Where the tensors of a text model are inside a multimodal one; the second takes the place of "model.". */
    private static final List<String> PREFIXES = List.of("language_model.model.", "model.language_model.");

    private static final String ALONE = "model.";

    private final Checkpoint source;
    private final Metadata config;
    private final String prefix;
    private final ConversionOptions options;
    private final TypeChooser types;
    private final GgufWriter writer = new GgufWriter();
    private final Set<String> used = new HashSet<>();

    Plan(Checkpoint source, ConversionOptions options) {
        this.source = source;
        Metadata asStored = textConfig(source);
        this.config = ConfigDefaults.complete(asStored, asStored.requireString("model_type"));
        this.prefix = PREFIXES.stream()
                .filter(p -> StoredTensors.find(source, p + "embed_tokens.weight") != null)
                .findFirst()
                .orElse(ALONE);
        this.options = options;
        this.types = new TypeChooser(options);
    }

    /** How the type of a tensor is chosen. */
    enum Role {
        /** The type asked for. */
        MATRIX,
        /** F32: the model is sensitive to it. */
        EXACT,
        /** Trained in MXFP4: kept, unless a rule says otherwise. */
        MXFP4
    }

    Checkpoint source() {
        return source;
    }

    Metadata config() {
        return config;
    }

    /** The config of the text model, which a multimodal one has inside its own. */
    static Metadata textConfig(Checkpoint source) {
        Metadata inner = source.metadata().child("text_config");
        return inner == null ? source.metadata() : inner;
    }

    /** The name in this checkpoint of what a text model alone calls {@code name}. */
    private String stored(String name) {
        if (name.startsWith(ALONE)) {
            return prefix + name.substring(ALONE.length());
        }
        return prefix.endsWith("." + ALONE) ? prefix.substring(0, prefix.length() - ALONE.length()) + name : name;
    }

    ConversionOptions options() {
        return options;
    }

    /** Receives the result. */
    public GgufWriter writer() {
        return writer;
    }

    boolean has(String name) {
        return StoredTensors.find(source, stored(name)) != null;
    }

    /** Takes a source tensor, which must have this shape. */
    StoredTensor take(String plainName, long... shape) {
        String name = stored(plainName);
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

    /**
     * The routed experts of a layer: stored one by one as {@code FROMe.gate_proj.weight} and so on, or fused as
     * {@code FROMgate_up_proj} [experts, 2·width, hidden], gate rows first, and {@code FROMdown_proj}.
     */
    void experts(String from, String to, long experts, long width, long hidden) {
        int count = Math.toIntExact(experts);
        if (has(from + "gate_up_proj")) {
            StoredTensor both = take(from + "gate_up_proj", experts, 2 * width, hidden);
            long[] shape = {experts, width, hidden};
            add(to + "ffn_gate_exps.weight", Role.MATRIX, shape, everySecondHalf(both, width, 0));
            add(to + "ffn_up_exps.weight", Role.MATRIX, shape, everySecondHalf(both, width, width));
            rename(from + "down_proj", to + "ffn_down_exps.weight", Role.MATRIX, experts, hidden, width);
        } else {
            stack(e -> from + e + ".gate_proj.weight", count, to + "ffn_gate_exps.weight", width, hidden);
            stack(e -> from + e + ".up_proj.weight", count, to + "ffn_up_exps.weight", width, hidden);
            stack(e -> from + e + ".down_proj.weight", count, to + "ffn_down_exps.weight", hidden, width);
        }
    }

    /** Of every 2·{@code width} rows, {@code width} from {@code offset} on. */
    private static RowSource everySecondHalf(StoredTensor both, long width, long offset) {
        int columns = Math.toIntExact(both.columns());
        return (first, count, dst) -> {
            for (int i = 0; i < count; i++) {
                long row = (first + i) / width * 2 * width + offset + (first + i) % width;
                both.decodeRow(row, dst, i * columns);
            }
        };
    }

    void add(String target, Role role, long[] shape, RowSource rows) {
        long columns = shape[shape.length - 1];
        BlockFormat format = switch (role) {
            case EXACT -> BlockFormat.F32;
            case MATRIX -> types.matrix(target, columns);
            case MXFP4 -> types.matrix(target, columns, BlockFormat.MXFP4);
        };
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

    /** The embedding, the last norm, and the output matrix; one that is stored counts though the config ties it. */
    void embeddings(long vocabulary, long hidden) {
        rename("model.embed_tokens.weight", "token_embd.weight", Role.MATRIX, vocabulary, hidden);
        rename("model.norm.weight", "output_norm.weight", Role.EXACT, hidden);
        if (!config().booleanOr("tie_word_embeddings", false) || has("lm_head.weight")) {
            rename("lm_head.weight", "output.weight", Role.MATRIX, vocabulary, hidden);
        }
    }

    /** The three matrices of a gated block. */
    void gatedMlp(String from, String to, String suffix, long width, long hidden) {
        rename(from + "gate_proj.weight", to + "gate" + suffix, Role.MATRIX, width, hidden);
        rename(from + "up_proj.weight", to + "up" + suffix, Role.MATRIX, width, hidden);
        rename(from + "down_proj.weight", to + "down" + suffix, Role.MATRIX, hidden, width);
    }

    /** The layers behind the trunk that are there; saving by transformers drops them, whatever the config says. */
    int predictionLayers(int layers) {
        int declared = config().intOr("num_nextn_predict_layers", 0);
        int found = 0;
        while (found < declared && has("model.layers." + (layers + found) + ".eh_proj.weight")) {
            found++;
        }
        return found;
    }

    /** What a layer for multi-token prediction has beside a layer of the trunk. */
    void prediction(String from, String to, long vocabulary, long hidden) {
        rename(from + "eh_proj.weight", to + "eh_proj.weight", Role.MATRIX, hidden, 2 * hidden);
        rename(from + "enorm.weight", to + "enorm.weight", Role.EXACT, hidden);
        rename(from + "hnorm.weight", to + "hnorm.weight", Role.EXACT, hidden);
        rename(from + "shared_head.norm.weight", to + "shared_head_norm.weight", Role.EXACT, hidden);
        renameIfPresent(from + "embed_tokens.weight", to + "embed_tokens.weight", Role.MATRIX, vocabulary, hidden);
        renameIfPresent(
                from + "shared_head.head.weight", to + "shared_head_head.weight", Role.MATRIX, vocabulary, hidden);
    }

    /** Elements of a row of the weight {@code name}. */
    long columns(String name) {
        return StoredTensors.require(source, stored(name)).columns();
    }

    boolean isMxfp4(String name) {
        return StoredTensors.find(source, stored(name)) instanceof StoredTensor.Mxfp4Pair;
    }

    /** All tensors whose names start so are left out on purpose. */
    void skipAll(String start) {
        StoredTensors.names(source).stream()
                .filter(name -> name.startsWith(stored(start)))
                .forEach(used::add);
    }

    /** Fails if the source has a tensor that nothing took: better no file than one that lacks something. */
    void finish() {
        List<String> left = StoredTensors.names(source).stream()
                .filter(name -> !used.contains(name) && !isIgnorable(name) && isText(name))
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

    /** The parts for images and sounds of a multimodal model have files of their own in GGUF, and are left out. */
    private boolean isText(String name) {
        return prefix.equals(ALONE) || name.startsWith(prefix) || name.startsWith(stored("lm_head."));
    }

    /** Buffers that follow from the config, and scales of activations, which are quantised anew at run time. */
    private static boolean isIgnorable(String name) {
        return name.endsWith(".rotary_emb.inv_freq")
                || name.endsWith(".input_scale")
                || name.endsWith(".k_scale")
                || name.endsWith(".v_scale");
    }
}
