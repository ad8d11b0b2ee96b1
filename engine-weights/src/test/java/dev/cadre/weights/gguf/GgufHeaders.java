package dev.cadre.weights.gguf;

import dev.cadre.weights.CheckpointFormatException;
import dev.cadre.weights.CheckpointLimits;
import dev.cadre.weights.TensorEntry;
import dev.cadre.weights.gguf.GgufReader.Part;
import dev.cadre.weights.internal.MappedFile;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;

/** Reads a GGUF file from memory, for tests that read very many. */
public final class GgufHeaders {
    private GgufHeaders() {}

    /** True if the file could be read; then every value and the last byte of every tensor was. */
    public static boolean readAll(byte[] bytes) {
        try {
            MappedFile file = new MappedFile(Path.of("memory.gguf"), MemorySegment.ofArray(bytes), bytes.length);
            Part part = GgufReader.read(file, CheckpointLimits.DEFAULTS);
            for (String key : part.metadata().keys()) {
                try {
                    part.metadata().value(key);
                } catch (CheckpointFormatException e) {
                    if (e.offset() < 0 || e.offset() > bytes.length) {
                        throw new AssertionError("offset " + e.offset() + " of " + bytes.length, e);
                    }
                }
            }
            for (TensorEntry tensor : part.tensors()) {
                tensor.data().get(ValueLayout.JAVA_BYTE, tensor.bytes() - 1);
            }
            return true;
        } catch (CheckpointFormatException e) {
            return false;
        }
    }
}
