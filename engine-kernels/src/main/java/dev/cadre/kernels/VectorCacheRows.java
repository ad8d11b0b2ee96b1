package dev.cadre.kernels;

import static dev.cadre.kernels.Lanes.B;
import static dev.cadre.kernels.Lanes.F;
import static dev.cadre.kernels.Lanes.I;
import static dev.cadre.kernels.Lanes.L;
import static dev.cadre.kernels.Lanes.PARTS;

import dev.cadre.kernels.format.E4m3;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link CacheRowKernel} by the Vector API: whole vectors, then the scalar twin.
 *
 * <p>An e4m3 code becomes a float by moving its exponent and mantissa to the float's places and multiplying by 2^120,
 * the difference of the exponents' biases, which is exact for subnormals too. That factor and the scale are one: their
 * product is exact unless it overflows, and then the scalar twin takes over.
 *
 * <p>Rows come many at a time, since a call and its checks cost as much as decoding a short row. Every method makes a
 * scalar access to the memory beside its vector loop: HotSpot recovers from a fault in mapped memory only where
 * compiled code has one.
 */
final class VectorCacheRows implements CacheRowKernel {
    private static final VectorSpecies<Short> S = VectorSpecies.of(short.class, VectorShape.forBitSize(Lanes.BITS / 2));

    /** Numbers in a loop whose length C2 knows and unrolls, which is twice as fast as one whose length it does not. */
    private static final int STEP = 128;

    private static final int NAN_CODE = 0x7f;

    /** Adding it rounds a float below 2^22 to an integer, ties to even, which stands in the low bits of the sum. */
    private static final float ROUNDER = 0x1p23f;

    private static final float LEAST_NORMAL = 0x1p-6f;
    private static final int LAST_CODE = 0x7e;
    private static final int CODE_OF_ZERO_EXPONENT = 120 << 3;

    @Override
    public void decodeE4m3(
            MemorySegment memory,
            long offset,
            int rows,
            int rowBytes,
            int n,
            int group,
            float[] dst,
            int at,
            int stride) {
        for (int r = 0; r < rows; r++) {
            long row = offset + (long) r * rowBytes;
            int to = at + r * stride;
            for (int from = 0; from < n; from += group) {
                float scale = memory.get(ScalarCacheRows.FLOAT, ScalarCacheRows.scaleAt(row, n, group, from));
                float factor = scale * VectorDecoders.E4M3_BIAS;
                int end = Math.min(n, from + group);
                int i = from;
                if (Float.isFinite(factor)) {
                    for (; i <= end - STEP; i += STEP) {
                        if (StoredLanes.hasE4m3Nan(memory, row + i, STEP)) {
                            ScalarCacheRows.decodeE4m3(memory, row, i, i + STEP, scale, dst, to);
                            continue;
                        }
                        for (int k = 0; k < STEP; k += B.length()) {
                            decode(memory, row + i + k, factor, true, dst, to + i + k);
                        }
                    }
                    for (; i <= end - B.length(); i += B.length()) {
                        decode(memory, row + i, factor, false, dst, to + i);
                    }
                }
                if (i < end) {
                    ScalarCacheRows.decodeE4m3(memory, row, i, end, scale, dst, to);
                }
            }
        }
    }

    /**
     * Inlined wherever it is called, with a constant.
     *
     * @param ordinary that there is no NaN
     */
    private static void decode(MemorySegment memory, long from, float factor, boolean ordinary, float[] dst, int to) {
        ByteVector codes = StoredLanes.bytes(B, memory, from);
        decode(codes, 0, factor, ordinary).intoArray(dst, to);
        if (PARTS == 2) {
            decode(codes, 1, factor, ordinary).intoArray(dst, to + L);
        }
    }

    private static FloatVector decode(ByteVector bytes, int part, float factor, boolean ordinary) {
        IntVector codes = (IntVector) bytes.convertShape(VectorOperators.B2I, I, part);
        return ordinary ? VectorDecoders.ordinaryE4m3(codes, factor) : VectorDecoders.e4m3(codes, factor);
    }

    @Override
    public void decodeInt8(MemorySegment memory, long offset, int n, float[] dst, int at) {
        int i = 0;
        if (n >= STEP) {
            StoredLanes.readFirst(memory, offset);
            for (; i <= n - STEP; i += STEP) {
                for (int k = 0; k < STEP; k += L) {
                    StoredLanes.signed(memory, offset + i + k).intoArray(dst, at + i + k);
                }
            }
        }
        ScalarCacheRows.decodeInt8(memory, offset, i, n, dst, at);
    }

    @Override
    public void encodeE4m3(float[] src, int at, int n, float scale, MemorySegment memory, long offset) {
        int i = 0;
        if (n >= L && PARTS == 1) { // at 128 bits there is no byte vector of four lanes to store
            StoredLanes.readFirst(memory, offset);
            for (; i <= n - L; i += L) {
                IntVector codes = encode(FloatVector.fromArray(F, src, at + i).div(scale));
                StoredLanes.store((ByteVector) codes.convertShape(VectorOperators.I2B, B, 0), memory, offset + i);
            }
        }
        ScalarCacheRows.encodeE4m3(src, at, i, n, scale, memory, offset);
    }

    /** The steps of {@link E4m3#encode}. */
    private static IntVector encode(FloatVector values) {
        IntVector sign =
                values.reinterpretAsInts().lanewise(VectorOperators.LSHR, 24).and(0x80);
        FloatVector magnitude = values.abs().min(E4m3.GREATEST); // NaN stays NaN
        IntVector bits = magnitude.reinterpretAsInts();
        IntVector odd = bits.lanewise(VectorOperators.LSHR, 20).and(1);
        IntVector normal = bits.add(0x7ffff)
                .add(odd)
                .lanewise(VectorOperators.LSHR, 20)
                .sub(CODE_OF_ZERO_EXPONENT)
                .min(LAST_CODE);
        IntVector subnormal =
                magnitude.mul(512).add(ROUNDER).reinterpretAsInts().and(0xff);
        VectorMask<Integer> small =
                magnitude.compare(VectorOperators.LT, LEAST_NORMAL).cast(I);
        VectorMask<Integer> nan = values.test(VectorOperators.IS_NAN).cast(I);
        return normal.blend(subnormal, small).or(sign).blend(NAN_CODE, nan);
    }

    @Override
    public void decodeBfloat16(
            MemorySegment memory, long offset, int rows, int rowBytes, int n, float[] dst, int at, int stride) {
        for (int r = 0; r < rows; r++) {
            long row = offset + (long) r * rowBytes;
            int to = at + r * stride;
            int i = 0;
            if (n >= L) {
                StoredLanes.readFirst(memory, row);
                for (; i <= n - STEP; i += STEP) {
                    for (int k = 0; k < STEP; k += L) {
                        StoredLanes.bf16(memory, row + 2L * (i + k)).intoArray(dst, to + i + k);
                    }
                }
                for (; i <= n - L; i += L) {
                    StoredLanes.bf16(memory, row + 2L * i).intoArray(dst, to + i);
                }
            }
            if (i < n) {
                ScalarCacheRows.decodeBfloat16(memory, row, i, n, dst, to);
            }
        }
    }

    @Override
    public void encodeBfloat16(float[] src, int at, int n, MemorySegment memory, long offset) {
        int i = 0;
        if (n >= L) {
            StoredLanes.readFirst(memory, offset);
            for (; i <= n - L; i += L) {
                FloatVector values = FloatVector.fromArray(F, src, at + i);
                IntVector bits = values.reinterpretAsInts();
                IntVector high = bits.lanewise(VectorOperators.LSHR, 16);
                IntVector rounded = bits.add(0x7fff).add(high.and(1)).lanewise(VectorOperators.LSHR, 16);
                VectorMask<Integer> nan = values.test(VectorOperators.IS_NAN).cast(I);
                ByteVector bytes = rounded.blend(high.or(0x40), nan)
                        .convertShape(VectorOperators.I2S, S, 0)
                        .reinterpretAsBytes();
                StoredLanes.store(bytes, memory, offset + 2L * i);
            }
        }
        ScalarCacheRows.encodeBfloat16(src, at, i, n, memory, offset);
    }
}
