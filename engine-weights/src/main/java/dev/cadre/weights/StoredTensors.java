package dev.cadre.weights;

import dev.cadre.kernels.format.BlockFormat;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * Finds the weights of a checkpoint whose values are spread over several tensors: FP8 with scales, MXFP4 pairs, packed
 * INT4. How a weight is stored is decided by the tensors that are there, never by a list of names in the config.
 */
public final class StoredTensors {
    private static final Set<BlockFormat> FP8 = EnumSet.of(BlockFormat.F8_E4M3, BlockFormat.F8_E5M2);
    private static final Set<BlockFormat> FLOATS =
            EnumSet.of(BlockFormat.F32, BlockFormat.F16, BlockFormat.BF16, BlockFormat.F64);
    private static final int DEFAULT_TILE = 128;

    private final Checkpoint checkpoint;

    private StoredTensors(Checkpoint checkpoint) {
        this.checkpoint = checkpoint;
    }

    /**
     * The weight of this logical name, or null if neither a tensor of this name nor its parts are there.
     *
     * @throws CheckpointFormatException if parts are missing or do not fit each other
     */
    public static StoredTensor find(Checkpoint checkpoint, String name) {
        return new StoredTensors(checkpoint).find(name);
    }

    /**
     * As {@link #find}, but the weight must be there.
     *
     * @throws CheckpointFormatException if it is not
     */
    public static StoredTensor require(Checkpoint checkpoint, String name) {
        StoredTensor stored = find(checkpoint, name);
        if (stored == null) {
            throw new CheckpointFormatException(checkpoint.path(), -1, name, "there is no such weight");
        }
        return stored;
    }

    /** The logical names of all weights in file order: parts count with their weight, everything else for itself. */
    public static List<String> names(Checkpoint checkpoint) {
        List<String> names = new ArrayList<>();
        for (TensorEntry tensor : checkpoint.tensors()) {
            String owner = owner(checkpoint, tensor.name());
            if (owner == null) {
                names.add(tensor.name());
            } else if (!owner.isEmpty()) {
                names.add(owner);
            }
        }
        return names;
    }

    /** The weight that this main part belongs to, "" for a part that another announces, null for a plain tensor. */
    private static String owner(Checkpoint checkpoint, String name) {
        for (String suffix : List.of("_scale_inv", "_scale")) {
            if (name.endsWith(suffix)) {
                String base = name.substring(0, name.length() - suffix.length());
                return checkpoint.find(base) != null || checkpoint.find(base + "_packed") != null ? "" : null;
            }
        }
        if (name.endsWith("_blocks")) {
            String base = name.substring(0, name.length() - "_blocks".length());
            return checkpoint.find(base + "_scales") != null ? base : null;
        }
        if (name.endsWith("_packed")) {
            return name.substring(0, name.length() - "_packed".length());
        }
        for (String[] pair : new String[][] {
            {"_scales", "_blocks"}, {"_shape", "_packed"}, {"_zero_point", "_packed"}, {"_g_idx", "_packed"}
        }) {
            if (name.endsWith(pair[0])) {
                String base = name.substring(0, name.length() - pair[0].length());
                return checkpoint.find(base + pair[1]) != null ? "" : null;
            }
        }
        return null;
    }

    private StoredTensor find(String name) {
        TensorEntry data = checkpoint.find(name);
        if (data == null) {
            TensorEntry blocks = checkpoint.find(name + "_blocks");
            TensorEntry packed = checkpoint.find(name + "_packed");
            return blocks != null ? mxfp4(name, blocks) : packed != null ? int4(name, packed) : null;
        }
        TensorEntry tiles = checkpoint.find(name + "_scale_inv");
        TensorEntry scales = tiles != null ? tiles : checkpoint.find(name + "_scale");
        if (scales == null) {
            return new StoredTensor.Plain(data);
        }
        if (!FP8.contains(data.format()) && data.format() != BlockFormat.I8) {
            throw error(
                    data,
                    "it is " + data.format() + " and has scales in " + scales.name()
                            + "; scales are known for F8_E4M3, F8_E5M2 and I8 only");
        }
        requireFormat(scales, data, "floats or E8M0", FLOATS, BlockFormat.F8_E8M0, BlockFormat.U8);
        return scaled(data, scales);
    }

    private StoredTensor scaled(TensorEntry data, TensorEntry scales) {
        long count = scales.elements();
        long[] shape = data.shape();
        if (shape.length < 2) {
            if (count == 1) {
                return new StoredTensor.Fp8Channels(data, scales);
            }
            throw error(data, "it has fewer than two dimensions, but " + count + " scales in " + scales.name());
        }
        long matrices = data.rows() / shape[shape.length - 2];
        int[] tile = tile();
        long[] expected = shape.clone();
        expected[shape.length - 2] = ceilDiv(shape[shape.length - 2], tile[0]);
        expected[shape.length - 1] = ceilDiv(shape[shape.length - 1], tile[1]);
        if (Arrays.equals(scales.shape(), expected)) {
            return new StoredTensor.Fp8Tiles(data, scales, tile[0], tile[1]);
        }
        long[] scaleShape = scales.shape();
        boolean onePerRow = count == data.rows()
                && (scaleShape[scaleShape.length - 1] == 1 || scaleShape.length == shape.length - 1);
        if (count == 1 || count == matrices || onePerRow) {
            return new StoredTensor.Fp8Channels(data, scales);
        }
        throw error(
                data,
                "its shape " + Arrays.toString(shape) + " and that of its scales " + Arrays.toString(scaleShape)
                        + " do not fit: allowed are one scale, one a row, or " + Arrays.toString(expected)
                        + " for tiles of " + tile[0] + "x" + tile[1]);
    }

    /** Rows and columns of a scale's tile: the config's weight_block_size, else 128x128. */
    private int[] tile() {
        Metadata quantization = quantization();
        int[] tile = quantization == null ? null : quantization.intsOrNull("weight_block_size");
        if (tile == null) {
            return new int[] {DEFAULT_TILE, DEFAULT_TILE};
        }
        if (tile.length != 2 || tile[0] < 1 || tile[1] < 1) {
            throw new CheckpointFormatException(
                    checkpoint.path(),
                    -1,
                    "quantization_config.weight_block_size",
                    "is " + Arrays.toString(tile) + ", two positive sizes are needed");
        }
        return tile;
    }

    private Metadata quantization() {
        if (!checkpoint.format().equals("safetensors")) {
            return null;
        }
        Metadata top = checkpoint.metadata().child("quantization_config");
        if (top != null) {
            return top;
        }
        Metadata text = checkpoint.metadata().child("text_config");
        return text == null ? null : text.child("quantization_config");
    }

    private StoredTensor mxfp4(String name, TensorEntry blocks) {
        TensorEntry scales = part(blocks, name + "_scales");
        requireFormat(blocks, blocks, "U8", Set.of(), BlockFormat.U8);
        requireFormat(scales, blocks, "U8", Set.of(), BlockFormat.U8, BlockFormat.F8_E8M0);
        long[] expected = Arrays.copyOf(scales.shape(), scales.shape().length + 1);
        expected[expected.length - 1] = 16;
        if (expected.length < 2 || !Arrays.equals(blocks.shape(), expected)) {
            throw error(
                    blocks,
                    "its shape is " + Arrays.toString(blocks.shape()) + ", after " + scales.name() + " it must be "
                            + Arrays.toString(expected));
        }
        return new StoredTensor.Mxfp4Pair(name, blocks, scales);
    }

    private StoredTensor int4(String name, TensorEntry packed) {
        TensorEntry scales = part(packed, name + "_scale");
        TensorEntry shape = part(packed, name + "_shape");
        TensorEntry zeroPoints = checkpoint.find(name + "_zero_point");
        if (checkpoint.find(name + "_g_idx") != null) {
            throw error(packed, "its groups are ordered by " + name + "_g_idx (activation order), which is not known");
        }
        requireFormat(packed, packed, "I32", Set.of(), BlockFormat.I32);
        requireFormat(scales, packed, "floats", FLOATS);
        requireFormat(shape, packed, "I64 or I32", Set.of(), BlockFormat.I64, BlockFormat.I32);
        if (shape.elements() != 2 || packed.shape().length != 2 || scales.shape().length != 2) {
            throw error(packed, "the packed values, their scales and their shape must be two-dimensional");
        }
        long rows = StoredRows.integer(shape, 0);
        long columns = StoredRows.integer(shape, 1);
        long groups = scales.columns();
        boolean fits = rows == packed.rows()
                && rows == scales.rows()
                && columns > 0
                && ceilDiv(columns, 8) == packed.columns()
                && columns % groups == 0;
        if (!fits || columns / groups > Integer.MAX_VALUE) {
            throw error(
                    packed,
                    "shape " + rows + " x " + columns + ", packed " + Arrays.toString(packed.shape()) + " and scales "
                            + Arrays.toString(scales.shape())
                            + " do not fit as 4-bit integers, eight to a word, in equal groups");
        }
        if (zeroPoints != null) {
            requireFormat(zeroPoints, packed, "I32", Set.of(), BlockFormat.I32);
            long[] expected = {ceilDiv(rows, 8), groups};
            if (!Arrays.equals(zeroPoints.shape(), expected)) {
                throw error(
                        zeroPoints,
                        "its shape is " + Arrays.toString(zeroPoints.shape()) + ", must be "
                                + Arrays.toString(expected));
            }
        }
        return new StoredTensor.Int4Groups(name, packed, scales, zeroPoints, rows, columns, (int) (columns / groups));
    }

    private TensorEntry part(TensorEntry main, String name) {
        TensorEntry part = checkpoint.find(name);
        if (part == null) {
            throw error(main, "its second part " + name + " is missing");
        }
        return part;
    }

    private void requireFormat(
            TensorEntry part, TensorEntry main, String wanted, Set<BlockFormat> allowed, BlockFormat... more) {
        if (!allowed.contains(part.format()) && !Arrays.asList(more).contains(part.format())) {
            throw error(part, "it is " + part.format() + ", as a part of " + main.name() + " it must be " + wanted);
        }
    }

    private static long ceilDiv(long a, long b) {
        return Math.ceilDiv(a, b);
    }

    private static CheckpointFormatException error(TensorEntry tensor, String problem) {
        return new CheckpointFormatException(tensor.file(), tensor.offset(), tensor.name(), problem);
    }
}
