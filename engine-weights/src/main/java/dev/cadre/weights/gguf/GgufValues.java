package dev.cadre.weights.gguf;

import dev.cadre.weights.CheckpointLimits;
import dev.cadre.weights.internal.ArrayValue;
import dev.cadre.weights.internal.Cursor;
import java.lang.foreign.MemorySegment;
import java.math.BigInteger;
import java.util.Iterator;
import java.util.Locale;
import java.util.NoSuchElementException;

/** Reads metadata values. Arrays are measured when the file is opened and decoded each time they are asked for. */
final class GgufValues {
    private final MemorySegment segment;
    private final CheckpointLimits limits;

    GgufValues(MemorySegment segment, CheckpointLimits limits) {
        this.segment = segment;
        this.limits = limits;
    }

    /** Reads a u32 type number. */
    static GgufType type(Cursor cursor, String what) {
        long at = cursor.position();
        long number = cursor.u32("type of a value");
        GgufType type = GgufType.of(number);
        if (type == null) {
            throw cursor.error(at, what, "the value type is " + number + ", known are 0 to 12");
        }
        return type;
    }

    /** The value at the cursor, which moves behind it. */
    Object value(Cursor cursor, GgufType type, String key, int depth) {
        return switch (type) {
            case UINT8 -> (long) cursor.u8(key);
            case INT8 -> (long) (byte) cursor.u8(key);
            case UINT16 -> cursor.i16(key) & 0xffffL;
            case INT16 -> (long) cursor.i16(key);
            case UINT32 -> cursor.u32(key);
            case INT32 -> (long) cursor.i32(key);
            case FLOAT32 -> (double) Float.intBitsToFloat(cursor.i32(key));
            case FLOAT64 -> Double.longBitsToDouble(cursor.i64(key));
            case BOOL -> bool(cursor, key);
            case STRING -> cursor.string(key, limits.maxStringBytes());
            case INT64 -> cursor.i64(key);
            case UINT64 -> unsigned(cursor.i64(key));
            case ARRAY -> array(cursor, key, depth);
        };
    }

    private static boolean bool(Cursor cursor, String key) {
        long at = cursor.position();
        int value = cursor.u8(key);
        if (value > 1) {
            throw cursor.error(at, key, "a boolean is " + value + ", must be 0 or 1");
        }
        return value == 1;
    }

    private static Object unsigned(long value) {
        return value >= 0 ? (Object) value : new BigInteger(Long.toUnsignedString(value));
    }

    private ArrayValue array(Cursor cursor, String key, int depth) {
        if (depth >= limits.maxNesting()) {
            throw cursor.error(cursor.position(), key, "arrays are nested deeper than " + limits.maxNesting());
        }
        GgufType element = type(cursor, key);
        int count = (int) cursor.count("length of an array", element.leastBytes(), limits.maxArrayElements());
        long start = cursor.position();
        if (element.isFixedSize()) {
            cursor.skip((long) count * element.leastBytes(), key);
        } else {
            for (int i = 0; i < count; i++) {
                if (element == GgufType.STRING) {
                    cursor.skipString(key, limits.maxStringBytes());
                } else {
                    array(cursor, key, depth + 1);
                }
            }
        }
        return new LazyArray(new Cursor(cursor.file(), segment, start), element, count, key, depth);
    }

    /** An array that starts where {@code start} stands. */
    private final class LazyArray implements ArrayValue {
        private final Cursor start;
        private final GgufType type;
        private final int size;
        private final String key;
        private final int depth;

        LazyArray(Cursor start, GgufType type, int size, String key, int depth) {
            this.start = start;
            this.type = type;
            this.size = size;
            this.key = key;
            this.depth = depth;
        }

        @Override
        public int size() {
            return size;
        }

        @Override
        public String elementType() {
            return type.toString().toLowerCase(Locale.ROOT);
        }

        @Override
        public Iterator<Object> iterator() {
            Cursor cursor = new Cursor(start.file(), segment, start.position());
            return new Iterator<>() {
                private int next;

                @Override
                public boolean hasNext() {
                    return next < size;
                }

                @Override
                public Object next() {
                    if (next >= size) {
                        throw new NoSuchElementException();
                    }
                    next++;
                    return value(cursor, type, key, depth + 1);
                }
            };
        }
    }
}
