package dev.cadre.kernels;

import static dev.cadre.kernels.Lanes.B;
import static dev.cadre.kernels.Lanes.F;
import static dev.cadre.kernels.Lanes.I;
import static dev.cadre.kernels.Lanes.L;
import static dev.cadre.kernels.Lanes.PARTS;

import dev.cadre.kernels.format.BlockCodec;
import dev.cadre.kernels.format.BlockFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Decoding of stored blocks into floats by the Vector API; equal to {@link BlockCodec} bit for bit.
 *
 * <p>The decoders here take a copy of the blocks in an array that stays in the first-level cache. That is cheaper than
 * it looks: the copy is one checked bulk access that streams, and what follows has plain array bounds checks instead of
 * a segment's. Those of {@link BlockDecoders} and {@link VectorKDecoders} read the blocks where they are.
 */
final class VectorDecoders {
    private static final VarHandle SHORT = MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

    /** The distance of planes that makes a panel of four rows consecutive floats. */
    private static final int LINEAR = PanelDots.GROUP;

    /** Scales a float whose exponent field holds a smaller format's exponent by the difference of their biases. */
    static final float E4M3_BIAS = 0x1p120f;

    private static final IntVector E4M3_ALL_FIELDS = IntVector.broadcast(I, 0x87f00000);
    private static final IntVector E4M3_FIELDS = IntVector.broadcast(I, 0x7f << 20);
    private static final IntVector E4M3_EXPONENTS = IntVector.broadcast(I, 120 << 23);
    private static final FloatVector E4M3_LEAST_NORMAL = FloatVector.broadcast(F, 0x1p-6f);
    private static final IntVector SIGN = IntVector.broadcast(I, 1 << 31);
    private static final float E2M1_BIAS = 0x1p127f;

    /** Twice the values of E2M1's codes. */
    static final float[] E2M1_NUMBERS = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

    static final IntVector E2M1_BITS = table(E2M1_NUMBERS).reinterpretAsInts();

    private VectorDecoders() {}

    /** A table of 16 numbers; cut off where a vector has fewer lanes, which then has no use for it. */
    static FloatVector table(float... numbers) {
        return FloatVector.fromArray(F, numbers, 0);
    }

    /** Decodes {@code count} elements (whole blocks) from byte {@code offset} on into consecutive floats. */
    static void decode(
            BlockFormat format, MemorySegment src, long offset, float[] dst, int at, int count, Workspace workspace) {
        if (format == BlockFormat.F32) {
            MemorySegment.copy(
                    src, ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), offset, dst, at, count);
            return;
        }
        if (!supports(format, count)) {
            BlockCodec.of(format).decode(src, offset, dst, at, count);
            return;
        }
        if (CodebookRows.takesNibbles(format)) {
            float[] line = workspace.reordered(count);
            RowKernels.decode(format, src, offset, 0, 1, count, line, 0, LINEAR, workspace);
            NibbleWords.byColumn(line, dst, at, count);
            return;
        }
        RowKernels.decode(format, src, offset, 0, 1, count, dst, at, LINEAR, workspace);
    }

    /** Whether {@code count} elements can be decoded by vectors; others go through the scalar codecs. */
    static boolean supports(BlockFormat format, int count) {
        return RowKernels.decodes(format) && count % B.length() == 0;
    }

    /** The blocks of {@code count} elements, copied to the workspace; a vector may reach over the last one's end. */
    static byte[] copy(BlockFormat format, MemorySegment src, long offset, int count, Workspace workspace) {
        int bytes = count / format.blockElements() * format.blockBytes();
        byte[] raw = workspace.raw(bytes + Lanes.BYTES.length());
        MemorySegment.copy(src, ValueLayout.JAVA_BYTE, offset, raw, 0, bytes);
        return raw;
    }

    /**
     * Where a column lies, from its row's first group on. Panels of four rows take 64 floats for 64 columns of a
     * plane's four groups, as consecutive floats do, so both are the same but for the distance of the planes.
     */
    static int place(int column, int plane) {
        return (column & -PanelDots.STEP) + (column >> 4 & 3) * plane + (column & 15);
    }

    static float half(byte[] raw, int offset) {
        return Float.float16ToFloat((short) SHORT.get(raw, offset));
    }

    static int int32(byte[] raw, int offset) {
        return (int) INT.get(raw, offset);
    }

    static long int64(byte[] raw, int offset) {
        return (long) LONG.get(raw, offset);
    }

    /** Part {@code p} of signed bytes as floats. */
    static FloatVector toFloats(ByteVector bytes, int p) {
        return (FloatVector) bytes.convertShape(VectorOperators.B2F, F, p);
    }

    /** Part {@code p} of bytes from {@code offset} on as ints from 0 to 255. */
    static IntVector unsigned(byte[] raw, int offset, int p) {
        return (IntVector) ByteVector.fromArray(B, raw, offset).convertShape(VectorOperators.ZERO_EXTEND_B2I, I, p);
    }

    static FloatVector toFloats(IntVector ints) {
        return (FloatVector) ints.convert(VectorOperators.I2F, 0);
    }

    /** L unsigned 16-bit words as ints. */
    static IntVector halfWords(byte[] raw, int offset) {
        return (IntVector) ByteVector.fromArray(Lanes.HALF, raw, offset)
                .reinterpretAsShorts()
                .convertShape(VectorOperators.ZERO_EXTEND_S2I, I, 0);
    }

    static void e4m3(byte[] raw, float[] dst, int at, int plane, int count) {
        for (int i = 0; i < count; i += B.length()) {
            ByteVector bytes = ByteVector.fromArray(B, raw, i);
            for (int p = 0; p < PARTS; p++) {
                e4m3((IntVector) bytes.convertShape(VectorOperators.B2I, I, p))
                        .intoArray(dst, at + place(i, plane) + p * L);
            }
        }
    }

    /** E4M3 codes, extended with their sign, as floats. */
    static FloatVector e4m3(IntVector codes) {
        return withNan(codes, ordinaryE4m3(codes));
    }

    /** The values of E4M3 codes, once more with NaN where the code says so. */
    private static FloatVector withNan(IntVector codes, FloatVector values) {
        return values.blend(
                Float.NaN, codes.and(0x7f).compare(VectorOperators.EQ, 0x7f).cast(F));
    }

    /**
     * As {@link #e4m3(IntVector)}, of codes without NaN. The obvious way, to move the fields to a float's places and to
     * multiply by the difference of the biases, makes codes without a leading one subnormal floats, at which the
     * processor takes twice as long. Here the difference is added to the exponent, and what that makes of a missing
     * leading one is mended.
     */
    static FloatVector ordinaryE4m3(IntVector codes) {
        FloatVector magnitude = codes.lanewise(VectorOperators.LSHL, 20)
                .and(E4M3_FIELDS)
                .add(E4M3_EXPONENTS)
                .reinterpretAsFloats();
        // 2^-7·(1 + m/8) stands for 2^-6·m/8
        magnitude = magnitude.add(
                magnitude.sub(E4M3_LEAST_NORMAL), magnitude.compare(VectorOperators.LT, E4M3_LEAST_NORMAL));
        return magnitude.reinterpretAsInts().or(codes.and(SIGN)).reinterpretAsFloats();
    }

    /**
     * As {@link #e4m3(IntVector)}, times a scale: the fields move to a float's places, the bias is multiplied in. For
     * values that have been scaled to the format's range, few of which are subnormal.
     *
     * @param factor the scale times {@link #E4M3_BIAS}, finite
     */
    static FloatVector e4m3(IntVector codes, float factor) {
        return withNan(codes, ordinaryE4m3(codes, factor));
    }

    /** As {@link #e4m3(IntVector, float)}, of codes without NaN. */
    static FloatVector ordinaryE4m3(IntVector codes, float factor) {
        return e4m3Fields(codes).mul(factor);
    }

    /** The fields of E4M3 codes in a float's places: their values divided by {@link #E4M3_BIAS}. */
    static FloatVector e4m3Fields(IntVector codes) {
        return codes.lanewise(VectorOperators.LSHL, 20).and(E4M3_ALL_FIELDS).reinterpretAsFloats();
    }

    static void q41(byte[] raw, float[] dst, int at, int plane, int count) {
        for (int i = 0, o = 0; i < count; i += 32, o += 20) {
            float d = half(raw, o);
            float m = half(raw, o + 2);
            for (int j = 0; j < 16; j += B.length()) {
                for (int p = 0; p < PARTS; p++) {
                    IntVector b = unsigned(raw, o + 4 + j, p);
                    int to = at + place(i, plane) + j + p * L;
                    toFloats(b.and(15)).mul(d).add(m).intoArray(dst, to);
                    toFloats(b.lanewise(VectorOperators.LSHR, 4)).mul(d).add(m).intoArray(dst, to + plane);
                }
            }
        }
    }

    static void mxfp4(byte[] raw, float[] dst, int at, int plane, int count) {
        int o = 0;
        for (int i = 0; i < count; i += 32) {
            float d = halfOfE8m0(raw[o]);
            for (int j = 0; j < 16; j += B.length()) {
                for (int p = 0; p < PARTS; p++) {
                    IntVector b = unsigned(raw, o + 1 + j, p);
                    int to = at + place(i, plane) + j + p * L;
                    e2m1(b.and(15)).mul(d).intoArray(dst, to);
                    e2m1(b.lanewise(VectorOperators.LSHR, 4)).mul(d).intoArray(dst, to + plane);
                }
            }
            o += 17;
        }
    }

    /** 2^(code - 128): half of an E8M0 scale, for values that are twice as large, as in ggml's table. */
    static float halfOfE8m0(byte code) {
        int e = code & 0xff;
        return Float.intBitsToFloat(e < 2 ? 0x00200000 << e : (e - 1) << 23);
    }

    /** Twice the value of sign, two exponent bits and one mantissa bit; minus zero becomes zero, as in ggml's table. */
    static FloatVector e2m1(IntVector nibbles) {
        if (L >= 16) {
            return StoredLanes.pick(nibbles, E2M1_BITS);
        }
        FloatVector magnitude = nibbles.and(7)
                .lanewise(VectorOperators.LSHL, 22)
                .reinterpretAsFloats()
                .mul(E2M1_BIAS);
        IntVector sign = nibbles.and(8).lanewise(VectorOperators.LSHL, 28);
        return magnitude.reinterpretAsInts().or(sign).reinterpretAsFloats().add(0f);
    }
}
