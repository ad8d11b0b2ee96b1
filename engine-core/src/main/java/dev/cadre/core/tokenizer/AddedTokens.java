package dev.cadre.core.tokenizer;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Finds the names of added tokens in text: leftmost first, of several at one place the longest. */
final class AddedTokens {
    /**
     * An added token.
     *
     * @param id its id
     * @param text its name
     * @param special control token, left out of decoded text
     * @param stripLeft it takes the white space before it along
     * @param stripRight it takes the white space after it along
     * @param singleWord it counts only between characters that are not part of a word
     * @param normalized it is looked for in normalised text
     */
    record Added(
            int id,
            String text,
            boolean special,
            boolean stripLeft,
            boolean stripRight,
            boolean singleWord,
            boolean normalized) {}

    /** A hit: {@code token} stands for {@code text[start..end)}. */
    record Match(Added token, int start, int end) {}

    private final Map<Character, List<Added>> byFirst = new HashMap<>();

    AddedTokens(List<Added> tokens) {
        for (Added token : tokens) {
            if (!token.text().isEmpty()) {
                byFirst.computeIfAbsent(token.text().charAt(0), c -> new ArrayList<>())
                        .add(token);
            }
        }
        for (List<Added> list : byFirst.values()) {
            list.sort(Comparator.comparing((Added t) -> -t.text().length()));
        }
    }

    /** The first hit at or after {@code from}, or null. */
    Match find(CharSequence text, int from) {
        if (byFirst.isEmpty()) {
            return null;
        }
        for (int i = from; i < text.length(); i++) {
            List<Added> candidates = byFirst.get(text.charAt(i));
            if (candidates == null) {
                continue;
            }
            for (Added token : candidates) {
                if (matches(text, i, token.text()) && (!token.singleWord() || standsAlone(text, i, token))) {
                    return widen(text, from, i, token);
                }
            }
        }
        return null;
    }

    private static boolean matches(CharSequence text, int at, String token) {
        if (text.length() - at < token.length()) {
            return false;
        }
        for (int i = 0; i < token.length(); i++) {
            if (text.charAt(at + i) != token.charAt(i)) {
                return false;
            }
        }
        return true;
    }

    private static boolean standsAlone(CharSequence text, int at, Added token) {
        int end = at + token.text().length();
        return (at == 0 || !isWord(Character.codePointBefore(text, at)))
                && (end == text.length() || !isWord(Character.codePointAt(text, end)));
    }

    private static boolean isWord(int c) {
        return Character.isLetterOrDigit(c)
                || c == '_'
                || Character.getType(c) == Character.NON_SPACING_MARK
                || Character.getType(c) == Character.CONNECTOR_PUNCTUATION;
    }

    private static Match widen(CharSequence text, int from, int at, Added token) {
        int start = at;
        int end = at + token.text().length();
        while (token.stripLeft() && start > from && isSpace(text.charAt(start - 1))) {
            start--;
        }
        while (token.stripRight() && end < text.length() && isSpace(text.charAt(end))) {
            end++;
        }
        return new Match(token, start, end);
    }

    /** Unicode's White_Space; all of it is in the basic plane. */
    static boolean isSpace(char c) {
        return Character.isSpaceChar(c) || (c >= 9 && c <= 13) || c == 0x85;
    }
}
