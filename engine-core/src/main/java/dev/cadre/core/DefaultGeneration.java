package dev.cadre.core;

import dev.cadre.core.sampling.Sampler;
import dev.cadre.core.sampling.StopTexts;
import java.util.Arrays;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.function.BooleanSupplier;

/** The one implementation of {@link Generation}. */
final class DefaultGeneration implements Generation {
    private final DefaultMoeModel model;
    private final DefaultSession session;
    private final Sampling sampling;
    private final Sampler sampler;
    private final Tokenizer.Decoder decoder;
    private final StopTexts stopTexts;
    private final int usable;
    private final int promptTokens;
    private final float[] logits;
    private final BooleanSupplier isCancelled = this::isCancelled;
    private int[] tokens = new int[64];
    private int count; // of the tokens
    private final StringBuilder text = new StringBuilder();

    private int[] pending; // the prompt, then nothing: the session itself keeps the token to be read next
    private Token next;
    private StopReason stopReason;
    private volatile boolean cancelled;
    private boolean iterated;
    private int cachedTokens; // of the prompt
    private long promptNanos;
    private long generationNanos;

    DefaultGeneration(DefaultMoeModel model, DefaultSession session, int[] prompt, Sampling sampling) {
        this.model = model;
        this.session = session;
        this.sampling = sampling;
        this.pending = prompt;
        this.promptTokens = prompt.length;
        int vocabulary = model.info().vocabulary();
        Tokenizer tokenizer = model.tokenizerOrNull();
        this.usable = tokenizer == null ? vocabulary : Math.min(vocabulary, tokenizer.vocabularySize());
        this.decoder = tokenizer == null ? null : tokenizer.newDecoder();
        this.stopTexts = new StopTexts(sampling.stop());
        this.sampler = new Sampler(sampling, session.engine().team().kernels().math(), vocabulary);
        this.sampler.observePrompt(prompt);
        this.logits = new float[vocabulary];
    }

    @Override
    public Iterator<Token> iterator() {
        if (iterated) {
            throw new IllegalStateException("a generation can be iterated once");
        }
        iterated = true;
        return new Iterator<>() {
            @Override
            public boolean hasNext() {
                return advance();
            }

            @Override
            public Token next() {
                if (!advance()) {
                    throw new NoSuchElementException();
                }
                Token token = next;
                next = null;
                return token;
            }
        };
    }

    /** Makes {@code next} the next token, if there is one. */
    private boolean advance() {
        if (next != null) {
            return true;
        }
        if (stopReason != null) {
            return false;
        }
        if (count >= sampling.maxTokens()) {
            end(StopReason.MAX_TOKENS);
            return false;
        }
        if (session.position() + pending.length > session.context()) {
            end(StopReason.CONTEXT_FULL);
            return false;
        }
        long start = System.nanoTime();
        boolean read = session.append(pending, logits, isCancelled);
        long nanos = System.nanoTime() - start;
        if (count == 0) {
            cachedTokens = session.lastCached();
            promptNanos += nanos;
        } else {
            generationNanos += nanos;
        }
        if (!read) {
            end(StopReason.CANCELLED);
            return false;
        }
        int token = sampler.next(logits, 0, usable);
        if (model.stops(token)) {
            end(StopReason.STOP);
            return false;
        }
        pending = DefaultSession.NOTHING;
        session.keepUnread(token);
        if (count == tokens.length) {
            tokens = Arrays.copyOf(tokens, 2 * count);
        }
        tokens[count++] = token;
        String visible = decoder == null ? "" : stopTexts.add(decoder.add(token));
        if (stopTexts.reached()) {
            text.append(visible);
            stopReason = StopReason.STOP;
            next = new Token(token, visible);
            return true;
        }
        if (count == sampling.maxTokens()) {
            visible += rest();
            stopReason = StopReason.MAX_TOKENS;
        }
        text.append(visible);
        next = new Token(token, visible);
        return true;
    }

    private boolean isCancelled() {
        return cancelled || Thread.currentThread().isInterrupted();
    }

    /** Text that was held back. */
    private String rest() {
        return decoder == null ? "" : stopTexts.add(decoder.finish()) + stopTexts.finish();
    }

    private void end(StopReason reason) {
        stopReason = reason;
        text.append(rest());
    }

    @Override
    public void cancel() {
        cancelled = true;
    }

    @Override
    public Completion result() {
        iterated = true;
        while (advance()) {
            next = null;
        }
        return new Completion(
                text.toString(),
                Arrays.stream(tokens, 0, count).boxed().toList(),
                stopReason,
                new Completion.Usage(promptTokens, cachedTokens, count),
                new Completion.Timings(promptNanos / 1e9, generationNanos / 1e9));
    }

    @Override
    public void close() {
        cancel();
    }
}
