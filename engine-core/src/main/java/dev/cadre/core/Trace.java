package dev.cadre.core;

/**
 * Receives the named intermediates of a forward pass, for tests and for finding where two engines part. Costs nothing
 * when absent.
 */
@FunctionalInterface
public interface Trace {
    /**
     * One intermediate. The array is the engine's own and changes after the call returns.
     *
     * @param station name, such as {@code attn_norm}, {@code attn_out} or {@code ffn_moe_logits}
     * @param layer layer number, or -1 outside the layers
     * @param data where the values are; row t starts at {@code t · width}
     * @param rows rows of the batch T
     * @param width values of one row
     */
    void tensor(String station, int layer, float[] data, int rows, int width);
}
