package dev.cadre.weights.internal;

import dev.cadre.weights.CheckpointFormatException;
import dev.cadre.weights.CheckpointLimits;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.math.BigInteger;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.json.JsonReadFeature;

/**
 * JSON of untrusted files: UTF-8 only, one value and then white space, no duplicate names, bounded depth, names,
 * strings and numbers. Reads from the mapping without copying the document.
 */
public final class StrictJson implements AutoCloseable {
    private static final int MAX_NUMBER_LENGTH = 1000;
    /** Values of one member of a document that is read member by member. */
    private static final int MAX_MEMBER_VALUES = 1 << 16;

    private final Path file;
    private final long start;
    private final CheckpointLimits limits;
    private final JsonParser parser;
    private int values;
    private int maxValues;

    /**
     * A parser of {@code bytes} bytes from {@code start} on.
     *
     * @param segment the whole of {@code file}
     */
    public StrictJson(Path file, MemorySegment segment, long start, long bytes, CheckpointLimits limits) {
        if (bytes > limits.maxHeaderBytes()) {
            throw new CheckpointFormatException(
                    file, start, null, "JSON of " + bytes + " bytes, the limit is " + limits.maxHeaderBytes());
        }
        this.file = file;
        this.start = start;
        this.limits = limits;
        this.maxValues = limits.maxJsonValues();
        JsonFactory factory = JsonFactory.builder()
                .streamReadConstraints(StreamReadConstraints.builder()
                        .maxNestingDepth(limits.maxNesting())
                        .maxNumberLength(MAX_NUMBER_LENGTH)
                        .maxStringLength(limits.maxStringBytes())
                        .maxNameLength(limits.maxNameBytes())
                        .build())
                // Python writes these, and configs of Hugging Face contain them
                .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
                .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
                .build();
        InputStream in = new SegmentStream(segment.asSlice(start, bytes));
        // a Reader, because from bytes Jackson would guess UTF-16 and UTF-32 too and repair what is malformed
        this.parser = factory.createParser(
                ObjectReadContext.empty(),
                new InputStreamReader(
                        in,
                        StandardCharsets.UTF_8
                                .newDecoder()
                                .onMalformedInput(CodingErrorAction.REPORT)
                                .onUnmappableCharacter(CodingErrorAction.REPORT)));
    }

    /** Reads a file that must hold one object. */
    public static JsonObject readObject(MappedFile file, CheckpointLimits limits) {
        try (StrictJson json = new StrictJson(file.path(), file.segment(), 0, file.size(), limits)) {
            return json.document();
        }
    }

    /** Reads the whole document, which must be one object. */
    public JsonObject document() {
        try {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw error(null, "a JSON object is expected" + (parser.currentToken() == null ? ", it is empty" : ""));
            }
            JsonObject result = (JsonObject) value(null);
            if (parser.nextToken() != null) {
                throw error(null, "there is more after the end of the JSON object");
            }
            return result;
        } catch (JacksonException e) {
            throw malformed(e);
        }
    }

    /** Members of the document's object go one by one to {@code visitor}, which must not keep the parser. */
    public void members(MemberVisitor visitor) {
        maxValues = Math.min(maxValues, MAX_MEMBER_VALUES);
        try {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw error(null, "a JSON object is expected" + (parser.currentToken() == null ? ", it is empty" : ""));
            }
            while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
                String name = parser.currentName();
                parser.nextToken();
                values = 0;
                visitor.member(name, value(name));
            }
            if (parser.nextToken() != null) {
                throw error(null, "there is more after the end of the JSON object");
            }
        } catch (JacksonException e) {
            throw malformed(e);
        }
    }

    /** Receives one member of an object. */
    @FunctionalInterface
    public interface MemberVisitor {
        void member(String name, Object value);
    }

    private Object value(String name) {
        if (++values > maxValues) {
            throw error(name, "there are more than " + maxValues + " values");
        }
        return switch (parser.currentToken()) {
            case START_OBJECT -> {
                SequencedMap<String, Object> members = new LinkedHashMap<>();
                while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
                    String key = parser.currentName();
                    if (members.containsKey(key)) {
                        throw error(key, "the name occurs twice in one object");
                    }
                    parser.nextToken();
                    members.put(key, value(key));
                }
                yield new JsonObject(members);
            }
            case START_ARRAY -> {
                List<Object> elements = new ArrayList<>();
                while (parser.nextToken() != JsonToken.END_ARRAY) {
                    if (elements.size() >= limits.maxArrayElements()) {
                        throw error(name, "an array has more than " + limits.maxArrayElements() + " elements");
                    }
                    elements.add(value(name));
                }
                yield elements;
            }
            case VALUE_STRING -> parser.getString();
            case VALUE_TRUE -> true;
            case VALUE_FALSE -> false;
            case VALUE_NULL -> null;
            case VALUE_NUMBER_INT -> integer();
            case VALUE_NUMBER_FLOAT -> parser.getDoubleValue();
            default -> throw error(name, "a value is expected, found " + parser.currentToken());
        };
    }

    private Object integer() {
        return switch (parser.getNumberType()) {
            case INT, LONG -> parser.getLongValue();
            default -> {
                BigInteger number = parser.getBigIntegerValue();
                yield number.bitLength() < 64 ? (Object) number.longValue() : number;
            }
        };
    }

    /** An error at the parser's position, which is given in characters: close to the byte, for these mostly ASCII. */
    public CheckpointFormatException error(String item, String problem) {
        return new CheckpointFormatException(
                file, start + Math.max(0, parser.currentTokenLocation().getCharOffset()), item, problem);
    }

    private CheckpointFormatException malformed(JacksonException e) {
        long at = e.getLocation() == null ? 0 : Math.max(0, e.getLocation().getCharOffset());
        return new CheckpointFormatException(file, start + at, null, "not valid JSON: " + e.getOriginalMessage(), e);
    }

    @Override
    public void close() {
        try {
            parser.close();
        } catch (JacksonException e) {
            throw malformed(e);
        }
    }

    /** Reads a segment front to back. */
    private static final class SegmentStream extends InputStream {
        private final MemorySegment segment;
        private long position;

        SegmentStream(MemorySegment segment) {
            this.segment = segment;
        }

        @Override
        public int read() {
            return position == segment.byteSize() ? -1 : segment.get(ValueLayout.JAVA_BYTE, position++) & 0xff;
        }

        @Override
        public int read(byte[] to, int at, int length) {
            int count = (int) Math.min(length, segment.byteSize() - position);
            if (count == 0) {
                return length == 0 ? 0 : -1;
            }
            MemorySegment.copy(segment, ValueLayout.JAVA_BYTE, position, to, at, count);
            position += count;
            return count;
        }
    }
}
