package dev.cadre.weights.gguf;

import dev.cadre.weights.gguf.GgufFileWriter.Declared;
import java.util.List;

/** Cuts tensors into pieces of whole rows that workers take one after the other. */
final class PieceQueue {
    /** Elements of one piece; a single row may have more. */
    private static final int ELEMENTS = 1 << 19;

    private final List<Declared> tensors;
    private int tensor;
    private long row;
    private long tensorOffset;

    /** Pieces of {@code tensors}, the first of which starts at {@code offset} of the file. */
    PieceQueue(List<Declared> tensors, long offset) {
        this.tensors = tensors;
        this.tensorOffset = offset;
    }

    /**
     * Some rows of a tensor.
     *
     * @param offset where they go in the file
     */
    record Piece(Declared tensor, long firstRow, int rows, long rowBytes, long offset) {
        long bytes() {
            return rows * rowBytes;
        }

        int columns() {
            return Math.toIntExact(tensor.shape()[tensor.shape().length - 1]);
        }
    }

    /** The next piece, or null if there is none left. */
    synchronized Piece next() {
        if (tensor == tensors.size()) {
            return null;
        }
        Declared current = tensors.get(tensor);
        long columns = current.shape()[current.shape().length - 1];
        long rowBytes = current.format().bytes(columns);
        long rows = current.bytes() / rowBytes;
        int count = (int) Math.min(rows - row, Math.max(1, ELEMENTS / columns));
        Piece piece = new Piece(current, row, count, rowBytes, tensorOffset + row * rowBytes);
        row += count;
        if (row == rows) {
            row = 0;
            tensorOffset += current.paddedBytes();
            tensor++;
        }
        return piece;
    }
}
