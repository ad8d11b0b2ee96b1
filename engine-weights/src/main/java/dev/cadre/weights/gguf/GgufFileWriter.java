package dev.cadre.weights.gguf;

import dev.cadre.kernels.format.BlockFormat;
import dev.cadre.weights.CheckpointException;
import dev.cadre.weights.CheckpointIOException;
import dev.cadre.weights.RowSource;
import dev.cadre.weights.WriteOptions;
import dev.cadre.weights.WriteProgress;
import dev.cadre.weights.file.OutputFile;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.LoggerFactory;

/**
 * Lays out parts and fills them. All sizes are known beforehand, so every piece of a tensor has its place, and threads
 * write theirs in any order.
 */
public final class GgufFileWriter {
    private static final int ALIGNMENT = 32;
    private static final int MAX_PARTS = 65_535;

    private final KeyValues keys;
    private final List<Declared> tensors;
    private final WriteOptions options;
    private final OutputFile.Opener opener;
    private final long totalBytes;
    private long doneBytes;

    /** What a tensor's data is. */
    public sealed interface Body {
        /** Floats that are to be encoded. */
        record Rows(RowSource source) implements Body {}

        /** Blocks that are copied. */
        record Bytes(MemorySegment data) implements Body {}
    }

    /** A tensor that is to be written; {@code shape} has the outermost dimension first. */
    public record Declared(String name, BlockFormat format, long[] shape, long bytes, Body body) {
        long paddedBytes() {
            return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        }
    }

    public GgufFileWriter(KeyValues keys, List<Declared> tensors, WriteOptions options) {
        this(keys, tensors, options, OutputFile.ON_DISK);
    }

    GgufFileWriter(KeyValues keys, List<Declared> tensors, WriteOptions options, OutputFile.Opener opener) {
        this.keys = keys;
        this.tensors = tensors;
        this.options = options;
        this.opener = opener;
        this.totalBytes = tensors.stream().mapToLong(Declared::bytes).sum();
    }

    /** One file in the making. */
    private record Part(Path target, Path partial, byte[] header, List<Declared> tensors) {
        long bytes() {
            return header.length
                    + tensors.stream().mapToLong(Declared::paddedBytes).sum();
        }
    }

    /** Writes all parts to {@code target} or to names derived from it. */
    public List<Path> write(Path target) {
        List<Part> parts = layOut(target);
        for (Part part : parts) {
            if (Files.exists(part.target) && !options.overwrite()) {
                throw new CheckpointIOException(part.target, "exists already and may not be overwritten");
            }
        }
        checkSpace(target, parts);
        // open, and so locked against other writers, until all have their names
        SequencedMap<Part, OutputFile> open = new LinkedHashMap<>();
        boolean done = false;
        try {
            for (Part part : parts) {
                writePart(part, open);
            }
            publish(parts);
            done = true;
        } finally {
            open.forEach(GgufFileWriter::closeQuietly);
            if (!done) {
                open.keySet().forEach(part -> deleteQuietly(part.partial));
            }
        }
        return parts.stream().map(Part::target).toList();
    }

    private List<Part> layOut(Path target) {
        List<List<Declared>> groups = new ArrayList<>();
        List<Declared> group = new ArrayList<>();
        long bytes = 0;
        for (Declared tensor : tensors) {
            if (!group.isEmpty() && bytes + tensor.paddedBytes() > options.maxPartBytes()) {
                groups.add(group);
                group = new ArrayList<>();
                bytes = 0;
            }
            group.add(tensor);
            bytes += tensor.paddedBytes();
        }
        groups.add(group);
        if (groups.size() > MAX_PARTS) {
            throw new CheckpointIOException(
                    target, "would become " + groups.size() + " parts, at most " + MAX_PARTS + " are possible");
        }
        List<Part> parts = new ArrayList<>();
        for (int i = 0; i < groups.size(); i++) {
            Path file = groups.size() == 1 ? target : GgufOpener.partOf(target, i + 1, groups.size());
            Path partial = file.resolveSibling(file.getFileName() + ".partial");
            parts.add(new Part(file, partial, header(i, groups), groups.get(i)));
        }
        return parts;
    }

    private byte[] header(int number, List<List<Declared>> groups) {
        KeyValues split = new KeyValues();
        if (groups.size() > 1) {
            split.putUint16("split.no", number);
            split.putUint16("split.count", groups.size());
            split.putInt32("split.tensors.count", tensors.size());
        }
        boolean first = number == 0;
        List<Declared> group = groups.get(number);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(KeyValues.intBytes(GgufReader.MAGIC));
        out.writeBytes(KeyValues.intBytes(3));
        out.writeBytes(KeyValues.longBytes(group.size()));
        out.writeBytes(KeyValues.longBytes(split.count() + (first ? keys.count() : 0)));
        if (first) {
            out.writeBytes(keys.toByteArray());
        }
        out.writeBytes(split.toByteArray());
        long offset = 0;
        for (Declared tensor : group) {
            KeyValues.write(out::writeBytes, tensor.name);
            out.writeBytes(KeyValues.intBytes(tensor.shape.length));
            for (int i = tensor.shape.length - 1; i >= 0; i--) {
                out.writeBytes(KeyValues.longBytes(tensor.shape[i]));
            }
            out.writeBytes(KeyValues.intBytes(tensor.format.ggmlId()));
            out.writeBytes(KeyValues.longBytes(offset));
            offset += tensor.paddedBytes();
        }
        out.writeBytes(new byte[Math.floorMod(-out.size(), ALIGNMENT)]);
        return out.toByteArray();
    }

    /** Fails early where the disk cannot hold the result. Full disks met later are reported too. */
    private static void checkSpace(Path target, List<Part> parts) {
        long needed = parts.stream().mapToLong(Part::bytes).sum();
        Path folder = target.toAbsolutePath().getParent();
        try {
            long free = Files.getFileStore(folder).getUsableSpace();
            if (free < needed) {
                throw new CheckpointIOException(
                        target, "needs " + needed + " bytes, but the disk has only " + free + " free");
            }
        } catch (IOException e) {
            throw new CheckpointIOException(folder, "cannot be written to: " + e.getMessage(), e);
        }
    }

    private void writePart(Part part, Map<Part, OutputFile> open) {
        try {
            OutputFile file = opener.open(part.partial);
            open.put(part, file);
            file.write(ByteBuffer.wrap(part.header), 0);
            runPieces(part, file);
            pad(file, part);
            file.force(part.bytes());
        } catch (IOException e) {
            throw failed(part, e);
        }
    }

    private static void closeQuietly(Part part, OutputFile file) {
        try {
            file.close();
        } catch (IOException e) {
            // its content was forced before, or is about to be deleted
            LoggerFactory.getLogger(GgufFileWriter.class).warn("{} was not closed: {}", part.partial, e.toString());
        }
    }

    private static CheckpointIOException failed(Part part, IOException e) {
        // an interrupt closes the channel under all writers, and any of them may be the first to tell
        if (e instanceof ClosedChannelException) {
            return new CheckpointIOException(part.target, "writing was interrupted. Nothing was left there", e);
        }
        String message = String.valueOf(e.getMessage());
        boolean full = message.contains("No space left") || message.contains("not enough space");
        return new CheckpointIOException(
                part.target,
                full
                        ? "the disk is full; " + part.bytes()
                                + " bytes are needed for this file. Nothing was left there"
                        : "writing failed: " + message + ". Nothing was left there",
                e);
    }

    /** Zeros behind each tensor up to the alignment, the last one included. */
    private static void pad(OutputFile file, Part part) throws IOException {
        long offset = part.header.length;
        for (Declared tensor : part.tensors) {
            int padding = (int) (tensor.paddedBytes() - tensor.bytes);
            if (padding > 0) {
                file.write(ByteBuffer.allocate(padding), offset + tensor.bytes);
            }
            offset += tensor.paddedBytes();
        }
    }

    private void runPieces(Part part, OutputFile file) throws IOException {
        PieceQueue queue = new PieceQueue(part.tensors, part.header.length);
        AtomicBoolean stop = new AtomicBoolean();
        List<Future<?>> workers = new ArrayList<>();
        try (ExecutorService executor = Executors.newFixedThreadPool(options.threads())) {
            for (int i = 0; i < options.threads(); i++) {
                workers.add(executor.submit(() -> {
                    try {
                        PieceWriter writer = new PieceWriter(part.target, file);
                        PieceQueue.Piece piece;
                        while (!stop.get() && (piece = queue.next()) != null) {
                            writer.write(piece);
                            report(piece);
                        }
                        return null;
                    } catch (Throwable e) {
                        stop.set(true);
                        throw e;
                    }
                }));
            }
        }
        for (Future<?> worker : workers) {
            join(part, worker);
        }
    }

    private static void join(Part part, Future<?> worker) throws IOException {
        try {
            worker.get();
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case IOException io -> throw io;
                case CheckpointException known -> throw known;
                case RuntimeException unchecked -> throw unchecked;
                // a fault on a mapped page: the source shrank
                case InternalError fault ->
                    throw new CheckpointIOException(part.target, "a source file changed while it was read", fault);
                default -> throw new IllegalStateException(e.getCause());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CheckpointIOException(part.target, "writing was interrupted. Nothing was left there", e);
        }
    }

    private synchronized void report(PieceQueue.Piece piece) {
        doneBytes += piece.bytes();
        options.progress().accept(new WriteProgress(piece.tensor().name, doneBytes, totalBytes));
    }

    /** The file is complete, whatever becomes of its name after a power failure. */
    private void syncFolder(Part part) {
        try {
            opener.syncFolderOf(part.target);
        } catch (IOException e) {
            LoggerFactory.getLogger(GgufFileWriter.class)
                    .warn("the folder of {} was not synced: {}", part.target, e.toString());
        }
    }

    /** Gives the files their names, the first part last: without it the set does not open. */
    private void publish(List<Part> parts) {
        for (int i = parts.size() - 1; i >= 0; i--) {
            Part part = parts.get(i);
            try {
                opener.rename(part.partial, part.target);
                syncFolder(part);
            } catch (IOException e) {
                for (int j = i + 1; j < parts.size(); j++) {
                    deleteQuietly(parts.get(j).target);
                }
                throw failed(part, e);
            }
        }
    }

    private static void deleteQuietly(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            LoggerFactory.getLogger(GgufFileWriter.class).warn("{} could not be deleted: {}", file, e.toString());
        }
    }
}
