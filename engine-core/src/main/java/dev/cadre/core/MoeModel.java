package dev.cadre.core;

import java.nio.file.Path;

/**
 * A loaded model. Immutable and safe for use by many threads; steps of different sessions take turns. Close it to unmap
 * its files and stop its workers.
 *
 * <pre>{@code
 * try (MoeModel model = MoeModel.load(Path.of("model.gguf"));
 *         Session session = model.newSession()) {
 *     for (Token token : session.generate("Once upon a time", Sampling.greedy().withMaxTokens(64))) {
 *         show(token.text());
 *     }
 * }
 * }</pre>
 */
public interface MoeModel extends AutoCloseable {
    /**
     * Loads a checkpoint with default options.
     *
     * @param path a GGUF file (any part of a split one), or a Hugging Face folder
     */
    static MoeModel load(Path path) {
        return load(path, LoadOptions.defaults());
    }

    /**
     * Loads a checkpoint: maps its files and reads headers, norms and other small tensors. The weights of experts are
     * read when a token is routed to them.
     *
     * @throws dev.cadre.weights.CheckpointFormatException if a file is damaged or does not fit its configuration
     * @throws UnsupportedModelException if the architecture or an option of it is not supported
     */
    static MoeModel load(Path path, LoadOptions options) {
        return DefaultMoeModel.load(path, options);
    }

    /** What the model is. */
    ModelInfo info();

    /**
     * The model's tokenizer.
     *
     * @throws UnsupportedModelException if the checkpoint has none
     */
    Tokenizer tokenizer();

    /** Opens a session with default options. */
    default Session newSession() {
        return newSession(SessionOptions.defaults());
    }

    /**
     * Opens an empty session.
     *
     * @throws ModelClosedException if the model is closed
     */
    Session newSession(SessionOptions options);

    /** Restores a session as {@link #restore(Path, SessionOptions)}, with default options. */
    default Session restore(Path path) {
        return restore(path, SessionOptions.defaults());
    }

    /**
     * Opens a session that {@link Session#save} wrote. It continues bit for bit as the saved one would have, with the
     * same options and vector width. Sampling and its random draws are not part of a session.
     *
     * @throws SessionFileException if the file cannot be read, is damaged, or is of another model, version or cache
     *     precision; its reason says which
     * @throws InvalidRequestException if the session has more positions than the context of {@code options}
     * @throws CacheFullException if cache memory runs out
     */
    Session restore(Path path, SessionOptions options);

    /**
     * Waits for the running step, then gives everything back. Sessions that are still open fail from now on with
     * {@link ModelClosedException}. May be called more than once.
     */
    @Override
    void close();
}
