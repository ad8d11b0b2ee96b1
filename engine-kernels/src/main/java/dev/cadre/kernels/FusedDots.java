package dev.cadre.kernels;

import static dev.cadre.kernels.Lanes.F;
import static dev.cadre.kernels.Lanes.L;
import static dev.cadre.kernels.StoredLanes.half;
import static dev.cadre.kernels.StoredLanes.highLess8;
import static dev.cadre.kernels.StoredLanes.load;
import static dev.cadre.kernels.StoredLanes.lowLess8;
import static dev.cadre.kernels.StoredLanes.signed;
import static dev.cadre.kernels.StoredLanes.slice;
import static dev.cadre.kernels.StoredLanes.unsigned;

import dev.cadre.kernels.format.BlockFormat;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The products of the weight rows that a {@link RowCursor} goes over with one activation row, straight from the stored
 * blocks: what a single token's step is made of. Loads from memory and arithmetic overlap here, which a detour over
 * decoded weights prevents.
 *
 * <p>The values and the order of the sums are those of {@link VectorDecoders} and {@link PanelDots}, so one token alone
 * gets the same bits as in a batch: four planes of column groups, each with a chain of sums of its own, added up chunk
 * by chunk.
 *
 * <p>Loops run over 64 columns, one vector of each plane at 512 bits. C2 gives up inlining after some eighty vector
 * operations in a method, or half as many conversions, and then boxes vectors: no method may grow much.
 */
final class FusedDots {
    static final int STEP = PanelDots.STEP;

    /** The difference of the biases of E4M3 and float, without what {@link HalfWords#E4M3_UNIT} holds. */
    static final float E4M3_FACTOR = VectorDecoders.E4M3_BIAS / HalfWords.E4M3_UNIT;

    private FusedDots() {}

    /**
     * Whether rows of a matrix can be multiplied here. Only those of whole steps: what followed a loop for the rest of
     * a row is code that never runs in most models, which C2 leaves out at first, but not in a process that has seen
     * many such guesses go wrong; then it left calls there, and the loop's vectors were objects.
     */
    static boolean supports(Matrix w) {
        if (w.reader() != null || w.columns() % STEP != 0 || !RowKernels.multiplies(w.format())) {
            return false;
        }
        if (RowKernels.takesPairs(w.format())) {
            return NibblePairs.supports(w);
        }
        return w.scales() == null || RowKernels.takesStepScales(w.format()) && evenScales(w);
    }

    /** Whether scales change at multiples of 64 columns only. */
    private static boolean evenScales(Matrix w) {
        return w.scales().tileColumns() % STEP == 0 || w.scales().tileColumns() >= w.columns();
    }

    /** The factors of 64 columns each, from column {@code c} on, of formats that {@link RowKernels#takesStepScales}. */
    static void stepScales(Matrix w, long firstRow, int rows, int c, int columns, float[] scales) {
        int steps = columns / STEP;
        float unit = w.format() == BlockFormat.F8_E4M3 ? HalfWords.E4M3_UNIT : 1;
        if (w.scales() == null) {
            Arrays.fill(scales, 0, rows * steps, unit);
            return;
        }
        for (int r = 0; r < rows; r++) {
            if (r > 0 && w.rowsScaledAlike(firstRow + r - 1) > 1) {
                System.arraycopy(scales, steps * (r - 1), scales, steps * r, steps);
            } else {
                w.scales().at(w.storedRow(firstRow + r), c, STEP, steps, unit, scales, steps * r);
            }
        }
    }

    /**
     * Adds the sums of four planes, in their order, to a row's. Runs once for many steps of its callers' loops, so C2
     * may inline them before it has counted what is called from here: only the Vector API itself, which it always
     * inlines.
     */
    static void addUp(float[] p, int at, FloatVector s0, FloatVector s1, FloatVector s2, FloatVector s3) {
        FloatVector.fromArray(F, p, at).add(s0).add(s1).add(s2).add(s3).intoArray(p, at);
    }

    /** As above, and without calling it for the same reason, of planes [4][L] that more than one pass has stored. */
    static void addUp(float[] p, int at, float[] planes) {
        FloatVector s0 = FloatVector.fromArray(F, planes, 0);
        FloatVector s1 = FloatVector.fromArray(F, planes, L);
        FloatVector s2 = FloatVector.fromArray(F, planes, 2 * L);
        FloatVector s3 = FloatVector.fromArray(F, planes, 3 * L);
        FloatVector.fromArray(F, p, at).add(s0).add(s1).add(s2).add(s3).intoArray(p, at);
    }

    static void q8(RowCursor c) {
        while (c.next()) {
            q8Rows(c);
        }
    }

    private static void q8Rows(RowCursor c) {
        MemorySegment src = c.src;
        float[] x = c.x;
        int xAt = c.xAt;
        long at = c.at;
        long stride = c.stride;
        int step = OpaqueStep.of(68);
        int xEnd = xAt + c.columns;
        float[] sums = c.sums;
        int end = c.sumsAt + c.rows * L;
        for (int to = c.sumsAt; to < end; to += L) {
            FloatVector s0 = FloatVector.zero(F);
            FloatVector s1 = s0;
            FloatVector s2 = s0;
            FloatVector s3 = s0;
            long o = at;
            for (int i = xAt; i < xEnd; i += STEP) {
                MemorySegment w = slice(src, o, 68);
                float d0 = half(w, 0);
                float d1 = half(w, 34);
                for (int j = 0; j < 16; j += L) {
                    s0 = signed(w, 2 + j).mul(d0).fma(load(x, i + j), s0);
                    s1 = signed(w, 18 + j).mul(d0).fma(load(x, i + 16 + j), s1);
                    s2 = signed(w, 36 + j).mul(d1).fma(load(x, i + 32 + j), s2);
                    s3 = signed(w, 52 + j).mul(d1).fma(load(x, i + 48 + j), s3);
                }
                o += step;
            }
            at += stride;
            addUp(sums, to, s0, s1, s2, s3);
        }
    }

    static void q4(RowCursor c) {
        while (c.next()) {
            q4Rows(c);
        }
    }

    private static void q4Rows(RowCursor c) {
        MemorySegment src = c.src;
        float[] x = c.x;
        int xAt = c.xAt;
        long at = c.at;
        long stride = c.stride;
        int step = OpaqueStep.of(36);
        int xEnd = xAt + c.columns;
        float[] sums = c.sums;
        int end = c.sumsAt + c.rows * L;
        for (int to = c.sumsAt; to < end; to += L) {
            FloatVector s0 = FloatVector.zero(F);
            FloatVector s1 = s0;
            FloatVector s2 = s0;
            FloatVector s3 = s0;
            long o = at;
            for (int i = xAt; i < xEnd; i += STEP) {
                MemorySegment w = slice(src, o, 36);
                float d0 = half(w, 0);
                float d1 = half(w, 18);
                for (int j = 0; j < 16; j += L) {
                    IntVector b = unsigned(w, 2 + j);
                    s0 = lowLess8(b).mul(d0).fma(load(x, i + j), s0);
                    s1 = highLess8(b).mul(d0).fma(load(x, i + 16 + j), s1);
                    IntVector e = unsigned(w, 20 + j);
                    s2 = lowLess8(e).mul(d1).fma(load(x, i + 32 + j), s2);
                    s3 = highLess8(e).mul(d1).fma(load(x, i + 48 + j), s3);
                }
                o += step;
            }
            at += stride;
            addUp(sums, to, s0, s1, s2, s3);
        }
    }

    /**
     * Fields of codes move to a float's places, where {@link HalfWords#mayBeFields}. NaN is looked for by the way. The
     * test is called through a handle, since the loop below is near C2's limit and may be inlined here. There is a
     * scale for each 64 columns, times {@link HalfWords#E4M3_UNIT}.
     */
    static void e4m3(RowCursor c) {
        boolean fields = false;
        for (boolean first = true; c.next(); first = false) {
            if (first) {
                fields = RowKernels.mayBeFields(c);
            }
            if (fields) {
                e4m3Rows(c);
            } else {
                RowKernels.dotHalves(c);
            }
        }
    }

    private static void e4m3Rows(RowCursor c) {
        MemorySegment src = c.src;
        float[] x = c.x;
        int xAt = c.xAt;
        float[] s = c.scales;
        int sAt = c.scalesAt;
        int scaleStride = c.scaleStride;
        long at = c.at;
        long stride = c.stride;
        int step = OpaqueStep.of(STEP);
        int steps = c.columns / STEP;
        float[] sums = c.sums;
        int end = c.sumsAt + c.rows * L;
        for (int to = c.sumsAt; to < end; to += L) {
            FloatVector s0 = FloatVector.zero(F);
            FloatVector s1 = s0;
            FloatVector s2 = s0;
            FloatVector s3 = s0;
            ByteVector greatest = ByteVector.zero(Lanes.BYTES);
            long o = at;
            for (int n = 0; n < steps; n++) {
                int i = xAt + STEP * n;
                MemorySegment w = slice(src, o, STEP);
                FloatVector d = FloatVector.broadcast(F, s[sAt + n] * E4M3_FACTOR);
                for (int j = 0; j < STEP; j += Lanes.BYTES.length()) {
                    greatest = greatest.max(StoredLanes.bytes(Lanes.BYTES, w, j).and(StoredLanes.E4M3_NAN));
                }
                for (int j = 0; j < 16; j += L) {
                    s0 = e4m3(w, j).mul(d).fma(load(x, i + j), s0);
                    s1 = e4m3(w, 16 + j).mul(d).fma(load(x, i + 16 + j), s1);
                    s2 = e4m3(w, 32 + j).mul(d).fma(load(x, i + 32 + j), s2);
                    s3 = e4m3(w, 48 + j).mul(d).fma(load(x, i + 48 + j), s3);
                }
                o += step;
            }
            at += stride;
            addUp(sums, to, s0, s1, s2, s3);
            if (greatest.compare(VectorOperators.EQ, StoredLanes.E4M3_NAN).anyTrue()) {
                sums[to] = Float.NaN;
            }
            sAt += scaleStride;
        }
    }

    static FloatVector e4m3(MemorySegment src, long o) {
        return VectorDecoders.e4m3Fields(StoredLanes.e4m3Codes(src, o));
    }

    /** Signed bytes, with a scale for each 64 columns that lies apart. */
    static void i8(RowCursor c) {
        while (c.next()) {
            i8Rows(c);
        }
    }

    private static void i8Rows(RowCursor c) {
        MemorySegment src = c.src;
        float[] x = c.x;
        int xAt = c.xAt;
        float[] s = c.scales;
        int sAt = c.scalesAt;
        int scaleStride = c.scaleStride;
        long at = c.at;
        long stride = c.stride;
        int step = OpaqueStep.of(STEP);
        int steps = c.columns / STEP;
        float[] sums = c.sums;
        int end = c.sumsAt + c.rows * L;
        for (int to = c.sumsAt; to < end; to += L) {
            FloatVector s0 = FloatVector.zero(F);
            FloatVector s1 = s0;
            FloatVector s2 = s0;
            FloatVector s3 = s0;
            long o = at;
            for (int n = 0; n < steps; n++) {
                int i = xAt + STEP * n;
                MemorySegment w = slice(src, o, STEP);
                FloatVector d = FloatVector.broadcast(F, s[sAt + n]);
                for (int j = 0; j < 16; j += L) {
                    s0 = signed(w, j).mul(d).fma(load(x, i + j), s0);
                    s1 = signed(w, 16 + j).mul(d).fma(load(x, i + 16 + j), s1);
                    s2 = signed(w, 32 + j).mul(d).fma(load(x, i + 32 + j), s2);
                    s3 = signed(w, 48 + j).mul(d).fma(load(x, i + 48 + j), s3);
                }
                o += step;
            }
            at += stride;
            addUp(sums, to, s0, s1, s2, s3);
            sAt += scaleStride;
        }
    }

    static void f32(RowCursor c) {
        while (c.next()) {
            f32Rows(c);
        }
    }

    private static void f32Rows(RowCursor c) {
        MemorySegment src = c.src;
        float[] x = c.x;
        int xAt = c.xAt;
        long at = c.at;
        long stride = c.stride;
        int step = OpaqueStep.of(256);
        int xEnd = xAt + c.columns;
        float[] sums = c.sums;
        int end = c.sumsAt + c.rows * L;
        for (int to = c.sumsAt; to < end; to += L) {
            FloatVector s0 = FloatVector.zero(F);
            FloatVector s1 = s0;
            FloatVector s2 = s0;
            FloatVector s3 = s0;
            long o = at;
            for (int i = xAt; i < xEnd; i += STEP) {
                MemorySegment w = slice(src, o, 256);
                for (int j = 0; j < 16; j += L) {
                    s0 = StoredLanes.f32(w, 4 * j).fma(load(x, i + j), s0);
                    s1 = StoredLanes.f32(w, 64 + 4 * j).fma(load(x, i + 16 + j), s1);
                    s2 = StoredLanes.f32(w, 128 + 4 * j).fma(load(x, i + 32 + j), s2);
                    s3 = StoredLanes.f32(w, 192 + 4 * j).fma(load(x, i + 48 + j), s3);
                }
                o += step;
            }
            at += stride;
            addUp(sums, to, s0, s1, s2, s3);
        }
    }

    static void bf16(RowCursor c) {
        while (c.next()) {
            bf16Rows(c);
        }
    }

    private static void bf16Rows(RowCursor c) {
        MemorySegment src = c.src;
        float[] x = c.x;
        int xAt = c.xAt;
        long at = c.at;
        long stride = c.stride;
        int step = OpaqueStep.of(128);
        int xEnd = xAt + c.columns;
        float[] sums = c.sums;
        int end = c.sumsAt + c.rows * L;
        for (int to = c.sumsAt; to < end; to += L) {
            FloatVector s0 = FloatVector.zero(F);
            FloatVector s1 = s0;
            FloatVector s2 = s0;
            FloatVector s3 = s0;
            long o = at;
            for (int i = xAt; i < xEnd; i += STEP) {
                MemorySegment w = slice(src, o, 128);
                for (int j = 0; j < 16; j += L) {
                    s0 = StoredLanes.bf16(w, 2 * j).fma(load(x, i + j), s0);
                    s1 = StoredLanes.bf16(w, 32 + 2 * j).fma(load(x, i + 16 + j), s1);
                    s2 = StoredLanes.bf16(w, 64 + 2 * j).fma(load(x, i + 32 + j), s2);
                    s3 = StoredLanes.bf16(w, 96 + 2 * j).fma(load(x, i + 48 + j), s3);
                }
                o += step;
            }
            at += stride;
            addUp(sums, to, s0, s1, s2, s3);
        }
    }

    /**
     * Two planes and then the other two: C2 has no room for the arithmetic of four. The first two read of every line,
     * so that the memory streams.
     */
    static void f16(RowCursor c) {
        float[] planes = c.ws.tile(4 * L);
        while (c.next()) {
            for (int r = 0; r < c.rows; r++) {
                for (int odd = 0; odd < 2; odd++) { // one call, or both would be inlined
                    f16Planes(c, c.at + r * c.stride, odd, planes);
                }
                addUp(c.sums, c.sumsAt + r * L, planes);
            }
        }
    }

    private static void f16Planes(RowCursor c, long at, int odd, float[] planes) {
        MemorySegment src = c.src;
        float[] x = c.x;
        FloatVector s0 = FloatVector.zero(F);
        FloatVector s2 = s0;
        StoredLanes.readFirst(src, at);
        long o = at + 32 * odd;
        int i = c.xAt + 16 * odd;
        int step = OpaqueStep.of(128);
        int columnStep = OpaqueStep.of(STEP); // with places in x that C2 foretells, it takes a first pass apart here
        int steps = c.columns / STEP;
        for (int n = 0; n < steps; n++) {
            MemorySegment w = slice(src, o, 96); // ends with the row where it begins with the second plane
            for (int j = 0; j < 16; j += L) {
                s0 = StoredLanes.f16(w, 2 * j).fma(load(x, i + j), s0);
                s2 = StoredLanes.f16(w, 64 + 2 * j).fma(load(x, i + 32 + j), s2);
            }
            o += step;
            i += columnStep;
        }
        s0.intoArray(planes, L * odd);
        s2.intoArray(planes, L * odd + 2 * L);
    }
}
