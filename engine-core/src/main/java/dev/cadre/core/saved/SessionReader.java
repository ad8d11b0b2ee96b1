package dev.cadre.core.saved;

import dev.cadre.core.SessionFileException;
import dev.cadre.core.SessionFileException.Reason;
import java.io.Closeable;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/**
 * Reads a saved session from front to back: header, groups, tokens, pages. Nothing is allocated that the file's own
 * size does not justify.
 */
public final class SessionReader implements Closeable {
    private final Path path;
    private final InputFile file;
    private final Arena buffers = Arena.ofConfined();
    private final SessionHeader header;
    private long at;
    private long blocks;

    private SessionReader(Path path, InputFile file) throws IOException {
        this.path = path;
        this.file = file;
        boolean read = false;
        try {
            this.header = readHeader();
            read = true;
        } finally {
            if (!read) {
                buffers.close();
            }
        }
    }

    /**
     * Opens a file and reads its header.
     *
     * @throws SessionFileException if it is no saved session, is damaged or of another version
     */
    public static SessionReader open(Path path, InputFile.Opener disk) throws IOException {
        InputFile file = disk.open(path);
        try {
            return new SessionReader(path, file);
        } catch (IOException | RuntimeException | Error e) {
            file.close();
            throw e;
        }
    }

    private SessionHeader readHeader() throws IOException {
        long size = file.size();
        ByteBuffer buffer = Blocks.buffer(buffers, SessionHeader.BYTES);
        if (size < buffer.capacity()) {
            throw damaged("it has " + size + " bytes only");
        }
        file.read(buffer, 0);
        if (!SessionHeader.hasMagic(buffer)) {
            throw damaged("it is no saved session");
        }
        int version = SessionHeader.version(buffer);
        if (version != SessionHeader.VERSION) {
            throw new SessionFileException(
                    Reason.VERSION,
                    path + ": the session is of format version " + version + ", this library reads version "
                            + SessionHeader.VERSION + "; save it again with this version");
        }
        check(buffer, SessionHeader.BYTES);
        SessionHeader found = SessionHeader.get(buffer);
        if (found == null || fileBytes(found) != size) {
            throw damaged("it has " + size + " bytes, not those that its header promises");
        }
        return found;
    }

    private long fileBytes(SessionHeader found) {
        try {
            return found.fileBytes();
        } catch (ArithmeticException e) {
            throw damaged("its header promises more than a file can hold");
        }
    }

    /** What the file says of itself. */
    public SessionHeader header() {
        return header;
    }

    /** First and end of each group's pages, one after the other. Call once. */
    public int[] groups() throws IOException {
        return ints(Blocks.buffer(buffers, 8L * header.groups()), 2 * header.groups());
    }

    /** The known tokens, then the unread ones. Call once, after {@link #groups}. */
    public int[] tokens() throws IOException {
        int[] tokens = new int[header.tokens()];
        ByteBuffer buffer = Blocks.buffer(buffers, 4L * Math.min(tokens.length, SessionHeader.TOKENS_IN_BLOCK));
        int done = 0;
        for (int block = 0; block < header.tokenBlocks(); block++) {
            int count = header.tokensIn(block);
            int bytes = 4 * count + SessionHeader.CHECKSUM_BYTES;
            System.arraycopy(ints(buffer.slice(0, bytes).order(buffer.order()), count), 0, tokens, done, count);
            done += count;
        }
        return tokens;
    }

    private int[] ints(ByteBuffer buffer, int count) throws IOException {
        readBlock(buffer);
        int[] values = new int[count];
        buffer.asIntBuffer().get(values);
        return values;
    }

    /** Hands all pages over. Call once, after {@link #tokens}; the page size must have been found right. */
    public void pages(SavedCache cache) throws IOException {
        ByteBuffer buffer = Blocks.buffer(buffers, header.pageBytes());
        for (int g = 0; g < header.groups(); g++) {
            for (int i = cache.first(g); i < cache.end(g); i++) {
                readBlock(buffer);
                cache.page(g, i, buffer.slice(0, (int) header.pageBytes()));
            }
        }
    }

    /** Fills the buffer with the next block, which must be as long, and rewinds it. */
    private void readBlock(ByteBuffer buffer) throws IOException {
        file.read(buffer.clear(), at);
        check(buffer, buffer.capacity() - SessionHeader.CHECKSUM_BYTES);
    }

    private void check(ByteBuffer buffer, int bytes) {
        if (buffer.getInt(bytes) != Blocks.checksum(blocks, buffer.slice(0, bytes))) {
            throw damaged(
                    "the checksum of the " + (bytes + SessionHeader.CHECKSUM_BYTES) + " bytes at " + at + " is wrong");
        }
        buffer.position(0);
        blocks++;
        at += buffer.capacity();
    }

    /** Says what is wrong with the file. */
    public SessionFileException damaged(String why) {
        return new SessionFileException(
                Reason.DAMAGED, path + ": the saved session is damaged: " + why + "; compute it again from its text");
    }

    @Override
    public void close() throws IOException {
        buffers.close();
        file.close();
    }
}
