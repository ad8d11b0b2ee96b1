package dev.cadre.core;

/** Text to token ids and back. Immutable and thread-safe. */
public interface Tokenizer {
    /** Number of token ids that have a meaning. */
    int vocabularySize();

    /**
     * Token ids of a text. Names of special tokens in the text are taken literally, as text.
     *
     * @param text any text, unpaired surrogates included
     */
    int[] encode(String text);

    /**
     * Token ids of a text in which the names of special tokens (such as {@code <|user|>}) stand for these tokens.
     */
    int[] encodeWithSpecials(String text);

    /** The text of some tokens; bytes that are no UTF-8 become U+FFFD. Special tokens are left out. */
    String decode(int... tokens);

    /** Tokens that stand before every text, such as a beginning-of-sequence token; often none. */
    int[] startTokens();

    /** The id of a token by its literal name, or -1. */
    int idOf(String token);

    /** Turns tokens into text one by one, never splitting a character. */
    Decoder newDecoder();

    /** A streaming decoder. Not thread-safe. */
    interface Decoder {
        /** Adds a token and returns the text that became complete, perhaps empty. */
        String add(int token);

        /** Returns what is left; incomplete bytes become U+FFFD. */
        String finish();
    }
}
