package dev.cadre.core.tokenizer;

import dev.cadre.core.UnsupportedModelException;
import dev.cadre.core.tokenizer.PreTokenizer.Behavior;
import dev.cadre.weights.CheckpointFormatException;
import dev.cadre.weights.CheckpointIOException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Reads Hugging Face's {@code tokenizer.json}. What it does not know, it refuses by name. */
final class TokenizerJson {
    /** Ids beyond this are refused: no vocabulary comes near, and the id decides how much memory is taken. */
    private static final int MAX_ID = 1 << 24;

    /** Larger files are refused; the largest published one has 34 MB. */
    private static final long MAX_BYTES = 128L << 20;

    /** Names, values, brackets. Each costs memory whatever its length; the largest published file has 3 million. */
    private static final long MAX_JSON_TOKENS = 10_000_000;

    /** Published files insert one character. With steps one after another a longer text would grow without bound. */
    private static final int MAX_INSERTED = 64;

    private static final JsonMapper JSON = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxTokenCount(MAX_JSON_TOKENS)
                            .build())
                    .build())
            .build();

    private final Path file;
    private final JsonNode root;

    private TokenizerJson(Path file, JsonNode root) {
        this.file = file;
        this.root = root;
    }

    /**
     * Reads a file.
     *
     * @throws CheckpointFormatException if it is malformed
     * @throws UnsupportedModelException if it asks for something that we do not do
     */
    static BpeTokenizer read(Path file) {
        return read(file, content(file));
    }

    private static byte[] content(Path file) {
        try {
            if (Files.size(file) > MAX_BYTES) {
                throw new CheckpointFormatException(
                        file, -1, null, "has " + Files.size(file) + " bytes; at most " + MAX_BYTES + " are read");
            }
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new CheckpointIOException(file, "cannot be read: " + e.getMessage(), e);
        }
    }

    /**
     * Reads a file that must hold a JSON object.
     *
     * @throws CheckpointFormatException if it does not
     */
    static JsonNode parse(Path file) {
        return parse(file, content(file));
    }

    private static JsonNode parse(Path file, byte[] content) {
        try {
            JsonNode root = JSON.readTree(content);
            if (!root.isObject()) {
                throw new CheckpointFormatException(file, -1, null, "is not a JSON object");
            }
            return root;
        } catch (JacksonException e) {
            throw malformed(file, e);
        }
    }

    private static CheckpointFormatException malformed(Path file, JacksonException e) {
        return new CheckpointFormatException(file, -1, null, "malformed JSON: " + e.getOriginalMessage(), e);
    }

    /**
     * Reads a file's content.
     *
     * @param file for messages
     */
    static BpeTokenizer read(Path file, byte[] content) {
        try {
            return new TokenizerJson(file, parse(file, content)).build();
        } catch (JacksonException e) { // where a value is of another kind than the one asked for
            throw malformed(file, e);
        }
    }

    private BpeTokenizer build() {
        JsonNode model = root.path("model");
        String type = model.path("type").asString("BPE");
        if (!type.equals("BPE")) {
            throw unsupported("model", type, "BPE");
        }
        for (String option : List.of("continuing_subword_prefix", "end_of_word_suffix")) {
            if (!model.path(option).asString("").isEmpty()) {
                throw unsupported("model." + option, model.path(option).asString(), "none");
            }
        }
        List<AddedTokens.Added> added = addedTokens();
        Vocabulary vocabulary = vocabulary(model.path("vocab"), added);
        boolean byteLevel = usesByteLevel(root.path("pre_tokenizer")) || usesByteLevel(root.path("decoder"));
        int unknown = vocabulary.id(model.path("unk_token").asString(""));
        SymbolTable symbols = byteLevel
                ? SymbolTable.byteLevel(vocabulary)
                : SymbolTable.characters(
                        vocabulary, unknown, model.path("fuse_unk").asBoolean(false));
        return new BpeTokenizer(new BpeTokenizer.Parts(
                vocabulary,
                merges(model.path("merges"), vocabulary),
                model.path("ignore_merges").asBoolean(false),
                symbols,
                added,
                normalizer(root.path("normalizer")),
                preTokenizer(root.path("pre_tokenizer")),
                startTokens(root.path("post_processor"), vocabulary),
                !byteLevel && stripsFirstSpace()));
    }

    private List<AddedTokens.Added> addedTokens() {
        List<AddedTokens.Added> added = new ArrayList<>();
        for (JsonNode token : root.path("added_tokens")) {
            added.add(new AddedTokens.Added(
                    id(token.path("id"), "added_tokens"),
                    token.path("content").asString(""),
                    token.path("special").asBoolean(false),
                    token.path("lstrip").asBoolean(false),
                    token.path("rstrip").asBoolean(false),
                    token.path("single_word").asBoolean(false),
                    token.path("normalized").asBoolean(false)));
        }
        return added;
    }

    private int id(JsonNode node, String where) {
        int id = node.asInt(-1);
        if (!node.isIntegralNumber() || id < 0 || id > MAX_ID) {
            throw new CheckpointFormatException(
                    file, -1, where, "a token id is " + node + "; it must be a whole number from 0 to " + MAX_ID);
        }
        return id;
    }

    private Vocabulary vocabulary(JsonNode vocab, List<AddedTokens.Added> added) {
        int size = 0;
        for (var entry : vocab.properties()) {
            size = Math.max(size, id(entry.getValue(), "model.vocab") + 1);
        }
        for (AddedTokens.Added token : added) {
            size = Math.max(size, token.id() + 1);
        }
        if (size > 16 * (vocab.size() + added.size()) + 65_536) {
            throw new CheckpointFormatException(
                    file,
                    -1,
                    "model.vocab",
                    "the highest id is " + (size - 1) + " for only " + (vocab.size() + added.size()) + " tokens");
        }
        String[] texts = new String[size];
        for (var entry : vocab.properties()) {
            texts[entry.getValue().asInt()] = entry.getKey();
        }
        for (AddedTokens.Added token : added) {
            texts[token.id()] = token.text();
        }
        return new Vocabulary(texts);
    }

    private MergeTable merges(JsonNode list, Vocabulary vocabulary) {
        RankedMerges merges = new RankedMerges(list.size());
        int rank = 0;
        for (JsonNode merge : list) {
            String left;
            String right;
            if (merge.isArray() && merge.size() == 2) {
                left = merge.get(0).asString();
                right = merge.get(1).asString();
            } else {
                String text = merge.asString("");
                int space = text.indexOf(' ', 1);
                if (space < 0) {
                    throw new CheckpointFormatException(
                            file, -1, "model.merges", "merge " + rank + " is '" + text + "', not two tokens");
                }
                left = text.substring(0, space);
                right = text.substring(space + 1);
            }
            int leftId = vocabulary.id(left);
            int rightId = vocabulary.id(right);
            int merged = vocabulary.id(left + right);
            if (leftId < 0 || rightId < 0 || merged < 0) {
                throw new CheckpointFormatException(
                        file, -1, "model.merges", "merge " + rank + " has tokens that are not in the vocabulary");
            }
            merges.add(leftId, rightId, rank++, merged);
        }
        return merges;
    }

    private static boolean usesByteLevel(JsonNode step) {
        if (step.path("type").asString("").equals("ByteLevel")) {
            return true;
        }
        for (String list : List.of("pretokenizers", "decoders")) {
            for (JsonNode inner : step.path(list)) {
                if (usesByteLevel(inner)) {
                    return true;
                }
            }
        }
        return false;
    }

    private UnaryOperator<String> normalizer(JsonNode node) {
        String type = node.path("type").asString("");
        return switch (type) {
            case "" -> UnaryOperator.identity();
            case "NFC" -> text -> Normalizer.normalize(text, Normalizer.Form.NFC);
            case "NFD" -> text -> Normalizer.normalize(text, Normalizer.Form.NFD);
            case "NFKC" -> text -> Normalizer.normalize(text, Normalizer.Form.NFKC);
            case "NFKD" -> text -> Normalizer.normalize(text, Normalizer.Form.NFKD);
            case "Prepend" -> {
                String prefix = inserted(node.path("prepend"));
                yield text -> text.isEmpty() ? text : prefix + text;
            }
            case "Replace" -> {
                String content = inserted(node.path("content"));
                JsonNode literal = node.path("pattern").path("String");
                if (literal.isMissingNode()) {
                    throw unsupported("normalizer Replace", "a regular expression", "a string");
                }
                String pattern = literal.asString();
                if (pattern.isEmpty()) {
                    throw unsupported("normalizer Replace", "", "a string of one character or more");
                }
                yield text -> text.replace(pattern, content);
            }
            case "Sequence" -> {
                List<UnaryOperator<String>> steps = new ArrayList<>();
                for (JsonNode step : node.path("normalizers")) {
                    steps.add(normalizer(step));
                }
                yield text -> {
                    String result = text;
                    for (UnaryOperator<String> step : steps) {
                        result = PreTokenizer.bounded(text.length(), step.apply(result));
                    }
                    return result;
                };
            }
            default -> throw unsupported("normalizer", type, "NFC, NFD, NFKC, NFKD, Prepend, Replace, Sequence");
        };
    }

    private String inserted(JsonNode node) {
        String text = node.asString("");
        if (text.length() > MAX_INSERTED) {
            throw unsupported("inserting", text.length() + " characters", "up to " + MAX_INSERTED);
        }
        return text;
    }

    private PreTokenizer preTokenizer(JsonNode node) {
        String type = node.path("type").asString("");
        return switch (type) {
            case "" -> PreTokenizer.NONE;
            case "Sequence" -> {
                List<PreTokenizer> steps = new ArrayList<>();
                for (JsonNode step : node.path("pretokenizers")) {
                    steps.add(preTokenizer(step));
                }
                yield PreTokenizer.sequence(steps);
            }
            case "Split" -> {
                JsonNode pattern = node.path("pattern");
                String regex = pattern.has("Regex")
                        ? pattern.path("Regex").asString()
                        : Pattern.quote(pattern.path("String").asString(""));
                yield PreTokenizer.split(
                        regex,
                        behavior(node.path("behavior").asString("Isolated")),
                        node.path("invert").asBoolean(false));
            }
            case "ByteLevel" -> byteLevel(node);
            case "Digits" ->
                PreTokenizer.split(
                        node.path("individual_digits").asBoolean(false) ? "\\p{N}" : "\\p{N}+",
                        Behavior.ISOLATED,
                        false);
            case "Metaspace" -> metaspace(node);
            default -> throw unsupported("pre_tokenizer", type, "Sequence, Split, ByteLevel, Digits, Metaspace");
        };
    }

    /** The bytes themselves are the symbol table's part; here are the pattern and the space in front. */
    private static PreTokenizer byteLevel(JsonNode node) {
        PreTokenizer split = node.path("use_regex").asBoolean(true)
                ? PreTokenizer.split(Patterns.GPT2, Behavior.ISOLATED, false)
                : PreTokenizer.NONE;
        if (!node.path("add_prefix_space").asBoolean(true)) {
            return split;
        }
        return (piece, first) -> split.split(piece.startsWith(" ") ? piece : " " + piece, first);
    }

    private PreTokenizer metaspace(JsonNode node) {
        String mark = node.path("replacement").asString("\u2581");
        if (mark.length() != 1) {
            throw unsupported("Metaspace replacement", mark, "one character");
        }
        String scheme = node.path("prepend_scheme")
                .asString(node.path("add_prefix_space").asBoolean(true) ? "always" : "never");
        PreTokenizer split = node.path("split").asBoolean(true)
                ? PreTokenizer.split(Pattern.quote(mark), Behavior.MERGED_WITH_NEXT, false)
                : PreTokenizer.NONE;
        return (piece, first) -> {
            String text = piece.replace(" ", mark);
            boolean prepend = scheme.equals("always") || (scheme.equals("first") && first);
            return split.split(prepend && !text.startsWith(mark) ? mark + text : text, first);
        };
    }

    private Behavior behavior(String name) {
        return switch (name) {
            case "Isolated", "isolated" -> Behavior.ISOLATED;
            case "Removed", "removed" -> Behavior.REMOVED;
            case "MergedWithPrevious", "merged_with_previous" -> Behavior.MERGED_WITH_PREVIOUS;
            case "MergedWithNext", "merged_with_next" -> Behavior.MERGED_WITH_NEXT;
            default -> throw unsupported("behavior", name, "Isolated, Removed, MergedWithPrevious, MergedWithNext");
        };
    }

    /** The special tokens that a template puts before a single text. */
    private int[] startTokens(JsonNode node, Vocabulary vocabulary) {
        List<Integer> ids = new ArrayList<>();
        collectStartTokens(node, vocabulary, ids);
        return ids.stream().mapToInt(Integer::intValue).toArray();
    }

    private void collectStartTokens(JsonNode node, Vocabulary vocabulary, List<Integer> ids) {
        for (JsonNode inner : node.path("processors")) {
            collectStartTokens(inner, vocabulary, ids);
        }
        for (JsonNode item : node.path("single")) {
            if (item.has("Sequence")) {
                return;
            }
            String name = item.path("SpecialToken").path("id").asString("");
            int id = vocabulary.id(name);
            if (id < 0) {
                throw new CheckpointFormatException(
                        file, -1, "post_processor", "the token '" + name + "' is not in the vocabulary");
            }
            ids.add(id);
        }
    }

    /** Whether decoding takes the space off that encoding put in front. */
    private boolean stripsFirstSpace() {
        JsonNode decoder = root.path("decoder");
        for (JsonNode step : decoder.path("decoders")) {
            if (step.path("type").asString("").equals("Strip")
                    && step.path("start").asInt(0) > 0) {
                return true;
            }
        }
        return decoder.path("type").asString("").equals("Metaspace");
    }

    private UnsupportedModelException unsupported(String what, String found, String known) {
        return new UnsupportedModelException(file + ": " + what + " '" + found + "' is not supported; known: " + known);
    }
}
