package dev.cadre.weights.convert;

import dev.cadre.weights.CheckpointFormatException;
import dev.cadre.weights.GgufWriter;
import dev.cadre.weights.Metadata;
import dev.cadre.weights.internal.JsonObject;
import dev.cadre.weights.safetensors.FolderFiles;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.slf4j.LoggerFactory;

/**
 * The tokenizer of a Hugging Face folder as GGUF keys: tokens, their kinds, merges, special tokens, chat template. A
 * folder without {@code tokenizer.json} gives a model without tokenizer.
 */
final class TokenizerKeys {
    private static final Pattern BYTE_TOKEN = Pattern.compile("<0x[0-9A-F]{2}>");
    private static final int NORMAL = 1;
    private static final int UNKNOWN = 2;
    private static final int CONTROL = 3;
    private static final int USER_DEFINED = 4;
    private static final int UNUSED = 5;
    private static final int BYTE = 6;

    private final FolderFiles files;
    private final Path file;
    private final GgufWriter writer;
    private final Metadata modelConfig;
    private final Map<String, Integer> ids = new HashMap<>();

    private TokenizerKeys(FolderFiles files, GgufWriter writer, Metadata modelConfig) {
        this.modelConfig = modelConfig;
        this.files = files;
        this.file = files.path("tokenizer.json");
        this.writer = writer;
    }

    /** Puts the keys, with {@code pre} as the name of the pre-tokenizer. */
    static void put(Plan plan, String pre, long vocabulary) {
        FolderFiles files = new FolderFiles(plan.source().path());
        if (!files.exists("tokenizer.json")) {
            LoggerFactory.getLogger(TokenizerKeys.class)
                    .warn(
                            "{} has no tokenizer.json: the GGUF file will have no tokenizer",
                            plan.source().path());
        } else {
            new TokenizerKeys(files, plan.writer(), plan.config()).put(pre, Math.toIntExact(vocabulary));
        }
    }

    private void put(String pre, int vocabulary) {
        JsonObject tokenizer = files.readJson("tokenizer.json");
        JsonObject model = object(tokenizer, "model");
        if (!"BPE".equals(model.members().get("type"))) {
            throw error("model.type", "is " + model.members().get("type") + ", only BPE is known here");
        }
        String[] tokens = new String[vocabulary];
        int[] kinds = new int[vocabulary];
        Arrays.fill(kinds, UNUSED);
        object(model, "vocab").members().forEach((token, id) -> set(tokens, kinds, token, id, NORMAL));
        for (Object entry : list(tokenizer, "added_tokens")) {
            addedToken(entry, tokens, kinds);
        }
        for (int i = 0; i < vocabulary; i++) {
            tokens[i] = tokens[i] == null ? "[PAD" + i + "]" : tokens[i];
        }
        List<String> merges = merges(model);
        if (Boolean.TRUE.equals(model.members().get("byte_fallback"))) {
            sentencePiece(tokens, kinds, merges, pre);
        } else {
            writer.putString("tokenizer.ggml.model", "gpt2")
                    .putString("tokenizer.ggml.pre", pre)
                    .putStrings("tokenizer.ggml.tokens", List.of(tokens))
                    .putInt32s("tokenizer.ggml.token_type", kinds)
                    .putStrings("tokenizer.ggml.merges", merges);
        }
        specialTokens(pre.equals("glm4"));
        chatTemplate();
    }

    /**
     * A SentencePiece vocabulary. GGUF has scores instead of merges: the best pair is merged first. The merges stand in
     * the order of these scores, so a token's place among them serves as well.
     */
    private void sentencePiece(String[] tokens, int[] kinds, List<String> merges, String pre) {
        float[] scores = new float[tokens.length];
        for (int rank = merges.size() - 1; rank >= 0; rank--) {
            String merged = merges.get(rank).replaceFirst(" ", "");
            Integer id = ids.get(merged);
            if (id != null) {
                scores[id] = -1 - rank;
            }
        }
        for (int i = 0; i < tokens.length; i++) {
            if (kinds[i] == NORMAL && BYTE_TOKEN.matcher(tokens[i]).matches()) {
                kinds[i] = BYTE;
            } else if (tokens[i].equals("<unk>")) {
                kinds[i] = UNKNOWN;
            }
        }
        writer.putString("tokenizer.ggml.model", "llama")
                .putString("tokenizer.ggml.pre", pre)
                .putStrings("tokenizer.ggml.tokens", List.of(tokens))
                .putFloat32s("tokenizer.ggml.scores", scores)
                .putInt32s("tokenizer.ggml.token_type", kinds);
    }

    private void set(String[] tokens, int[] kinds, String token, Object id, int kind) {
        if (!(id instanceof Long number) || number < 0 || number >= tokens.length) {
            throw error(
                    token,
                    "the id of this token is " + id + ", allowed are 0 to " + (tokens.length - 1) + " (vocab_size)");
        }
        tokens[number.intValue()] = token;
        kinds[number.intValue()] = kind;
        ids.put(token, number.intValue());
    }

    private void addedToken(Object entry, String[] tokens, int[] kinds) {
        if (!(entry instanceof JsonObject(var members)) || !(members.get("content") instanceof String content)) {
            throw error("added_tokens", "an entry is no object with a content");
        }
        boolean special = Boolean.TRUE.equals(members.get("special")) || looksSpecial(content);
        set(tokens, kinds, content, members.get("id"), special ? CONTROL : USER_DEFINED);
    }

    /** Tokens that models mark as plain although they are control tokens; llama.cpp has the same rule. */
    private static boolean looksSpecial(String token) {
        return token.startsWith("<|") && token.endsWith("|>") || token.startsWith("<｜") && token.endsWith("｜>");
    }

    private List<String> merges(JsonObject model) {
        List<String> merges = new ArrayList<>();
        for (Object merge : list(model, "merges")) {
            merges.add(
                    switch (merge) {
                        case String text -> text;
                        // a space inside a part would be taken for the one between them
                        case List<?> pair
                        when pair.size() == 2
                                && pair.get(0) instanceof String left
                                && pair.get(1) instanceof String right ->
                            left.replace(' ', '\u0120') + " " + right.replace(' ', '\u0120');
                        case null, default ->
                            throw error("model.merges", "entry " + merges.size() + " is no pair of strings");
                    });
        }
        return merges;
    }

    /** Ids as llama.cpp's converter sets them: those that the folder names, and for GLM some that it does not. */
    private void specialTokens(boolean glm) {
        JsonObject config = files.exists("tokenizer_config.json") ? files.readJson("tokenizer_config.json") : null;
        Integer endOfText = glm ? ids.get("<|endoftext|>") : null;
        special("eos", orElse(named(config, "eos_token", "eos_token_id"), endOfText));
        special("padding", orElse(named(config, "pad_token", "pad_token_id"), endOfText));
        if (glm) {
            special("bos", ids.get("[gMASK]"));
            special("eot", ids.get("<|user|>"));
            special("unknown", endOfText);
            special("eom", ids.get("<|observation|>"));
            // the prefix [gMASK]<sop> comes from the chat template
            writer.putBoolean("tokenizer.ggml.add_bos_token", false);
            return;
        }
        special("bos", named(config, "bos_token", "bos_token_id"));
        special("unknown", named(config, "unk_token", "unk_token_id"));
        if (config != null && config.members().get("add_bos_token") instanceof Boolean add) {
            writer.putBoolean("tokenizer.ggml.add_bos_token", add);
        }
    }

    /** The id of the token that tokenizer_config.json names, else the (first) one in config.json, or null. */
    private Integer named(JsonObject config, String nameKey, String idKey) {
        Object value = config == null ? null : config.members().get(nameKey);
        if (value instanceof JsonObject(var members)) {
            value = members.get("content");
        }
        Integer id = value instanceof String text ? ids.get(text) : null;
        if (id != null) {
            return id;
        }
        Object given = modelConfig.value(idKey);
        if (given instanceof List<?> several && !several.isEmpty()) {
            given = several.getFirst();
        }
        return given instanceof Long number && ids.containsValue(number.intValue())
                ? (Integer) number.intValue()
                : null;
    }

    private static Integer orElse(Integer id, Integer fallback) {
        return id != null ? id : fallback;
    }

    private void special(String role, Integer id) {
        if (id != null) {
            writer.putUint32("tokenizer.ggml." + role + "_token_id", id);
        }
    }

    private void chatTemplate() {
        if (files.exists("chat_template.jinja")) {
            writer.putString("tokenizer.chat_template", files.readText("chat_template.jinja"));
        } else if (files.exists("tokenizer_config.json")
                && files.readJson("tokenizer_config.json").members().get("chat_template") instanceof String template) {
            writer.putString("tokenizer.chat_template", template);
        }
    }

    private JsonObject object(JsonObject parent, String key) {
        if (parent.members().get(key) instanceof JsonObject object) {
            return object;
        }
        throw error(key, "is missing or no object");
    }

    private List<?> list(JsonObject parent, String key) {
        if (parent.members().get(key) instanceof List<?> list) {
            return list;
        }
        throw error(key, "is missing or no list");
    }

    private CheckpointFormatException error(String item, String problem) {
        return new CheckpointFormatException(file, -1, item, problem);
    }
}
