package dev.cadre.weights.convert;

import dev.cadre.weights.CheckpointFormatException;
import dev.cadre.weights.GgufWriter;
import dev.cadre.weights.internal.JsonObject;
import dev.cadre.weights.safetensors.FolderFiles;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The tokenizer of a Hugging Face folder as GGUF keys: tokens, their kinds, merges, special tokens, chat template. A
 * folder without {@code tokenizer.json} gives a model without tokenizer.
 */
final class TokenizerKeys {
    private static final int NORMAL = 1;
    private static final int CONTROL = 3;
    private static final int USER_DEFINED = 4;
    private static final int UNUSED = 5;

    private final FolderFiles files;
    private final Path file;
    private final GgufWriter writer;
    private final Map<String, Integer> added = new HashMap<>();

    private TokenizerKeys(FolderFiles files, GgufWriter writer) {
        this.files = files;
        this.file = files.path("tokenizer.json");
        this.writer = writer;
    }

    /** Puts the keys, with {@code pre} as the name of the pre-tokenizer. */
    static void put(Plan plan, String pre, long vocabulary) {
        FolderFiles files = new FolderFiles(plan.source().path());
        if (files.exists("tokenizer.json")) {
            new TokenizerKeys(files, plan.writer()).put(pre, Math.toIntExact(vocabulary));
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
        writer.putString("tokenizer.ggml.model", "gpt2")
                .putString("tokenizer.ggml.pre", pre)
                .putStrings("tokenizer.ggml.tokens", List.of(tokens))
                .putInt32s("tokenizer.ggml.token_type", kinds)
                .putStrings("tokenizer.ggml.merges", merges(model));
        specialTokens();
        chatTemplate();
    }

    private void set(String[] tokens, int[] kinds, String token, Object id, int kind) {
        if (!(id instanceof Long number) || number < 0 || number >= tokens.length) {
            throw error(
                    token,
                    "the id of this token is " + id + ", allowed are 0 to " + (tokens.length - 1) + " (vocab_size)");
        }
        tokens[number.intValue()] = token;
        kinds[number.intValue()] = kind;
    }

    private void addedToken(Object entry, String[] tokens, int[] kinds) {
        if (!(entry instanceof JsonObject(var members)) || !(members.get("content") instanceof String content)) {
            throw error("added_tokens", "an entry is no object with a content");
        }
        boolean special = Boolean.TRUE.equals(members.get("special")) || looksSpecial(content);
        set(tokens, kinds, content, members.get("id"), special ? CONTROL : USER_DEFINED);
        added.put(content, ((Long) members.get("id")).intValue());
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

    /** Ids as llama.cpp's converter sets them for GLM, and the end of text where the folder names it. */
    private void specialTokens() {
        JsonObject config = files.exists("tokenizer_config.json") ? files.readJson("tokenizer_config.json") : null;
        special("eos", named(config, "eos_token", "<|endoftext|>"));
        special("padding", named(config, "pad_token", "<|endoftext|>"));
        special("bos", added.containsKey("[gMASK]") ? "[gMASK]" : "<|endoftext|>");
        special("eot", "<|user|>");
        special("unknown", "<|endoftext|>");
        special("eom", "<|observation|>");
        // the prefix [gMASK]<sop> comes from the chat template
        writer.putBoolean("tokenizer.ggml.add_bos_token", false);
    }

    private static String named(JsonObject config, String key, String fallback) {
        Object value = config == null ? null : config.members().get(key);
        if (value instanceof JsonObject(var members)) {
            value = members.get("content");
        }
        return value instanceof String text ? text : fallback;
    }

    private void special(String role, String token) {
        Integer id = added.get(token);
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
