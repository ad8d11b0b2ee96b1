package dev.cadre.weights;

import dev.cadre.kernels.format.BlockCodec;
import dev.cadre.kernels.format.BlockFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Objects;

/** Access to single rows of a tensor, for {@link StoredTensor}. */
final class StoredRows {
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** Rows are decoded while a model runs, by many threads, and a token must allocate nothing. */
    private static final ThreadLocal<Scratch> SCRATCH = ThreadLocal.withInitial(Scratch::new);

    private StoredRows() {}

    /** Arrays that grow to the longest row. */
    private static final class Scratch {
        private float[] factors = {};
        private byte[] bytes = {};

        float[] factors(int count) {
            if (factors.length < count) {
                factors = new float[count];
            }
            return factors;
        }

        byte[] bytes(int count) {
            if (bytes.length < count) {
                bytes = new byte[count];
            }
            return bytes;
        }
    }

    static void decode(TensorEntry data, long row, float[] dst, int index) {
        int columns = Math.toIntExact(data.columns());
        Objects.checkIndex(row, data.rows());
        BlockFormat format = data.format();
        BlockCodec.of(format).decode(data.data(), row * format.bytes(columns), dst, index, columns);
    }

    /** The scales of row {@code row}, at the beginning of an array that this thread's next call reuses. */
    static float[] scales(TensorEntry scales, long row, int count) {
        float[] factors = SCRATCH.get().factors(count);
        BlockFormat format = scaleFormat(scales);
        BlockCodec.of(format).decode(scales.data(), row * format.bytes(count), factors, 0, count);
        return factors;
    }

    static float scale(TensorEntry scales, long index) {
        return scales(scales, index, 1)[0];
    }

    /** Bytes as scales are powers of two: no other reading of them exists. */
    private static BlockFormat scaleFormat(TensorEntry scales) {
        return scales.format() == BlockFormat.U8 ? BlockFormat.F8_E8M0 : scales.format();
    }

    /** Stored bytes, at the beginning of an array that this thread's next call reuses. */
    static byte[] bytes(TensorEntry data, long offset, int count) {
        byte[] bytes = SCRATCH.get().bytes(count);
        MemorySegment.copy(data.data(), ValueLayout.JAVA_BYTE, offset, bytes, 0, count);
        return bytes;
    }

    /** Element {@code index} of an I64 or I32 tensor. */
    static long integer(TensorEntry data, long index) {
        return data.format() == BlockFormat.I64 ? data.data().get(LONG, 8 * index) : word(data, index);
    }

    static int word(TensorEntry data, long index) {
        return data.data().get(INT, 4 * index);
    }
}
