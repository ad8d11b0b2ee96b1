package dev.cadre.weights;

import dev.cadre.weights.convert.Families;
import dev.cadre.weights.convert.Plan;
import java.nio.file.Path;
import java.util.List;

/**
 * Converts Hugging Face folders to GGUF with the tensor names, keys and layouts of llama.cpp's converter, for those
 * families that docs/formats.md lists.
 *
 * <p>Tensors are streamed, so memory does not grow with the model. Weights of any stored scheme (FP8, MXFP4, INT4) are
 * decoded to float32 first. Where a row is no whole number of blocks of the wanted type, another of about the same size
 * is taken, as llama-quantize does: Q4_K gives Q5_0, Q5_K gives Q5_1, Q6_K gives Q8_0, the other K and IQ types give
 * IQ4_NL, and rows that are no multiple of 32 become F16.
 */
public final class CheckpointConverter {
    private CheckpointConverter() {}

    /**
     * Converts {@code folder} to {@code target}.
     *
     * @return the files written, in order
     * @throws CheckpointFormatException if the folder is malformed, of an unknown family, lacks a tensor, has one that
     *     has no place in GGUF or the wrong shape, or holds a value that the type cannot
     * @throws CheckpointIOException if reading or writing fails
     */
    public static List<Path> convert(Path folder, Path target, ConversionOptions options) {
        try (Checkpoint source = Checkpoint.open(folder)) {
            if (!source.format().equals("safetensors")) {
                throw new CheckpointFormatException(
                        source.path(), -1, null, "is a GGUF model; only Hugging Face folders can be converted");
            }
            Plan plan = Families.plan(source, options);
            return plan.writer().write(target, options.write());
        }
    }
}
