package dev.cadre.kernels;

import static dev.cadre.kernels.StoredLanes.bytes;
import static dev.cadre.kernels.StoredLanes.int32;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** As {@link StagedCodes}, for TQ1_0: elements are -1, 0 or 1, in base 3, with one scale for the 256 of a block. */
final class TernaryCodes {
    private static final VectorSpecies<Byte> BYTES = ByteVector.SPECIES_128;
    private static final int N = BYTES.length();
    private static final ByteVector MINUS_ONE = ByteVector.broadcast(BYTES, -1);
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final int EVEN_BYTES = 0x00ff00ff;

    private TernaryCodes() {}

    /**
     * Five to a byte, as the fraction byte / 256 in base 3: of 32 bytes the first digits, the second ones and so on, of
     * 16 bytes likewise, and four digits of the last four bytes.
     */
    static void tq1(MemorySegment src, long a, int k, byte[] codes, float[] s) {
        for (int n = 0; n < k / 256; n++) {
            long o = a + 54L * n;
            int to = 256 * n;
            for (int j = 0; j < 32; j += N) {
                digits(bytes(BYTES, src, o + j), codes, to + j, 32);
            }
            digits(bytes(BYTES, src, o + 32), codes, to + 160, N);
            int rest = int32(src, o + 48);
            for (int i = 0; i < N; i += 4) {
                INT.set(codes, to + 240 + i, rest);
                rest = threeTimes(rest);
            }
            digit(ByteVector.fromArray(BYTES, codes, to + 240)).intoArray(codes, to + 240);
        }
    }

    private static void digits(ByteVector v, byte[] codes, int at, int apart) {
        ByteVector rest = v;
        for (int i = 0; i < 5; i++) {
            digit(rest).intoArray(codes, at + i * apart);
            rest = rest.add(rest).add(rest); // without what is over 1, that is the digit
        }
    }

    /** The first digit of a fraction, less one. */
    private static ByteVector digit(ByteVector fraction) {
        return MINUS_ONE
                .blend((byte) 0, fraction.compare(VectorOperators.UGE, (byte) 86))
                .blend((byte) 1, fraction.compare(VectorOperators.UGE, (byte) 171));
    }

    /** Each of four bytes, three times, without carries. */
    private static int threeTimes(int bytes) {
        return (bytes & EVEN_BYTES) * 3 & EVEN_BYTES | ((bytes >>> 8 & EVEN_BYTES) * 3 & EVEN_BYTES) << 8;
    }
}
