package dev.cadre.weights;

/** Rows of a tensor that is to be written. Called from several threads at once. */
@FunctionalInterface
public interface RowSource {
    /**
     * Puts {@code count} rows, from row {@code first} on, one after the other to {@code dst} from index 0 on. Rows are
     * counted over all dimensions but the last.
     */
    void rows(long first, int count, float[] dst);
}
