package dev.cadre.core.tokenizer;

import dev.cadre.core.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * Byte-pair encoding, byte-level or over characters with bytes to fall back on. Text goes: added tokens cut out →
 * normalised → cut into words → symbols → merged.
 */
final class BpeTokenizer implements Tokenizer {
    /** What the pieces of a tokenizer are; built by the readers of tokenizer.json and of GGUF metadata. */
    record Parts(
            Vocabulary vocabulary,
            MergeTable merges,
            boolean wholeWordsFirst,
            SymbolTable symbols,
            List<AddedTokens.Added> added,
            UnaryOperator<String> normalizer,
            PreTokenizer preTokenizer,
            int[] startTokens,
            boolean stripFirstSpace) {}

    private final Parts parts;
    private final BytePairEncoder encoder;
    private final AddedTokens rawAdded;
    private final AddedTokens normalizedAdded;
    private final boolean[] special;
    private final boolean[] literal; // added tokens: their text is what they say, not the byte alphabet

    BpeTokenizer(Parts parts) {
        this.parts = parts;
        this.encoder = new BytePairEncoder(parts.merges());
        this.rawAdded = new AddedTokens(
                parts.added().stream().filter(t -> !t.normalized()).toList());
        this.normalizedAdded = new AddedTokens(
                parts.added().stream().filter(AddedTokens.Added::normalized).toList());
        this.special = new boolean[vocabularySize()];
        this.literal = new boolean[vocabularySize()];
        for (AddedTokens.Added token : parts.added()) {
            special[token.id()] = token.special();
            literal[token.id()] = true;
        }
    }

    @Override
    public int vocabularySize() {
        return parts.vocabulary().size();
    }

    @Override
    public int[] startTokens() {
        return parts.startTokens().clone();
    }

    @Override
    public int idOf(String token) {
        return parts.vocabulary().id(token);
    }

    @Override
    public int[] encode(String text) {
        Ids ids = new Ids();
        encodeWords(parts.normalizer().apply(text), true, ids);
        return ids.toArray();
    }

    @Override
    public int[] encodeWithSpecials(String text) {
        Ids ids = new Ids();
        int from = 0;
        while (from < text.length()) {
            AddedTokens.Match match = rawAdded.find(text, from);
            int end = match == null ? text.length() : match.start();
            if (end > from) {
                encodeNormalized(parts.normalizer().apply(text.substring(from, end)), from == 0, ids);
            }
            if (match == null) {
                break;
            }
            ids.add(match.token().id());
            from = match.end();
        }
        return ids.toArray();
    }

    private void encodeNormalized(String text, boolean first, Ids ids) {
        int from = 0;
        while (from < text.length()) {
            AddedTokens.Match match = normalizedAdded.find(text, from);
            int end = match == null ? text.length() : match.start();
            if (end > from) {
                encodeWords(text.substring(from, end), first && from == 0, ids);
            }
            if (match == null) {
                break;
            }
            ids.add(match.token().id());
            from = match.end();
        }
    }

    private void encodeWords(String text, boolean first, Ids ids) {
        if (text.isEmpty()) {
            return;
        }
        for (String word : parts.preTokenizer().split(text, first)) {
            encodeWord(word, ids);
        }
    }

    private void encodeWord(String word, Ids ids) {
        String spelled = parts.symbols().spell(word);
        if (parts.wholeWordsFirst()) {
            int whole = parts.vocabulary().id(spelled);
            if (whole >= 0) {
                ids.add(whole);
                return;
            }
        }
        int[] symbols = parts.symbols().symbols(spelled);
        ids.addAll(symbols, encoder.merge(symbols, symbols.length));
    }

    /** The bytes that a token stands for. */
    private byte[] bytes(int id) {
        String text = parts.vocabulary().text(id);
        if (text == null) {
            return new byte[0];
        }
        return literal[id]
                ? text.getBytes(StandardCharsets.UTF_8)
                : parts.symbols().bytes(text);
    }

    @Override
    public String decode(int... tokens) {
        Decoder decoder = newDecoder();
        StringBuilder text = new StringBuilder();
        for (int token : tokens) {
            text.append(decoder.add(token));
        }
        return text.append(decoder.finish()).toString();
    }

    @Override
    public Decoder newDecoder() {
        return new Decoder() {
            private final Utf8Stream stream = new Utf8Stream();
            private boolean first = true;

            @Override
            public String add(int token) {
                if (token >= 0 && token < special.length && special[token]) {
                    return "";
                }
                byte[] bytes = bytes(token);
                if (first && parts.stripFirstSpace() && bytes.length > 0 && bytes[0] == ' ') {
                    bytes = Arrays.copyOfRange(bytes, 1, bytes.length);
                }
                first = false;
                return stream.add(bytes);
            }

            @Override
            public String finish() {
                return stream.finish();
            }
        };
    }

    /** A growing list of ids. */
    private static final class Ids {
        private int[] ids = new int[64];
        private int count;

        void add(int id) {
            if (count == ids.length) {
                ids = Arrays.copyOf(ids, 2 * count);
            }
            ids[count++] = id;
        }

        void addAll(int[] more, int n) {
            for (int i = 0; i < n; i++) {
                add(more[i]);
            }
        }

        int[] toArray() {
            return Arrays.copyOf(ids, count);
        }
    }
}
