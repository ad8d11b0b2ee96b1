package dev.cadre.core;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cadre.kernels.format.BlockFormat;
import dev.cadre.kernels.format.RandomBlocks;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class SyntheticModelTest {
    static List<BlockFormat> formats() {
        return RandomBlocks.formats();
    }

    /** Activations that grow or vanish would be measured at another speed than those of a real model. */
    @ParameterizedTest
    @MethodSource("formats")
    void logitsAreOfAnOrdinarySize(BlockFormat format) {
        SyntheticModel shape = SyntheticModel.qwen3moe()
                .withLayers(1)
                .withHidden(512)
                .withExperts(4, 2)
                .withExpertWidth(256)
                .withType(format);
        try (MoeModel model = shape.load(LoadOptions.defaults().withThreads(2));
                Session session = model.newSession()) {
            float[] logits = session.append(1, 2, 3).row(0);
            double squares = 0;
            for (float logit : logits) {
                squares += (double) logit * logit;
            }
            double size = Math.sqrt(squares / logits.length);
            assertTrue(size > 0.1 && size < 10, () -> format + ": " + size);
        }
    }
}
