package dev.cadre.weights;

import java.util.List;
import java.util.Objects;

/**
 * A weight as the model sees it, whatever tensors of the checkpoint it is stored in. {@link StoredTensors} finds it and
 * has checked that the parts fit each other.
 *
 * <p>Rows are counted over all dimensions but the last, so expert e of a weight [E, N, K] has the rows from e·N on.
 */
public sealed interface StoredTensor {
    /** The logical name, such as {@code model.layers.0.mlp.down_proj.weight}. */
    String name();

    /** Dimensions, outermost first. A copy. */
    long[] shape();

    /** The tensors that it is stored in. */
    List<TensorEntry> parts();

    /** How it is stored, in words, such as {@code F8_E4M3 with 128x128 scales}. */
    String scheme();

    /**
     * Decodes one row to {@code dst[index..index + columns())}, in float32 arithmetic.
     *
     * @throws IndexOutOfBoundsException if there is no such row or {@code dst} is too short
     */
    void decodeRow(long row, float[] dst, int index);

    /** Product of all dimensions but the last. */
    default long rows() {
        long[] shape = shape();
        long rows = 1;
        for (int i = 0; i < shape.length - 1; i++) {
            rows = Math.multiplyExact(rows, shape[i]);
        }
        return rows;
    }

    /** The last dimension; 1 for a scalar. */
    default long columns() {
        long[] shape = shape();
        return shape.length == 0 ? 1 : shape[shape.length - 1];
    }

    /** Stored bytes of all parts. */
    default long bytes() {
        return parts().stream().mapToLong(TensorEntry::bytes).sum();
    }

    /** One tensor that needs no other. */
    record Plain(TensorEntry data) implements StoredTensor {
        @Override
        public String name() {
            return data.name();
        }

        @Override
        public long[] shape() {
            return data.shape();
        }

        @Override
        public List<TensorEntry> parts() {
            return List.of(data);
        }

        @Override
        public String scheme() {
            return data.format().toString();
        }

        @Override
        public void decodeRow(long row, float[] dst, int index) {
            StoredRows.decode(data, row, dst, index);
        }
    }

    /**
     * FP8 with one factor for each tile of a matrix, tiles at the edges possibly partial: w = fp8 · scale.
     *
     * @param data FP8 [..., N, K]
     * @param scales [..., ceil(N / tileRows), ceil(K / tileColumns)]; floats, or E8M0 (as F8_E8M0 or U8)
     */
    record Fp8Tiles(TensorEntry data, TensorEntry scales, int tileRows, int tileColumns) implements StoredTensor {
        @Override
        public String name() {
            return data.name();
        }

        @Override
        public long[] shape() {
            return data.shape();
        }

        @Override
        public List<TensorEntry> parts() {
            return List.of(data, scales);
        }

        @Override
        public String scheme() {
            return data.format() + " with " + tileRows + "x" + tileColumns + " scales";
        }

        @Override
        public void decodeRow(long row, float[] dst, int index) {
            StoredRows.decode(data, row, dst, index);
            long[] shape = data.shape();
            long matrixRows = shape[shape.length - 2];
            long scaleRows = (matrixRows + tileRows - 1) / tileRows;
            long scaleRow = row / matrixRows * scaleRows + row % matrixRows / tileRows;
            float[] factors = StoredRows.scales(scales, scaleRow, Math.toIntExact(scales.columns()));
            int columns = (int) data.columns();
            for (int k = 0; k < columns; k++) {
                dst[index + k] *= factors[k / tileColumns];
            }
        }
    }

    /**
     * FP8 (or INT8) with one factor for each output row, each matrix or the whole tensor: w = q · scale.
     *
     * @param data values [..., N, K]
     * @param scales as many as the rows, or as the matrices, or one
     */
    record Fp8Channels(TensorEntry data, TensorEntry scales) implements StoredTensor {
        @Override
        public String name() {
            return data.name();
        }

        @Override
        public long[] shape() {
            return data.shape();
        }

        @Override
        public List<TensorEntry> parts() {
            return List.of(data, scales);
        }

        @Override
        public String scheme() {
            return data.format() + " with "
                    + (scales.elements() == 1 ? "one scale" : rowsPerScale() == 1 ? "row scales" : "matrix scales");
        }

        /** Consecutive rows that share a factor. */
        public long rowsPerScale() {
            return data.rows() / scales.elements();
        }

        @Override
        public void decodeRow(long row, float[] dst, int index) {
            StoredRows.decode(data, row, dst, index);
            float factor = StoredRows.scale(scales, row / rowsPerScale());
            int columns = (int) data.columns();
            for (int k = 0; k < columns; k++) {
                dst[index + k] *= factor;
            }
        }
    }

    /**
     * OCP MXFP4 in two tensors, as gpt-oss stores it. The low nibble of a byte is the even element, the high nibble the
     * odd one. (GGUF's MXFP4 blocks order their nibbles otherwise.)
     *
     * @param name the name without {@code _blocks}
     * @param blocks U8 [..., K / 32, 16]
     * @param scales E8M0 as U8 [..., K / 32]
     */
    record Mxfp4Pair(String name, TensorEntry blocks, TensorEntry scales) implements StoredTensor {
        private static final float[] FP4 = {0, .5f, 1, 1.5f, 2, 3, 4, 6, -0f, -.5f, -1, -1.5f, -2, -3, -4, -6};

        @Override
        public long[] shape() {
            long[] shape = scales.shape();
            shape[shape.length - 1] = Math.multiplyExact(shape[shape.length - 1], 32L);
            return shape;
        }

        @Override
        public List<TensorEntry> parts() {
            return List.of(blocks, scales);
        }

        @Override
        public String scheme() {
            return "MXFP4 blocks with scales apart";
        }

        @Override
        public void decodeRow(long row, float[] dst, int index) {
            int groups = Math.toIntExact(scales.columns());
            Objects.checkFromIndexSize(index, Math.multiplyExact(groups, 32), dst.length);
            float[] factors = StoredRows.scales(scales, row, groups);
            byte[] nibbles = StoredRows.bytes(blocks, row * groups * 16, groups * 16);
            for (int i = 0; i < groups * 16; i++) {
                float factor = factors[i / 16];
                dst[index + 2 * i] = FP4[nibbles[i] & 15] * factor;
                dst[index + 2 * i + 1] = FP4[nibbles[i] >> 4 & 15] * factor;
            }
        }
    }

    /**
     * Four-bit integers with one factor for each group of a row, as compressed-tensors packs them: w = (q - z) · scale,
     * where q and z are 0 to 15 and z is 8 if there are no zero points.
     *
     * @param name the name {@code X.weight}, without {@code _packed}
     * @param packed I32 [N, ceil(K / 8)]; element k is in bits 4·(k mod 8) of word k / 8
     * @param scales [N, K / groupSize]
     * @param zeroPoints I32 [ceil(N / 8), K / groupSize], packed along rows, or null
     * @param rowCount N
     * @param columnCount K
     */
    record Int4Groups(
            String name,
            TensorEntry packed,
            TensorEntry scales,
            TensorEntry zeroPoints,
            long rowCount,
            long columnCount,
            int groupSize)
            implements StoredTensor {
        @Override
        public long[] shape() {
            return new long[] {rowCount, columnCount};
        }

        /** True if there are no zero points: z is 8 everywhere. */
        public boolean symmetric() {
            return zeroPoints == null;
        }

        @Override
        public List<TensorEntry> parts() {
            return symmetric() ? List.of(packed, scales) : List.of(packed, scales, zeroPoints);
        }

        @Override
        public String scheme() {
            return "INT4 in groups of " + groupSize + (symmetric() ? "" : " with zero points");
        }

        @Override
        public void decodeRow(long row, float[] dst, int index) {
            int columns = Math.toIntExact(columnCount);
            Objects.checkFromIndexSize(index, columns, dst.length);
            int groups = columns / groupSize;
            float[] factors = StoredRows.scales(scales, row, groups);
            int words = Math.toIntExact(packed.columns());
            byte[] nibbles = StoredRows.bytes(packed, 4 * row * words, 4 * words);
            for (int g = 0; g < groups; g++) {
                int zero = symmetric() ? 8 : zeroPoint(row, g, groups);
                for (int k = g * groupSize; k < (g + 1) * groupSize; k++) {
                    int q = nibbles[k / 2] >> 4 * (k % 2) & 15;
                    dst[index + k] = (q - zero) * factors[g];
                }
            }
        }

        private int zeroPoint(long row, int group, int groups) {
            int word = StoredRows.word(zeroPoints, row / 8 * groups + group);
            return word >> (int) (4 * (row % 8)) & 15;
        }
    }
}
