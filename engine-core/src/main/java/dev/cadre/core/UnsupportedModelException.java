package dev.cadre.core;

/** The checkpoint is well-formed, but asks for something that this engine does not do; the message names it. */
public final class UnsupportedModelException extends CadreException {
    private static final long serialVersionUID = 1L;
    private static final int MAX_MESSAGE = 2000;

    public UnsupportedModelException(String message) {
        super(printable(message));
    }

    /** What the message quotes comes from files: neither control characters nor megabytes may reach a terminal. */
    private static String printable(String message) {
        StringBuilder text = new StringBuilder();
        message.codePoints()
                .limit(MAX_MESSAGE)
                .forEach(c -> text.appendCodePoint(
                        Character.isISOControl(c) || Character.getType(c) == Character.FORMAT ? '\ufffd' : c));
        return text.append(message.length() > MAX_MESSAGE ? "…" : "").toString();
    }
}
