package dev.cadre.kernels;

import static dev.cadre.kernels.Lanes.B;
import static dev.cadre.kernels.Lanes.BYTES;
import static dev.cadre.kernels.Lanes.F;
import static dev.cadre.kernels.Lanes.I;
import static dev.cadre.kernels.Lanes.L;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.concurrent.atomic.AtomicInteger;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** Stored numbers and fields of bytes as vectors: what the kernels that read segments are put together from. */
final class StoredLanes {
    private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
    static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(LE);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(LE);

    // A field of a byte becomes a float by taking the place of the last bits of a power of two, which is then
    // subtracted. The operands are constants because an int that becomes a vector at each use costs C2 as much again.
    static final IntVector LOW_NIBBLE = ints(15);
    static final IntVector BITS_01 = ints(3);
    private static final IntVector HIGH_NIBBLE = ints(0xf0);
    static final IntVector EXPONENT_0 = ints(Float.floatToRawIntBits(0x1p23f));
    private static final IntVector EXPONENT_4 = ints(Float.floatToRawIntBits(0x1p19f));
    static final FloatVector BASE_0 = floats(0x1p23f);
    private static final FloatVector BASE_0_AND_8 = floats(0x1p23f + 8);
    private static final FloatVector BASE_4 = floats(0x1p19f);
    private static final FloatVector BASE_4_AND_8 = floats(0x1p19f + 8);

    private static final IntVector F16_FIELDS = ints(0x8fffe000);
    private static final FloatVector F16_BIAS = floats(0x1p112f);
    private static final FloatVector ZERO = floats(0);

    /** The code of NaN, but for its sign, and the greatest there is. */
    static final byte E4M3_NAN = 0x7f;

    /**
     * Read beside every vector access to a segment, it keeps a fault on a mapped page (of a file truncated while in
     * use) an {@code InternalError} that can be caught. HotSpot throws one where the compiled method is marked as a
     * method with unsafe accesses. Vector accesses do not mark theirs, and a fault ends the process; this field is read
     * by an unsafe access, of which nothing is left but the mark. C2 may compile any method alone, so one mark for many
     * accesses, in a method that calls theirs, does not do.
     */
    private static final AtomicInteger MARK = new AtomicInteger();

    /** The class of segments of mapped files ({@link MappedMemory}) and of memory from arenas. */
    private static final Class<?> NATIVE = MemorySegment.NULL.getClass();

    private static final IntVector BYTE_SHIFTS = Lanes.INDEX.lanewise(VectorOperators.LSHL, 3);

    private StoredLanes() {}

    private static IntVector ints(int all) {
        return IntVector.broadcast(I, all);
    }

    private static FloatVector floats(float all) {
        return FloatVector.broadcast(F, all);
    }

    /**
     * Reads the first byte that a method is to read. One that runs too seldom to be compiled by C2 fails here, as
     * {@link FaultGuard} says. C2 also learns from it, before a loop without slices, that the segment is open.
     */
    static void readFirst(MemorySegment src, long o) {
        src.get(ValueLayout.JAVA_BYTE, o);
    }

    /** Bytes from {@code o} on. */
    static ByteVector bytes(VectorSpecies<Byte> species, MemorySegment src, long o) {
        MARK.getPlain();
        return ByteVector.fromMemorySegment(species, src, o, LE);
    }

    /** L words of four bytes. */
    static IntVector words(MemorySegment src, long o) {
        MARK.getPlain();
        return IntVector.fromMemorySegment(I, src, o, LE);
    }

    static void store(ByteVector bytes, MemorySegment dst, long o) {
        MARK.getPlain();
        bytes.intoMemorySegment(dst, o, LE);
    }

    /** Copies n bytes, by vectors: {@code MemorySegment.copy} takes up to five times as long for a row. */
    static void copy(MemorySegment src, long o, byte[] dst, int n) {
        int length = BYTES.length();
        if (n < length) {
            MemorySegment.copy(src, ValueLayout.JAVA_BYTE, o, dst, 0, n);
            return;
        }
        int step = OpaqueStep.of(length);
        for (int i = 0; i < n - length; i += step) {
            bytes(BYTES, src, o + i).intoArray(dst, i);
        }
        bytes(BYTES, src, o + n - length).intoArray(dst, n - length);
    }

    /**
     * A part of a constant size, whose accesses need no checks of bounds. C2 must know the class that it copies, or the
     * copy is a call and an object; what the JDK's own methods have counted does not always tell.
     */
    static MemorySegment slice(MemorySegment src, long o, int bytes) {
        if (src.getClass() == NATIVE) {
            return src.asSlice(o, bytes);
        }
        return otherSlice(src, o, bytes);
    }

    private static MemorySegment otherSlice(MemorySegment src, long o, int bytes) {
        return src.asSlice(o, bytes);
    }

    static float half(MemorySegment src, long o) {
        return Float.float16ToFloat(src.get(SHORT, o));
    }

    static int int32(MemorySegment src, long o) {
        return src.get(INT, o);
    }

    /** L bytes from {@code o} on, extended with their sign, as floats. */
    static FloatVector signed(MemorySegment src, long o) {
        if (L == 4) { // there is no vector of four bytes
            return (FloatVector) fourBytes(src, o)
                    .lanewise(VectorOperators.LSHL, 24)
                    .lanewise(VectorOperators.ASHR, 24)
                    .convert(VectorOperators.I2F, 0);
        }
        return (FloatVector) bytes(B, src, o).convertShape(VectorOperators.B2F, F, 0);
    }

    /** L bytes from {@code o} on, as ints from 0 to 255. */
    static IntVector unsigned(MemorySegment src, long o) {
        if (L == 4) {
            return fourBytes(src, o).and(255);
        }
        return (IntVector) bytes(B, src, o).convertShape(VectorOperators.ZERO_EXTEND_B2I, I, 0);
    }

    /** Byte l in the low bits of lane l. */
    private static IntVector fourBytes(MemorySegment src, long o) {
        return IntVector.broadcast(I, int32(src, o)).lanewise(VectorOperators.LSHR, BYTE_SHIFTS);
    }

    /** L floats. */
    static FloatVector f32(MemorySegment src, long o) {
        MARK.getPlain();
        return FloatVector.fromMemorySegment(F, src, o, LE);
    }

    private static IntVector halfWords(MemorySegment src, long o) {
        return (IntVector)
                bytes(Lanes.HALF, src, o).reinterpretAsShorts().convertShape(VectorOperators.ZERO_EXTEND_S2I, I, 0);
    }

    /** L bfloat16. */
    static FloatVector bf16(MemorySegment src, long o) {
        return halfWords(src, o).lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
    }

    /**
     * L half-precision numbers, with NaN for what is not finite. Their fields move to a float's places, which divides
     * them by 2^112. What is not finite has the greatest exponent and overflows when it is multiplied once more; that
     * times zero is NaN, and zero for all others.
     */
    static FloatVector f16(MemorySegment src, long o) {
        IntVector words =
                (IntVector) bytes(Lanes.HALF, src, o).reinterpretAsShorts().convertShape(VectorOperators.S2I, I, 0);
        FloatVector v = left(words, 13).and(F16_FIELDS).reinterpretAsFloats().mul(F16_BIAS);
        return v.mul(F16_BIAS).fma(ZERO, v);
    }

    /**
     * Whether one of n e4m3 codes is NaN: asked of whole vectors of bytes, it costs a quarter of asking every float.
     *
     * @param n a multiple of {@link PanelDots#STEP}
     */
    static boolean hasE4m3Nan(MemorySegment src, long o, int n) {
        ByteVector greatest = ByteVector.zero(BYTES);
        for (int i = 0; i < n; i += BYTES.length()) {
            greatest = greatest.max(bytes(BYTES, src, o + i).and(E4M3_NAN));
        }
        return greatest.compare(VectorOperators.EQ, E4M3_NAN).anyTrue();
    }

    /**
     * Whether of the first e4m3 codes, as many as fit a vector, more than one in 16 has no leading one. This shares
     * nothing with {@link #hasE4m3Nan}: once that is compiled, what it called would be left a call here, and vectors
     * would be objects.
     */
    static boolean hasManySubnormalE4m3(MemorySegment src, long o) {
        VectorMask<Byte> small = bytes(BYTES, src, o).and(E4M3_NAN).compare(VectorOperators.LT, (byte) 8);
        return small.trueCount() > BYTES.length() / 16;
    }

    /** L e4m3 codes, extended with their sign. */
    static IntVector e4m3Codes(MemorySegment src, long o) {
        return (IntVector) bytes(B, src, o).convertShape(VectorOperators.B2I, I, 0);
    }

    static IntVector right(IntVector v, int bits) {
        return v.lanewise(VectorOperators.LSHR, bits);
    }

    static IntVector left(IntVector v, int bits) {
        return v.lanewise(VectorOperators.LSHL, bits);
    }

    static FloatVector load(float[] x, int at) {
        return FloatVector.fromArray(F, x, at);
    }

    static FloatVector broadcast(float[] s, int i) {
        return FloatVector.broadcast(F, s[i]);
    }

    /**
     * The entry of a table that the low bits of each lane name, four of them where a vector has 16 lanes.
     *
     * @param table the bits of floats, since to reinterpret them here would cost C2 some 400 nodes for each use
     */
    static FloatVector pick(IntVector numbers, IntVector table) {
        return numbers.selectFrom(table).reinterpretAsFloats();
    }

    /** The low nibbles of bytes. */
    static FloatVector low(IntVector bytes) {
        return bytes.and(LOW_NIBBLE).or(EXPONENT_0).reinterpretAsFloats().sub(BASE_0);
    }

    /** The high nibbles of bytes. */
    static FloatVector high(IntVector bytes) {
        return bytes.and(HIGH_NIBBLE).or(EXPONENT_4).reinterpretAsFloats().sub(BASE_4);
    }

    /** The low nibbles of bytes, less 8. */
    static FloatVector lowLess8(IntVector bytes) {
        return bytes.and(LOW_NIBBLE).or(EXPONENT_0).reinterpretAsFloats().sub(BASE_0_AND_8);
    }

    /** The high nibbles of bytes, less 8. */
    static FloatVector highLess8(IntVector bytes) {
        return bytes.and(HIGH_NIBBLE).or(EXPONENT_4).reinterpretAsFloats().sub(BASE_4_AND_8);
    }
}
