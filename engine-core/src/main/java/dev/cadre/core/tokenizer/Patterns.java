package dev.cadre.core.tokenizer;

import dev.cadre.core.UnsupportedModelException;
import dev.cadre.core.tokenizer.PreTokenizer.Behavior;
import java.util.Arrays;
import java.util.List;

/** The splitting patterns that GGUF files refer to by name ({@code tokenizer.ggml.pre}). */
final class Patterns {
    /** GPT-2's, which a ByteLevel pre-tokenizer uses when it is told to use a pattern. */
    static final String GPT2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

    private static final String CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
    private static final String PUNCTUATION_AND_SPACES =
            "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    private static final String LLAMA3 =
            CONTRACTIONS + "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}" + PUNCTUATION_AND_SPACES;
    private static final String QWEN2 = CONTRACTIONS + "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}" + PUNCTUATION_AND_SPACES;
    private static final String UPPER = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
    private static final String LOWER = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";
    private static final String LEAD = "[^\\r\\n\\p{L}\\p{N}]?";
    private static final String O200K = LEAD + UPPER + "*" + LOWER + "+" + CONTRACTIONS + "?|" + LEAD + UPPER + "+"
            + LOWER + "*" + CONTRACTIONS + "?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+"
            + "|\\s+(?!\\S)|\\s+";
    private static final String TEKKEN = LEAD + UPPER + "*" + LOWER + "+|" + LEAD + UPPER + "+" + LOWER
            + "*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    private static final String KIMI_UPPER = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]";
    private static final String KIMI_LOWER = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]";
    private static final String KIMI_K2 = "[\\p{Han}]+|" + LEAD + KIMI_UPPER + "*" + KIMI_LOWER + "+" + CONTRACTIONS
            + "?|" + LEAD + KIMI_UPPER + "+" + KIMI_LOWER + "*" + CONTRACTIONS + "?|\\p{N}{1,3}"
            + PUNCTUATION_AND_SPACES;
    private static final String[] DEEPSEEK_V3 = {
        "\\p{N}{1,3}",
        "[一-龥\u3040-ゟ゠-ヿ]+",
        "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
                + "| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
    };

    private Patterns() {}

    /**
     * The pre-tokenizer of a GGUF file.
     *
     * @throws UnsupportedModelException for a name that we do not know
     */
    static PreTokenizer ofGgufName(String name) {
        return switch (name) {
            case "gpt-2", "default", "olmo", "phi-2", "jina-es", "jina-de", "exaone" -> isolate(GPT2);
            case "glm4", "chatglm-bpe", "llama3", "llama-v3", "llama-bpe", "dbrx", "smaug-bpe" -> isolate(LLAMA3);
            case "qwen2", "stablelm2", "deepseek-r1-qwen", "hunyuan", "megrez" -> isolate(QWEN2);
            case "gpt-4o", "llama4", "o200k", "minimax-m2" -> isolate(O200K);
            case "tekken" -> isolate(TEKKEN);
            case "kimi-k2" -> isolate(KIMI_K2);
            case "deepseek-v3", "hunyuan-dense", "joyai-llm" -> isolate(DEEPSEEK_V3);
            default ->
                throw new UnsupportedModelException("tokenizer.ggml.pre is '" + name
                        + "', which is not supported; known are gpt-2, glm4, llama-bpe, qwen2, gpt-4o, tekken, kimi-k2"
                        + " and deepseek-v3");
        };
    }

    private static PreTokenizer isolate(String... patterns) {
        List<PreTokenizer> steps = Arrays.stream(patterns)
                .map(p -> PreTokenizer.split(p, Behavior.ISOLATED, false))
                .toList();
        return steps.size() == 1 ? steps.getFirst() : PreTokenizer.sequence(steps);
    }
}
