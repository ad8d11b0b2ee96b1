package dev.cadre.core.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cadre.core.Tokenizer;
import dev.cadre.core.UnsupportedModelException;
import dev.cadre.core.tokenizer.PreTokenizer.Behavior;
import dev.cadre.weights.CheckpointFormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The cost of tokenizing is near linear in the text, whatever the text; hostile tokenizer files are refused. */
class TokenizerCostTest {
    private static final List<String> UNITS =
            List.of(" ", "a", "A", "é", "1", "'", "\n", " \n", "\t ", "a1", "中", "'s", "aA", "\u0301", "😀", "x ");

    private static Tokenizer tokenizer(String name) throws Exception {
        Path folder = Path.of(TokenizerCostTest.class
                .getClassLoader()
                .getResource("golden/tokenizers/" + name)
                .toURI());
        return TokenizerJson.read(folder.resolve("tokenizer.json"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"glm4", "gpt-2", "qwen2", "deepseek-v3", "kimi-k2", "o200k"})
    void patternsLookAtEachCharacterAFewTimes(String name) {
        PreTokenizer split = Patterns.ofGgufName(name.equals("o200k") ? "gpt-4o" : name);
        for (String unit : UNITS) {
            for (int n : new int[] {1_000, 10_000, 100_000}) {
                String text = unit.repeat(n / unit.length());
                long before = BudgetedText.LOOKS.get();
                assertEquals(text, String.join("", split.split(text, true)));
                long looks = BudgetedText.LOOKS.get() - before;
                assertTrue(
                        looks <= 60L * text.length() + 1_000, () -> looks + " looks at " + n + " times '" + unit + "'");
            }
        }
    }

    @Test
    void aWordOf100KilobytesIsMergedInNearLinearSteps() throws Exception {
        Tokenizer tokenizer = tokenizer("glm4");
        for (String unit : List.of("a", "the", "xy", "é", "中")) {
            String text = unit.repeat(100_000 / unit.length());
            int[] ids = tokenizer.encode(text);
            assertEquals(text, tokenizer.decode(ids));
        }
    }

    @Test
    void mergesAreCountedNotTimed() {
        long[] looks = new long[1];
        MergeTable pairs = (left, right) -> {
            looks[0]++;
            return left == 0 && right == 0
                    ? MergeTable.merge(0, 1)
                    : left == 1 && right == 1 ? MergeTable.merge(1, 2) : -1;
        };
        int n = 100_000;
        int left = new BytePairEncoder(pairs).merge(new int[n], n);
        assertEquals(n / 4, left);
        assertTrue(looks[0] < 10L * n, () -> looks[0] + " look-ups");
    }

    @Test
    void aPatternThatBacktracksWithoutEndIsStopped() {
        PreTokenizer bad = PreTokenizer.split("a*a*a*a*a*b", Behavior.ISOLATED, false);
        assertThrows(UnsupportedModelException.class, () -> bad.split("a".repeat(3_000), true));
        PreTokenizer deep = PreTokenizer.split("(?:a|b)*", Behavior.ISOLATED, false);
        assertThrows(UnsupportedModelException.class, () -> deep.split("ab".repeat(500_000), true));
        assertThrows(UnsupportedModelException.class, () -> PreTokenizer.split("(unclosed", Behavior.ISOLATED, false));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "[1, 2",
                "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": -1}, \"merges\": []}}",
                "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 2147483647}, \"merges\": []}}",
                "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 9000000}, \"merges\": []}}",
                "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0.5}, \"merges\": []}}",
                "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0}, \"merges\": [\"a b\"]}}",
                "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0}, \"merges\": [7]}}",
                "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0}}, \"added_tokens\": [{\"id\": -5}]}"
            })
    void damagedFilesAreTypedErrors(String json, @TempDir Path folder) throws IOException {
        Path file = Files.writeString(folder.resolve("tokenizer.json"), json);
        assertThrows(CheckpointFormatException.class, () -> TokenizerJson.read(file));
    }

    @Test
    void nestingIsATypedError(@TempDir Path folder) throws IOException {
        Path file = Files.writeString(folder.resolve("tokenizer.json"), "[".repeat(1_000_000));
        assertThrows(CheckpointFormatException.class, () -> TokenizerJson.read(file));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"model\": {\"type\": \"Unigram\", \"vocab\": []}}",
                "{\"model\": {\"type\": \"BPE\", \"vocab\": {}}, \"normalizer\": {\"type\": \"BertNormalizer\"}}",
                "{\"model\": {\"type\": \"BPE\", \"vocab\": {}}, \"pre_tokenizer\": {\"type\": \"Whitespace\"}}"
            })
    void unknownPartsAreNamed(String json, @TempDir Path folder) throws IOException {
        Path file = Files.writeString(folder.resolve("tokenizer.json"), json);
        UnsupportedModelException e = assertThrows(UnsupportedModelException.class, () -> TokenizerJson.read(file));
        assertTrue(e.getMessage().contains("is not supported; known"), e.getMessage());
    }
}
