package dev.cadre.cli;

import dev.cadre.weights.CheckpointConverter;
import dev.cadre.weights.ConversionOptions;
import dev.cadre.weights.ConversionOptions.TypeRule;
import dev.cadre.weights.WriteOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code cadre convert}: a GGUF file from a Hugging Face folder. */
@Command(name = "convert", description = "Converts a Hugging Face folder to GGUF.", mixinStandardHelpOptions = true)
final class ConvertCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "HF_DIR", description = "The folder with config.json and safetensors.")
    private Path folder;

    @Parameters(index = "1", paramLabel = "OUT.gguf", description = "The file to write.")
    private Path target;

    @Option(
            names = "--type",
            required = true,
            paramLabel = "TYPE",
            description = "Type of matrices: F32, BF16, Q8_0, Q4_K, …; vectors and routers stay F32.")
    private String type;

    @Option(
            names = "--type-for",
            paramLabel = "REGEX=TYPE",
            description = "Another type for tensors whose GGUF name matches; may be given several times.")
    private List<String> rules = List.of();

    @Option(names = "--split-max-size", paramLabel = "SIZE", description = "Largest part, such as 48G.")
    private String splitMaxSize;

    @Option(names = "--threads", paramLabel = "N", description = "Threads; processors by default.")
    private Integer threads;

    @Option(names = "--force", description = "Replace an existing file.")
    private boolean force;

    ConvertCommand() {}

    @Override
    public Integer call() throws IOException {
        try (ProgressLine progress = new ProgressLine()) {
            WriteOptions write = WriteOptions.DEFAULTS.withOverwrite(force).withProgress(progress);
            if (threads != null) {
                write = write.withThreads(threads);
            }
            if (splitMaxSize != null) {
                write = write.withMaxPartBytes(ByteSize.parse("--split-max-size", splitMaxSize));
            }
            ConversionOptions options = new ConversionOptions(ConversionOptions.parseType(type))
                    .withRules(rules.stream().map(TypeRule::parse).toList())
                    .withWrite(write);
            for (Path file : CheckpointConverter.convert(folder, target, options)) {
                System.err.println(file + ": " + Files.size(file) + " bytes");
            }
        }
        return 0;
    }
}
