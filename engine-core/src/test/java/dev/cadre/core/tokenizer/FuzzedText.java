package dev.cadre.core.tokenizer;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.cadre.core.UnsupportedModelException;
import dev.cadre.weights.CheckpointFormatException;
import java.util.Arrays;
import java.util.function.Function;

/** What the fuzz targets of the tokenizers share: a document, and perhaps a zero byte and a text to encode. */
final class FuzzedText {
    private static final String TEXT = "It's 12 o'clock,  “Grüße”\n\t 中文 <s> \uD83D\uDE00 \uD800 </s>\u2581x";
    private static final int LONGEST_TEXT = 200;
    /** Names and values in messages are cut. */
    private static final int LONGEST_MESSAGE = 2100;

    private FuzzedText() {}

    /** Reads a tokenizer and uses it. Only the two errors that callers are told of may come. */
    static void run(byte[] data, Function<byte[], BpeTokenizer> reader) {
        int end = 0;
        while (end < data.length && data[end] != 0) {
            end++;
        }
        String text = end == data.length
                ? TEXT
                : new String(data, end + 1, Math.min(LONGEST_TEXT, data.length - end - 1), UTF_8);
        try {
            use(reader.apply(Arrays.copyOf(data, end)), text);
        } catch (CheckpointFormatException | UnsupportedModelException e) {
            String message = e.getMessage();
            if (message.length() > LONGEST_MESSAGE || message.chars().anyMatch(Character::isISOControl)) {
                throw new AssertionError("a message that must not reach a terminal", e);
            }
        }
    }

    private static void use(BpeTokenizer tokenizer, String text) {
        check(tokenizer, tokenizer.startTokens());
        int[] ids = tokenizer.encodeWithSpecials(text);
        check(tokenizer, ids);
        check(tokenizer, tokenizer.encode(text));
        StringBuilder streamed = new StringBuilder();
        BpeTokenizer.Decoder decoder = tokenizer.newDecoder();
        for (int id : ids) {
            streamed.append(decoder.add(id));
        }
        streamed.append(decoder.finish());
        if (!tokenizer.decode(ids).contentEquals(streamed)) {
            throw new AssertionError("decoding in steps gives another text");
        }
        for (int id = -1; id <= Math.min(300, tokenizer.vocabularySize()); id++) {
            tokenizer.decode(id);
        }
    }

    private static void check(BpeTokenizer tokenizer, int[] ids) {
        for (int id : ids) {
            if (id < 0 || id >= tokenizer.vocabularySize()) {
                throw new AssertionError("id " + id + " of " + tokenizer.vocabularySize());
            }
        }
    }
}
