package dev.cadre.weights.file;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/** A file that is filled in any order by several threads. An interface, so that tests can make each step fail. */
public interface OutputFile extends Closeable {
    /** Writes all of {@code bytes} at {@code position}. */
    void write(ByteBuffer bytes, long position) throws IOException;

    /** Puts everything on the disk; the file must then have {@code size} bytes. */
    void force(long size) throws IOException;

    /** Where files are made and renamed. */
    interface Opener {
        OutputFile open(Path path) throws IOException;

        /** Replaces {@code to} by {@code from} in one step. */
        void rename(Path from, Path to) throws IOException;

        /** Makes the renaming of a file survive a crash. */
        void syncFolderOf(Path file) throws IOException;
    }

    /** Real files. */
    Opener ON_DISK = new Opener() {
        @Override
        public OutputFile open(Path path) throws IOException {
            FileChannel channel = FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            try {
                if (channel.tryLock() == null) {
                    throw new IOException("another process is writing " + path.getFileName());
                }
                // only now: what a killed run has left may go, what a running one writes may not
                channel.truncate(0);
                return new OnDisk(channel);
            } catch (OverlappingFileLockException e) {
                channel.close();
                throw new IOException("it is being written already", e);
            } catch (IOException e) {
                channel.close();
                throw e;
            }
        }

        @Override
        public void rename(Path from, Path to) throws IOException {
            Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        }

        @Override
        public void syncFolderOf(Path file) throws IOException {
            FileChannel folder;
            try {
                folder = FileChannel.open(file.toAbsolutePath().getParent(), StandardOpenOption.READ);
            } catch (IOException e) {
                return; // systems that cannot open folders sync renames anyway
            }
            try (folder) {
                folder.force(true);
            }
        }
    };

    /** A file channel. */
    record OnDisk(FileChannel channel) implements OutputFile {
        @Override
        public void write(ByteBuffer bytes, long position) throws IOException {
            long at = position;
            while (bytes.hasRemaining()) {
                at += channel.write(bytes, at);
            }
        }

        @Override
        public void force(long size) throws IOException {
            if (channel.size() != size) {
                throw new IOException("the file has " + channel.size() + " bytes instead of " + size);
            }
            channel.force(true);
        }

        @Override
        public void close() throws IOException {
            channel.close();
        }
    }
}
