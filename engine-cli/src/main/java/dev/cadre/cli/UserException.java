package dev.cadre.cli;

/** Something that the user can mend; the message is all that is printed. */
final class UserException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    UserException(String message) {
        super(message);
    }
}
