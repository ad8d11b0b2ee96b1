package dev.cadre.core;

import java.nio.file.Path;

/**
 * One conversation: the positions read and written so far, and their key-value cache. Confined to one caller at a time;
 * different sessions of a model may be used by different threads at once. Close it to give its memory back.
 */
public interface Session extends AutoCloseable {
    /** Number of positions read or generated so far. */
    int position();

    /** Most positions that this session may hold. */
    int context();

    /**
     * Appends tokens and returns the logits after each of them: the low-level door, for evaluation and for samplers of
     * one's own.
     *
     * @throws InvalidRequestException for a token id outside the vocabulary, or more tokens than the context holds;
     *     nothing is then changed
     * @throws CacheFullException if cache memory runs out; nothing is then changed
     */
    Logits forward(int... tokens);

    /**
     * Appends tokens and returns the logits after the last of them only, which is much cheaper for long inputs.
     *
     * @throws InvalidRequestException as {@link #forward} does, and if there is no token
     */
    Logits append(int... tokens);

    /**
     * As {@link #append(int...)}, into an array of the caller's: the door for generating token by token without
     * allocation.
     *
     * @param logits receives the V logits after the last token; at least V long
     * @throws InvalidRequestException as {@link #append(int...)} does, and if {@code logits} is too short
     */
    void append(int[] tokens, float[] logits);

    /**
     * Appends a prompt and generates. The prompt is taken as plain text; the tokenizer's own start tokens are added at
     * position 0.
     *
     * @throws InvalidRequestException if the prompt is empty or longer than the context
     */
    Generation generate(String prompt, Sampling sampling);

    /** Appends prompt tokens and generates. */
    Generation generate(int[] prompt, Sampling sampling);

    /** A second session with the same content, which shares the cache's pages until they differ. */
    Session fork();

    /**
     * Forgets positions at and beyond {@code position}. Where layers have a sliding window, they keep 1,024 positions
     * more than it; going back further makes the next call compute all remaining positions again.
     *
     * @throws InvalidRequestException if there are fewer
     */
    void rewind(int position);

    /**
     * Writes the session to a file, from which {@link MoeModel#restore} continues it. The file appears under its name
     * when it is complete and on the disk; until then, and if anything fails, what was there stays. It holds the tokens
     * and the cache in the clear, protected against damage by checksums, not against forgery. Other sessions of the
     * model go on meanwhile.
     *
     * @throws SessionFileException if the file cannot be written
     */
    void save(Path path);

    /** Receives the intermediates of this session's steps from now on; null for none. */
    void trace(Trace trace);

    /** Gives the cache back. */
    @Override
    void close();
}
