package dev.cadre.core.tokenizer;

import dev.cadre.core.UnsupportedModelException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/** Cuts text into the words that are merged each by itself. */
interface PreTokenizer {
    /**
     * Cuts one piece.
     *
     * @param first whether the piece is at the very beginning of the text
     */
    List<String> split(String piece, boolean first);

    /** Leaves the piece whole. */
    PreTokenizer NONE = (piece, first) -> List.of(piece);

    /** What becomes of the text that a pattern matches. */
    enum Behavior {
        ISOLATED,
        REMOVED,
        MERGED_WITH_PREVIOUS,
        MERGED_WITH_NEXT
    }

    /** One after the other, each on the pieces of the one before. */
    static PreTokenizer sequence(List<PreTokenizer> steps) {
        return (piece, first) -> {
            List<String> pieces = List.of(piece);
            for (PreTokenizer step : steps) {
                List<String> next = new ArrayList<>();
                int length = 0;
                for (int i = 0; i < pieces.size(); i++) {
                    for (String part : step.split(pieces.get(i), first && i == 0)) {
                        length += part.length();
                        next.add(part);
                    }
                    checkGrowth(piece.length(), length);
                }
                pieces = next;
            }
            return pieces;
        };
    }

    /** Steps that each insert a little would otherwise make gigabytes of a word. */
    static String bounded(int before, String text) {
        checkGrowth(before, text.length());
        return text;
    }

    private static void checkGrowth(int before, int after) {
        if (after > 64L * before + 4096) {
            throw new UnsupportedModelException(
                    "the tokenizer's steps make " + after + " characters of a text of " + before);
        }
    }

    /**
     * Cuts at the matches of a pattern.
     *
     * @param regex in the syntax of Hugging Face tokenizers (Oniguruma)
     * @throws UnsupportedModelException if it cannot be compiled
     */
    static PreTokenizer split(String regex, Behavior behavior, boolean invert) {
        Pattern pattern = compile(regex);
        return (piece, first) -> cut(pattern, piece, behavior, invert);
    }

    private static Pattern compile(String regex) {
        // Case folding must reach beyond ASCII, and scripts have another prefix in Java.
        String java = regex.replace("(?i:", "(?iu:").replace("\\p{Han}", "\\p{IsHan}");
        try {
            return Pattern.compile(java, Pattern.UNICODE_CHARACTER_CLASS);
        } catch (PatternSyntaxException e) {
            throw new UnsupportedModelException(
                    "the tokenizer's pattern cannot be compiled: " + e.getDescription() + ": " + regex);
        } catch (StackOverflowError e) {
            throw new UnsupportedModelException("the tokenizer's pattern is nested too deeply: " + regex);
        }
    }

    private static List<String> cut(Pattern pattern, String piece, Behavior behavior, boolean invert) {
        try {
            return cutDeeply(pattern, piece, behavior, invert);
        } catch (StackOverflowError e) {
            throw new UnsupportedModelException("the tokenizer's pattern recurses too deeply: " + pattern);
        }
    }

    private static List<String> cutDeeply(Pattern pattern, String piece, Behavior behavior, boolean invert) {
        List<String> pieces = new ArrayList<>();
        BudgetedText text = new BudgetedText(piece);
        Matcher matcher = pattern.matcher(text);
        int end = 0;
        while (matcher.find()) {
            if (matcher.end() == matcher.start()) {
                continue;
            }
            add(pieces, piece, end, matcher.start(), invert, behavior);
            add(pieces, piece, matcher.start(), matcher.end(), !invert, behavior);
            end = matcher.end();
        }
        text.report();
        add(pieces, piece, end, piece.length(), invert, behavior);
        if (behavior == Behavior.MERGED_WITH_PREVIOUS || behavior == Behavior.MERGED_WITH_NEXT) {
            return merge(pieces, pattern, behavior);
        }
        return pieces;
    }

    private static void add(List<String> pieces, String text, int from, int to, boolean delimiter, Behavior behavior) {
        if (to > from && !(delimiter && behavior == Behavior.REMOVED)) {
            pieces.add(text.substring(from, to));
        }
    }

    private static List<String> merge(List<String> pieces, Pattern pattern, Behavior behavior) {
        List<String> merged = new ArrayList<>();
        String carried = "";
        for (String piece : pieces) {
            boolean delimiter = pattern.matcher(new BudgetedText(piece)).matches();
            if (delimiter && behavior == Behavior.MERGED_WITH_NEXT) {
                if (!carried.isEmpty()) {
                    merged.add(carried);
                }
                carried = piece;
            } else if (delimiter && !merged.isEmpty()) {
                merged.add(merged.removeLast() + piece);
            } else {
                merged.add(carried + piece);
                carried = "";
            }
        }
        if (!carried.isEmpty()) {
            merged.add(carried);
        }
        return merged;
    }
}
