package dev.cadre.core.forward;

import dev.cadre.core.CadreException;
import java.util.Arrays;

/**
 * A buffer that grows to the largest size asked for so far and is then reused. It grows by a quarter at least: some
 * hold a number for each position, of which there is one more at each step.
 */
final class Floats {
    private static final int LEAST = 1024;

    private float[] values = {};

    /** One buffer for each worker of a team, so that none is shared. */
    static Floats[] each(int workers) {
        Floats[] buffers = new Floats[workers];
        Arrays.setAll(buffers, worker -> new Floats());
        return buffers;
    }

    /** At least {@code rows · width} floats, of undefined content. */
    float[] of(int rows, int width) {
        long size = (long) rows * width;
        if (size > values.length) {
            if (size > Integer.MAX_VALUE - 8) {
                throw new CadreException("a batch of " + rows + " rows of " + width
                        + " values is too large for one array; use smaller prefill chunks");
            }
            long room = Math.max(size, values.length + values.length / 4L);
            room = (room + LEAST - 1) / LEAST * LEAST;
            values = new float[(int) Math.min(room, Integer.MAX_VALUE - 8)];
        }
        return values;
    }
}
