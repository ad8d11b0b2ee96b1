package dev.cadre.weights.fuzz;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Edits of a well-formed file, read from fuzz input. Noise dies at the first length field; edits that insert, remove,
 * repeat and overwrite whole fields get deep into a parser.
 */
final class InputScript {
    private static final long[] NUMBERS = {
        0,
        1,
        2,
        3,
        4,
        8,
        12,
        31,
        32,
        33,
        255,
        256,
        65_535,
        1L << 31,
        (1L << 31) - 1,
        1L << 32,
        (1L << 32) - 1,
        1L << 61,
        1L << 62,
        Long.MAX_VALUE,
        Long.MIN_VALUE,
        -1,
        -2,
        -32
    };

    private final byte[] script;
    private int at;

    InputScript(byte[] script) {
        this.script = script;
    }

    private int next() {
        return at < script.length ? script[at++] & 0xff : 0;
    }

    /** A place from 0 to {@code bound}, by two bytes of script. */
    private int place(int bound) {
        return (next() << 8 | next()) % (bound + 1);
    }

    /** The file after all edits of the script, of which there are at most 64. */
    byte[] apply(byte[] original) {
        byte[] file = original;
        for (int edit = 0; edit < 64 && at < script.length; edit++) {
            int kind = next() % 6;
            int where = place(file.length);
            file = switch (kind) {
                case 0 -> overwrite(file, where, new byte[] {(byte) next()});
                case 1 -> overwrite(file, where, number(8));
                case 2 -> overwrite(file, where, number(4));
                case 3 -> splice(file, where, 0, insertion());
                case 4 -> splice(file, where, next(), new byte[0]);
                default -> repeat(file, where, next());
            };
        }
        return file;
    }

    private byte[] number(int bytes) {
        int choice = next();
        long value = choice < NUMBERS.length ? NUMBERS[choice] : choice * (long) next();
        ByteBuffer buffer =
                ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(value);
        byte[] result = new byte[bytes];
        buffer.get(0, result);
        return result;
    }

    private byte[] insertion() {
        byte[] result = new byte[next() % 32];
        for (int i = 0; i < result.length; i++) {
            result[i] = (byte) next();
        }
        return result;
    }

    private static byte[] overwrite(byte[] file, int where, byte[] bytes) {
        byte[] result = file.clone();
        System.arraycopy(bytes, 0, result, where, Math.min(bytes.length, result.length - where));
        return result;
    }

    private static byte[] splice(byte[] file, int where, int removed, byte[] inserted) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(file, 0, where);
        out.writeBytes(inserted);
        int from = Math.min(file.length, where + removed);
        out.write(file, from, file.length - from);
        return out.toByteArray();
    }

    private static byte[] repeat(byte[] file, int where, int length) {
        int end = Math.min(file.length, where + length);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(file, 0, end);
        out.write(file, where, file.length - where);
        return out.toByteArray();
    }
}
