package dev.cadre.core.model;

import dev.cadre.kernels.Matrix;
import dev.cadre.kernels.format.BlockCodec;
import dev.cadre.kernels.format.BlockFormat;
import dev.cadre.weights.Checkpoint;
import dev.cadre.weights.CheckpointFormatException;
import dev.cadre.weights.StoredTensor;
import dev.cadre.weights.StoredTensors;
import dev.cadre.weights.TensorEntry;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** What both file formats share: finding a tensor, and comparing its shape with the one that the configuration asks. */
abstract class CheckpointWeights implements WeightSource {
    final Checkpoint checkpoint;
    private static final int INT4_BLOCK = BlockFormat.INT4_PAIRS.blockElements();

    private final Arena arena = Arena.ofShared();

    CheckpointWeights(Checkpoint checkpoint) {
        this.checkpoint = checkpoint;
    }

    /** The file's name of one of the engine's tensors. */
    abstract String fileName(String name);

    @Override
    public boolean has(String name) {
        return StoredTensors.find(checkpoint, fileName(name)) != null;
    }

    @Override
    public Matrix matrix(String name, long rows, long columns) {
        StoredTensor stored = StoredTensors.require(checkpoint, fileName(name));
        check(stored, rows, columns);
        return matrix(stored);
    }

    /** Refuses a tensor of another shape; leading dimensions are folded into rows. */
    final void check(StoredTensor stored, long rows, long columns) {
        if (stored.rows() != rows || stored.columns() != columns) {
            throw wrongShape(stored, "[" + rows + ", " + columns + "]");
        }
    }

    /** A stored tensor, its leading dimensions folded into rows, as a matrix. */
    static Matrix matrix(StoredTensor stored) {
        return switch (stored) {
            case StoredTensor.Plain plain -> blocks(plain.data(), null);
            case StoredTensor.Fp8Tiles fp8
            when wholeTiles(fp8) -> blocks(fp8.data(), scales(fp8.scales(), fp8.tileRows(), fp8.tileColumns()));
            case StoredTensor.Fp8Channels fp8 -> blocks(fp8.data(), channelScales(fp8));
            case StoredTensor.Mxfp4Pair pair -> pairs(BlockFormat.FP4_PAIRS, pair, pair.blocks(), pair.scales(), null);
            case StoredTensor.Int4Groups int4
            when int4.columns() % INT4_BLOCK == 0 && int4.scales().format() != BlockFormat.F64 ->
                pairs(BlockFormat.INT4_PAIRS, int4, int4.packed(), int4.scales(), int4.zeroPoints());
            default ->
                Matrix.of(
                        stored.rows(),
                        stored.columns(),
                        stored.bytes() / Math.max(1, stored.rows()),
                        stored::decodeRow);
        };
    }

    /** Whether no tile crosses from a matrix of a stack to the next one, so that the stack has tiles as one matrix. */
    private static boolean wholeTiles(StoredTensor.Fp8Tiles fp8) {
        long[] shape = fp8.shape();
        return shape.length == 2 || shape[shape.length - 2] % fp8.tileRows() == 0;
    }

    /** Two elements in each byte, and scales of groups of columns, perhaps zero points too, in other tensors. */
    private static Matrix pairs(
            BlockFormat format, StoredTensor stored, TensorEntry bytes, TensorEntry scales, TensorEntry zeros) {
        int perRow = Math.toIntExact(scales.columns());
        int group = Math.toIntExact(stored.columns() / perRow);
        Matrix.Scales factors = new Matrix.Scales(
                scales.data(), scales.format(), 1, group, perRow, zeros == null ? null : zeros.data());
        return Matrix.of(format, stored.rows(), stored.columns(), bytes.data(), factors);
    }

    private static Matrix blocks(TensorEntry data, Matrix.Scales scales) {
        return Matrix.of(data.format(), data.rows(), data.columns(), data.data(), scales);
    }

    private static Matrix.Scales scales(TensorEntry scales, int tileRows, int tileColumns) {
        return new Matrix.Scales(
                scales.data(), scales.format(), tileRows, tileColumns, Math.toIntExact(scales.columns()));
    }

    private static Matrix.Scales channelScales(StoredTensor.Fp8Channels fp8) {
        int columns = Math.max(1, Math.toIntExact(fp8.data().columns()));
        return new Matrix.Scales(
                fp8.scales().data(), fp8.scales().format(), Math.max(1, fp8.rowsPerScale()), columns, 1);
    }

    @Override
    public float[] vector(String name, int length) {
        TensorEntry entry = checkpoint.require(fileName(name));
        if (entry.elements() != length) {
            throw wrongShape(new StoredTensor.Plain(entry), "[" + length + "]");
        }
        float[] values = new float[length];
        BlockCodec.of(entry.format()).decode(entry.data(), 0, values, 0, length);
        return values;
    }

    @Override
    public float[][] expertVectors(String name, int experts, int length) {
        float[] all = vector(name, Math.multiplyExact(experts, length));
        float[][] each = new float[experts][];
        for (int e = 0; e < experts; e++) {
            each[e] = Arrays.copyOfRange(all, e * length, (e + 1) * length);
        }
        return each;
    }

    /** Equal slices of a stack of matrices [E, rows, columns]. */
    static Matrix[] slices(StoredTensor stored, int experts, long rows) {
        return slices(stored, experts, 0, rows, rows, 1);
    }

    /** For each expert, {@code apart} rows from one to the next, every {@code step}th row from a first one on. */
    static Matrix[] slices(StoredTensor stored, int experts, long first, long apart, long rows, int step) {
        Matrix all = matrix(stored);
        Matrix[] each = new Matrix[experts];
        for (int e = 0; e < experts; e++) {
            each[e] = all.rows(e * apart + first, rows, step);
        }
        return each;
    }

    static CheckpointFormatException wrongShape(StoredTensor stored, String wanted) {
        TensorEntry first = stored.parts().getFirst();
        return new CheckpointFormatException(
                first.file(),
                first.offset(),
                stored.name(),
                "the shape is " + Arrays.toString(stored.shape()) + ", but the model's configuration asks for " + wanted
                        + ": the configuration and the weights are not of the same model");
    }

    /**
     * The matrices of a stack that are stored the other way round, each as [columns, rows of all].
     *
     * @param apart rows of all
     * @param first its first row among them
     * @param step from one of its rows to the next
     */
    static Matrix[] transposed(
            TensorEntry data, int experts, long rows, long columns, long apart, long first, int step) {
        BlockFormat format = data.format();
        if (format.blockElements() != 1) {
            throw new CheckpointFormatException(
                    data.file(), data.offset(), data.name(), "a transposed tensor cannot be " + format);
        }
        long bytes = format.bytes(Math.multiplyExact(columns, apart));
        Matrix[] each = new Matrix[experts];
        for (int e = 0; e < experts; e++) {
            MemorySegment matrix = data.data().asSlice(e * bytes, bytes);
            each[e] = Matrix.ofColumns(format, rows, columns, matrix, first, apart, step);
        }
        return each;
    }

    @Override
    public Arena arena() {
        return arena;
    }

    @Override
    public void close() {
        arena.close();
    }
}
