package dev.cadre.core.cache;

import dev.cadre.core.CacheFileException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/**
 * Pages in a mapped file.
 *
 * <pre>
 *   [0, 4096)      the mark of {@link ScratchFile}
 *   extent 0       whole pages, at least 16 MiB or one page
 *   extent 1, …    each twice as long as the one before, up to 1 GiB
 * </pre>
 *
 * An extent is mapped as a whole, since a process may have some 65,000 mappings only. Mapping makes the file longer
 * without taking disk blocks; a store into such a hole kills the process if the disk is full. So a page is first
 * written through the file, where a full disk is an {@link IOException}.
 */
final class FilePages implements PageStore {
    private static final long FIRST_EXTENT = 16L << 20;
    private static final long LONGEST_EXTENT = 1L << 30;
    private static final int WRITE_BYTES = 1 << 20;

    private final ScratchFile file;
    private final Path path;
    private final long pageBytes;
    private final long mostPages;
    private final Arena arena = Arena.ofShared();
    private final ByteBuffer zeros;
    private MemorySegment extent = MemorySegment.NULL;
    private long extentStart = ScratchFile.HEADER_BYTES;
    private long used; // bytes of the extent that are handed out
    private long written; // bytes of it that have disk blocks
    private long pages; // in all extents

    /**
     * Makes the file.
     *
     * @param mostPages pages that will be asked for at most, so that the last extent is no longer than they need
     * @throws CacheFileException if the file cannot be made, or holds something else
     */
    FilePages(ScratchFile.Opener opener, Path path, long pageBytes, long mostPages) {
        this.path = path;
        this.pageBytes = pageBytes;
        this.mostPages = mostPages;
        this.zeros = ByteBuffer.allocateDirect(WRITE_BYTES);
        try {
            this.file = opener.open(path);
        } catch (IOException e) {
            throw new CacheFileException(
                    path + ": the cache file cannot be made: " + e.getMessage() + "; name another place", e);
        }
    }

    @Override
    public MemorySegment next() throws IOException {
        if (used == extent.byteSize()) {
            mapExtent();
        }
        if (used == written) {
            writeAhead();
        }
        MemorySegment page = extent.asSlice(used, pageBytes);
        used += pageBytes;
        return page;
    }

    /** Writes some small pages at a time, or one. Near the end of the disk there may be room for one only. */
    private void writeAhead() throws IOException {
        long several = Math.min(extent.byteSize() - used, WRITE_BYTES / pageBytes * pageBytes);
        try {
            writeZeros(Math.max(pageBytes, several));
        } catch (IOException e) {
            if (several <= pageBytes) {
                throw e;
            }
            writeZeros(pageBytes);
        }
    }

    private void writeZeros(long bytes) throws IOException {
        for (long done = 0; done < bytes; ) {
            int count = (int) Math.min(zeros.capacity(), bytes - done);
            file.write(zeros.clear().limit(count), extentStart + used + done);
            done += count;
        }
        written = used + bytes;
    }

    private void mapExtent() throws IOException {
        long wanted = Math.clamp(2 * extent.byteSize(), FIRST_EXTENT, LONGEST_EXTENT);
        long count = Math.max(1, Math.min(wanted / pageBytes, mostPages - pages));
        long start = extentStart + extent.byteSize();
        extent = file.map(start, Math.multiplyExact(count, pageBytes), arena);
        extentStart = start;
        used = 0;
        written = 0;
        pages += count;
    }

    @Override
    public void close() {
        arena.close();
        try {
            file.close();
        } catch (IOException e) {
            throw new CacheFileException(path + ": the cache file could not be deleted: " + e.getMessage(), e);
        }
    }
}
