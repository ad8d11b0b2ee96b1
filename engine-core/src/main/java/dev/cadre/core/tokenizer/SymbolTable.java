package dev.cadre.core.tokenizer;

import dev.cadre.core.UnsupportedModelException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** From a word to the symbols that merging starts from, and from a token to the bytes it stands for. */
interface SymbolTable {
    /** The word in the vocabulary's own alphabet. */
    String spell(String word);

    /** The symbols of a spelled word. */
    int[] symbols(String spelled);

    /** The bytes that a token's text stands for. */
    byte[] bytes(String token);

    /** One symbol for each byte of the UTF-8 text, written in the {@link ByteAlphabet}. */
    static SymbolTable byteLevel(Vocabulary vocabulary) {
        int[] ids = new int[256];
        for (int b = 0; b < 256; b++) {
            ids[b] = vocabulary.id(String.valueOf(ByteAlphabet.charOf(b)));
        }
        return new SymbolTable() {
            @Override
            public String spell(String word) {
                return ByteAlphabet.encode(word.getBytes(StandardCharsets.UTF_8));
            }

            @Override
            public int[] symbols(String spelled) {
                int[] symbols = new int[spelled.length()];
                int n = 0;
                for (int i = 0; i < symbols.length; i++) {
                    int id = ids[ByteAlphabet.byteOf(spelled.charAt(i))];
                    if (id >= 0) {
                        symbols[n++] = id; // a byte that the vocabulary lacks is dropped, as in Hugging Face's
                    }
                }
                return n == symbols.length ? symbols : Arrays.copyOf(symbols, n);
            }

            @Override
            public byte[] bytes(String token) {
                byte[] bytes = ByteAlphabet.decode(token);
                return bytes != null ? bytes : token.getBytes(StandardCharsets.UTF_8);
            }
        };
    }

    /**
     * One symbol for each character; characters outside the vocabulary become bytes {@code <0xNN>}, or the unknown
     * token. U+2581 stands for a space.
     *
     * @param unknown id of the unknown token, or -1
     * @param fuseUnknown neighbouring unknown characters become one token
     */
    static SymbolTable characters(Vocabulary vocabulary, int unknown, boolean fuseUnknown) {
        int[] byteIds = new int[256];
        for (int b = 0; b < 256; b++) {
            byteIds[b] = vocabulary.id(String.format("<0x%02X>", b));
        }
        return new CharacterSymbols(vocabulary, byteIds, unknown, fuseUnknown);
    }

    /** See {@link #characters}. */
    record CharacterSymbols(Vocabulary vocabulary, int[] byteIds, int unknown, boolean fuseUnknown)
            implements SymbolTable {
        private static final String SPACE = "\u2581";

        @Override
        public String spell(String word) {
            return word;
        }

        @Override
        public int[] symbols(String spelled) {
            int[] symbols = new int[4 * spelled.length()];
            int n = 0;
            for (int i = 0; i < spelled.length(); ) {
                int end = spelled.offsetByCodePoints(i, 1);
                String character = spelled.substring(i, end);
                int id = vocabulary.id(character);
                if (id >= 0) {
                    symbols[n++] = id;
                } else {
                    n = addBytes(character.getBytes(StandardCharsets.UTF_8), symbols, n);
                }
                i = end;
            }
            return Arrays.copyOf(symbols, n);
        }

        private int addBytes(byte[] utf8, int[] symbols, int n) {
            for (byte b : utf8) {
                if (byteIds[b & 0xff] < 0) {
                    if (unknown < 0) {
                        throw new UnsupportedModelException(
                                "the tokenizer has neither byte tokens nor an unknown token for some characters");
                    }
                    if (!(fuseUnknown && n > 0 && symbols[n - 1] == unknown)) {
                        symbols[n++] = unknown;
                    }
                    return n;
                }
            }
            for (byte b : utf8) {
                symbols[n++] = byteIds[b & 0xff];
            }
            return n;
        }

        @Override
        public byte[] bytes(String token) {
            if (token.length() == 6 && token.startsWith("<0x") && token.endsWith(">")) {
                int high = Character.digit(token.charAt(3), 16);
                int low = Character.digit(token.charAt(4), 16);
                if (high >= 0 && low >= 0) {
                    byte[] one = {(byte) (16 * high + low)};
                    return one;
                }
            }
            return token.replace(SPACE, " ").getBytes(StandardCharsets.UTF_8);
        }
    }
}
