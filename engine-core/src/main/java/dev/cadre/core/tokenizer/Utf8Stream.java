package dev.cadre.core.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Bytes in, text out, as soon as characters are complete. */
final class Utf8Stream {
    private byte[] pending = new byte[16];
    private int count;

    /** Adds bytes; returns the text up to the last complete character. */
    String add(byte[] bytes) {
        if (count + bytes.length > pending.length) {
            pending = Arrays.copyOf(pending, Math.max(2 * pending.length, count + bytes.length));
        }
        System.arraycopy(bytes, 0, pending, count, bytes.length);
        count += bytes.length;
        int complete = count - incompleteTail();
        String text = new String(pending, 0, complete, StandardCharsets.UTF_8);
        System.arraycopy(pending, complete, pending, 0, count - complete);
        count -= complete;
        return text;
    }

    /** Number of bytes at the end that begin a character whose rest may still come. */
    private int incompleteTail() {
        for (int back = 1; back <= Math.min(3, count); back++) {
            int b = pending[count - back] & 0xff;
            if (b >= 0xC0) {
                int length = b >= 0xF0 ? 4 : b >= 0xE0 ? 3 : 2;
                return b <= 0xF4 && back < length ? back : 0;
            }
            if (b < 0x80) {
                return 0;
            }
        }
        return 0;
    }

    /** What is left; incomplete bytes become U+FFFD. */
    String finish() {
        String text = new String(pending, 0, count, StandardCharsets.UTF_8);
        count = 0;
        return text;
    }
}
