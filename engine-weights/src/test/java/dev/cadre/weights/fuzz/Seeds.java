package dev.cadre.weights.fuzz;

import dev.cadre.weights.CheckpointFormatException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;

/** What the fuzz targets share. */
final class Seeds {
    /** Names in messages are cut to 200 characters, found values to 40. */
    private static final int LONGEST_MESSAGE = 1500;

    private Seeds() {}

    static byte[] resource(String name) {
        try (InputStream in = Seeds.class.getResourceAsStream(name)) {
            return in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A message must not carry a hostile file's control characters or megabytes to a terminal. */
    static void checkMessage(CheckpointFormatException e) {
        String message = e.getMessage();
        if (message.length() > LONGEST_MESSAGE) {
            throw new AssertionError("a message of " + message.length() + " characters", e);
        }
        if (message.chars().anyMatch(c -> Character.isISOControl(c))) {
            throw new AssertionError("a message with control characters", e);
        }
    }
}
