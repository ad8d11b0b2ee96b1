package dev.cadre.weights.internal;

import java.util.SequencedMap;

/**
 * A JSON object.
 *
 * @param members values by name in file order: String, Boolean, Long, BigInteger, Double, List, JsonObject or null
 */
public record JsonObject(SequencedMap<String, Object> members) {}
