package dev.cadre.core;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.cadre.core.tokenizer.Tokenizers;
import dev.cadre.weights.Checkpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The tokenizer against Hugging Face tokenizers; cases by docs/reference/make_golden_tokenizers.py. */
class TokenizerGoldenTest {
    @ParameterizedTest
    @ValueSource(
            strings = {
                "deepseek-v3",
                "glm4",
                "gpt-2",
                "kimi-k2",
                "llama-3",
                "o200k",
                "qwen2",
                "spm-bpe",
                "spm-bpe-metaspace"
            })
    void tokenizerJson(String name) throws IOException {
        Path folder = Golden.resource("golden/tokenizers/" + name);
        check(folder, Tokenizers.ofTokenizerJson(folder.resolve("tokenizer.json")), List.of());
    }

    @ParameterizedTest
    @ValueSource(strings = {"glm4", "gpt-2"})
    void gguf(String name) throws IOException {
        Path folder = Golden.resource("golden/tokenizers/" + name);
        try (Checkpoint checkpoint = Checkpoint.open(folder.resolve("vocab.gguf"))) {
            check(folder, Tokenizers.find(checkpoint), List.of("<mask>", "<word>", "<tail>"));
        }
    }

    /**
     * Runs all cases.
     *
     * @param flagged tokens that take spaces along or stand only between words, which GGUF files cannot say; cases
     *     with them are left out
     */
    private static void check(Path folder, Tokenizer tokenizer, List<String> flagged) throws IOException {
        JsonNode cases = JsonMapper.shared().readTree(Files.readAllBytes(folder.resolve("cases.json")));
        for (JsonNode c : cases) {
            String text = c.path("text").asString();
            int[] ids = Golden.ints(c.path("ids"));
            if (flagged.stream().anyMatch(text::contains)) {
                continue;
            }
            assertArrayEquals(ids, tokenizer.encodeWithSpecials(text), () -> "ids of " + c);
            String decoded = c.path("decoded_skip").asString(c.path("decoded").asString());
            assertEquals(decoded, tokenizer.decode(ids), () -> "text of " + c);
            StringBuilder streamed = new StringBuilder();
            Tokenizer.Decoder decoder = tokenizer.newDecoder();
            for (int id : ids) {
                String part = decoder.add(id);
                assertEquals(part, new String(part.getBytes("UTF-8"), "UTF-8"));
                streamed.append(part);
            }
            assertEquals(
                    tokenizer.decode(ids), streamed.append(decoder.finish()).toString());
        }
    }
}
