package dev.cadre.core;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Coarser caches stay near the exact one. The models here are noise, so the bounds are wide; see docs/accuracy.md. */
class CachePrecisionTest {
    @ParameterizedTest
    @CsvSource({
        "full, BF16, 0.15",
        "full, FP8, 0.5",
        "mixed, BF16, 0.15",
        "mixed, FP8, 0.5",
        "families/qwen3_moe, BF16, 0.05",
        "families/qwen3_moe, FP8, 0.5",
        "families/deepseek_v32, FP8, 0.5",
        "families/gpt_oss, FP8, 0.5"
    })
    void meanErrorIsBounded(String name, KvPrecision precision, double most) throws IOException {
        Golden golden = Golden.of(name);
        float[] whole = logits(golden, precision, 512);
        float[] reference = golden.logits().values();
        double sum = 0;
        for (int i = 0; i < whole.length; i++) {
            sum += Math.abs(whole[i] - reference[i]);
        }
        double mean = sum / whole.length / golden.logitsDeviation();
        assertTrue(mean < most, () -> "mean error " + mean + " standard deviations");
        assertTrue(mean > 0, "the cache was not coarser at all");
        assertArrayEquals(whole, logits(golden, precision, 1), 0f, "chunks change nothing");
    }

    private static float[] logits(Golden golden, KvPrecision precision, int chunk) {
        LoadOptions options =
                LoadOptions.defaults().withCachePrecision(precision).withPrefillChunk(chunk);
        try (MoeModel model = MoeModel.load(golden.folder(), options);
                Session session = model.newSession()) {
            return session.forward(golden.prompt()).values();
        }
    }
}
