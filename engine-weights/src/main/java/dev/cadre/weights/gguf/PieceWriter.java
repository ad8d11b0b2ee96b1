package dev.cadre.weights.gguf;

import dev.cadre.kernels.format.BlockEncoder;
import dev.cadre.kernels.format.BlockFormat;
import dev.cadre.weights.CheckpointFormatException;
import dev.cadre.weights.file.OutputFile;
import dev.cadre.weights.gguf.GgufFileWriter.Body;
import dev.cadre.weights.gguf.PieceQueue.Piece;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/** One worker's buffers: encodes or copies pieces and writes them to their place. */
final class PieceWriter {
    private static final float LARGEST_F16 = 65504;
    /** Above this a float rounds to an infinite half. */
    private static final float OVERFLOW_F16 = 65520;

    private final Path target;
    private final OutputFile file;
    private float[] floats = {};
    private byte[] bytes = {};

    PieceWriter(Path target, OutputFile file) {
        this.target = target;
        this.file = file;
    }

    void write(Piece piece) throws IOException {
        int size = Math.toIntExact(piece.bytes());
        if (bytes.length < size) {
            bytes = new byte[size];
        }
        switch (piece.tensor().body()) {
            case Body.Bytes(MemorySegment data) ->
                // a copy first: a fault on a vanished page is then an error here, not one inside the kernel's write
                MemorySegment.copy(data, piece.firstRow() * piece.rowBytes(), MemorySegment.ofArray(bytes), 0, size);
            case Body.Rows rows -> encode(piece, rows);
        }
        file.write(ByteBuffer.wrap(bytes, 0, size), piece.offset());
    }

    private void encode(Piece piece, Body.Rows rows) {
        int count = piece.rows() * piece.columns();
        if (floats.length < count) {
            floats = new float[count];
        }
        rows.source().rows(piece.firstRow(), piece.rows(), floats);
        check(piece, count);
        BlockEncoder.of(piece.tensor().format()).encode(floats, 0, count, MemorySegment.ofArray(bytes), 0);
    }

    private void check(Piece piece, int count) {
        BlockFormat format = piece.tensor().format();
        if (format == BlockFormat.F32 || format == BlockFormat.BF16) {
            return;
        }
        for (int i = 0; i < count; i++) {
            float magnitude = Math.abs(floats[i]);
            boolean held = format == BlockFormat.F16
                    ? magnitude < OVERFLOW_F16 || !Float.isFinite(magnitude)
                    : magnitude <= Float.MAX_VALUE;
            if (!held) {
                long row = piece.firstRow() + i / piece.columns();
                throw new CheckpointFormatException(
                        target,
                        -1,
                        piece.tensor().name(),
                        "element " + i % piece.columns() + " of row " + row + " is " + floats[i] + ", which " + format
                                + " cannot hold"
                                + (format == BlockFormat.F16
                                        ? " (largest: " + LARGEST_F16 + "); use BF16 or F32"
                                        : ""));
            }
        }
    }
}
