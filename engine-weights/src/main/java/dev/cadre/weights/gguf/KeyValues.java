package dev.cadre.weights.gguf;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/** Metadata on its way to a GGUF file, encoded as it comes. */
public final class KeyValues {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final Set<String> keys = new HashSet<>();

    int count() {
        return keys.size();
    }

    byte[] toByteArray() {
        return bytes.toByteArray();
    }

    public void put(String key, String value) {
        begin(key, GgufType.STRING);
        string(value);
    }

    public void put(String key, boolean value) {
        begin(key, GgufType.BOOL);
        bytes.write(value ? 1 : 0);
    }

    public void putUint32(String key, long value) {
        if (value < 0 || value > 0xffff_ffffL) {
            throw new IllegalArgumentException(key + " is " + value + ", does not fit an unsigned 32-bit integer");
        }
        begin(key, GgufType.UINT32);
        i32((int) value);
    }

    void putUint16(String key, int value) {
        begin(key, GgufType.UINT16);
        bytes.write(value);
        bytes.write(value >> 8);
    }

    void putInt32(String key, int value) {
        begin(key, GgufType.INT32);
        i32(value);
    }

    public void putFloat32(String key, float value) {
        begin(key, GgufType.FLOAT32);
        i32(Float.floatToRawIntBits(value));
    }

    public void putStrings(String key, List<String> values) {
        beginArray(key, GgufType.STRING, values.size());
        values.forEach(this::string);
    }

    public void putInt32s(String key, int[] values) {
        beginArray(key, GgufType.INT32, values.length);
        for (int value : values) {
            i32(value);
        }
    }

    public void putFloat32s(String key, float[] values) {
        beginArray(key, GgufType.FLOAT32, values.length);
        for (float value : values) {
            i32(Float.floatToRawIntBits(value));
        }
    }

    public void putBooleans(String key, boolean[] values) {
        beginArray(key, GgufType.BOOL, values.length);
        for (boolean value : values) {
            bytes.write(value ? 1 : 0);
        }
    }

    private void begin(String key, GgufType type) {
        if (!keys.add(key)) {
            throw new IllegalArgumentException("the key " + key + " was put before");
        }
        string(key);
        i32(type.ordinal());
    }

    private void beginArray(String key, GgufType element, int size) {
        begin(key, GgufType.ARRAY);
        i32(element.ordinal());
        i64(size);
    }

    private void string(String text) {
        write(bytes::writeBytes, text);
    }

    /** A u64 length and UTF-8. */
    static void write(Consumer<byte[]> out, String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        out.accept(longBytes(utf8.length));
        out.accept(utf8);
    }

    static byte[] longBytes(long value) {
        return ByteBuffer.allocate(8)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(value)
                .array();
    }

    static byte[] intBytes(int value) {
        return ByteBuffer.allocate(4)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(value)
                .array();
    }

    private void i32(int value) {
        bytes.writeBytes(intBytes(value));
    }

    private void i64(long value) {
        bytes.writeBytes(longBytes(value));
    }
}
