package dev.cadre.weights.gguf;

/** Types of GGUF metadata values; the ordinal is the number in the file. */
enum GgufType {
    UINT8(1),
    INT8(1),
    UINT16(2),
    INT16(2),
    UINT32(4),
    INT32(4),
    FLOAT32(4),
    BOOL(1),
    STRING(8),
    ARRAY(12),
    UINT64(8),
    INT64(8),
    FLOAT64(8);

    private static final GgufType[] ALL = values();

    private final int leastBytes;

    GgufType(int leastBytes) {
        this.leastBytes = leastBytes;
    }

    /** Bytes of one value; of the header of an empty one for strings and arrays. */
    int leastBytes() {
        return leastBytes;
    }

    boolean isFixedSize() {
        return this != STRING && this != ARRAY;
    }

    /** The type with this number, or null. */
    static GgufType of(long number) {
        return number >= 0 && number < ALL.length ? ALL[(int) number] : null;
    }
}
