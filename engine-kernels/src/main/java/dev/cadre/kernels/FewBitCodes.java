package dev.cadre.kernels;

import static dev.cadre.kernels.Lanes.L;
import static dev.cadre.kernels.StoredLanes.left;
import static dev.cadre.kernels.StoredLanes.unsigned;

import dev.cadre.kernels.format.BlockFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;

/** As {@link StagedCodes}, for Q1_0 and Q2_0: a block's scale, then one or two bits for each element in their order. */
final class FewBitCodes {
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int SCALE = Short.BYTES;
    private static final int Q1_0 = BlockFormat.Q1_0.blockBytes();
    private static final int Q2_0 = BlockFormat.Q2_0.blockBytes();
    private static final int WORD = Long.SIZE;
    private static final int N = Lanes.BYTES.length();
    private static final ByteVector MINUS_ONE = ByteVector.broadcast(Lanes.BYTES, -1);
    private static final IntVector PAIR_OF_EACH_BYTE = IntVector.broadcast(Lanes.I, 0x03030303);

    private FewBitCodes() {}

    /** 128 bits: 1, or -1 where one is not set. */
    static void q1(MemorySegment src, long a, int k, byte[] codes, float[] s) {
        for (int n = 0; n < k / WORD; n++) {
            long bits = src.get(LONG, a + (long) Q1_0 * (n >> 1) + SCALE + 8 * (n & 1));
            for (int j = 0; j < WORD; j += N) {
                MINUS_ONE
                        .blend((byte) 1, VectorMask.fromLong(Lanes.BYTES, bits >>> j))
                        .intoArray(codes, WORD * n + j);
            }
        }
    }

    /** 64 pairs of bits; less 1. A word takes a byte with four of them, and each of its bytes one. */
    static void q20(MemorySegment src, long a, int k, byte[] codes, float[] s) {
        for (int n = 0; n < k / 64; n++) {
            long o = a + (long) Q2_0 * n + SCALE;
            for (int j = 0; j < 16; j += L) {
                IntVector b = unsigned(src, o + j);
                b.or(left(b, 6))
                        .or(left(b, 12).or(left(b, 18)))
                        .and(PAIR_OF_EACH_BYTE)
                        .reinterpretAsBytes()
                        .sub((byte) 1)
                        .intoArray(codes, 64 * n + 4 * j);
            }
        }
    }
}
