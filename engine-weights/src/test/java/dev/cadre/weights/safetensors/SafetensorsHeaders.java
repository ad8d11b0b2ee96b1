package dev.cadre.weights.safetensors;

import dev.cadre.weights.CheckpointFormatException;
import dev.cadre.weights.CheckpointLimits;
import dev.cadre.weights.TensorEntry;
import dev.cadre.weights.internal.MappedFile;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;

/** Reads a safetensors file from memory, for tests that read very many. */
public final class SafetensorsHeaders {
    private SafetensorsHeaders() {}

    /** True if the file could be read; then the last byte of every tensor was. */
    public static boolean readAll(byte[] bytes) {
        try {
            MappedFile file = new MappedFile(Path.of("memory.safetensors"), MemorySegment.ofArray(bytes), bytes.length);
            for (TensorEntry tensor : SafetensorsReader.read(file, CheckpointLimits.DEFAULTS)) {
                tensor.data().get(ValueLayout.JAVA_BYTE, tensor.bytes() - 1);
            }
            return true;
        } catch (CheckpointFormatException e) {
            return false;
        }
    }
}
