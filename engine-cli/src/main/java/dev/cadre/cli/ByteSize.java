package dev.cadre.cli;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Sizes on the command line: {@code 48G}, {@code 500M}, plain bytes. Units are powers of 1,000, as llama.cpp's. */
final class ByteSize {
    private static final Pattern SIZE = Pattern.compile("([0-9]{1,15})([KMGT]?)");

    private ByteSize() {}

    static long parse(String option, String text) {
        Matcher matcher = SIZE.matcher(text.toUpperCase(Locale.ROOT));
        if (!matcher.matches()) {
            throw new UserException(
                    option + ": '" + text + "' is not a size; give bytes, or a number with K, M, G or T");
        }
        long unit = switch (matcher.group(2)) {
            case "K" -> 1_000L;
            case "M" -> 1_000_000L;
            case "G" -> 1_000_000_000L;
            case "T" -> 1_000_000_000_000L;
            default -> 1L;
        };
        return Math.multiplyExact(Long.parseLong(matcher.group(1)), unit);
    }
}
