package dev.cadre.weights.internal;

import dev.cadre.kernels.format.BlockFormat;

/** Checked sizes of tensors. */
public final class Shapes {
    private Shapes() {}

    /**
     * The bytes of a tensor.
     *
     * @param shape dimensions, outermost first; none for a scalar
     * @throws IllegalArgumentException with the reason if a dimension is not positive, the last is no whole number of
     *     blocks, or the number of elements or bytes exceeds 2^63 - 1
     */
    public static long bytes(BlockFormat format, long[] shape) {
        long elements = 1;
        for (long dimension : shape) {
            if (dimension <= 0) {
                throw new IllegalArgumentException(
                        "a dimension is " + Long.toUnsignedString(dimension) + ", must be from 1 to 2^63 - 1");
            }
            if (elements > Long.MAX_VALUE / dimension) {
                throw new IllegalArgumentException("it has more than 2^63 - 1 elements");
            }
            elements *= dimension;
        }
        long columns = shape.length == 0 ? 1 : shape[shape.length - 1];
        if (columns % format.blockElements() != 0) {
            throw new IllegalArgumentException("its rows of " + columns + " elements are not a whole number of "
                    + format + " blocks of " + format.blockElements());
        }
        long blocks = elements / format.blockElements();
        if (blocks > Long.MAX_VALUE / format.blockBytes()) {
            throw new IllegalArgumentException("it takes more than 2^63 - 1 bytes");
        }
        return blocks * format.blockBytes();
    }
}
