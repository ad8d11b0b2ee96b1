package dev.cadre.weights;

/**
 * What a checkpoint's headers may ask for. Everything is checked before memory is allocated for it; a file beyond a
 * limit is refused with a {@link CheckpointFormatException}.
 *
 * @param maxHeaderBytes bytes of one safetensors header or of one JSON file; 100,000,000, the safetensors rule
 * @param maxMetadataKeys key/value pairs of one GGUF file; 65,536
 * @param maxTensors tensors of a checkpoint; 1,048,576
 * @param maxNameBytes UTF-8 bytes of a key or a tensor name; 4,096
 * @param maxStringBytes UTF-8 bytes of one metadata string, an element of an array included; 16 MiB
 * @param maxArrayElements elements of one metadata array; 16,777,216
 * @param maxDimensions dimensions of a tensor; 8
 * @param maxNesting depth of nested arrays and objects; 32
 * @param maxJsonValues values of one JSON file; 1,048,576 (and at most 65,536 for each tensor of a
 *     safetensors header)
 * @param maxFiles files of one checkpoint; 10,000
 */
public record CheckpointLimits(
        long maxHeaderBytes,
        int maxMetadataKeys,
        int maxTensors,
        int maxNameBytes,
        int maxStringBytes,
        int maxArrayElements,
        int maxDimensions,
        int maxNesting,
        int maxJsonValues,
        int maxFiles) {
    /** The limits named in the record's description. */
    public static final CheckpointLimits DEFAULTS =
            new CheckpointLimits(100_000_000L, 1 << 16, 1 << 20, 4096, 1 << 24, 1 << 24, 8, 32, 1 << 20, 10_000);

    public CheckpointLimits {
        long least = Math.min(maxHeaderBytes, Math.min(maxMetadataKeys, Math.min(maxTensors, maxNameBytes)));
        least = Math.min(least, Math.min(maxStringBytes, Math.min(maxArrayElements, maxDimensions)));
        least = Math.min(least, Math.min(maxNesting, Math.min(maxJsonValues, maxFiles)));
        if (least < 1) {
            throw new IllegalArgumentException("a limit is " + least + ", must be at least 1");
        }
        if (maxNesting > 1000) {
            throw new IllegalArgumentException(
                    "maxNesting is " + maxNesting + ", must be at most 1000: readers recurse");
        }
    }

    public CheckpointLimits withMaxHeaderBytes(long bytes) {
        return new CheckpointLimits(
                bytes,
                maxMetadataKeys,
                maxTensors,
                maxNameBytes,
                maxStringBytes,
                maxArrayElements,
                maxDimensions,
                maxNesting,
                maxJsonValues,
                maxFiles);
    }

    public CheckpointLimits withMaxTensors(int tensors) {
        return new CheckpointLimits(
                maxHeaderBytes,
                maxMetadataKeys,
                tensors,
                maxNameBytes,
                maxStringBytes,
                maxArrayElements,
                maxDimensions,
                maxNesting,
                maxJsonValues,
                maxFiles);
    }

    public CheckpointLimits withMaxMetadataKeys(int keys) {
        return new CheckpointLimits(
                maxHeaderBytes,
                keys,
                maxTensors,
                maxNameBytes,
                maxStringBytes,
                maxArrayElements,
                maxDimensions,
                maxNesting,
                maxJsonValues,
                maxFiles);
    }

    public CheckpointLimits withMaxStringBytes(int bytes) {
        return new CheckpointLimits(
                maxHeaderBytes,
                maxMetadataKeys,
                maxTensors,
                maxNameBytes,
                bytes,
                maxArrayElements,
                maxDimensions,
                maxNesting,
                maxJsonValues,
                maxFiles);
    }

    public CheckpointLimits withMaxArrayElements(int elements) {
        return new CheckpointLimits(
                maxHeaderBytes,
                maxMetadataKeys,
                maxTensors,
                maxNameBytes,
                maxStringBytes,
                elements,
                maxDimensions,
                maxNesting,
                maxJsonValues,
                maxFiles);
    }

    public CheckpointLimits withMaxNesting(int depth) {
        return new CheckpointLimits(
                maxHeaderBytes,
                maxMetadataKeys,
                maxTensors,
                maxNameBytes,
                maxStringBytes,
                maxArrayElements,
                maxDimensions,
                depth,
                maxJsonValues,
                maxFiles);
    }

    public CheckpointLimits withMaxJsonValues(int values) {
        return new CheckpointLimits(
                maxHeaderBytes,
                maxMetadataKeys,
                maxTensors,
                maxNameBytes,
                maxStringBytes,
                maxArrayElements,
                maxDimensions,
                maxNesting,
                values,
                maxFiles);
    }
}
