package dev.cadre.core.saved;

import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** A file that is read. An interface, so that tests can make each step fail. */
public interface InputFile extends Closeable {
    /** Bytes in the file. */
    long size() throws IOException;

    /**
     * Fills the rest of {@code bytes} from {@code position} on.
     *
     * @throws EOFException if the file ends before
     */
    void read(ByteBuffer bytes, long position) throws IOException;

    /** Opens files. */
    interface Opener {
        InputFile open(Path path) throws IOException;
    }

    /** Real files. */
    Opener ON_DISK = path -> new OnDisk(FileChannel.open(path, StandardOpenOption.READ));

    /** A file channel. */
    record OnDisk(FileChannel channel) implements InputFile {
        @Override
        public long size() throws IOException {
            return channel.size();
        }

        @Override
        public void read(ByteBuffer bytes, long position) throws IOException {
            long at = position;
            while (bytes.hasRemaining()) {
                int count = channel.read(bytes, at);
                if (count < 0) {
                    throw new EOFException("the file ends at " + at);
                }
                at += count;
            }
        }

        @Override
        public void close() throws IOException {
            channel.close();
        }
    }
}
