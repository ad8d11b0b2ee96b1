package dev.cadre.core.saved;

import dev.cadre.kernels.Matrix;
import java.lang.reflect.RecordComponent;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.List;

/**
 * What a model is, in 32 bytes: SHA-256 over its configuration, the texts of its tokens, and samples of its weights
 * (every vector; of a matrix the shape, the format and three rows; of many experts the first, middle and last). It
 * tells models apart that somebody made or tuned, and reads few of their pages; it is no protection against forgery.
 */
public final class Fingerprint {
    /** Decodes a row of a matrix. */
    public interface RowDecoder {
        void decode(Matrix matrix, long row, float[] dst);
    }

    private final MessageDigest digest;
    private final RowDecoder rows;

    /** An empty fingerprint. */
    public Fingerprint(RowDecoder rows) {
        this.rows = rows;
        try {
            this.digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    /** Adds a value: a record with all its components, a list, an array, a number, a text or a matrix. */
    public Fingerprint add(Object value) {
        switch (value) {
            case null -> text("null");
            case Matrix matrix -> matrix(matrix);
            case Matrix[] matrices -> {
                text("matrices " + matrices.length);
                for (int i : new int[] {0, matrices.length / 2, matrices.length - 1}) {
                    matrix(matrices[i]);
                }
            }
            case float[] vector -> {
                text("floats " + vector.length);
                ByteBuffer bits = ByteBuffer.allocate(4 * vector.length);
                bits.asFloatBuffer().put(vector);
                digest.update(bits);
            }
            case int[] vector -> {
                text("ints " + vector.length);
                ByteBuffer bits = ByteBuffer.allocate(4 * vector.length);
                bits.asIntBuffer().put(vector);
                digest.update(bits);
            }
            case Object[] array -> {
                text("array " + array.length);
                for (Object element : array) {
                    add(element);
                }
            }
            case List<?> list -> add(list.toArray());
            case Record r -> {
                text(r.getClass().getSimpleName());
                for (RecordComponent component : r.getClass().getRecordComponents()) {
                    text(component.getName());
                    add(valueOf(component, r));
                }
            }
            case Enum<?> constant -> text(constant.name());
            case Number number -> text(number.toString());
            case Boolean flag -> text(flag.toString());
            case String string -> text(string);
            default -> throw new IllegalArgumentException("no fingerprint of a " + value.getClass());
        }
        return this;
    }

    private static Object valueOf(RecordComponent component, Record of) {
        try {
            return component.getAccessor().invoke(of);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("cannot read " + component, e);
        }
    }

    private void matrix(Matrix matrix) {
        text(matrix.toString());
        if (matrix.rows() > 0) {
            float[] row = new float[matrix.columns()];
            for (long r : new long[] {0, matrix.rows() / 2, matrix.rows() - 1}) {
                rows.decode(matrix, r, row);
                add(row);
            }
        }
    }

    /** A text with its length before it, so that no two lists of texts look alike. */
    private void text(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        digest.update(ByteBuffer.allocate(4).putInt(bytes.length).flip());
        digest.update(bytes);
    }

    /** The 32 bytes; nothing can be added afterwards. */
    public byte[] value() {
        return digest.digest();
    }
}
