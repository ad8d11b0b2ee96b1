package dev.cadre.weights;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;

/** Builds GGUF files field by field, well-formed or not; knows nothing of the reader. */
public final class GgufBytes {
    static final int U8 = 0;
    static final int U32 = 4;
    static final int F32 = 6;
    static final int STRING = 8;
    static final int ARRAY = 9;
    static final int U64 = 10;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private long tensors;
    private long keys;
    private int version = 3;
    private final ByteArrayOutputStream keyBytes = new ByteArrayOutputStream();
    private final ByteArrayOutputStream tensorBytes = new ByteArrayOutputStream();
    private int alignment = 32;
    private int dataBytes;

    public static byte[] u32(long value) {
        return ByteBuffer.allocate(4)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt((int) value)
                .array();
    }

    public static byte[] u64(long value) {
        return ByteBuffer.allocate(8)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(value)
                .array();
    }

    public static byte[] string(String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        return concat(u64(utf8.length), utf8);
    }

    public static byte[] concat(byte[]... parts) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            all.writeBytes(part);
        }
        return all.toByteArray();
    }

    public GgufBytes version(int number) {
        version = number;
        return this;
    }

    /** Declares another number of tensors than follow. */
    public GgufBytes tensorCount(long count) {
        tensors = count;
        return this;
    }

    public GgufBytes keyCount(long count) {
        keys = count;
        return this;
    }

    public GgufBytes key(String name, int type, byte[] value) {
        return key(string(name), type, value);
    }

    public GgufBytes key(byte[] name, int type, byte[] value) {
        keys++;
        keyBytes.writeBytes(concat(name, u32(type), value));
        return this;
    }

    /** Pads to this alignment, whatever the keys say. */
    public GgufBytes align(int bytes) {
        alignment = bytes;
        return this;
    }

    /** Dimensions in file order, innermost first. */
    public GgufBytes tensor(String name, int type, long offset, long... dimensions) {
        return rawTensor(string(name), dimensions.length, type, offset, dimensions);
    }

    public GgufBytes rawTensor(byte[] name, long rank, int type, long offset, long... dimensions) {
        tensors++;
        tensorBytes.writeBytes(concat(name, u32(rank)));
        for (long dimension : dimensions) {
            tensorBytes.writeBytes(u64(dimension));
        }
        tensorBytes.writeBytes(concat(u32(type), u64(offset)));
        return this;
    }

    /** Size of the data section. */
    public GgufBytes data(int bytes) {
        dataBytes = bytes;
        return this;
    }

    public GgufBytes with(Consumer<GgufBytes> change) {
        change.accept(this);
        return this;
    }

    public byte[] build() {
        out.reset();
        out.writeBytes("GGUF".getBytes(StandardCharsets.US_ASCII));
        out.writeBytes(concat(u32(version), u64(tensors), u64(keys)));
        out.writeBytes(keyBytes.toByteArray());
        out.writeBytes(tensorBytes.toByteArray());
        if (dataBytes > 0) {
            out.writeBytes(new byte[Math.floorMod(-out.size(), alignment)]);
            out.writeBytes(new byte[dataBytes]);
        }
        return out.toByteArray();
    }
}
