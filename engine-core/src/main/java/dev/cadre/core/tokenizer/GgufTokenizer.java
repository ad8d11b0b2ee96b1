package dev.cadre.core.tokenizer;

import dev.cadre.core.UnsupportedModelException;
import dev.cadre.weights.Metadata;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/** Builds the tokenizer that the {@code tokenizer.ggml.*} keys of a GGUF file describe. */
final class GgufTokenizer {
    private static final String PREFIX = "tokenizer.ggml.";
    private static final int TYPE_CONTROL = 3;
    private static final int TYPE_USER_DEFINED = 4;

    private GgufTokenizer() {}

    static BpeTokenizer read(Metadata metadata) {
        Vocabulary vocabulary =
                new Vocabulary(metadata.requireStrings(PREFIX + "tokens").toArray(String[]::new));
        List<AddedTokens.Added> added = addedTokens(metadata, vocabulary);
        String model = metadata.requireString(PREFIX + "model");
        return switch (model) {
            case "gpt2" ->
                new BpeTokenizer(new BpeTokenizer.Parts(
                        vocabulary,
                        merges(metadata, vocabulary),
                        ignoresMerges(metadata.stringOr(PREFIX + "pre", "default")),
                        SymbolTable.byteLevel(vocabulary),
                        added,
                        UnaryOperator.identity(),
                        Patterns.ofGgufName(metadata.stringOr(PREFIX + "pre", "default")),
                        startTokens(metadata, vocabulary, false),
                        false));
            case "llama" -> {
                boolean spaceInFront = metadata.booleanOr(PREFIX + "add_space_prefix", true);
                yield new BpeTokenizer(new BpeTokenizer.Parts(
                        vocabulary,
                        new ScoredMerges(vocabulary, scores(metadata, vocabulary)),
                        false,
                        SymbolTable.characters(vocabulary, id(metadata, "unknown_token_id", 0, vocabulary), true),
                        added,
                        UnaryOperator.identity(),
                        (piece, first) -> List.of((spaceInFront && first ? " " + piece : piece).replace(' ', '\u2581')),
                        startTokens(metadata, vocabulary, true),
                        spaceInFront));
            }
            default ->
                throw new UnsupportedModelException(metadata.source() + ": " + PREFIX + "model '" + model
                        + "' is not supported; known are gpt2 (byte-level BPE) and llama (SentencePiece)");
        };
    }

    /** llama.cpp takes a word that is a token as it is for these vocabularies, as their tokenizer.json says. */
    private static boolean ignoresMerges(String pre) {
        return switch (pre) {
            case "llama3", "llama-v3", "llama-bpe", "tekken" -> true;
            default -> false;
        };
    }

    private static List<AddedTokens.Added> addedTokens(Metadata metadata, Vocabulary vocabulary) {
        int[] types = metadata.intsOrNull(PREFIX + "token_type");
        List<AddedTokens.Added> added = new ArrayList<>();
        if (types == null) {
            return added;
        }
        for (int id = 0; id < Math.min(types.length, vocabulary.size()); id++) {
            if (types[id] == TYPE_CONTROL || types[id] == TYPE_USER_DEFINED) {
                added.add(new AddedTokens.Added(
                        id, vocabulary.text(id), types[id] == TYPE_CONTROL, false, false, false, false));
            }
        }
        return added;
    }

    private static MergeTable merges(Metadata metadata, Vocabulary vocabulary) {
        List<String> list = metadata.requireStrings(PREFIX + "merges");
        RankedMerges merges = new RankedMerges(list.size());
        for (int rank = 0; rank < list.size(); rank++) {
            String text = list.get(rank);
            int space = text.indexOf(' ', 1);
            int left = space < 0 ? -1 : vocabulary.id(text.substring(0, space));
            int right = space < 0 ? -1 : vocabulary.id(text.substring(space + 1));
            int merged = left < 0 || right < 0
                    ? -1
                    : vocabulary.id(vocabulary.text(left).concat(vocabulary.text(right)));
            if (merged < 0) {
                throw new UnsupportedModelException(metadata.source() + ": " + PREFIX + "merges[" + rank
                        + "] has tokens that are not in the vocabulary");
            }
            merges.add(left, right, rank, merged);
        }
        return merges;
    }

    private static float[] scores(Metadata metadata, Vocabulary vocabulary) {
        double[] values = metadata.requireDoubles(PREFIX + "scores");
        if (values.length != vocabulary.size()) {
            throw new UnsupportedModelException(metadata.source() + ": " + PREFIX + "scores has " + values.length
                    + " entries for " + vocabulary.size() + " tokens");
        }
        float[] scores = new float[values.length];
        for (int i = 0; i < scores.length; i++) {
            scores[i] = (float) values[i];
        }
        return scores;
    }

    /** The id of a special token, or a negative number where there is none. */
    private static int id(Metadata metadata, String key, int otherwise, Vocabulary vocabulary) {
        int id = metadata.intOr(PREFIX + key, otherwise);
        if (id >= vocabulary.size()) {
            throw new UnsupportedModelException(metadata.source() + ": " + PREFIX + key + " is " + id
                    + ", and the vocabulary has " + vocabulary.size() + " tokens");
        }
        return id;
    }

    private static int[] startTokens(Metadata metadata, Vocabulary vocabulary, boolean byDefault) {
        boolean adds = metadata.booleanOr(PREFIX + "add_bos_token", byDefault);
        int id = id(metadata, "bos_token_id", -1, vocabulary);
        if (!adds || id < 0) {
            return new int[0];
        }
        int[] one = {id};
        return one;
    }
}
