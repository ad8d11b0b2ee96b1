package dev.cadre.weights;

import java.nio.file.Path;

/**
 * A file is not what it should be: malformed, truncated, inconsistent, beyond a limit of {@link CheckpointLimits}, or
 * of a kind that cannot be read. The message says what is wrong and where, what was found and what is allowed.
 */
public final class CheckpointFormatException extends CheckpointException {
    private static final long serialVersionUID = 1L;

    private final long offset;
    private final String item;

    /**
     * An error at one place of a file.
     *
     * @param path the file
     * @param offset where in the file, in bytes, or -1 if the error has no such place
     * @param item the tensor or key concerned, or null
     * @param problem what is wrong, what was found and what is allowed
     */
    public CheckpointFormatException(Path path, long offset, String item, String problem) {
        this(path, offset, item, problem, null);
    }

    /** As above, with a cause. */
    public CheckpointFormatException(Path path, long offset, String item, String problem, Throwable cause) {
        super(path, message(path, offset, item, problem), cause);
        this.offset = offset;
        this.item = item;
    }

    private static String message(Path path, long offset, String item, String problem) {
        StringBuilder text = new StringBuilder().append(path);
        if (offset >= 0) {
            text.append(", offset ").append(offset);
        }
        if (item != null) {
            text.append(", ").append(printable(item));
        }
        return text.append(": ").append(problem).toString();
    }

    /** Names come from files: control characters must not reach a terminal or a log, nor a megabyte of name. */
    private static String printable(String name) {
        StringBuilder text = new StringBuilder();
        name.codePoints()
                .limit(200)
                .forEach(c -> text.appendCodePoint(
                        Character.isISOControl(c) || Character.getType(c) == Character.FORMAT ? '\ufffd' : c));
        return text.append(name.length() > 200 ? "…" : "").toString();
    }

    /** Byte offset in {@link #path()} where the error is, or -1. */
    public long offset() {
        return offset;
    }

    /** The tensor or metadata key concerned, or null. */
    public String item() {
        return item;
    }
}
