package dev.cadre.core;

import dev.cadre.core.cache.SequenceCache;
import dev.cadre.core.forward.Batch;
import dev.cadre.weights.file.OutputFile;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.BooleanSupplier;

/** The one implementation of {@link Session}. */
final class DefaultSession implements Session {
    private static final BooleanSupplier NEVER = () -> false;
    static final int[] NOTHING = {};

    private final DefaultMoeModel model;
    private final Engine engine;
    private final SequenceCache cache;
    private final int context;
    private Trace trace;
    /** Tokens that count as read but are not in the cache yet: the last generated one, or those to compute again. */
    private int[] unread;
    /** What {@code unread} is while a generation goes on: always the same array, since a token allocates nothing. */
    private final int[] generated = new int[1];

    private int lastCached;
    private volatile boolean closed;

    DefaultSession(DefaultMoeModel model, Engine engine, SequenceCache cache, int context) {
        this(model, engine, cache, NOTHING, context);
    }

    DefaultSession(DefaultMoeModel model, Engine engine, SequenceCache cache, int[] unread, int context) {
        this.model = model;
        this.engine = engine;
        this.cache = cache;
        this.unread = unread;
        this.context = context;
    }

    @Override
    public int position() {
        return cache.length() + unread.length;
    }

    @Override
    public int context() {
        return context;
    }

    @Override
    public Logits forward(int... tokens) {
        checkTokens(tokens);
        int vocabulary = engine.config().vocabulary();
        if ((long) tokens.length * vocabulary > Integer.MAX_VALUE - 8) {
            throw new InvalidRequestException("the logits of " + tokens.length + " tokens by " + vocabulary
                    + " ids do not fit one array; pass fewer tokens at a time");
        }
        float[] values = new float[tokens.length * vocabulary];
        engine.append(cache, unread, tokens, Batch.Logits.ALL, values, trace, NEVER);
        unread = NOTHING;
        return new Logits(values, tokens.length, vocabulary);
    }

    @Override
    public Logits append(int... tokens) {
        float[] values = new float[engine.config().vocabulary()];
        append(tokens, values);
        return new Logits(values, 1, values.length);
    }

    @Override
    public void append(int[] tokens, float[] logits) {
        if (tokens.length == 0) {
            throw new InvalidRequestException("there is no token to append");
        }
        if (logits.length < engine.config().vocabulary()) {
            throw new InvalidRequestException("an array of " + logits.length + " floats does not hold the logits of "
                    + engine.config().vocabulary() + " ids");
        }
        checkTokens(tokens);
        append(tokens, logits, NEVER);
    }

    @Override
    public Generation generate(String prompt, Sampling sampling) {
        int[] ids = model.tokenizer().encodeWithSpecials(prompt);
        int[] start = position() == 0 ? model.tokenizer().startTokens() : NOTHING;
        return generate(concat(start, ids), sampling);
    }

    @Override
    public Generation generate(int[] prompt, Sampling sampling) {
        if (prompt.length == 0) {
            throw new InvalidRequestException("the prompt is empty; it must have at least one token");
        }
        checkTokens(prompt);
        engine.checkFiles();
        return new DefaultGeneration(model, this, prompt.clone(), sampling);
    }

    /**
     * Appends tokens for a generation; the logits of the last one go to {@code logits[0..V)}.
     *
     * @return false if it was cancelled; the session is then as before
     */
    boolean append(int[] tokens, float[] logits, BooleanSupplier cancelled) {
        checkOpen();
        int cached = engine.append(cache, NOTHING, concat(unread, tokens), Batch.Logits.LAST, logits, trace, cancelled);
        boolean done = cached != Engine.CANCELLED;
        // tokens that are read again after a rewind come first, and were counted with an earlier prompt
        lastCached = done ? Math.max(0, cached - unread.length) : 0;
        if (done) {
            unread = NOTHING;
        }
        return done;
    }

    /** How many tokens of the last append the prefix cache had. */
    int lastCached() {
        return lastCached;
    }

    /** Keeps a generated token until the next call reads it. */
    void keepUnread(int token) {
        generated[0] = token;
        unread = generated;
    }

    private static int[] concat(int[] a, int[] b) {
        if (a.length == 0 || b.length == 0) {
            return a.length == 0 ? b : a;
        }
        int[] all = Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, all, a.length, b.length);
        return all;
    }

    Engine engine() {
        return engine;
    }

    SequenceCache cache() {
        return cache;
    }

    private void checkTokens(int[] tokens) {
        checkOpen();
        int vocabulary = engine.config().vocabulary();
        for (int i = 0; i < tokens.length; i++) {
            if (tokens[i] < 0 || tokens[i] >= vocabulary) {
                throw new InvalidRequestException(
                        "token " + i + " is " + tokens[i] + "; this model's ids go from 0 to " + (vocabulary - 1));
            }
        }
        if (tokens.length > context - position()) {
            throw new InvalidRequestException(tokens.length + " tokens after " + position()
                    + " positions are more than the context of " + context
                    + "; open the session with a larger context, or shorten the prompt");
        }
    }

    private void checkOpen() {
        if (closed) {
            throw new ModelClosedException("the session is closed");
        }
    }

    @Override
    public Session fork() {
        checkOpen();
        return new DefaultSession(model, engine, engine.exclusively(cache::fork), unread.clone(), context);
    }

    @Override
    public void rewind(int position) {
        checkOpen();
        if (position < 0 || position > position()) {
            throw new InvalidRequestException(
                    "cannot rewind to position " + position + "; the session has " + position() + " positions");
        }
        if (position > cache.length()) {
            unread = Arrays.copyOf(unread, position - cache.length());
        } else {
            unread = engine.exclusively(() -> takeBack(position));
        }
    }

    /**
     * Takes the cache back to a position, or to nothing where a window has lost what the position needs.
     *
     * @return the tokens that must then be read again
     */
    private int[] takeBack(int position) {
        if (cache.canTruncate(position)) {
            cache.truncate(position);
            return NOTHING;
        }
        if (cache.knownTokens() < position) {
            throw new InvalidRequestException("cannot rewind to position " + position + " of " + cache.length()
                    + ": layers with a sliding window no longer hold what lies before it, and it cannot be computed"
                    + " again since the tokens are not known; rewind less, or fork before");
        }
        int[] again = cache.tokens(0, position);
        cache.truncate(0);
        return again;
    }

    @Override
    public void save(Path path) {
        save(path, OutputFile.ON_DISK);
    }

    void save(Path path, OutputFile.Opener disk) {
        checkOpen();
        model.saved().save(cache, unread, path, disk);
    }

    @Override
    public void trace(Trace receiver) {
        trace = receiver;
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            engine.release(cache);
        }
    }
}
