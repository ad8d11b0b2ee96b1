package dev.cadre.kernels;

import static dev.cadre.kernels.FusedDots.STEP;
import static dev.cadre.kernels.FusedDots.addUp;
import static dev.cadre.kernels.Lanes.F;
import static dev.cadre.kernels.Lanes.L;
import static dev.cadre.kernels.StoredLanes.load;
import static dev.cadre.kernels.StoredLanes.pick;
import static dev.cadre.kernels.StoredLanes.right;
import static dev.cadre.kernels.StoredLanes.unsigned;

import dev.cadre.kernels.format.Bfloat16;
import dev.cadre.kernels.format.BlockFormat;
import dev.cadre.kernels.format.E8m0;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;

/**
 * Formats of safetensors files whose bytes hold two neighbouring elements, and whose scales, one for 32 columns or
 * more, lie in a tensor of their own: {@link BlockFormat#INT4_PAIRS} and {@link BlockFormat#FP4_PAIRS}. What {@link
 * FusedDots} and {@link BlockDecoders} have for other formats.
 *
 * <p>A vector of bytes has even columns in its low nibbles and odd ones in its high nibbles. They are not brought back
 * to their order; the products take the columns in another one instead: of each 32, the even ones first. Activations
 * are rearranged once for all rows ({@link #evensFirst}), and panels have that order too, so that one token gets the
 * same bits as a batch.
 */
final class NibblePairs {
    /** Columns of a block, and the fewest that share a scale. */
    static final int BLOCK = 32;

    private static final int BYTES = BLOCK / 2;

    /** The values of OCP E2M1 codes. */
    private static final float[] E2M1 = {0, .5f, 1, 1.5f, 2, 3, 4, 6, -0f, -.5f, -1, -1.5f, -2, -3, -4, -6};

    private static final VectorShuffle<Float> EVENS = VectorShuffle.fromOp(F, l -> 2 * l & L - 1);
    private static final VectorShuffle<Float> ODDS = VectorShuffle.fromOp(F, l -> 2 * l + 1 & L - 1);
    private static final VectorMask<Float> UPPER_HALF = Lanes.upper(L / 2);

    private NibblePairs() {}

    /** Whether a matrix can be multiplied here; others of these formats go through the scalar codecs. */
    static boolean supports(Matrix w) {
        Matrix.Scales scales = w.scales();
        if (!RowKernels.takesPairs(w.format()) || scales == null) {
            return false;
        }
        int group = scales.tileColumns();
        return scales.tileRows() == 1
                && group % BLOCK == 0
                && Integer.bitCount(group) == 1
                && group <= VectorMatrixKernel.CHUNK
                && switch (scales.format()) {
                    case U8, F8_E8M0, BF16, F16, F32 -> true;
                    default -> false;
                };
    }

    /**
     * Copies k numbers, with the even ones of each {@link #BLOCK} before the odd ones.
     *
     * @param k a multiple of {@link #BLOCK}
     */
    static void evensFirst(float[] src, int from, float[] dst, int to, int k) {
        for (int i = 0; i < k; i += BLOCK) {
            for (int j = 0; j < BYTES; j += L) {
                FloatVector a = load(src, from + i + 2 * j);
                FloatVector b = load(src, from + i + 2 * j + L);
                a.rearrange(EVENS).blend(b.rearrange(EVENS), UPPER_HALF).intoArray(dst, to + i + j);
                a.rearrange(ODDS).blend(b.rearrange(ODDS), UPPER_HALF).intoArray(dst, to + i + j + BYTES);
            }
        }
    }

    static void int4(RowCursor c) {
        while (c.next()) {
            if (c.pairZeros == null) {
                dot(c, TableDots.LESS_8);
            } else {
                dotLessZeros(c);
            }
        }
    }

    static void fp4(RowCursor c) {
        while (c.next()) {
            dot(c, E2M1);
        }
    }

    /** A vector has 16 lanes. */
    private static void dot(RowCursor c, float[] numbers) {
        MemorySegment src = c.src;
        MemorySegment scales = c.pairScales;
        long scalesAt = c.pairScalesAt;
        long scaleStride = c.pairScaleStride;
        int kind = c.pairScaleKind;
        int shift = c.pairScaleShift;
        float[] x = c.x;
        int xAt = c.xAt;
        FloatVector table = load(numbers, 0);
        long at = c.at;
        long stride = c.stride;
        int step = OpaqueStep.of(2 * BYTES);
        int steps = c.columns / STEP;
        float[] sums = c.sums;
        int end = c.sumsAt + c.rows * L;
        for (int to = c.sumsAt; to < end; to += L) {
            FloatVector s0 = FloatVector.zero(F);
            FloatVector s1 = s0;
            FloatVector s2 = s0;
            FloatVector s3 = s0;
            long o = at;
            for (int n = 0; n < steps; n++) {
                int i = xAt + STEP * n;
                IntVector t0 =
                        table.mul(scale(scales, scalesAt, 2 * n >> shift, kind)).reinterpretAsInts();
                IntVector t1 = table.mul(scale(scales, scalesAt, 2 * n + 1 >> shift, kind))
                        .reinterpretAsInts();
                IntVector b = unsigned(src, o);
                s0 = pick(b, t0).fma(load(x, i), s0);
                s1 = pick(right(b, 4), t0).fma(load(x, i + 16), s1);
                IntVector e = unsigned(src, o + BYTES);
                s2 = pick(e, t1).fma(load(x, i + 32), s2);
                s3 = pick(right(e, 4), t1).fma(load(x, i + 48), s3);
                o += step;
            }
            at += stride;
            scalesAt += scaleStride;
            addUp(sums, to, s0, s1, s2, s3);
        }
    }

    /**
     * As {@link #dot}, of a single row, with a zero point for each group. Apart from it, whose loop would be slower by
     * asking.
     */
    private static void dotLessZeros(RowCursor c) {
        MemorySegment src = c.src;
        MemorySegment scales = c.pairScales;
        long scalesAt = c.pairScalesAt;
        int kind = c.pairScaleKind;
        int shift = c.pairScaleShift;
        MemorySegment zeros = c.pairZeros;
        long zerosAt = c.pairZerosAt;
        int up = c.pairZeroShift;
        float[] x = c.x;
        int xAt = c.xAt;
        FloatVector s0 = FloatVector.zero(F);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        long o = c.at;
        int step = OpaqueStep.of(2 * BYTES);
        int steps = c.columns / STEP;
        for (int n = 0; n < steps; n++) {
            int i = xAt + STEP * n;
            int g = 2 * n >> shift;
            IntVector t0 = levels(zero(zeros, zerosAt, g, up), scale(scales, scalesAt, g, kind));
            IntVector b = unsigned(src, o);
            s0 = pick(b, t0).fma(load(x, i), s0);
            s1 = pick(right(b, 4), t0).fma(load(x, i + 16), s1);
            g = 2 * n + 1 >> shift;
            IntVector t1 = levels(zero(zeros, zerosAt, g, up), scale(scales, scalesAt, g, kind));
            IntVector e = unsigned(src, o + BYTES);
            s2 = pick(e, t1).fma(load(x, i + 32), s2);
            s3 = pick(right(e, 4), t1).fma(load(x, i + 48), s3);
            o += step;
        }
        addUp(c.sums, c.sumsAt, s0, s1, s2, s3);
    }

    /** The bits of what codes stand for. */
    private static IntVector levels(float zero, float scale) {
        return TableDots.LEVELS_FROM_0.sub(zero).mul(scale).reinterpretAsInts();
    }

    private static float zero(MemorySegment zeros, long at, int group, int shift) {
        return StoredLanes.int32(zeros, at + 4L * group) >>> shift & 15;
    }

    /** How a scale is stored, as a number that the loops above can ask for without a call. */
    static int kind(BlockFormat scales) {
        return switch (scales) {
            case BF16 -> 0;
            case F16 -> 1;
            case F32 -> 2;
            default -> 3; // E8M0
        };
    }

    /** The logarithm of the blocks that share a scale. */
    static int shift(Matrix.Scales scales) {
        return Integer.numberOfTrailingZeros(scales.tileColumns() / BLOCK);
    }

    private static float scale(MemorySegment scales, long at, int i, int kind) {
        if (kind == 0) {
            return Bfloat16.decode(scales.get(StoredLanes.SHORT, at + 2L * i));
        }
        if (kind == 1) {
            return StoredLanes.half(scales, at + 2L * i);
        }
        if (kind == 2) {
            return Float.intBitsToFloat(StoredLanes.int32(scales, at + 4L * i));
        }
        return E8m0.decode(scales.get(ValueLayout.JAVA_BYTE, at + i));
    }

    static void int4(Matrix w, long row, int c, int k, float[] dst, int at, int plane) {
        decode(w, row, c, k, dst, at, plane, TableDots.FROM_0, 8, false);
    }

    static void fp4(Matrix w, long row, int c, int k, float[] dst, int at, int plane) {
        decode(w, row, c, k, dst, at, plane, E2M1, 0, true);
    }

    /**
     * Columns [c, c + k) of a row into a panel, in the order of the products.
     *
     * @param zero what is taken from the table's entries where there are no zero points
     */
    private static void decode(
            Matrix w,
            long row,
            int c,
            int k,
            float[] dst,
            int at,
            int plane,
            float[] numbers,
            float zero,
            boolean fp4) {
        FloatVector table = load(numbers, 0);
        MemorySegment src = w.data();
        long a = w.offset(row, c);
        long stored = w.storedRow(row);
        MemorySegment scales = w.scales().values();
        long scalesAt = w.scales().offset(stored, c);
        MemorySegment zeros = w.scales().zeroPoints();
        long zerosAt = zeros == null ? 0 : w.scales().zeroPointOffset(stored, c);
        int up = Matrix.Scales.zeroPointShift(stored);
        int kind = kind(w.scales().format());
        int shift = shift(w.scales());
        int steps = k / STEP;
        for (int n = 0; n < steps; n++) {
            int g0 = 2 * n >> shift;
            int g1 = 2 * n + 1 >> shift;
            float d0 = scale(scales, scalesAt, g0, kind);
            float d1 = scale(scales, scalesAt, g1, kind);
            float z0 = zeros == null ? zero : zero(zeros, zerosAt, g0, up);
            float z1 = zeros == null ? zero : zero(zeros, zerosAt, g1, up);
            IntVector t0 = table.sub(z0).mul(d0).reinterpretAsInts();
            IntVector t1 = table.sub(z1).mul(d1).reinterpretAsInts();
            for (int j = 0; j < BYTES; j += L) {
                long o = a + 2L * BYTES * n + j;
                int to = at + STEP * n + j;
                IntVector b = unsigned(src, o);
                value(b, t0, d0, z0, fp4).intoArray(dst, to);
                value(right(b, 4), t0, d0, z0, fp4).intoArray(dst, to + plane);
                IntVector e = unsigned(src, o + BYTES);
                value(e, t1, d1, z1, fp4).intoArray(dst, to + 2 * plane);
                value(right(e, 4), t1, d1, z1, fp4).intoArray(dst, to + 3 * plane);
            }
        }
        if (k % STEP != 0) {
            int g = 2 * steps >> shift;
            float d = scale(scales, scalesAt, g, kind);
            float z = zeros == null ? zero : zero(zeros, zerosAt, g, up);
            decodeBlock(src, a + 2L * BYTES * steps, d, z, dst, at + STEP * steps, plane, numbers, fp4);
        }
    }

    /** Behind whole steps; apart for the reason that {@link BlockDecoders} has. */
    private static void decodeBlock(
            MemorySegment src,
            long a,
            float d,
            float zero,
            float[] dst,
            int at,
            int plane,
            float[] numbers,
            boolean fp4) {
        IntVector t = load(numbers, 0).sub(zero).mul(d).reinterpretAsInts();
        for (int j = 0; j < BYTES; j += L) {
            IntVector b = unsigned(src, a + j);
            value(b, t, d, zero, fp4).intoArray(dst, at + j);
            value(right(b, 4), t, d, zero, fp4).intoArray(dst, at + plane + j);
        }
    }

    /** The values of codes, times a scale, by a table of them where a vector has room for its 16 entries. */
    private static FloatVector value(IntVector codes, IntVector scaled, float d, float zero, boolean fp4) {
        if (L >= 16) {
            return pick(codes, scaled);
        }
        IntVector nibbles = codes.and(15);
        return fp4
                ? VectorDecoders.e2m1(nibbles).mul(0.5f).mul(d)
                : VectorDecoders.toFloats(nibbles).sub(zero).mul(d);
    }
}
