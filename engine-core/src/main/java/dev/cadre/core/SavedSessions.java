package dev.cadre.core;

import dev.cadre.core.SessionFileException.Reason;
import dev.cadre.core.cache.CachePages;
import dev.cadre.core.cache.SequenceCache;
import dev.cadre.core.saved.InputFile;
import dev.cadre.core.saved.SavedCache;
import dev.cadre.core.saved.SessionHeader;
import dev.cadre.core.saved.SessionReader;
import dev.cadre.core.saved.SessionWriter;
import dev.cadre.weights.file.OutputFile;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.Supplier;

/**
 * Saves and restores the sessions of one model. Steps of all sessions go on meanwhile: what is saved is a fork, whose
 * pages nobody writes, and what is restored belongs to no session yet.
 */
final class SavedSessions {
    private final Engine engine;
    private final Supplier<byte[]> computeFingerprint;
    private byte[] fingerprint; // once it is wanted

    SavedSessions(Engine engine, Supplier<byte[]> computeFingerprint) {
        this.engine = engine;
        this.computeFingerprint = computeFingerprint;
    }

    /** What a file holds. */
    record Restored(SequenceCache cache, int[] unread) {}

    private byte[] fingerprint() {
        return engine.exclusively(() -> {
            if (fingerprint == null) {
                fingerprint = computeFingerprint.get();
            }
            return fingerprint;
        });
    }

    void save(SequenceCache cache, int[] unread, Path path, OutputFile.Opener disk) {
        byte[] model = fingerprint();
        SequenceCache copy = engine.exclusively(cache::fork); // shares its pages
        try {
            int known = copy.knownTokens();
            int[] tokens = Arrays.copyOf(copy.tokens(0, known), known + unread.length);
            System.arraycopy(unread, 0, tokens, known, unread.length);
            SavedCache pages = CachePages.out(copy, engine::besideSteps);
            long count = 0;
            for (int g = 0; g < pages.groups(); g++) {
                count += pages.end(g) - pages.first(g);
            }
            SessionHeader header = new SessionHeader(
                    engine.precision(),
                    model,
                    copy.length(),
                    known,
                    unread.length,
                    pages.groups(),
                    engine.pageBytes(),
                    count);
            new SessionWriter(disk).write(path, header, tokens, pages);
        } catch (IOException e) {
            throw new SessionFileException(
                    Reason.IO, path + ": the session could not be saved: " + e + "; what was there has not changed", e);
        } finally {
            engine.release(copy);
        }
    }

    Restored restore(Path path, int context, InputFile.Opener disk) {
        byte[] model = fingerprint();
        try (SessionReader reader = SessionReader.open(path, disk)) {
            SessionHeader header = reader.header();
            checkFits(path, header, model);
            int[] groups = reader.groups();
            if (!engine.hasPages(header.positions(), groups, header.pages())) {
                throw reader.damaged("its pages do not make " + header.positions() + " positions");
            }
            int positions = header.positions() + header.unread();
            if (positions > context) {
                throw new InvalidRequestException(path + ": the session has " + positions
                        + " positions, more than the context of " + context + "; restore it with a larger context");
            }
            int[] tokens = reader.tokens();
            int vocabulary = engine.config().vocabulary();
            for (int token : tokens) {
                if (token < 0 || token >= vocabulary) {
                    throw reader.damaged("it has a token " + token);
                }
            }
            SequenceCache cache = engine.newCache(header.positions(), groups, Arrays.copyOf(tokens, header.known()));
            boolean done = false;
            try {
                reader.pages(CachePages.in(cache, engine::besideSteps));
                done = true;
            } finally {
                if (!done) {
                    engine.release(cache);
                }
            }
            return new Restored(cache, Arrays.copyOfRange(tokens, header.known(), tokens.length));
        } catch (NoSuchFileException e) {
            throw new SessionFileException(Reason.IO, path + ": there is no such file", e);
        } catch (IOException e) {
            throw new SessionFileException(Reason.IO, path + ": the session could not be read: " + e, e);
        }
    }

    private void checkFits(Path path, SessionHeader header, byte[] model) {
        if (!Arrays.equals(header.fingerprint(), model)) {
            throw new SessionFileException(
                    Reason.MODEL,
                    path + ": the session was saved with another model; its cache has no meaning for this one");
        }
        if (header.precision() != engine.precision()) {
            throw new SessionFileException(
                    Reason.PRECISION,
                    path + ": the session was saved with a cache of " + header.precision() + ", this model is loaded"
                            + " with " + engine.precision() + "; load it with the other precision");
        }
        if (header.pageBytes() != engine.pageBytes()) {
            throw new SessionFileException(
                    Reason.VERSION, path + ": the session was saved with another layout of the cache");
        }
    }
}
