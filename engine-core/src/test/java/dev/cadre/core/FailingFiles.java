package dev.cadre.core;

import dev.cadre.core.saved.InputFile;
import dev.cadre.weights.file.OutputFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Real files, of which one step fails, by its number. A failing write has written half. */
final class FailingFiles {
    private final int fatal;
    private final List<String> done = new ArrayList<>(); // kinds of steps, in order, without repetition
    private int steps;
    private boolean renamed;

    FailingFiles(int fatal) {
        this.fatal = fatal;
    }

    List<String> done() {
        return done;
    }

    private void note(String step) {
        if (done.isEmpty() || !done.getLast().equals(step)) {
            done.add(step);
        }
    }

    boolean renamed() {
        return renamed;
    }

    private boolean fails() {
        return steps++ == fatal;
    }

    private void step() throws IOException {
        if (fails()) {
            throw new IOException("No space left on device");
        }
    }

    InputFile.Opener input() {
        return path -> {
            step();
            InputFile real = InputFile.ON_DISK.open(path);
            return new InputFile() {
                @Override
                public long size() throws IOException {
                    step();
                    return real.size();
                }

                @Override
                public void read(ByteBuffer bytes, long position) throws IOException {
                    step();
                    real.read(bytes, position);
                }

                @Override
                public void close() throws IOException {
                    real.close();
                }
            };
        };
    }

    OutputFile.Opener output() {
        return new OutputFile.Opener() {
            @Override
            public OutputFile open(Path path) throws IOException {
                step();
                OutputFile real = OutputFile.ON_DISK.open(path);
                return new OutputFile() {
                    @Override
                    public void write(ByteBuffer bytes, long position) throws IOException {
                        if (fails()) {
                            real.write(bytes.slice(bytes.position(), bytes.remaining() / 2), position);
                            throw new IOException("No space left on device");
                        }
                        real.write(bytes, position);
                        note("write");
                    }

                    @Override
                    public void force(long size) throws IOException {
                        step();
                        real.force(size);
                        note("force");
                    }

                    @Override
                    public void close() throws IOException {
                        real.close();
                        step();
                    }
                };
            }

            @Override
            public void rename(Path from, Path to) throws IOException {
                step();
                OutputFile.ON_DISK.rename(from, to);
                renamed = true;
                note("rename");
            }

            @Override
            public void syncFolderOf(Path file) throws IOException {
                step();
                OutputFile.ON_DISK.syncFolderOf(file);
                note("sync folder");
            }
        };
    }
}
