package dev.cadre.core.model;

import dev.cadre.weights.Metadata;
import java.util.Arrays;
import java.util.stream.Stream;

/** Keys of GGUF files that several families have. */
final class GgufOptions {
    private GgufOptions() {}

    /** The vocabulary size: its own key, or the number of tokens in the file. */
    static int vocabulary(Metadata m, String prefix) {
        return m.has(prefix + "vocab_size")
                ? m.requireInt(prefix + "vocab_size")
                : m.requireStrings("tokenizer.ggml.tokens").size();
    }

    /** The end tokens that the file names. */
    static int[] stopTokens(Metadata m) {
        int[] single = Stream.of("eos_token_id", "eot_token_id", "eom_token_id")
                .map(key -> "tokenizer.ggml." + key)
                .filter(m::has)
                .mapToInt(m::requireInt)
                .toArray();
        return Arrays.stream(single).distinct().toArray();
    }
}
