package dev.cadre.weights;

import dev.cadre.kernels.format.BlockFormat;
import dev.cadre.weights.internal.BlockScan;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;

/**
 * Reads every block of a checkpoint and reports those with values that are not finite, which is what a NaN or infinite
 * scale does, the scale bytes that stand for NaN in formats whose decoders take them for numbers, and weights whose
 * parts do not fit each other.
 */
public final class CheckpointVerifier {
    /** Findings of one tensor that are listed; the rest is only counted. */
    public static final int LISTED_PER_TENSOR = 10;

    private static final int BUFFER_BYTES = 1 << 20;

    private CheckpointVerifier() {}

    /**
     * A damaged place.
     *
     * @param tensor the tensor
     * @param file the file that holds it
     * @param offset where the block is in the file, in bytes, or -1 for a weight as a whole
     * @param problem what is wrong there
     */
    public record Finding(String tensor, Path file, long offset, String problem) {}

    /**
     * What was found.
     *
     * @param findings the first ones of each tensor, by tensor in file order, then by offset
     * @param damagedBlocks all damaged blocks
     * @param bytes bytes of tensor data that were read
     */
    public record Report(List<Finding> findings, long damagedBlocks, long bytes) {
        public boolean isClean() {
            return findings.isEmpty();
        }
    }

    /**
     * Reads everything.
     *
     * @param threads threads that decode
     * @param progress told from time to time, by one thread at a time
     * @throws CheckpointIOException if a file shrinks while it is read
     */
    public static Report verify(Checkpoint checkpoint, int threads, Consumer<WriteProgress> progress) {
        List<Finding> findings = new ArrayList<>();
        Map<String, BlockFormat> scales = scalesStoredAsBytes(checkpoint, findings);
        long total = checkpoint.tensors().stream().mapToLong(TensorEntry::bytes).sum();
        long done = 0;
        long damaged = 0;
        try (ExecutorService executor = Executors.newFixedThreadPool(threads)) {
            for (TensorEntry tensor : checkpoint.tensors()) {
                BlockFormat format = scales.getOrDefault(tensor.name(), tensor.format());
                List<Future<BlockScan.Result>> pieces = new ArrayList<>();
                for (BlockScan scan : BlockScan.pieces(tensor, format)) {
                    pieces.add(executor.submit(scan));
                }
                List<Finding> ofTensor = new ArrayList<>();
                for (Future<BlockScan.Result> piece : pieces) {
                    BlockScan.Result result = join(tensor, piece);
                    damaged += result.damagedBlocks();
                    ofTensor.addAll(result.findings());
                    done += result.bytes();
                    progress.accept(new WriteProgress(tensor.name(), done, total));
                }
                ofTensor.sort(Comparator.comparingLong(Finding::offset));
                findings.addAll(ofTensor.subList(0, Math.min(LISTED_PER_TENSOR, ofTensor.size())));
            }
        }
        return new Report(List.copyOf(findings), damaged, done);
    }

    /** Tensors of bytes that are E8M0 scales of another; parts that do not fit are findings. */
    private static Map<String, BlockFormat> scalesStoredAsBytes(Checkpoint checkpoint, List<Finding> findings) {
        Map<String, BlockFormat> scales = new HashMap<>();
        for (String name : StoredTensors.names(checkpoint)) {
            try {
                StoredTensor stored = StoredTensors.require(checkpoint, name);
                TensorEntry entry = switch (stored) {
                    case StoredTensor.Mxfp4Pair pair -> pair.scales();
                    case StoredTensor.Fp8Tiles tiles -> tiles.scales();
                    case StoredTensor.Fp8Channels channels -> channels.scales();
                    case StoredTensor.Plain _, StoredTensor.Int4Groups _ -> null;
                };
                if (entry != null && entry.format() == BlockFormat.U8) {
                    scales.put(entry.name(), BlockFormat.F8_E8M0);
                }
            } catch (CheckpointFormatException e) {
                findings.add(new Finding(name, e.path(), e.offset(), e.getMessage()));
            }
        }
        return scales;
    }

    private static BlockScan.Result join(TensorEntry tensor, Future<BlockScan.Result> piece) {
        try {
            return piece.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CheckpointIOException(tensor.file(), "reading was interrupted", e);
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                // HotSpot's word for a fault on a mapped page
                case InternalError fault ->
                    throw new CheckpointIOException(
                            tensor.file(), "shrank while tensor " + tensor.name() + " was read", fault);
                case RuntimeException unchecked -> throw unchecked;
                default -> throw new IllegalStateException(e.getCause());
            }
        }
    }

    /**
     * The SHA-256 of a file's content, in hexadecimal.
     *
     * @throws CheckpointIOException if it cannot be read
     */
    public static String sha256(Path file) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER_BYTES);
            while (channel.read(buffer.clear()) >= 0) {
                digest.update(buffer.flip());
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (IOException e) {
            throw new CheckpointIOException(file, "cannot be read: " + e.getMessage(), e);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
