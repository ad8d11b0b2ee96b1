package dev.cadre.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cadre.weights.internal.JsonObject;
import dev.cadre.weights.internal.ValueMetadata;
import java.math.BigInteger;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.function.BiFunction;
import org.junit.jupiter.api.Test;

/** Every look-up on every kind of value: a result or our exception, never a cast, range or null error. */
class MetadataTypesTest {
    private static final Map<String, BiFunction<Metadata, String, Object>> LOOKUPS = lookups();

    private static Map<String, BiFunction<Metadata, String, Object>> lookups() {
        Map<String, BiFunction<Metadata, String, Object>> all = new LinkedHashMap<>();
        all.put("requireInt", Metadata::requireInt);
        all.put("intOr", (m, key) -> m.intOr(key, 5));
        all.put("requireLong", Metadata::requireLong);
        all.put("longOr", (m, key) -> m.longOr(key, 5));
        all.put("requireDouble", Metadata::requireDouble);
        all.put("doubleOr", (m, key) -> m.doubleOr(key, 5));
        all.put("requireBoolean", Metadata::requireBoolean);
        all.put("booleanOr", (m, key) -> m.booleanOr(key, true));
        all.put("requireString", Metadata::requireString);
        all.put("stringOr", (m, key) -> m.stringOr(key, "5"));
        all.put("requireInts", Metadata::requireInts);
        all.put("intsOrNull", Metadata::intsOrNull);
        all.put("requireBooleans", Metadata::requireBooleans);
        all.put("booleansOrNull", Metadata::booleansOrNull);
        all.put("requireDoubles", Metadata::requireDoubles);
        all.put("doublesOrNull", Metadata::doublesOrNull);
        all.put("requireStrings", Metadata::requireStrings);
        all.put("stringsOrNull", Metadata::stringsOrNull);
        all.put("child", Metadata::child);
        return all;
    }

    private static SequencedMap<String, Object> values() {
        SequencedMap<String, Object> values = new LinkedHashMap<>();
        values.put("null", null);
        values.put("true", true);
        values.put("zero", 0L);
        values.put("minusOne", -1L);
        values.put("intMin", (long) Integer.MIN_VALUE);
        values.put("intMaxPlusOne", 1L << 31);
        values.put("longMin", Long.MIN_VALUE);
        values.put("longMax", Long.MAX_VALUE);
        values.put("beyondLong", BigInteger.TWO.pow(63));
        values.put("half", 0.5);
        values.put("NaN", Double.NaN);
        values.put("infinity", Double.NEGATIVE_INFINITY);
        values.put("text", "5");
        values.put("empty", "");
        values.put("emptyList", List.of());
        values.put("ints", List.of(0L, 1L));
        values.put("bigInts", List.of(1L << 40));
        values.put("bools", List.of(true, false));
        values.put("mixed", Arrays.asList(1L, "a", null, 0.5));
        values.put("nested", List.of(List.of(1L)));
        values.put("object", new JsonObject(new LinkedHashMap<>(Map.of("a", 1L))));
        return values;
    }

    @Test
    void everyLookUpOnEveryValue() {
        Metadata metadata = new ValueMetadata(Path.of("x.gguf"), values());
        List<String> accepted = new ArrayList<>();
        List<String> keys = new ArrayList<>(metadata.keys());
        keys.add("absent");
        LOOKUPS.forEach((name, lookup) -> {
            for (String key : keys) {
                try {
                    Object result = lookup.apply(metadata, key);
                    accepted.add(name + " " + key);
                    boolean nullable = name.endsWith("OrNull") || name.equals("child");
                    assertTrue(result != null || nullable && metadata.isNull(key), name + " " + key);
                } catch (CheckpointFormatException e) {
                    assertEquals(key, e.item().replaceAll("\\[.*", ""));
                    assertTrue(e.getMessage().startsWith("x.gguf, " + key), e.getMessage());
                    assertTrue(e.getMessage().endsWith("is needed"), e.getMessage());
                }
            }
        });
        assertEquals(
                List.of("zero", "minusOne", "intMin"),
                acceptedBy(accepted, "requireInt"),
                "an int is an integer that fits");
        assertEquals(
                List.of("zero", "minusOne", "intMin", "intMaxPlusOne", "longMin", "longMax"),
                acceptedBy(accepted, "requireLong"));
        assertEquals(List.of("null", "zero", "minusOne", "intMin", "absent"), acceptedBy(accepted, "intOr"));
        assertEquals(List.of("true"), acceptedBy(accepted, "requireBoolean"));
        assertEquals(List.of("text", "empty"), acceptedBy(accepted, "requireString"));
        assertEquals(List.of("emptyList", "ints"), acceptedBy(accepted, "requireInts"));
        assertEquals(List.of("emptyList", "ints", "bools"), acceptedBy(accepted, "requireBooleans"));
        assertEquals(List.of("emptyList", "ints", "bigInts"), acceptedBy(accepted, "requireDoubles"));
        assertEquals(List.of("emptyList"), acceptedBy(accepted, "requireStrings"));
        assertEquals(List.of("null", "object", "absent"), acceptedBy(accepted, "child"));
    }

    private static List<String> acceptedBy(List<String> accepted, String lookup) {
        return accepted.stream()
                .filter(entry -> entry.startsWith(lookup + " "))
                .map(entry -> entry.substring(lookup.length() + 1))
                .toList();
    }
}
