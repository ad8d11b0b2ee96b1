package dev.cadre.core.saved;

import dev.cadre.weights.file.OutputFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import org.slf4j.LoggerFactory;

/**
 * Writes a session to a file beside the wanted one, brings it to the disk, and only then gives it the wanted name:
 * after a crash there is the old file or the new one.
 */
public final class SessionWriter {
    private final OutputFile.Opener disk;
    private OutputFile file;
    private long at;
    private long blocks;

    /** Writes to this disk. */
    public SessionWriter(OutputFile.Opener disk) {
        this.disk = disk;
    }

    /**
     * Writes.
     *
     * @param tokens the known ones, then the unread ones
     */
    public void write(Path target, SessionHeader header, int[] tokens, SavedCache cache) throws IOException {
        Path partial = target.resolveSibling(target.getFileName() + ".partial");
        file = disk.open(partial);
        boolean done = false;
        try {
            try (OutputFile opened = file;
                    Arena buffers = Arena.ofConfined()) {
                writeBlocks(header, tokens, cache, buffers);
                opened.force(header.fileBytes());
            }
            disk.rename(partial, target);
            done = true;
        } finally {
            if (!done) {
                deleteQuietly(partial);
            }
        }
        disk.syncFolderOf(target);
    }

    private void writeBlocks(SessionHeader header, int[] tokens, SavedCache cache, Arena buffers) throws IOException {
        long smallBytes = SessionHeader.BYTES + 8L * header.groups() + 4 * SessionHeader.TOKENS_IN_BLOCK;
        ByteBuffer small = Blocks.buffer(buffers, smallBytes);
        header.put(small);
        writeBlock(small);
        for (int g = 0; g < header.groups(); g++) {
            small.putInt(cache.first(g)).putInt(cache.end(g));
        }
        writeBlock(small);
        for (int block = 0; block < header.tokenBlocks(); block++) {
            for (int i = 0; i < header.tokensIn(block); i++) {
                small.putInt(tokens[block * SessionHeader.TOKENS_IN_BLOCK + i]);
            }
            writeBlock(small);
        }
        ByteBuffer page = Blocks.buffer(buffers, header.pageBytes());
        for (int g = 0; g < header.groups(); g++) {
            for (int i = cache.first(g); i < cache.end(g); i++) {
                cache.page(g, i, page.slice(0, (int) header.pageBytes()));
                page.position((int) header.pageBytes());
                writeBlock(page);
            }
        }
    }

    /** Writes what is before the buffer's position, with its checksum, and empties the buffer. */
    private void writeBlock(ByteBuffer buffer) throws IOException {
        int bytes = buffer.position();
        buffer.putInt(Blocks.checksum(blocks++, buffer.slice(0, bytes))).flip();
        file.write(buffer, at);
        at += bytes + SessionHeader.CHECKSUM_BYTES;
        buffer.clear();
    }

    private static void deleteQuietly(Path partial) {
        try {
            Files.deleteIfExists(partial);
        } catch (IOException e) {
            LoggerFactory.getLogger(SessionWriter.class).warn("{} could not be deleted: {}", partial, e.toString());
        }
    }
}
