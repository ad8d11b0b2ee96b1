package dev.cadre.weights;

import static dev.cadre.weights.GgufBytes.ARRAY;
import static dev.cadre.weights.GgufBytes.F32;
import static dev.cadre.weights.GgufBytes.STRING;
import static dev.cadre.weights.GgufBytes.U32;
import static dev.cadre.weights.GgufBytes.U64;
import static dev.cadre.weights.GgufBytes.U8;
import static dev.cadre.weights.GgufBytes.concat;
import static dev.cadre.weights.GgufBytes.string;
import static dev.cadre.weights.GgufBytes.u32;
import static dev.cadre.weights.GgufBytes.u64;

import java.nio.charset.StandardCharsets;
import java.util.function.Supplier;

/** GGUF files that attack the reader, each with a part of the reason that it must give. */
enum HostileGguf {
    EMPTY_FILE("the file ends", () -> new byte[0]),
    FOUR_BYTES("the file ends", () -> "GGUF".getBytes(StandardCharsets.US_ASCII)),
    OTHER_MAGIC("not a GGUF file", () -> concat("GGML".getBytes(StandardCharsets.US_ASCII), new byte[60])),
    ZIP_FILE("not a GGUF file", () -> concat(new byte[] {'P', 'K', 3, 4}, new byte[60])),
    BIG_ENDIAN(
            "big-endian", () -> new GgufBytes().version(Integer.reverseBytes(3)).build()),
    VERSION_0("version 0", () -> new GgufBytes().version(0).build()),
    VERSION_1("version 1", () -> new GgufBytes().version(1).build()),
    VERSION_4("version 4", () -> new GgufBytes().version(4).build()),
    VERSION_MINUS_ONE("version 4294967295", () -> new GgufBytes().version(-1).build()),

    // CVE-2024-21836, -23605: counts
    N_TENSORS_MINUS_ONE(
            "number of tensors is 18446744073709551615",
            () -> new GgufBytes().tensorCount(-1).build()),
    N_TENSORS_2_62(
            "number of tensors", () -> new GgufBytes().tensorCount(1L << 62).build()),
    N_TENSORS_2_31(
            "number of tensors", () -> new GgufBytes().tensorCount(1L << 31).build()),
    N_TENSORS_ONE_TOO_MANY(
            "name of tensor 1 is empty",
            () -> new GgufBytes().tensor("a", 0, 0, 1).tensorCount(2).data(32).build()),
    N_KV_MINUS_ONE(
            "number of metadata keys is 1844674",
            () -> new GgufBytes().keyCount(-1).build()),
    N_KV_2_63_MINUS_ONE(
            "number of metadata keys",
            () -> new GgufBytes().keyCount(Long.MAX_VALUE).build()),
    N_KV_OVER_LIMIT(
            "the limit is 65536",
            () -> new GgufBytes().keyCount(1 << 17).data(1 << 21).build()),

    // CVE-2024-23496, -21825: lengths of strings and arrays
    KEY_LENGTH_MINUS_ONE(
            "length of a key", () -> new GgufBytes().key(u64(-1), U8, u32(0)).build()),
    KEY_LENGTH_BEYOND_END(
            "length of a key", () -> new GgufBytes().key(u64(1000), U8, u32(0)).build()),
    KEY_LENGTH_OVER_LIMIT(
            "the limit is 4096",
            () -> new GgufBytes().key("k".repeat(4097), U8, new byte[1]).build()),
    KEY_NOT_UTF8(
            "not valid UTF-8",
            () -> new GgufBytes()
                    .key(concat(u64(2), new byte[] {(byte) 0xc0, (byte) 0x80}), U8, new byte[1])
                    .build()),
    KEY_SURROGATE(
            "not valid UTF-8",
            () -> new GgufBytes()
                    .key(concat(u64(3), new byte[] {(byte) 0xed, (byte) 0xa0, (byte) 0x80}), U8, new byte[1])
                    .build()),
    KEY_TWICE(
            "occurs twice",
            () -> new GgufBytes()
                    .key("k", U8, new byte[1])
                    .key("k", U8, new byte[1])
                    .build()),
    STRING_LENGTH_2_63(
            "length of k",
            () -> new GgufBytes().key("k", STRING, u64(Long.MIN_VALUE)).build()),
    STRING_LENGTH_2_32(
            "length of k", () -> new GgufBytes().key("k", STRING, u64(1L << 32)).build()),
    STRING_NOT_UTF8(
            "not valid UTF-8",
            () -> new GgufBytes()
                    .key("k", STRING, concat(u64(1), new byte[] {(byte) 0xff}))
                    .build()),
    ARRAY_LENGTH_MINUS_ONE(
            "length of an array",
            () -> new GgufBytes().key("k", ARRAY, concat(u32(U32), u64(-1))).build()),
    ARRAY_LENGTH_TIMES_SIZE_WRAPS(
            "length of an array",
            () -> new GgufBytes()
                    .key("k", ARRAY, concat(u32(U64), u64(1L << 61)))
                    .data(64)
                    .build()),
    ARRAY_OF_STRINGS_TOO_LONG(
            "length of an array",
            () -> new GgufBytes()
                    .key("k", ARRAY, concat(u32(STRING), u64(1L << 40)))
                    .data(64)
                    .build()),
    ARRAY_LAST_STRING_TRUNCATED(
            "length of k",
            () -> new GgufBytes()
                    .key("k", ARRAY, concat(u32(STRING), u64(2), string("a"), u64(5)))
                    .build()),
    ARRAY_NESTED_100("nested deeper than 32", () -> nested(100)),
    ARRAY_NESTED_100_000("nested deeper than 32", () -> nested(100_000)),
    ARRAY_OF_UNKNOWN_TYPE(
            "value type is 13",
            () -> new GgufBytes().key("k", ARRAY, concat(u32(13), u64(0))).build()),
    VALUE_TYPE_13("value type is 13", () -> new GgufBytes().key("k", 13, u64(0)).build()),
    VALUE_TYPE_MINUS_ONE(
            "value type is 4294967295",
            () -> new GgufBytes().key("k", -1, u64(0)).build()),
    BOOLEAN_IS_2(
            "a boolean is 2", () -> new GgufBytes().key("k", 7, new byte[] {2}).build()),

    // CVE-2025-0317 and test-gguf's inconsistent alignments
    ALIGNMENT_ZERO("general.alignment", () -> aligned(0)),
    ALIGNMENT_THREE("power of two", () -> aligned(3)),
    ALIGNMENT_2_31("power of two", () -> aligned(1L << 31)),
    ALIGNMENT_IS_FLOAT(
            "integer",
            () -> new GgufBytes().key("general.alignment", F32, u32(0)).build()),
    ALIGNMENT_IS_STRING(
            "integer",
            () -> new GgufBytes().key("general.alignment", STRING, string("32")).build()),
    ALIGNMENT_INCONSISTENT(
            "no multiple of the alignment 64",
            () -> new GgufBytes()
                    .key("general.alignment", U32, u32(64))
                    .tensor("a", 0, 32, 1)
                    .align(64)
                    .data(128)
                    .build()),

    // CVE-2024-21802, CVE-2026-33298: sizes
    DIMENSION_ZERO("a dimension is 0", () -> one(0, 4, 0)),
    DIMENSION_MINUS_ONE("a dimension is 18446744073709551615", () -> one(0, -1)),
    DIMENSION_2_63("a dimension is 9223372036854775808", () -> one(0, Long.MIN_VALUE)),
    ELEMENTS_WRAP_TO_ZERO("more than 2^63 - 1 elements", () -> one(0, 1L << 32, 1L << 32)),
    ELEMENTS_WRAP_TO_SMALL("more than 2^63 - 1 elements", () -> one(0, (1L << 62) + 1, 4)),
    BYTES_WRAP_TO_ZERO("more than 2^63 - 1 bytes", () -> one(0, 1L << 62)),
    BYTES_WRAP_TO_4_MB("more than 2^63 - 1 bytes", () -> one(28, (1L << 61) + (1L << 19))),
    ROW_NO_WHOLE_BLOCK("not a whole number of Q4_K blocks", () -> one(12, 255)),
    RANK_9("9 dimensions", () -> one(0, 1, 1, 1, 1, 1, 1, 1, 1, 1)),
    RANK_MINUS_ONE(
            "4294967295 dimensions",
            () -> new GgufBytes().rawTensor(string("a"), -1, 0, 0).data(64).build()),
    TYPE_4_WITHDRAWN("withdrawn", () -> one(4, 32)),
    TYPE_43_UNKNOWN("type is 43", () -> one(43, 32)),
    TYPE_OF_A_FORK("fork", () -> one(139, 256)),
    TYPE_MINUS_ONE("type is 4294967295", () -> one(-1, 32)),
    NAME_TWICE(
            "a second tensor",
            () -> new GgufBytes()
                    .tensor("a", 0, 0, 1)
                    .tensor("a", 0, 32, 1)
                    .data(64)
                    .build()),
    NAME_NOT_UTF8(
            "not valid UTF-8",
            () -> new GgufBytes()
                    .rawTensor(concat(u64(1), new byte[] {(byte) 0x80}), 1, 0, 0, 1)
                    .data(64)
                    .build()),
    NAME_LENGTH_2_40(
            "length of name of a tensor",
            () -> new GgufBytes().rawTensor(u64(1L << 40), 1, 0, 0, 1).data(64).build()),

    // CVE-2025-53630, CVE-2026-27940, CVE-2026-7482: extents
    OFFSET_MISALIGNED(
            "no multiple", () -> new GgufBytes().tensor("a", 0, 4, 1).data(64).build()),
    OFFSET_MINUS_32(
            "no multiple", () -> new GgufBytes().tensor("a", 0, -32, 1).data(64).build()),
    OFFSET_NEAR_2_63(
            "data section",
            () -> new GgufBytes()
                    .tensor("a", 0, Long.MAX_VALUE - 31, 1)
                    .data(64)
                    .build()),
    END_IS_FILE_SIZE_PLUS_ONE(
            "data section",
            () -> new GgufBytes().tensor("a", 24, 0, 65).data(64).build()),
    SECOND_ENDS_ONE_BYTE_LATE(
            "data section",
            () -> new GgufBytes()
                    .tensor("a", 24, 0, 32)
                    .tensor("b", 24, 32, 33)
                    .data(64)
                    .build()),
    OVERLAP_ONE_BYTE(
            "overlaps",
            () -> new GgufBytes()
                    .tensor("a", 24, 0, 33)
                    .tensor("b", 24, 32, 1)
                    .data(64)
                    .build()),
    OVERLAP_SAME_PLACE(
            "overlaps",
            () -> new GgufBytes()
                    .tensor("a", 0, 0, 8)
                    .tensor("b", 0, 0, 8)
                    .data(64)
                    .build()),
    OVERLAP_IN_OTHER_ORDER(
            "overlaps",
            () -> new GgufBytes()
                    .tensor("a", 24, 32, 1)
                    .tensor("b", 24, 0, 64)
                    .data(64)
                    .build()),
    NO_DATA_SECTION(
            "the file ends before its data section",
            () -> new GgufBytes().tensor("a", 0, 0, 1).build()),
    CUMULATIVE_SIZE_WRAPS(
            "data section",
            () -> new GgufBytes()
                    .with(file -> {
                        for (int i = 0; i < 1024; i++) {
                            file.tensor("t" + i, 24, (long) i << 54, 1L << 54);
                        }
                    })
                    .data(64)
                    .build()),

    SPLIT_WITHOUT_NAME(
            "cannot be found",
            () -> new GgufBytes().key("split.count", U32, u32(3)).build()),
    SPLIT_COUNT_IS_STRING(
            "integer",
            () -> new GgufBytes().key("split.count", STRING, string("3")).build());

    private final String reason;
    private final Supplier<byte[]> builder;

    HostileGguf(String reason, Supplier<byte[]> builder) {
        this.reason = reason;
        this.builder = builder;
    }

    String reason() {
        return reason;
    }

    byte[] build() {
        return builder.get();
    }

    private static byte[] one(int type, long... dimensions) {
        return new GgufBytes().tensor("a", type, 0, dimensions).data(64).build();
    }

    private static byte[] aligned(long alignment) {
        return new GgufBytes()
                .key("general.alignment", U32, u32(alignment))
                .tensor("a", 0, 0, 1)
                .data(64)
                .build();
    }

    private static byte[] nested(int depth) {
        byte[] value = new byte[12 * depth];
        for (int i = 0; i < depth; i++) {
            value[12 * i] = ARRAY;
            value[12 * i + 4] = 1;
        }
        return new GgufBytes().key("k", ARRAY, value).data(64).build();
    }
}
