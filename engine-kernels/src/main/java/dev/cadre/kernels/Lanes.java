package dev.cadre.kernels;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * The species that the vector kernels use, chosen once, and the folding of lanes into sums.
 *
 * <p>These are constants of a class of their own because their initialisers touch the Vector API, which may be missing:
 * only code behind {@link Kernels#vector()} may load this class.
 */
final class Lanes {
    /** Width in bits: the widest that this processor has, or {@code cadre.vectorBits} (128, 256 or 512). */
    static final int BITS = Integer.getInteger("cadre.vectorBits", FloatVector.SPECIES_PREFERRED.vectorBitSize());

    static final VectorSpecies<Float> F = VectorSpecies.of(float.class, VectorShape.forBitSize(BITS));
    static final VectorSpecies<Integer> I = VectorSpecies.of(int.class, VectorShape.forBitSize(BITS));
    static final int L = F.length();

    /** Bytes that widen to one float vector; there is no 32-bit species, so at 128 bits half of it is used. */
    static final VectorSpecies<Byte> B = L == 16 ? ByteVector.SPECIES_128 : ByteVector.SPECIES_64;

    /** As many bytes as a vector holds. */
    static final VectorSpecies<Byte> BYTES = VectorSpecies.of(byte.class, VectorShape.forBitSize(BITS));

    /** Bytes of L 16-bit words. */
    static final VectorSpecies<Byte> HALF = VectorSpecies.of(byte.class, VectorShape.forBitSize(BITS / 2));

    /** Each lane's number. */
    static final IntVector INDEX = IntVector.zero(I).addIndex(1);

    /** Float vectors that one byte vector {@link #B} widens to. */
    static final int PARTS = B.length() / L;

    static final VectorShuffle<Float> SWAP_8 = swap(8);
    static final VectorShuffle<Float> SWAP_4 = swap(4);
    static final VectorShuffle<Float> SWAP_2 = swap(2);
    static final VectorShuffle<Float> SWAP_1 = swap(1);
    static final VectorMask<Float> UPPER_8 = upper(8);
    static final VectorMask<Float> UPPER_4 = upper(4);
    static final VectorMask<Float> UPPER_2 = upper(2);
    static final VectorMask<Float> UPPER_1 = upper(1);

    private Lanes() {}

    private static VectorShuffle<Float> swap(int distance) {
        return VectorShuffle.fromOp(F, lane -> (lane ^ distance) & (L - 1));
    }

    /** The lanes whose index has the bit {@code distance}. */
    static VectorMask<Float> upper(int distance) {
        boolean[] lanes = new boolean[L];
        for (int i = 0; i < L; i++) {
            lanes[i] = (i & distance) != 0;
        }
        return VectorMask.fromArray(F, lanes, 0);
    }

    /**
     * The sum of all lanes in a fixed order. {@code reduceLanes} leaves the order open, and compiled code adds in
     * another order than the interpreter.
     */
    static float sum(FloatVector v) {
        FloatVector t = v;
        if (L >= 16) {
            t = t.add(t.rearrange(SWAP_8));
        }
        if (L >= 8) {
            t = t.add(t.rearrange(SWAP_4));
        }
        t = t.add(t.rearrange(SWAP_2));
        t = t.add(t.rearrange(SWAP_1));
        return t.lane(0);
    }

    /**
     * Sums the lanes of each of {@code rows} vectors, in the order of {@link #sum}. L of them at a time fold into one
     * vector, lane i of which is the sum of vector i.
     *
     * @param v vectors in a row from {@code at} on; overwritten
     */
    static void foldRows(float[] v, int at, int rows, float[] sums, int to) {
        int r = 0;
        for (; r <= rows - L; r += L) {
            int from = at + r * L;
            if (L >= 16) {
                foldQuarters(v, from);
            } else if (L >= 8) {
                foldHalves(v, from);
            }
            FloatVector ac = pair(load(v, from, 0), load(v, from, 2), SWAP_2, UPPER_2);
            FloatVector bd = pair(load(v, from, 1), load(v, from, 3), SWAP_2, UPPER_2);
            pair(ac, bd, SWAP_1, UPPER_1).intoArray(sums, to + r);
        }
        for (; r < rows; r++) {
            sums[to + r] = sum(FloatVector.fromArray(F, v, at + r * L));
        }
    }

    private static FloatVector load(float[] v, int at, int i) {
        return FloatVector.fromArray(F, v, at + i * L);
    }

    /** From 16 vectors to four; through memory after two steps only. */
    private static void foldQuarters(float[] v, int at) {
        for (int i = 0; i < 4; i++) {
            FloatVector a = pair(load(v, at, i), load(v, at, i + 8), SWAP_8, UPPER_8);
            FloatVector b = pair(load(v, at, i + 4), load(v, at, i + 12), SWAP_8, UPPER_8);
            pair(a, b, SWAP_4, UPPER_4).intoArray(v, at + i * L);
        }
    }

    /** From eight vectors to four. */
    private static void foldHalves(float[] v, int at) {
        for (int i = 0; i < 4; i++) {
            pair(load(v, at, i), load(v, at, i + 4), SWAP_4, UPPER_4).intoArray(v, at + i * L);
        }
    }

    /** Lower lanes: a plus its swapped self; upper lanes: the same of b. */
    static FloatVector pair(FloatVector a, FloatVector b, VectorShuffle<Float> swap, VectorMask<Float> upper) {
        return a.blend(b, upper).add(b.blend(a, upper).rearrange(swap));
    }
}
