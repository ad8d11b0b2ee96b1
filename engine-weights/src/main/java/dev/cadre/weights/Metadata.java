package dev.cadre.weights;

import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Named values of a checkpoint: the key/value pairs of a GGUF file, or one object of a {@code config.json}.
 *
 * <p>Look-ups are typed and checked. {@code requireX} needs the key; {@code xOr} gives the fallback where the key is
 * absent or JSON null, but a present value of the wrong type is an error in both. Integers convert to any integer type
 * that holds them, and to double; nothing else converts, except that booleans in arrays may be written as 0 and 1.
 * Every error is a {@link CheckpointFormatException} that names file, key, what was found and what is allowed.
 */
public interface Metadata {
    /** The file these values are from, for messages. */
    String source();

    /** True if the key is present, null included. */
    boolean has(String key);

    /** True if the key is absent or its value is JSON null. */
    boolean isNull(String key);

    /** All keys, in file order. */
    Set<String> keys();

    int requireInt(String key);

    int intOr(String key, int fallback);

    long requireLong(String key);

    long longOr(String key, long fallback);

    double requireDouble(String key);

    double doubleOr(String key, double fallback);

    boolean requireBoolean(String key);

    boolean booleanOr(String key, boolean fallback);

    String requireString(String key);

    String stringOr(String key, String fallback);

    int[] requireInts(String key);

    /** The array, or null where the key is absent or JSON null. */
    int[] intsOrNull(String key);

    boolean[] requireBooleans(String key);

    /** The array, or null where the key is absent or JSON null. */
    boolean[] booleansOrNull(String key);

    double[] requireDoubles(String key);

    /** The array, or null where the key is absent or JSON null. */
    double[] doublesOrNull(String key);

    List<String> requireStrings(String key);

    /** The list, or null where the key is absent or JSON null. */
    List<String> stringsOrNull(String key);

    /** The nested object, or null where the key is absent or JSON null. GGUF has none. */
    Metadata child(String key);

    /**
     * These values and, for keys that are absent, the defaults. A key whose value is JSON null stays null.
     *
     * @param defaults values as {@link #value} gives them
     */
    Metadata withDefaults(Map<String, ?> defaults);

    /**
     * The value for printing: String, Boolean, Long, BigInteger (only above 2^63 - 1), Double, List, or Map; null where
     * the key is absent or JSON null. Long arrays are materialised.
     */
    Object value(String key);
}
