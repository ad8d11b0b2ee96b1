package dev.cadre.kernels;

import static dev.cadre.kernels.Lanes.F;
import static dev.cadre.kernels.Lanes.L;
import static dev.cadre.kernels.StoredLanes.broadcast;
import static dev.cadre.kernels.StoredLanes.load;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Rows of FP8 by way of half-precision words. The processor converts those to floats in one instruction, numbers
 * without a leading one included, which the Vector API cannot express; C2 makes it of the plain loop in {@link
 * #toFloats}. An E4M3 code moved to a half's fields is its value divided by {@link #E4M3_UNIT}, so that a scale puts it
 * right, exactly. The sums are those of {@link FusedDots}.
 */
final class HalfWords {
    /** What the halves of E4M3 codes must be multiplied with: the exponents' biases are 15 and 7. */
    static final float E4M3_UNIT = 256f;

    private static final VectorSpecies<Short> S = VectorSpecies.of(short.class, VectorShape.forBitSize(Lanes.BITS));
    private static final ShortVector FIELDS = ShortVector.broadcast(S, (short) 0xbf80);
    private static final ShortVector MAGNITUDE = ShortVector.broadcast(S, (short) 0x3f80);
    private static final ShortVector NAN = ShortVector.broadcast(S, (short) 0x7e00);

    /** Times 2^112, which {@link FusedDots#e4m3} multiplies it with, this is finite. */
    private static final float GREATEST_SCALE = 0x1p15f;

    private HalfWords() {}

    /**
     * Whether the fields of n codes may move to a float's places, and should. The scales can then be multiplied with
     * the difference of the formats' biases; and few of the first codes have no leading one, which makes subnormal
     * floats, at which the processor takes longer. NaN is not looked for.
     *
     * @param a where the first codes are
     * @param s a scale for each 64 of n codes
     */
    static boolean mayBeFields(MemorySegment src, long a, int n, float[] s) {
        StoredLanes.readFirst(src, a);
        for (int i = 0; i < n / PanelDots.STEP; i++) {
            if (!(Math.abs(s[i]) <= GREATEST_SCALE)) {
                return false;
            }
        }
        return !StoredLanes.hasManySubnormalE4m3(src, a);
    }

    /** {@link #mayBeFields}, and there is no NaN. */
    static boolean areFields(MemorySegment src, long a, int n, float[] s) {
        return mayBeFields(src, a, n, s) && !StoredLanes.hasE4m3Nan(src, a, n);
    }

    /** @param n a multiple of {@link PanelDots#STEP} */
    static void e4m3(MemorySegment src, long a, int n, short[] halves) {
        int step = OpaqueStep.of(S.length());
        for (int i = 0; i < n; i += step) {
            ShortVector code =
                    (ShortVector) StoredLanes.bytes(Lanes.HALF, src, a + i).convertShape(VectorOperators.B2S, S, 0);
            ShortVector half = code.lanewise(VectorOperators.LSHL, 7).and(FIELDS);
            half.blend(NAN, half.and(MAGNITUDE).compare(VectorOperators.EQ, MAGNITUDE))
                    .intoArray(halves, i);
        }
    }

    static void toFloats(short[] halves, float[] floats, int n) {
        for (int i = 0; i < n; i++) {
            floats[i] = Float.float16ToFloat(halves[i]);
        }
    }

    /** The products of {@link FusedDots}, by way of half-precision words. */
    static void dot(RowCursor c) {
        while (c.next()) {
            dotRows(c);
        }
    }

    /** The products of the run that the cursor is at. */
    static void dotRows(RowCursor c) {
        for (int r = 0; r < c.rows; r++) {
            float[] w = RowKernels.unpackHalves(c.format, c.src, c.at + r * c.stride, c.columns, c.ws);
            dot(w, c.x, c.xAt, c.columns, c.sums, c.sumsAt + r * L, c.scales, c.scalesAt + r * c.scaleStride);
        }
    }

    /** s[n] scales 64 columns n. */
    private static void dot(float[] w, float[] x, int xAt, int k, float[] p, int pAt, float[] s, int sAt) {
        FloatVector s0 = FloatVector.zero(F);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        for (int n = 0; n < k / PanelDots.STEP; n++) {
            FloatVector d = broadcast(s, sAt + n);
            for (int j = 0; j < 16; j += L) {
                int c = PanelDots.STEP * n + j;
                int i = xAt + PanelDots.STEP * n + j;
                s0 = load(w, c).mul(d).fma(load(x, i), s0);
                s1 = load(w, c + 16).mul(d).fma(load(x, i + 16), s1);
                s2 = load(w, c + 32).mul(d).fma(load(x, i + 32), s2);
                s3 = load(w, c + 48).mul(d).fma(load(x, i + 48), s3);
            }
        }
        FusedDots.addUp(p, pAt, s0, s1, s2, s3);
    }

    /** As {@link #dot}, into neighbouring rows of a panel. */
    static void decode(float[] w, int rows, int k, float[] s, float[] dst, int at, int plane) {
        for (int r = 0; r < rows; r++) {
            for (int g = 0; g < k / 16; g++) {
                float d = s[(k / 16 * r + g) >> 2];
                int to = at + r * PanelDots.GROUP + VectorDecoders.place(16 * g, plane);
                for (int j = 0; j < 16; j += L) {
                    load(w, k * r + 16 * g + j).mul(d).intoArray(dst, to + j);
                }
            }
        }
    }
}
