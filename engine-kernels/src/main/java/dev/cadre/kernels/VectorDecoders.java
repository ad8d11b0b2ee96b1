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
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Decoding of stored blocks into floats by the Vector API; equal to {@link BlockCodec} bit for bit.
 *
 * <p>Every method reads its segment at least once by a scalar access. That is not only for the scales: HotSpot turns a
 * fault on a mapped page (a file truncated while in use) into an {@code InternalError} only in compiled methods that
 * contain such an access; from a method with vector accesses alone it kills the process.
 */
final class VectorDecoders {
    private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(LE);
    private static final VectorSpecies<Short> HALF_WORDS =
            VectorSpecies.of(short.class, VectorShape.forBitSize(Math.max(64, Lanes.BITS / 2)));
    private static final int HALF_PARTS = HALF_WORDS.length() / L;

    private VectorDecoders() {}

    /** Decodes {@code count} elements (whole blocks) from byte {@code offset} on. */
    static void decode(BlockFormat format, MemorySegment src, long offset, float[] dst, int at, int count) {
        switch (format) {
            case F32 -> f32(src, offset, dst, at, count);
            case BF16 -> bf16(src, offset, dst, at, count);
            case Q8_0 -> q8_0(src, offset, dst, at, count);
            case Q4_0 -> q4_0(src, offset, dst, at, count);
            default -> BlockCodec.of(format).decode(src, offset, dst, at, count);
        }
    }

    private static void faultGuard(MemorySegment src, long offset) {
        src.get(ValueLayout.JAVA_BYTE, offset);
    }

    private static void f32(MemorySegment src, long offset, float[] dst, int at, int count) {
        if (count == 0) {
            return;
        }
        faultGuard(src, offset);
        MemorySegment.copy(src, ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(LE), offset, dst, at, count);
    }

    private static void bf16(MemorySegment src, long offset, float[] dst, int at, int count) {
        int i = 0;
        int step = HALF_WORDS.length();
        for (; i <= count - step; i += step) {
            faultGuard(src, offset + 2L * i);
            ShortVector s = ShortVector.fromMemorySegment(HALF_WORDS, src, offset + 2L * i, LE);
            for (int p = 0; p < HALF_PARTS; p++) {
                s.convertShape(VectorOperators.ZERO_EXTEND_S2I, I, p)
                        .lanewise(VectorOperators.LSHL, 16)
                        .reinterpretAsFloats()
                        .intoArray(dst, at + i + p * L);
            }
        }
        for (; i < count; i++) {
            dst[at + i] = Float.intBitsToFloat(src.get(SHORT, offset + 2L * i) << 16);
        }
    }

    private static void q8_0(MemorySegment src, long offset, float[] dst, int at, int count) {
        for (int i = 0; i < count; i += 32) {
            FloatVector d = FloatVector.broadcast(F, Float.float16ToFloat(src.get(SHORT, offset)));
            for (int j = 0; j < 32; j += B.length()) {
                ByteVector q = ByteVector.fromMemorySegment(B, src, offset + 2 + j, LE);
                for (int p = 0; p < PARTS; p++) {
                    toFloats(q, p).mul(d).intoArray(dst, at + i + j + p * L);
                }
            }
            offset += 34;
        }
    }

    private static void q4_0(MemorySegment src, long offset, float[] dst, int at, int count) {
        for (int i = 0; i < count; i += 32) {
            FloatVector d = FloatVector.broadcast(F, Float.float16ToFloat(src.get(SHORT, offset)));
            for (int j = 0; j < 16; j += B.length()) {
                ByteVector q = ByteVector.fromMemorySegment(B, src, offset + 2 + j, LE);
                ByteVector low = q.and((byte) 15).sub((byte) 8);
                ByteVector high =
                        q.lanewise(VectorOperators.LSHR, 4).and((byte) 15).sub((byte) 8);
                for (int p = 0; p < PARTS; p++) {
                    toFloats(low, p).mul(d).intoArray(dst, at + i + j + p * L);
                    toFloats(high, p).mul(d).intoArray(dst, at + i + 16 + j + p * L);
                }
            }
            offset += 18;
        }
    }

    /** Part {@code p} of signed bytes as floats. */
    private static FloatVector toFloats(ByteVector bytes, int p) {
        return (FloatVector) bytes.convertShape(VectorOperators.B2F, F, p);
    }
}
