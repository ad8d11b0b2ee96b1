package dev.cadre.core.tokenizer;

import java.util.Arrays;

/**
 * The alphabet of byte-level BPE (GPT-2, 2019): every byte is written as one printable character, so that vocabularies
 * are text. Printable Latin-1 bytes stand for themselves, the others for U+0100 onwards.
 */
final class ByteAlphabet {
    private static final char[] CHARS = new char[256];
    private static final short[] BYTES = new short[0x180];

    static {
        Arrays.fill(BYTES, (short) -1);
        int next = 0x100;
        for (int b = 0; b < 256; b++) {
            boolean printable = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
            CHARS[b] = (char) (printable ? b : next++);
            BYTES[CHARS[b]] = (short) b;
        }
    }

    private ByteAlphabet() {}

    /** The character that stands for a byte. */
    static char charOf(int unsignedByte) {
        return CHARS[unsignedByte];
    }

    /** The byte that a character stands for, or -1. */
    static int byteOf(char c) {
        return c < BYTES.length ? BYTES[c] : -1;
    }

    /** Text of the alphabet for UTF-8 bytes. */
    static String encode(byte[] utf8) {
        char[] chars = new char[utf8.length];
        for (int i = 0; i < utf8.length; i++) {
            chars[i] = CHARS[utf8[i] & 0xff];
        }
        return new String(chars);
    }

    /** The bytes that a token stands for, or null if it has a character outside the alphabet. */
    static byte[] decode(String token) {
        byte[] bytes = new byte[token.length()];
        for (int i = 0; i < bytes.length; i++) {
            int b = byteOf(token.charAt(i));
            if (b < 0) {
                return null;
            }
            bytes[i] = (byte) b;
        }
        return bytes;
    }
}
