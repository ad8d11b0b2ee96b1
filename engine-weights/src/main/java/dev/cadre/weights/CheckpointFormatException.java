package dev.cadre.weights;

import java.nio.file.Path;

/**
 * A file is not what it should be: malformed, truncated, inconsistent, beyond a limit of {@link CheckpointLimits}, or
 * of a kind that cannot be read. The message says what is wrong and where, what was found and what is allowed.
 */
public final class CheckpointFormatException extends CheckpointException {
    private static final long serialVersionUID = 1L;
    private static final int MAX_PATH = 4096;
    private static final int MAX_ITEM = 200;
    private static final int MAX_PROBLEM = 1000;

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
        StringBuilder text = new StringBuilder().append(printable(path.toString(), MAX_PATH));
        if (offset >= 0) {
            text.append(", offset ").append(offset);
        }
        if (item != null) {
            text.append(", ").append(printable(item, MAX_ITEM));
        }
        return text.append(": ").append(printable(problem, MAX_PROBLEM)).toString();
    }

    /** Texts come from files: control characters must not reach a terminal or a log, nor a megabyte of name. */
    private static String printable(String name, int limit) {
        StringBuilder text = new StringBuilder();
        name.codePoints()
                .limit(limit)
                .forEach(c -> text.appendCodePoint(
                        Character.isISOControl(c) || Character.getType(c) == Character.FORMAT ? '\ufffd' : c));
        return text.append(name.length() > limit ? "…" : "").toString();
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
