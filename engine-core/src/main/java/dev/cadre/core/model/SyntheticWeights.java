package dev.cadre.core.model;

import dev.cadre.kernels.Matrix;
import dev.cadre.kernels.format.BlockFormat;
import dev.cadre.kernels.format.E4m3;
import dev.cadre.kernels.format.RandomBlocks;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * Weights that nobody trained, in memory, for measuring speed: pieces of a pool of encoded numbers, so that every
 * format has scales and values as real weights have.
 */
public final class SyntheticWeights implements WeightSource {
    private static final int POOL_ELEMENTS = 1 << 20;
    private static final long SEED = 42;

    /** Rows and columns that share a scale in FP8 checkpoints. */
    private static final int SCALE_TILE = 128;

    /** Columns that share a scale in MXFP4, and in INT4 as it is most finely scaled. */
    private static final int SCALE_GROUP = 32;

    /** The deviation of four-bit codes, whose greatest are 6 and 7. */
    private static final float NIBBLES_DEVIATION = 2;

    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final Arena arena = Arena.ofShared();
    private final BlockFormat type;
    private final Map<BlockFormat, MemorySegment> pools = new EnumMap<>(BlockFormat.class);
    private final SplittableRandom random = new SplittableRandom(SEED);

    /** Matrices in {@code type}, or in Q8_0 or F32 where their rows are no multiple of its block; routers in F32. */
    public SyntheticWeights(BlockFormat type) {
        this.type = type;
    }

    @Override
    public boolean has(String name) {
        return !name.endsWith(".bias") && !name.endsWith("attn_kv_b");
    }

    private BlockFormat formatOf(String name, long columns) {
        if (name.endsWith("ffn_gate_inp") || name.endsWith("indexer.proj")) {
            return BlockFormat.F32;
        }
        return columns % type.blockElements() == 0
                ? type
                : columns % BlockFormat.Q8_0.blockElements() == 0 ? BlockFormat.Q8_0 : BlockFormat.F32;
    }

    @Override
    public Matrix matrix(String name, long rows, long columns) {
        BlockFormat format = formatOf(name, columns);
        MemorySegment data = arena.allocate(format.bytes(Math.multiplyExact(rows, columns)), 64);
        float deviation = (float) (1 / Math.sqrt(columns));
        // codes use all of their range, and scales apart bring the values to their size
        float size = switch (format) {
            case F8_E4M3 -> E4m3.GREATEST / 2;
            case INT4_PAIRS, FP4_PAIRS -> NIBBLES_DEVIATION;
            default -> deviation;
        };
        RandomBlocks.fillFrom(pools.computeIfAbsent(format, f -> pool(f, size)), format, random, data);
        float scale = deviation / size;
        Matrix.Scales scales = switch (format) {
            case F8_E4M3 -> scales(BlockFormat.F32, rows, columns, SCALE_TILE, SCALE_TILE, scale);
            case INT4_PAIRS -> scales(BlockFormat.BF16, rows, columns, 1, SCALE_GROUP, scale);
            case FP4_PAIRS -> scales(BlockFormat.F8_E8M0, rows, columns, 1, SCALE_GROUP, scale);
            default -> null;
        };
        return Matrix.of(format, rows, columns, data, scales);
    }

    /** The same scale for each tile of rows and columns. */
    private Matrix.Scales scales(
            BlockFormat format, long rows, long columns, int tileRows, int tileColumns, float scale) {
        int perRow = Math.toIntExact((columns + tileColumns - 1) / tileColumns);
        long tiles = (rows + tileRows - 1) / tileRows * perRow;
        MemorySegment values = arena.allocate(format.bytes(tiles), 64);
        int bits = Float.floatToRawIntBits(scale);
        for (long i = 0; i < tiles; i++) {
            switch (format) {
                case F32 -> values.set(FLOAT, 4 * i, scale);
                case BF16 -> values.set(SHORT, 2 * i, (short) (bits >> 16));
                default -> values.set(ValueLayout.JAVA_BYTE, i, (byte) (bits >> 23));
            }
        }
        return new Matrix.Scales(values, format, tileRows, tileColumns, perRow);
    }

    /** The deviation of the first matrix of a format serves all of them: activations keep about their size. */
    private MemorySegment pool(BlockFormat format, float deviation) {
        MemorySegment pool = arena.allocate(format.bytes(POOL_ELEMENTS), 64);
        RandomBlocks.fill(format, POOL_ELEMENTS, deviation, random, pool, 0);
        return pool;
    }

    @Override
    public Matrix[] experts(String name, int experts, long rows, long columns) {
        Matrix all = matrix(name, experts * rows, columns);
        Matrix[] each = new Matrix[experts];
        for (int e = 0; e < experts; e++) {
            each[e] = all.rows(e * rows, rows);
        }
        return each;
    }

    @Override
    public float[] vector(String name, int length) {
        float[] values = new float[length];
        Arrays.fill(values, name.endsWith("bias") ? 0f : 1f);
        return values;
    }

    @Override
    public float[][] expertVectors(String name, int experts, int length) {
        return new float[experts][length];
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
