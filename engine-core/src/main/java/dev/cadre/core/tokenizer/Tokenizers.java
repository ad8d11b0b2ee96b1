package dev.cadre.core.tokenizer;

import dev.cadre.core.Tokenizer;
import dev.cadre.core.model.ModelConfig;
import dev.cadre.weights.Checkpoint;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;

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

    /**
     * The tokens that end a generation: those that the checkpoint names, in {@code generation_config.json} too, and for
     * GLM the ends of a turn.
     */
    public static int[] stopTokens(Checkpoint checkpoint, ModelConfig config, Tokenizer tokenizer) {
        IntStream named = Arrays.stream(config.stopTokens());
        if (checkpoint.format().equals("safetensors")) {
            return IntStream.concat(named, generationConfig(checkpoint.path()))
                    .distinct()
                    .toArray();
        }
        if (tokenizer == null || !config.architecture().startsWith("glm")) {
            return named.distinct().toArray();
        }
        IntStream ends = Stream.of(GLM_ENDS).mapToInt(tokenizer::idOf).filter(id -> id >= 0);
        return IntStream.concat(named, ends).distinct().toArray();
    }

    private static IntStream generationConfig(Path folder) {
        Path file = folder.resolve("generation_config.json");
        if (!Files.isRegularFile(file)) {
            return IntStream.empty();
        }
        JsonNode ends = TokenizerJson.parse(file).path("eos_token_id");
        if (ends.isIntegralNumber()) {
            return IntStream.of(ends.asInt());
        }
        List<JsonNode> list = new ArrayList<>();
        ends.forEach(list::add);
        return list.stream().filter(JsonNode::isIntegralNumber).mapToInt(JsonNode::asInt);
    }
}
