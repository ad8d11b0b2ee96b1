package dev.cadre.core;

import dev.cadre.core.cache.CacheLayout;
import dev.cadre.core.model.Families;
import dev.cadre.core.model.FeedForwardConfig;
import dev.cadre.core.model.ModelConfig;
import dev.cadre.weights.Checkpoint;
import dev.cadre.weights.TensorEntry;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a checkpoint holds and what it takes to run it, found out from headers only. Works for architectures too that
 * the engine does not run.
 *
 * @param path the file or folder
 * @param format {@code gguf} or {@code safetensors}
 * @param files the mapped files
 * @param architecture name of the family, as the checkpoint gives it
 * @param unsupported why the engine does not run it, or null if it does
 * @param hyperParameters the checkpoint's own keys and values, without long lists
 * @param tensors all tensors, in file order
 * @param bytesByType bytes of tensor data for each storage type
 * @param parameters elements of all tensors, scales aside
 * @param activeParameters elements that one token's step reads, or -1 if unknown
 * @param context positions that the memory figures are for
 * @param weightBytes bytes of all tensors, which are mapped: fast if they fit memory, possible if not
 * @param activeBytes bytes of weights that one token's step reads, or -1 if unknown
 * @param cacheBytes bytes of the key-value cache at {@code context}, or -1 if unknown
 */
public record ModelInspection(
        Path path,
        String format,
        List<Path> files,
        String architecture,
        String unsupported,
        Map<String, Object> hyperParameters,
        List<TensorEntry> tensors,
        Map<String, Long> bytesByType,
        long parameters,
        long activeParameters,
        long context,
        long weightBytes,
        long activeBytes,
        long cacheBytes) {
    /** Longer lists among the hyper-parameters (vocabularies, merges) are given by their length. */
    private static final int LONGEST_LIST = 128;

    /**
     * Inspects a checkpoint.
     *
     * @param context positions to give memory figures for; 0 for the model's own limit
     * @param precision of the key-value cache
     * @throws dev.cadre.weights.CheckpointFormatException if a header is damaged
     */
    public static ModelInspection of(Path path, int context, KvPrecision precision) {
        try (Checkpoint checkpoint = Checkpoint.open(path)) {
            String unsupported = null;
            ModelConfig config = null;
            try (Families.Described described = Families.describe(checkpoint)) {
                config = described.config();
            } catch (UnsupportedModelException e) {
                unsupported = e.getMessage();
            }
            return build(checkpoint, config, unsupported, context, precision);
        }
    }

    private static ModelInspection build(
            Checkpoint checkpoint, ModelConfig config, String unsupported, int context, KvPrecision precision) {
        Map<String, Long> byType = new TreeMap<>();
        long parameters = 0;
        long bytes = 0;
        double active = 0;
        double activeBytes = 0;
        for (TensorEntry tensor : checkpoint.tensors()) {
            byType.merge(tensor.format().name(), tensor.bytes(), Long::sum);
            bytes += tensor.bytes();
            boolean scale =
                    tensor.name().endsWith("_scale_inv") || tensor.name().endsWith("_scale");
            parameters += scale ? 0 : tensor.elements();
            if (config != null) {
                double share = activeShare(tensor.name(), config);
                active += scale ? 0 : share * tensor.elements();
                activeBytes += share * tensor.bytes();
            }
        }
        long positions = context > 0 ? context : config == null ? 0 : config.contextLength();
        long cache = config == null ? -1 : new CacheLayout(config, precision).bytesFor(positions);
        String key = checkpoint.format().equals("gguf") ? "general.architecture" : "model_type";
        return new ModelInspection(
                checkpoint.path(),
                checkpoint.format(),
                checkpoint.files(),
                checkpoint.metadata().stringOr(key, "unknown"),
                unsupported,
                hyperParameters(checkpoint),
                List.copyOf(checkpoint.tensors()),
                byType,
                parameters,
                config == null ? -1 : Math.round(active),
                positions,
                bytes,
                config == null ? -1 : Math.round(activeBytes),
                cache);
    }

    /** The share of a tensor that one token's step reads: of experts, the routed ones; of the embedding, one row. */
    private static double activeShare(String name, ModelConfig config) {
        int layer = layerOf(name);
        if (layer >= config.layers().size()) {
            return 0; // multi-token prediction, which is left out
        }
        boolean routed = name.contains("_exps") || name.contains(".mlp.experts.");
        if (routed && config.layers().get(Math.max(layer, 0)).feedForward() instanceof FeedForwardConfig.Experts e) {
            return (double) e.router().topK() / e.router().experts();
        }
        boolean embedding = name.equals("token_embd.weight") || name.endsWith("embed_tokens.weight");
        return embedding ? 1.0 / config.vocabulary() : 1;
    }

    private static int layerOf(String name) {
        String marker = name.startsWith("blk.") ? "blk." : "layers.";
        int at = name.indexOf(marker);
        if (at < 0) {
            return -1;
        }
        int end = name.indexOf('.', at + marker.length());
        try {
            return Integer.parseInt(name, at + marker.length(), end < 0 ? name.length() : end, 10);
        } catch (NumberFormatException e) {
            return -1;
        }
    }

    private static Map<String, Object> hyperParameters(Checkpoint checkpoint) {
        Map<String, Object> values = new LinkedHashMap<>();
        for (String key : checkpoint.metadata().keys()) {
            Object value = checkpoint.metadata().value(key);
            boolean longList = value instanceof List<?> list && list.size() > LONGEST_LIST;
            values.put(key, longList ? "list of " + ((List<?>) value).size() : value);
        }
        return values;
    }
}
