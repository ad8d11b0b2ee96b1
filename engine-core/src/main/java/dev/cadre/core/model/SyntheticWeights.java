package dev.cadre.core.model;

import dev.cadre.kernels.Matrix;
import dev.cadre.kernels.format.BlockEncoder;
import dev.cadre.kernels.format.BlockFormat;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
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
        fill(data, format, columns);
        return Matrix.of(format, rows, columns, data);
    }

    /** Copies random stretches of the pool; values shrink with the columns so that activations keep their size. */
    private void fill(MemorySegment data, BlockFormat format, long columns) {
        MemorySegment pool = pools.computeIfAbsent(format, f -> pool(f, (float) (1 / Math.sqrt(columns))));
        long blocks = pool.byteSize() / format.blockBytes();
        for (long at = 0; at < data.byteSize(); ) {
            long from = random.nextLong(blocks) * format.blockBytes();
            long bytes = Math.min(data.byteSize() - at, pool.byteSize() - from);
            MemorySegment.copy(pool, from, data, at, bytes);
            at += bytes;
        }
    }

    private MemorySegment pool(BlockFormat format, float deviation) {
        float[] values = new float[POOL_ELEMENTS];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (deviation * random.nextDouble() * (random.nextBoolean() ? 2 : -2));
        }
        MemorySegment pool = arena.allocate(format.bytes(POOL_ELEMENTS), 64);
        BlockEncoder.of(format).encode(values, 0, values.length, pool, 0);
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
