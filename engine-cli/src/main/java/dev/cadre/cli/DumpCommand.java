package dev.cadre.cli;

import dev.cadre.weights.Checkpoint;
import dev.cadre.weights.NpyWriter;
import dev.cadre.weights.StoredTensor;
import dev.cadre.weights.StoredTensors;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code cadre dump}: one tensor, dequantised. */
@Command(
        name = "dump",
        description = "Writes one tensor as float32 in NumPy's format, dequantised.",
        mixinStandardHelpOptions = true)
final class DumpCommand implements Callable<Integer> {
    private static final int SUGGESTIONS = 5;

    @Parameters(paramLabel = "PATH", description = "A GGUF file or a safetensors folder, of any architecture.")
    private Path path;

    @Option(names = "--tensor", required = true, paramLabel = "NAME", description = "Name of the tensor.")
    private String tensor;

    @Option(names = "--out", required = true, paramLabel = "FILE", description = "The .npy file to write.")
    private Path out;

    DumpCommand() {}

    @Override
    public Integer call() {
        try (Checkpoint checkpoint = Checkpoint.open(path)) {
            StoredTensor stored = StoredTensors.find(checkpoint, tensor);
            if (stored == null) {
                throw new UserException(path + " has no tensor '" + tensor + "'" + similar(checkpoint));
            }
            NpyWriter.write(stored, out);
        }
        return 0;
    }

    private String similar(Checkpoint checkpoint) {
        String end = tensor.substring(tensor.lastIndexOf('.', Math.max(0, tensor.lastIndexOf('.') - 1)) + 1);
        List<String> names = StoredTensors.names(checkpoint).stream()
                .filter(name -> name.contains(end))
                .limit(SUGGESTIONS)
                .toList();
        return names.isEmpty() ? "; cadre inspect lists them" : "; similar are " + String.join(", ", names);
    }
}
