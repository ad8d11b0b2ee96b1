package dev.cadre.core;

/**
 * One generated token.
 *
 * @param id its number in the vocabulary
 * @param text the text that became certain with it: empty while a character is incomplete or a stop text may be
 *     beginning, and then more than one token's own
 */
public record Token(int id, String text) {}
