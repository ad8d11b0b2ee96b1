package dev.cadre.core.tokenizer;

import java.util.HashMap;
import java.util.Map;

/** Token texts and their ids, added tokens included. Immutable. */
final class Vocabulary {
    private final String[] texts; // null for ids without a token
    private final Map<String, Integer> ids;

    /** A vocabulary of the given texts; the index is the id, null leaves a hole. */
    Vocabulary(String[] texts) {
        this.texts = texts;
        this.ids = HashMap.newHashMap(texts.length);
        for (int id = 0; id < texts.length; id++) {
            if (texts[id] != null) {
                ids.putIfAbsent(texts[id], id);
            }
        }
    }

    /** One more than the highest id. */
    int size() {
        return texts.length;
    }

    /** The id of a token, or -1. */
    int id(String text) {
        return ids.getOrDefault(text, -1);
    }

    /** The text of an id, or null. */
    String text(int id) {
        return id >= 0 && id < texts.length ? texts[id] : null;
    }
}
