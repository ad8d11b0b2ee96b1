package dev.cadre.core;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Contexts of several pages and spans: the same bits for any number of threads and any chunks. */
class LongContextTest {
    private static final int TOKENS = 330;

    @TempDir
    private Path temp;

    @ParameterizedTest
    @CsvSource({
        "full, F32", "full, FP8", "mixed, BF16", "grouped, FP8",
        "families/deepseek_v3, F32", "families/gpt_oss, F32", "families/gpt_oss, FP8", "families/llama4_text, F32",
        "families/mixtral, BF16", "families/olmoe, F32", "families/qwen3_moe, FP8"
    })
    void sameBits(String name, KvPrecision precision) throws IOException {
        Path folder = withLargerSelection(Golden.of(name).folder());
        LoadOptions options = LoadOptions.defaults().withCachePrecision(precision);
        float[] expected = logits(folder, options.withThreads(1).withPrefillChunk(512), TOKENS);
        assertArrayEquals(expected, logits(folder, options.withThreads(3).withPrefillChunk(7), TOKENS), 0f);
        assertArrayEquals(expected, logits(folder, options.withThreads(2).withPrefillChunk(100), 201), 0f);
        assertArrayEquals(expected, logits(folder, options.withThreads(2), 1), 0f);
    }

    /** A copy of a model whose indexer, if it has one, chooses several spans. */
    private Path withLargerSelection(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Path copy = temp.resolve(file.getFileName());
                if (file.endsWith("config.json")) {
                    String config = Files.readString(file);
                    Files.writeString(copy, config.replaceAll("\"index_topk\": \\d+", "\"index_topk\": 290"));
                } else if (!file.toString().endsWith(".gguf")) {
                    Files.copy(file, copy);
                }
            }
        }
        return temp;
    }

    private static float[] logits(Path folder, LoadOptions options, int perCall) {
        try (MoeModel model = MoeModel.load(folder, options);
                Session session = model.newSession(SessionOptions.ofContext(TOKENS))) {
            int[] tokens = new int[TOKENS];
            for (int i = 0; i < TOKENS; i++) {
                tokens[i] = (i * 7 + i * i / 5 + 3) % model.info().vocabulary();
            }
            float[] all = new float[TOKENS * model.info().vocabulary()];
            for (int from = 0; from < TOKENS; from += perCall) {
                Logits part = session.forward(Arrays.copyOfRange(tokens, from, Math.min(TOKENS, from + perCall)));
                for (int row = 0; row < part.rows(); row++) {
                    float[] values = part.row(row);
                    System.arraycopy(values, 0, all, (from + row) * values.length, values.length);
                }
            }
            return all;
        }
    }
}
