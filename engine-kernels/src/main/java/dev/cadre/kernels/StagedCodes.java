package dev.cadre.kernels;

import static dev.cadre.kernels.StoredLanes.left;
import static dev.cadre.kernels.StoredLanes.right;
import static dev.cadre.kernels.StoredLanes.slice;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Blocks of 256 elements whose fields lie across bytes, put together to one signed byte for each element. A vector
 * holds four times as many bytes as floats, so this costs little beside what {@link CodeDots} does with them; and it
 * reads the memory in one light loop.
 *
 * <p>Vectors have 32 bytes, the length of these formats' groups, or 16.
 */
final class StagedCodes {
    private static final VectorSpecies<Byte> BYTES =
            Lanes.BITS >= 256 ? ByteVector.SPECIES_256 : ByteVector.SPECIES_128;
    private static final VectorSpecies<Integer> INTS =
            Lanes.BITS >= 256 ? IntVector.SPECIES_256 : IntVector.SPECIES_128;
    private static final int N = BYTES.length();

    private static final IntVector NIBBLE = everyByte(15);
    private static final IntVector BITS_01 = everyByte(3);
    private static final IntVector BIT_2 = everyByte(4);
    private static final IntVector BIT_4 = everyByte(16);
    private static final IntVector BITS_45 = everyByte(48);

    private StagedCodes() {}

    private static IntVector everyByte(int mask) {
        return IntVector.broadcast(INTS, mask * 0x01010101);
    }

    private static IntVector load(MemorySegment src, long o) {
        return StoredLanes.bytes(BYTES, src, o).reinterpretAsInts();
    }

    private static void store(IntVector v, byte[] codes, int at) {
        v.reinterpretAsBytes().intoArray(codes, at);
    }

    private static void storeLess(IntVector v, int centre, byte[] codes, int at) {
        v.reinterpretAsBytes().sub((byte) centre).intoArray(codes, at);
    }

    /** Four low bits in nibbles, two upper bits in pairs; less 32. */
    static void q6(MemorySegment src, long a, int k, byte[] codes, float[] s) {
        int step = OpaqueStep.of(210);
        long o = a;
        for (int n = 0; n < k / 256; n++) {
            MemorySegment block = slice(src, o, 210);
            for (int j = 0; j < 64; j += N) {
                int to = 256 * n + 128 * (j >> 5) + (j & 31);
                IntVector b = load(block, 64 * (j >> 5) + (j & 31));
                IntVector c = load(block, 64 * (j >> 5) + 32 + (j & 31));
                IntVector upper = load(block, 128 + j);
                storeLess(b.and(NIBBLE).or(left(upper, 4).and(BITS_45)), 32, codes, to);
                storeLess(c.and(NIBBLE).or(left(upper, 2).and(BITS_45)), 32, codes, to + 32);
                storeLess(right(b, 4).and(NIBBLE).or(upper.and(BITS_45)), 32, codes, to + 64);
                storeLess(right(c, 4).and(NIBBLE).or(right(upper, 2).and(BITS_45)), 32, codes, to + 96);
            }
            o += step;
        }
    }

    /** Four low bits in nibbles, the fifth bits of eight groups in 32 bytes. */
    static void q5(MemorySegment src, long a, int k, byte[] codes, float[] s) {
        int step = OpaqueStep.of(176);
        long o = a;
        for (int n = 0; n < k / 256; n++) {
            MemorySegment block = slice(src, o, 176);
            for (int j = 0; j < 128; j += N) {
                int to = 256 * n + 64 * (j >> 5) + (j & 31);
                IntVector b = load(block, 48 + j);
                IntVector fifth = right(load(block, 16 + (j & 31)), 2 * (j >> 5));
                store(b.and(NIBBLE).or(left(fifth, 4).and(BIT_4)), codes, to);
                store(right(b, 4).and(NIBBLE).or(left(fifth, 3).and(BIT_4)), codes, to + 32);
            }
            o += step;
        }
    }

    /** Pairs of bits; less 1. */
    static void tq2(MemorySegment src, long a, int k, byte[] codes, float[] s) {
        for (int n = 0; n < k / 128; n++) {
            for (int j = 0; j < 32; j += N) {
                IntVector b = load(src, a + 66L * (n >> 1) + 32 * (n & 1) + j);
                int to = 128 * n + j;
                storeLess(b.and(BITS_01), 1, codes, to);
                storeLess(right(b, 2).and(BITS_01), 1, codes, to + 32);
                storeLess(right(b, 4).and(BITS_01), 1, codes, to + 64);
                storeLess(right(b, 6).and(BITS_01), 1, codes, to + 96);
            }
        }
    }

    /** Pairs of bits, the third bits of eight groups in 32 bytes; less 4. */
    static void q3(MemorySegment src, long a, int k, byte[] codes, float[] s) {
        int step = OpaqueStep.of(110);
        long o = a;
        for (int n = 0; n < k / 256; n++) {
            MemorySegment block = slice(src, o, 110);
            for (int j = 0; j < 64; j += N) {
                int to = 256 * n + 128 * (j >> 5) + (j & 31);
                IntVector b = load(block, 32 + j);
                IntVector third = right(load(block, j & 31), 4 * (j >> 5));
                storeLess(b.and(BITS_01).or(left(third, 2).and(BIT_2)), 4, codes, to);
                storeLess(right(b, 2).and(BITS_01).or(left(third, 1).and(BIT_2)), 4, codes, to + 32);
                storeLess(right(b, 4).and(BITS_01).or(third.and(BIT_2)), 4, codes, to + 64);
                storeLess(right(b, 6).and(BITS_01).or(right(third, 1).and(BIT_2)), 4, codes, to + 96);
            }
            o += step;
        }
    }
}
