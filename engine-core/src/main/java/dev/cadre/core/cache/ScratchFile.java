package dev.cadre.core.cache;

import dev.cadre.kernels.MappedMemory;
import java.io.Closeable;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A file that lives as long as a pool: made or emptied when it is opened, deleted when it is closed. It begins with a
 * mark, so that what a killed process has left is recognised and used again, and nobody's other file is overwritten.
 *
 * <p>An interface, so that tests can make each step fail.
 */
interface ScratchFile extends Closeable {
    /** Bytes before the content. */
    int HEADER_BYTES = 4096;

    /** Writes all of {@code bytes} at {@code position}. */
    void write(ByteBuffer bytes, long position) throws IOException;

    /** Maps {@code size} bytes at {@code position}, making the file longer where needed. */
    MemorySegment map(long position, long size, Arena arena) throws IOException;

    /** Deletes the file. Nothing of it may be mapped any more. */
    @Override
    void close() throws IOException;

    /** Makes files. */
    interface Opener {
        ScratchFile open(Path path) throws IOException;
    }

    /** Real files. */
    Opener ON_DISK = path -> Uninterrupted.call(() -> OnDisk.open(path));

    /** A file channel, locked against other processes. */
    record OnDisk(Path path, FileChannel channel) implements ScratchFile {
        private static final byte[] MARK = "Cadre cache file, deleted on exit\n".getBytes(StandardCharsets.US_ASCII);

        static OnDisk open(Path path) throws IOException {
            boolean existed = Files.exists(path);
            FileChannel channel = FileChannel.open(
                    path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
            OnDisk file = new OnDisk(path, channel);
            try {
                file.claim();
            } catch (IOException | RuntimeException e) {
                channel.close();
                throw e;
            }
            try {
                ByteBuffer header = ByteBuffer.allocate(HEADER_BYTES).put(MARK).clear();
                file.writeHere(header, 0);
                return file;
            } catch (IOException e) {
                channel.close();
                if (!existed) {
                    Files.deleteIfExists(path);
                }
                throw e;
            }
        }

        /** Makes sure that the file may be emptied, then empties it. */
        private void claim() throws IOException {
            if (!Files.isRegularFile(path)) {
                throw new IOException("it is no regular file");
            }
            try {
                if (channel.tryLock() == null) {
                    throw new IOException("another process uses it");
                }
            } catch (OverlappingFileLockException e) {
                throw new IOException("another model of this process uses it", e);
            }
            if (channel.size() > 0) {
                ByteBuffer found = ByteBuffer.allocate(MARK.length);
                channel.read(found, 0);
                if (!found.flip().equals(ByteBuffer.wrap(MARK))) {
                    throw new IOException("it exists and is not a cache file");
                }
            }
            channel.truncate(0);
        }

        @Override
        public void write(ByteBuffer bytes, long position) throws IOException {
            Uninterrupted.call(() -> {
                writeHere(bytes, position);
                return null;
            });
        }

        private void writeHere(ByteBuffer bytes, long position) throws IOException {
            long at = position;
            while (bytes.hasRemaining()) {
                at += channel.write(bytes, at);
            }
        }

        @Override
        public MemorySegment map(long position, long size, Arena arena) throws IOException {
            return Uninterrupted.call(
                    () -> MappedMemory.asNative(channel.map(FileChannel.MapMode.READ_WRITE, position, size, arena)));
        }

        @Override
        public void close() throws IOException {
            try {
                Files.deleteIfExists(path);
            } finally {
                channel.close();
            }
        }
    }
}
