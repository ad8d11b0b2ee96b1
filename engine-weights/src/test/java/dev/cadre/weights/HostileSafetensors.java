package dev.cadre.weights;

import static dev.cadre.weights.GgufBytes.concat;
import static dev.cadre.weights.GgufBytes.u64;
import static dev.cadre.weights.TestFiles.entry;
import static dev.cadre.weights.TestFiles.safetensors;

import java.nio.charset.StandardCharsets;
import java.util.function.Supplier;

/** safetensors files that attack the reader, each with a part of the reason that it must give. */
enum HostileSafetensors {
    EMPTY_FILE("the file ends", () -> new byte[0]),
    FOUR_BYTES("the file ends", () -> new byte[4]),
    HEADER_LENGTH_ZERO("it is empty", () -> u64(0)),
    HEADER_LENGTH_MINUS_ONE("length of the header is 18446744073709551615", () -> concat(u64(-1), new byte[50])),
    HEADER_LENGTH_2_63("length of the header", () -> concat(u64(Long.MAX_VALUE), new byte[50])),
    HEADER_LENGTH_BEYOND_END("length of the header", () -> concat(u64(51), new byte[50])),
    HEADER_NOT_JSON("not valid JSON", () -> safetensors("{x}", 0)),
    HEADER_IS_ARRAY("a JSON object is expected", () -> safetensors("[]", 0)),
    HEADER_IS_NUMBER("a JSON object is expected", () -> safetensors("1", 0)),
    HEADER_CUT("not valid JSON", () -> safetensors("{\"a\":{\"dtype\":\"F32\"", 0)),
    HEADER_FOLLOWED_BY_MORE("there is more", () -> safetensors("{} {}", 0)),
    HEADER_FOLLOWED_BY_ZEROS("not valid JSON", () -> safetensors("{}\0\0", 0)),
    HEADER_NOT_UTF8(
            "not valid JSON",
            () -> concat(u64(9), new byte[] {'{', '"', (byte) 0xc0, (byte) 0x80, '"', ':', '1', '}', ' '})),
    HEADER_UTF16("not valid JSON", () -> {
        byte[] text = "{}".getBytes(StandardCharsets.UTF_16LE);
        return concat(u64(text.length), text);
    }),
    NESTED_100_000("nesting depth", () -> safetensors("{\"a\":" + "[".repeat(100_000), 0)),
    NESTED_OBJECTS("nesting depth", () -> safetensors("{\"a\":".repeat(100_000), 0)),
    NUMBER_OF_100_000_DIGITS(
            "not valid JSON: Number value length", () -> safetensors(tensor("F32", "1", "0", "9".repeat(100_000)), 4)),
    NUMBER_WITH_HUGE_EXPONENT(
            "data_offsets must hold integers", () -> safetensors(tensor("F32", "1", "0", "1e999999999"), 4)),
    NAME_OF_5_000_BYTES("not valid JSON", () -> safetensors("{" + entry("n".repeat(5000), "F32", "1", 0, 4) + "}", 4)),
    NAME_TWICE(
            "a second tensor",
            () -> safetensors("{" + entry("a", "F32", "1", 0, 4) + "," + entry("a", "F32", "1", 4, 8) + "}", 8)),
    FIELD_TWICE(
            "occurs twice",
            () -> safetensors("{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4)),
    METADATA_TWICE("occurs twice", () -> safetensors("{\"__metadata__\":{},\"__metadata__\":{}}", 0)),
    METADATA_NOT_STRINGS("object of strings", () -> safetensors("{\"__metadata__\":{\"a\":1}}", 0)),
    METADATA_IS_LIST("object of strings", () -> safetensors("{\"__metadata__\":[]}", 0)),
    ENTRY_IS_NULL("must be an object", () -> safetensors("{\"a\":null}", 0)),
    ENTRY_IS_NUMBER("must be an object", () -> safetensors("{\"a\":1}", 0)),
    MILLION_VALUES("more than 65536 values", () -> safetensors("{\"a\":[" + "1,".repeat(1 << 20) + "1]}", 0)),
    DTYPE_MISSING("has no dtype", () -> safetensors("{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4)),
    DTYPE_UNKNOWN("its dtype is \"F4\"", () -> safetensors(tensor("F4", "2", "0", "1"), 1)),
    DTYPE_IS_CLASS_NAME(
            "its dtype is \"java.lang.Runtime\"", () -> safetensors(tensor("java.lang.Runtime", "1", "0", "1"), 1)),
    DTYPE_IS_LONG("its dtype", () -> safetensors(tensor("F".repeat(100_000), "1", "0", "1"), 1)),
    SHAPE_MISSING("no array shape", () -> safetensors("{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4)),
    SHAPE_IS_NUMBER(
            "no array shape", () -> safetensors("{\"a\":{\"dtype\":\"F32\",\"shape\":1,\"data_offsets\":[0,4]}}", 4)),
    SHAPE_NEGATIVE("shape must hold integers", () -> safetensors(tensor("F32", "-1", "0", "4"), 4)),
    SHAPE_FRACTION("shape must hold integers", () -> safetensors(tensor("F32", "1.0", "0", "4"), 4)),
    SHAPE_NULL("shape must hold integers", () -> safetensors(tensor("F32", "null", "0", "4"), 4)),
    SHAPE_2_64("shape must hold integers", () -> safetensors(tensor("F32", "18446744073709551616", "0", "4"), 4)),
    SHAPE_ZERO_WITH_BYTES("shape and dtype take 0", () -> safetensors(tensor("F32", "0,4", "0", "4"), 4)),
    SHAPE_WRAPS("more than 2^63 - 1 elements", () -> safetensors(tensor("F32", "4294967296,4294967296", "0", "4"), 4)),
    BYTES_WRAP("more than 2^63 - 1 bytes", () -> safetensors(tensor("F64", "2305843009213693953", "0", "8"), 8)),
    RANK_9("9 dimensions", () -> safetensors(tensor("U8", "1,1,1,1,1,1,1,1,1", "0", "1"), 1)),
    OFFSETS_MISSING("no array data_offsets", () -> safetensors("{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4)),
    OFFSETS_THREE("not [begin, end]", () -> safetensors(tensor("F32", "1", "0,0", "4"), 4)),
    OFFSETS_REVERSED("not [begin, end]", () -> safetensors(tensor("F32", "1", "4", "0"), 4)),
    OFFSETS_NEGATIVE("data_offsets must hold", () -> safetensors(tensor("F32", "1", "-4", "0"), 4)),
    END_BEYOND_FILE("its data ends at 5", () -> safetensors(tensor("U8", "5", "0", "5"), 4)),
    END_NEAR_2_63(
            "its data ends at", () -> safetensors(tensor("U8", "9223372036854775807", "0", "9223372036854775807"), 4)),
    SIZE_DISAGREES("shape and dtype take 8", () -> safetensors(tensor("F32", "2", "0", "4"), 4)),
    HOLE_AT_THE_START("there is a hole", () -> safetensors(tensor("F32", "1", "4", "8"), 8)),
    HOLE(
            "there is a hole after tensor a",
            () -> safetensors("{" + entry("a", "U8", "1", 0, 1) + "," + entry("b", "U8", "1", 2, 3) + "}", 3)),
    OVERLAP(
            "it overlaps tensor a",
            () -> safetensors("{" + entry("a", "U8", "2", 0, 2) + "," + entry("b", "U8", "2", 1, 3) + "}", 3)),
    BYTES_AFTER_THE_LAST("1 bytes after its last tensor", () -> safetensors(tensor("F32", "1", "0", "4"), 5));

    private final String reason;
    private final Supplier<byte[]> builder;

    HostileSafetensors(String reason, Supplier<byte[]> builder) {
        this.reason = reason;
        this.builder = builder;
    }

    String reason() {
        return reason;
    }

    byte[] build() {
        return builder.get();
    }

    private static String tensor(String dtype, String shape, String begin, String end) {
        return "{" + entry("a", dtype, shape, begin, end) + "}";
    }
}
