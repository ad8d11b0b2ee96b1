package dev.cadre.kernels;

import static dev.cadre.kernels.Lanes.B;
import static dev.cadre.kernels.Lanes.F;
import static dev.cadre.kernels.Lanes.I;
import static dev.cadre.kernels.Lanes.L;

import dev.cadre.kernels.format.BlockFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The product of one weight row with one activation row, straight from the stored blocks: what a single token's step is
 * made of. Loads from memory and arithmetic overlap here, which a detour over decoded weights prevents.
 *
 * <p>The values and the order of the sums are those of {@link VectorDecoders} and {@link PanelDots}, so one token alone
 * gets the same bits as in a batch: four planes of column groups, each with a chain of sums of its own, added up chunk
 * by chunk. Every method reads something by a scalar access, which keeps a fault on a mapped page an
 * {@code InternalError} (see {@link VectorDecoders}).
 *
 * <p>Loops run over 64 columns, one vector of each plane at 512 bits. C2 gives up inlining after some eighty vector
 * operations in a method, or half as many conversions, and then boxes vectors: no method may grow much.
 */
final class FusedDots {
    static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
    static final int STEP = PanelDots.STEP;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(LE);

    // A nibble becomes a float by taking the place of the last bits of a power of two, which is then subtracted.
    // The operands are constants because an int that becomes a vector at each use costs C2 as much again.
    static final IntVector LOW_NIBBLE = ints(15);
    static final IntVector HIGH_NIBBLE = ints(0xf0);
    static final IntVector LOW_EXPONENT = ints(Float.floatToRawIntBits(0x1p23f));
    static final FloatVector LOW_BASE = FloatVector.broadcast(F, 0x1p23f);
    static final FloatVector HIGH_BASE = FloatVector.broadcast(F, 0x1p19f);
    private static final FloatVector LOW_BASE_8 = FloatVector.broadcast(F, 0x1p23f + 8);
    private static final FloatVector HIGH_BASE_8 = FloatVector.broadcast(F, 0x1p19f + 8);
    private static final IntVector BYTE_SHIFTS = Lanes.INDEX.lanewise(VectorOperators.LSHL, 3);
    static final IntVector HIGH_EXPONENT = ints(Float.floatToRawIntBits(0x1p19f));

    private FusedDots() {}

    static IntVector ints(int all) {
        return IntVector.broadcast(I, all);
    }

    /** Whether rows of a matrix can be multiplied here. */
    static boolean supports(Matrix w) {
        if (w.reader() != null || w.scales() != null && !(w.format() == BlockFormat.F8_E4M3 && evenScales(w))) {
            return false;
        }
        return switch (w.format()) {
            case Q8_0, Q4_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K -> true;
            case BF16, F16, F32 -> w.columns() % PanelDots.GROUP == 0;
            case F8_E4M3 -> L >= 8 && w.columns() % STEP == 0;
            case MXFP4, IQ4_NL, IQ4_XS -> L >= 16; // their tables have 16 entries
            default -> false;
        };
    }

    /** Whether scales change at multiples of 64 columns only. */
    private static boolean evenScales(Matrix w) {
        return w.scales().tileColumns() % STEP == 0 || w.scales().tileColumns() >= w.columns();
    }

    /**
     * Leaves the sums by lane of two rows in the vectors at {@code pA} and {@code pB}.
     *
     * <p>The formats that cost little arithmetic take both rows in one loop: a single stream leaves the memory half
     * idle. The rows should then lie pages apart, since two streams in one page confuse the hardware's prefetcher.
     *
     * @param x activations [K] from {@code xAt} on
     */
    static void run(
            Matrix w, long rowA, long rowB, float[] x, int xAt, float[] partials, int pA, int pB, Workspace ws) {
        int k = w.columns();
        float[] planes = ws.planes(8 * L);
        boolean pairs = RowKernels.takesPairs(w.format());
        for (int c = 0; c < k; c += VectorMatrixKernel.CHUNK) {
            int n = Math.min(VectorMatrixKernel.CHUNK, k - c);
            // the common case is one chunk, and rows are short enough for a division to show
            long chunkAt = c == 0 ? 0 : w.offset(0, c);
            long a = rowA * w.rowBytes() + chunkAt;
            long b = rowB * w.rowBytes() + chunkAt;
            if (pairs) {
                RowKernels.dotPair(w.format(), w.data(), a, b, x, xAt + c, n, planes, 0, 4 * L);
            } else {
                float[] scales = ws.scales(RowKernels.scales(n));
                stepScales(w, rowA, c, n, scales);
                RowKernels.dot(w.format(), w.data(), a, x, xAt + c, n, planes, 0, scales);
                stepScales(w, rowB, c, n, scales);
                RowKernels.dot(w.format(), w.data(), b, x, xAt + c, n, planes, 4 * L, scales);
            }
            if (c == 0) {
                PanelDots.sumPlanes(planes, 0, partials, pA);
                PanelDots.sumPlanes(planes, 4 * L, partials, pB);
            } else {
                PanelDots.addPlanes(planes, 0, 1, partials, pA);
                PanelDots.addPlanes(planes, 4 * L, 1, partials, pB);
            }
        }
    }

    /** The factors of 64 columns each, from column {@code c} on. */
    private static void stepScales(Matrix w, long row, int c, int columns, float[] scales) {
        if (w.format() != BlockFormat.F8_E4M3) {
            return; // its scales are in its blocks
        }
        for (int n = 0; n < columns / STEP; n++) {
            scales[n] = w.scales() == null ? 1f : w.scales().at(w.firstRow() + row, c + STEP * n);
        }
    }

    static float half(MemorySegment src, long o) {
        return Float.float16ToFloat(src.get(SHORT, o));
    }

    /** L bytes from {@code o} on, extended with their sign, as floats. */
    static FloatVector signed(MemorySegment src, long o) {
        if (L == 4) { // there is no vector of four bytes
            return (FloatVector) fourBytes(src, o)
                    .lanewise(VectorOperators.LSHL, 24)
                    .lanewise(VectorOperators.ASHR, 24)
                    .convert(VectorOperators.I2F, 0);
        }
        return (FloatVector) ByteVector.fromMemorySegment(B, src, o, LE).convertShape(VectorOperators.B2F, F, 0);
    }

    /** L bytes from {@code o} on, as ints from 0 to 255. */
    static IntVector unsigned(MemorySegment src, long o) {
        if (L == 4) {
            return fourBytes(src, o).and(255);
        }
        return (IntVector)
                ByteVector.fromMemorySegment(B, src, o, LE).convertShape(VectorOperators.ZERO_EXTEND_B2I, I, 0);
    }

    /** Byte l in the low bits of lane l. */
    private static IntVector fourBytes(MemorySegment src, long o) {
        return IntVector.broadcast(I, VectorDecoders.int32(src, o)).lanewise(VectorOperators.LSHR, BYTE_SHIFTS);
    }

    static FloatVector load(float[] x, int at) {
        return FloatVector.fromArray(F, x, at);
    }

    /** The low nibbles of bytes. */
    static FloatVector low(IntVector bytes) {
        return bytes.and(LOW_NIBBLE).or(LOW_EXPONENT).reinterpretAsFloats().sub(LOW_BASE);
    }

    /** The high nibbles of bytes. */
    static FloatVector high(IntVector bytes) {
        return bytes.and(HIGH_NIBBLE).or(HIGH_EXPONENT).reinterpretAsFloats().sub(HIGH_BASE);
    }

    private static FloatVector lowLess8(IntVector bytes) {
        return bytes.and(LOW_NIBBLE).or(LOW_EXPONENT).reinterpretAsFloats().sub(LOW_BASE_8);
    }

    private static FloatVector highLess8(IntVector bytes) {
        return bytes.and(HIGH_NIBBLE).or(HIGH_EXPONENT).reinterpretAsFloats().sub(HIGH_BASE_8);
    }

    /** The entry of a 16-entry table that the low four bits of each lane name. */
    static FloatVector pick(IntVector numbers, FloatVector table) {
        return numbers.selectFrom(table.reinterpretAsInts()).reinterpretAsFloats();
    }

    static void store(float[] p, int at, FloatVector s0, FloatVector s1, FloatVector s2, FloatVector s3) {
        s0.intoArray(p, at);
        s1.intoArray(p, at + L);
        s2.intoArray(p, at + 2 * L);
        s3.intoArray(p, at + 3 * L);
    }

    static void q8(MemorySegment src, long a, float[] x, int xAt, int k, float[] p, int pAt, float[] s) {
        FloatVector s0 = FloatVector.zero(F);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        int steps = k / STEP;
        for (int n = 0; n < steps; n++) {
            long o = a + 68L * n;
            float d0 = half(src, o);
            float d1 = half(src, o + 34);
            for (int j = 0; j < 16; j += L) {
                int i = xAt + STEP * n + j;
                s0 = signed(src, o + 2 + j).mul(d0).fma(load(x, i), s0);
                s1 = signed(src, o + 18 + j).mul(d0).fma(load(x, i + 16), s1);
                s2 = signed(src, o + 36 + j).mul(d1).fma(load(x, i + 32), s2);
                s3 = signed(src, o + 52 + j).mul(d1).fma(load(x, i + 48), s3);
            }
        }
        if (k % STEP != 0) {
            long o = a + 68L * steps;
            float d = half(src, o);
            for (int j = 0; j < 16; j += L) {
                int i = xAt + STEP * steps + j;
                s0 = signed(src, o + 2 + j).mul(d).fma(load(x, i), s0);
                s1 = signed(src, o + 18 + j).mul(d).fma(load(x, i + 16), s1);
            }
        }
        store(p, pAt, s0, s1, s2, s3);
    }

    /** The sums of planes {@code half} and {@code half + 2} of the four from {@code at} on. */
    static void storeHalf(float[] p, int at, FloatVector s0, FloatVector s2, int half) {
        s0.intoArray(p, at + half * L);
        s2.intoArray(p, at + (half + 2) * L);
    }

    static void q4(MemorySegment src, long a, float[] x, int xAt, int k, float[] p, int pAt, float[] s) {
        FloatVector s0 = FloatVector.zero(F);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        int steps = k / STEP;
        for (int n = 0; n < steps; n++) {
            long o = a + 36L * n;
            float d0 = half(src, o);
            float d1 = half(src, o + 18);
            for (int j = 0; j < 16; j += L) {
                int i = xAt + STEP * n + j;
                IntVector b = unsigned(src, o + 2 + j);
                s0 = lowLess8(b).mul(d0).fma(load(x, i), s0);
                s1 = highLess8(b).mul(d0).fma(load(x, i + 16), s1);
                IntVector c = unsigned(src, o + 20 + j);
                s2 = lowLess8(c).mul(d1).fma(load(x, i + 32), s2);
                s3 = highLess8(c).mul(d1).fma(load(x, i + 48), s3);
            }
        }
        if (k % STEP != 0) {
            long o = a + 36L * steps;
            float d = half(src, o);
            for (int j = 0; j < 16; j += L) {
                int i = xAt + STEP * steps + j;
                IntVector b = unsigned(src, o + 2 + j);
                s0 = lowLess8(b).mul(d).fma(load(x, i), s0);
                s1 = highLess8(b).mul(d).fma(load(x, i + 16), s1);
            }
        }
        store(p, pAt, s0, s1, s2, s3);
    }

    static void mxfp4(MemorySegment src, long a, float[] x, int xAt, int k, float[] p, int pAt, float[] s) {
        FloatVector s0 = FloatVector.zero(F);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        int steps = k / STEP;
        for (int n = 0; n < steps; n++) {
            long o = a + 34L * n;
            int i = xAt + STEP * n;
            FloatVector t0 = VectorDecoders.E2M1.mul(VectorDecoders.halfOfE8m0(src.get(ValueLayout.JAVA_BYTE, o)));
            FloatVector t1 = VectorDecoders.E2M1.mul(VectorDecoders.halfOfE8m0(src.get(ValueLayout.JAVA_BYTE, o + 17)));
            IntVector b = unsigned(src, o + 1);
            s0 = pick(b, t0).fma(load(x, i), s0);
            s1 = pick(b.lanewise(VectorOperators.LSHR, 4), t0).fma(load(x, i + 16), s1);
            IntVector c = unsigned(src, o + 18);
            s2 = pick(c, t1).fma(load(x, i + 32), s2);
            s3 = pick(c.lanewise(VectorOperators.LSHR, 4), t1).fma(load(x, i + 48), s3);
        }
        if (k % STEP != 0) {
            long o = a + 34L * steps;
            int i = xAt + STEP * steps;
            FloatVector t = VectorDecoders.E2M1.mul(VectorDecoders.halfOfE8m0(src.get(ValueLayout.JAVA_BYTE, o)));
            IntVector b = unsigned(src, o + 1);
            s0 = pick(b, t).fma(load(x, i), s0);
            s1 = pick(b.lanewise(VectorOperators.LSHR, 4), t).fma(load(x, i + 16), s1);
        }
        store(p, pAt, s0, s1, s2, s3);
    }

    static void iq4Nl(MemorySegment src, long a, float[] x, int xAt, int k, float[] p, int pAt, float[] s) {
        FloatVector s0 = FloatVector.zero(F);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        int steps = k / STEP;
        for (int n = 0; n < steps; n++) {
            long o = a + 36L * n;
            int i = xAt + STEP * n;
            FloatVector t0 = VectorKDecoders.LEVELS.mul(half(src, o));
            FloatVector t1 = VectorKDecoders.LEVELS.mul(half(src, o + 18));
            IntVector b = unsigned(src, o + 2);
            s0 = pick(b, t0).fma(load(x, i), s0);
            s1 = pick(b.lanewise(VectorOperators.LSHR, 4), t0).fma(load(x, i + 16), s1);
            IntVector c = unsigned(src, o + 20);
            s2 = pick(c, t1).fma(load(x, i + 32), s2);
            s3 = pick(c.lanewise(VectorOperators.LSHR, 4), t1).fma(load(x, i + 48), s3);
        }
        if (k % STEP != 0) {
            long o = a + 36L * steps;
            int i = xAt + STEP * steps;
            FloatVector t = VectorKDecoders.LEVELS.mul(half(src, o));
            IntVector b = unsigned(src, o + 2);
            s0 = pick(b, t).fma(load(x, i), s0);
            s1 = pick(b.lanewise(VectorOperators.LSHR, 4), t).fma(load(x, i + 16), s1);
        }
        store(p, pAt, s0, s1, s2, s3);
    }

    private static FloatVector f32(MemorySegment src, long o) {
        return FloatVector.fromMemorySegment(F, src, o, LE);
    }

    /** The scalar access that keeps faults catchable, in methods that would have none. */
    static void guard(MemorySegment src, long o) {
        src.get(ValueLayout.JAVA_BYTE, o);
    }

    static void f32(MemorySegment src, long a, float[] x, int xAt, int k, float[] p, int pAt, float[] s) {
        FloatVector s0 = FloatVector.zero(F);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        int steps = k / STEP;
        guard(src, a);
        for (int n = 0; n < steps; n++) {
            for (int j = 0; j < 16; j += L) {
                long o = a + 256L * n + 4 * j;
                int i = xAt + STEP * n + j;
                s0 = f32(src, o).fma(load(x, i), s0);
                s1 = f32(src, o + 64).fma(load(x, i + 16), s1);
                s2 = f32(src, o + 128).fma(load(x, i + 32), s2);
                s3 = f32(src, o + 192).fma(load(x, i + 48), s3);
            }
        }
        for (int j = STEP * steps; j < k; j += L) {
            FloatVector term = f32(src, a + 4L * j);
            FloatVector v = load(x, xAt + j);
            switch (j >> 4 & 3) {
                case 0 -> s0 = term.fma(v, s0);
                case 1 -> s1 = term.fma(v, s1);
                default -> s2 = term.fma(v, s2);
            }
        }
        store(p, pAt, s0, s1, s2, s3);
    }

    private static IntVector halfWords(MemorySegment src, long o) {
        return (IntVector) ByteVector.fromMemorySegment(Lanes.HALF, src, o, LE)
                .reinterpretAsShorts()
                .convertShape(VectorOperators.ZERO_EXTEND_S2I, I, 0);
    }

    private static FloatVector bf16(MemorySegment src, long o) {
        return halfWords(src, o).lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
    }

    static void bf16(
            MemorySegment src, long rowA, long rowB, float[] x, int first, int k, float[] p, int pA, int pB, int half) {
        long a = rowA + 32 * half;
        long b = rowB + 32 * half;
        int xAt = first + 16 * half;
        int groups = k / 16 - half;
        FloatVector a0 = FloatVector.zero(F);
        FloatVector a2 = a0;
        FloatVector b0 = a0;
        FloatVector b2 = a0;
        for (int g = 0; g < groups - 2; g += 4) {
            guard(src, a + 32L * g);
            for (int j = 0; j < 16; j += L) {
                FloatVector v = load(x, xAt + 16 * g + j);
                a0 = bf16(src, a + 32L * g + 2 * j).fma(v, a0);
                b0 = bf16(src, b + 32L * g + 2 * j).fma(v, b0);
                v = load(x, xAt + 16 * g + 32 + j);
                a2 = bf16(src, a + 32L * g + 64 + 2 * j).fma(v, a2);
                b2 = bf16(src, b + 32L * g + 64 + 2 * j).fma(v, b2);
            }
        }
        if (groups % 4 == 1 || groups % 4 == 2) { // plane 0 or 1 has a group more
            int g = groups - 1 & -4;
            for (int j = 0; j < 16; j += L) {
                FloatVector v = load(x, xAt + 16 * g + j);
                a0 = bf16(src, a + 32L * g + 2 * j).fma(v, a0);
                b0 = bf16(src, b + 32L * g + 2 * j).fma(v, b0);
            }
        }
        storeHalf(p, pA, a0, a2, half);
        storeHalf(p, pB, b0, b2, half);
    }

    private static FloatVector f16(MemorySegment src, long o) {
        return VectorDecoders.f16(halfWords(src, o));
    }

    /** Planes {@code half} and {@code half + 2}: four in one pass are more than C2 inlines. */
    static void f16(
            MemorySegment src, long from, float[] x, int first, int k, float[] p, int pAt, float[] s, int half) {
        long a = from + 32 * half;
        int xAt = first + 16 * half;
        int groups = k / 16 - half;
        FloatVector s0 = FloatVector.zero(F);
        FloatVector s2 = s0;
        guard(src, from);
        for (int g = 0; g < groups - 2; g += 4) {
            for (int j = 0; j < 16; j += L) {
                s0 = f16(src, a + 32L * g + 2 * j).fma(load(x, xAt + 16 * g + j), s0);
                s2 = f16(src, a + 32L * g + 64 + 2 * j).fma(load(x, xAt + 16 * g + 32 + j), s2);
            }
        }
        if (groups % 4 == 1 || groups % 4 == 2) { // plane 0 or 1 has a group more
            int g = groups - 1 & -4;
            for (int j = 0; j < 16; j += L) {
                s0 = f16(src, a + 32L * g + 2 * j).fma(load(x, xAt + 16 * g + j), s0);
            }
        }
        storeHalf(p, pAt, s0, s2, half);
    }

    private static FloatVector e4m3(MemorySegment src, long o) {
        return VectorDecoders.e4m3(
                (IntVector) ByteVector.fromMemorySegment(B, src, o, LE).convertShape(VectorOperators.B2I, I, 0));
    }

    /**
     * Planes {@code half} and {@code half + 2}, as for F16.
     *
     * @param s a factor for each 64 columns, as tiles of a checkpoint with separate scales have them
     */
    static void e4m3(
            MemorySegment src, long from, float[] x, int first, int k, float[] p, int pAt, float[] s, int half) {
        long a = from + 16 * half;
        int xAt = first + 16 * half;
        FloatVector s0 = FloatVector.zero(F);
        FloatVector s2 = s0;
        guard(src, from);
        for (int n = 0; n < k / STEP; n++) {
            float d = s[n];
            for (int j = 0; j < 16; j += L) {
                long o = a + STEP * (long) n + j;
                int i = xAt + STEP * n + j;
                s0 = e4m3(src, o).mul(d).fma(load(x, i), s0);
                s2 = e4m3(src, o + 32).mul(d).fma(load(x, i + 32), s2);
            }
        }
        storeHalf(p, pAt, s0, s2, half);
    }
}
