package dev.cadre.weights.internal;

import dev.cadre.kernels.format.BlockCodec;
import dev.cadre.kernels.format.BlockFormat;
import dev.cadre.weights.CheckpointVerifier.Finding;
import dev.cadre.weights.TensorEntry;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;

/** Looks for damaged blocks in one piece of a tensor. */
public final class BlockScan implements Callable<BlockScan.Result> {
    private static final long PIECE_BYTES = 32L << 20;
    private static final int CHUNK_ELEMENTS = 1 << 14;
    private static final int LISTED = 10;

    private final TensorEntry tensor;
    private final BlockFormat format;
    private final long firstBlock;
    private final long blocks;

    private BlockScan(TensorEntry tensor, BlockFormat format, long firstBlock, long blocks) {
        this.tensor = tensor;
        this.format = format;
        this.firstBlock = firstBlock;
        this.blocks = blocks;
    }

    /**
     * What one piece gave.
     *
     * @param findings the first damaged blocks
     * @param damagedBlocks all of them
     * @param bytes bytes read
     */
    public record Result(List<Finding> findings, long damagedBlocks, long bytes) {}

    /** The scans that together read the whole tensor, as blocks of {@code format}. */
    public static List<BlockScan> pieces(TensorEntry tensor, BlockFormat format) {
        long blocks = tensor.bytes() / format.blockBytes();
        long step = PIECE_BYTES / format.blockBytes();
        List<BlockScan> pieces = new ArrayList<>();
        for (long first = 0; first < blocks; first += step) {
            pieces.add(new BlockScan(tensor, format, first, Math.min(step, blocks - first)));
        }
        return pieces;
    }

    @Override
    public Result call() {
        List<Finding> findings = new ArrayList<>();
        long damaged = 0;
        float[] values = new float[CHUNK_ELEMENTS];
        int blocksAtOnce = CHUNK_ELEMENTS / format.blockElements();
        BlockCodec codec = BlockCodec.of(format);
        for (long done = 0; done < blocks; done += blocksAtOnce) {
            int count = (int) Math.min(blocksAtOnce, blocks - done);
            long offset = (firstBlock + done) * format.blockBytes();
            codec.decode(tensor.data(), offset, values, 0, count * format.blockElements());
            for (int block = 0; block < count; block++) {
                String problem = problem(values, block, offset + (long) block * format.blockBytes());
                if (problem != null) {
                    damaged++;
                    if (findings.size() < LISTED) {
                        long at = tensor.offset() + offset + (long) block * format.blockBytes();
                        findings.add(new Finding(tensor.name(), tensor.file(), at, problem));
                    }
                }
            }
        }
        return new Result(findings, damaged, blocks * format.blockBytes());
    }

    private String problem(float[] values, int block, long offset) {
        int elements = format.blockElements();
        for (int i = block * elements; i < (block + 1) * elements; i++) {
            if (!Float.isFinite(values[i])) {
                return elements == 1
                        ? "the value is " + values[i]
                        : "element " + i % elements + " of the block is " + values[i] + ", its scale is damaged";
            }
        }
        return nanScale(tensor.data(), offset);
    }

    /** Scale bytes that mean NaN in their format but that ggml decodes as a number. */
    private String nanScale(MemorySegment data, long offset) {
        switch (format) {
            case MXFP4 -> {
                return data.get(ValueLayout.JAVA_BYTE, offset) == -1 ? "its scale byte is 255, NaN in E8M0" : null;
            }
            case NVFP4 -> {
                for (int i = 0; i < 4; i++) {
                    if ((data.get(ValueLayout.JAVA_BYTE, offset + i) & 0x7f) == 0x7f) {
                        return "scale byte " + i + " is NaN in E4M3";
                    }
                }
                return null;
            }
            default -> {
                return null;
            }
        }
    }
}
