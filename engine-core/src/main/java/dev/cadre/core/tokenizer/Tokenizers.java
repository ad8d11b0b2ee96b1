package dev.cadre.core.tokenizer;

import dev.cadre.core.Tokenizer;
import dev.cadre.core.model.ModelConfig;
import dev.cadre.weights.Checkpoint;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Finds the tokenizer of a checkpoint. */
public final class Tokenizers {
    /** GLM models end a turn with the next role's token; GGUF files often name only one of these. */
    private static final String[] GLM_ENDS = {"<|endoftext|>", "<|user|>", "<|observation|>"};

    private Tokenizers() {}

    /** The tokenizer, or null if the checkpoint has none. */
    public static Tokenizer find(Checkpoint checkpoint) {
        if (checkpoint.format().equals("gguf")) {
            boolean present = checkpoint.metadata().has("tokenizer.ggml.tokens")
                    && !checkpoint
                            .metadata()
                            .stringOr("tokenizer.ggml.model", "none")
                            .equals("none");
            return present ? GgufTokenizer.read(checkpoint.metadata()) : null;
        }
        Path file = checkpoint.path().resolve("tokenizer.json");
        return Files.isRegularFile(file) ? TokenizerJson.read(file) : null;
    }

    /** Reads a {@code tokenizer.json}. */
    public static Tokenizer ofTokenizerJson(Path file) {
        return TokenizerJson.read(file);
    }

    /** The tokens that end a generation: those that the checkpoint names, and for GLM the ends of a turn. */
    public static int[] stopTokens(Checkpoint checkpoint, ModelConfig config, Tokenizer tokenizer) {
        IntStream named = Arrays.stream(config.stopTokens());
        boolean glm = config.architecture().startsWith("glm");
        if (tokenizer == null || !glm || checkpoint.format().equals("safetensors")) {
            return named.distinct().toArray();
        }
        IntStream ends = Stream.of(GLM_ENDS).mapToInt(tokenizer::idOf).filter(id -> id >= 0);
        return IntStream.concat(named, ends).distinct().toArray();
    }
}
