package dev.cadre.weights.internal;

import dev.cadre.weights.CheckpointFormatException;
import dev.cadre.weights.Metadata;
import java.math.BigInteger;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.Set;

/** {@link Metadata} over plain values: String, Boolean, Long, BigInteger, Double, List, ArrayValue, Map, or null. */
public final class ValueMetadata implements Metadata {
    private final Path file;
    private final String prefix;
    private final SequencedMap<String, ?> values;

    /** Values of {@code file}; the map is not copied. */
    public ValueMetadata(Path file, SequencedMap<String, ?> values) {
        this(file, "", values);
    }

    private ValueMetadata(Path file, String prefix, SequencedMap<String, ?> values) {
        this.file = file;
        this.prefix = prefix;
        this.values = values;
    }

    @Override
    public String source() {
        return file.toString();
    }

    @Override
    public Metadata withDefaults(Map<String, ?> defaults) {
        SequencedMap<String, Object> all = new LinkedHashMap<>(values);
        defaults.forEach((key, value) -> {
            if (!values.containsKey(key)) {
                all.put(key, value instanceof Map<?, ?> object ? object(object) : value);
            }
        });
        return new ValueMetadata(file, prefix, all);
    }

    private static JsonObject object(Map<?, ?> plain) {
        SequencedMap<String, Object> members = new LinkedHashMap<>();
        plain.forEach((key, value) -> members.put((String) key, value));
        return new JsonObject(members);
    }

    @Override
    public boolean has(String key) {
        return values.containsKey(key);
    }

    @Override
    public boolean isNull(String key) {
        return values.get(key) == null;
    }

    @Override
    public Set<String> keys() {
        return Collections.unmodifiableSet(values.keySet());
    }

    @Override
    public int requireInt(String key) {
        return Math.toIntExact(integer(key, required(key, "an integer"), Integer.MIN_VALUE, Integer.MAX_VALUE));
    }

    @Override
    public int intOr(String key, int fallback) {
        return isNull(key) ? fallback : requireInt(key);
    }

    @Override
    public long requireLong(String key) {
        return integer(key, required(key, "an integer"), Long.MIN_VALUE, Long.MAX_VALUE);
    }

    @Override
    public long longOr(String key, long fallback) {
        return isNull(key) ? fallback : requireLong(key);
    }

    @Override
    public double requireDouble(String key) {
        return number(key, required(key, "a number"));
    }

    @Override
    public double doubleOr(String key, double fallback) {
        return isNull(key) ? fallback : requireDouble(key);
    }

    @Override
    public boolean requireBoolean(String key) {
        Object value = required(key, "a boolean");
        if (value instanceof Boolean b) {
            return b;
        }
        throw wrong(key, value, "a boolean");
    }

    @Override
    public boolean booleanOr(String key, boolean fallback) {
        return isNull(key) ? fallback : requireBoolean(key);
    }

    @Override
    public String requireString(String key) {
        Object value = required(key, "a string");
        if (value instanceof String text) {
            return text;
        }
        throw wrong(key, value, "a string");
    }

    @Override
    public String stringOr(String key, String fallback) {
        return isNull(key) ? fallback : requireString(key);
    }

    @Override
    public int[] requireInts(String key) {
        int[] result = new int[size(key, "an array of integers")];
        int i = 0;
        for (Object element : elements(key)) {
            result[i] = Math.toIntExact(integer(key + "[" + i + "]", element, Integer.MIN_VALUE, Integer.MAX_VALUE));
            i++;
        }
        return result;
    }

    @Override
    public int[] intsOrNull(String key) {
        return isNull(key) ? null : requireInts(key);
    }

    @Override
    public boolean[] requireBooleans(String key) {
        boolean[] result = new boolean[size(key, "an array of booleans")];
        int i = 0;
        for (Object element : elements(key)) {
            result[i] = element instanceof Boolean b ? b : integer(key + "[" + i + "]", element, 0, 1) == 1;
            i++;
        }
        return result;
    }

    @Override
    public boolean[] booleansOrNull(String key) {
        return isNull(key) ? null : requireBooleans(key);
    }

    @Override
    public double[] requireDoubles(String key) {
        double[] result = new double[size(key, "an array of numbers")];
        int i = 0;
        for (Object element : elements(key)) {
            result[i] = number(key + "[" + i + "]", element);
            i++;
        }
        return result;
    }

    @Override
    public double[] doublesOrNull(String key) {
        return isNull(key) ? null : requireDoubles(key);
    }

    @Override
    public List<String> requireStrings(String key) {
        List<String> result = new ArrayList<>(size(key, "an array of strings"));
        for (Object element : elements(key)) {
            if (!(element instanceof String text)) {
                throw wrong(key + "[" + result.size() + "]", element, "a string");
            }
            result.add(text);
        }
        return Collections.unmodifiableList(result);
    }

    @Override
    public List<String> stringsOrNull(String key) {
        return isNull(key) ? null : requireStrings(key);
    }

    @Override
    public Metadata child(String key) {
        Object value = values.get(key);
        if (value == null) {
            return null;
        }
        if (value instanceof JsonObject object) {
            return new ValueMetadata(file, prefix + key + ".", object.members());
        }
        throw wrong(key, value, "an object");
    }

    @Override
    public Object value(String key) {
        return plain(values.get(key));
    }

    private static Object plain(Object value) {
        return switch (value) {
            case null -> null;
            case JsonObject object -> {
                SequencedMap<String, Object> copy = new LinkedHashMap<>();
                object.members().forEach((name, member) -> copy.put(name, plain(member)));
                yield Collections.unmodifiableMap(copy);
            }
            case Iterable<?> elements -> {
                List<Object> copy = new ArrayList<>();
                elements.forEach(element -> copy.add(plain(element)));
                yield Collections.unmodifiableList(copy);
            }
            default -> value;
        };
    }

    private Object required(String key, String wanted) {
        Object value = values.get(key);
        if (value == null) {
            throw error(key, (values.containsKey(key) ? "is null" : "is missing") + ", " + wanted + " is needed");
        }
        return value;
    }

    private int size(String key, String wanted) {
        return switch (required(key, wanted)) {
            case ArrayValue array -> array.size();
            case List<?> list -> list.size();
            case Object other -> throw wrong(key, other, wanted);
        };
    }

    private Iterable<?> elements(String key) {
        return (Iterable<?>) values.get(key);
    }

    private long integer(String key, Object value, long least, long greatest) {
        if (value instanceof Long number && number >= least && number <= greatest) {
            return number;
        }
        throw wrong(key, value, "an integer from " + least + " to " + greatest);
    }

    private double number(String key, Object value) {
        return switch (value) {
            case Double number -> number;
            case Long number -> number;
            case BigInteger number -> number.doubleValue();
            case null, default -> throw wrong(key, value, "a number");
        };
    }

    private CheckpointFormatException wrong(String key, Object value, String wanted) {
        return error(key, "is " + describe(value) + ", " + wanted + " is needed");
    }

    private CheckpointFormatException error(String key, String problem) {
        return new CheckpointFormatException(file, -1, prefix + key, problem);
    }

    private static String describe(Object value) {
        return switch (value) {
            case null -> "null";
            case String text -> "the string \"" + (text.length() <= 40 ? text : text.substring(0, 40) + "…") + "\"";
            case ArrayValue array -> "an array of " + array.size() + " " + array.elementType() + " values";
            case List<?> list -> "an array of " + list.size() + " values";
            case Map<?, ?> _, JsonObject _ -> "an object";
            case Boolean flag -> "the boolean " + flag;
            default -> "the number " + value;
        };
    }
}
