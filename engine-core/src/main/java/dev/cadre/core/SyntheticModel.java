package dev.cadre.core;

import dev.cadre.core.model.AttentionConfig;
import dev.cadre.core.model.FeedForwardConfig;
import dev.cadre.core.model.FeedForwardConfig.RouterConfig;
import dev.cadre.core.model.FeedForwardConfig.Scoring;
import dev.cadre.core.model.ModelConfig;
import dev.cadre.core.model.RopeConfig;
import dev.cadre.core.model.SyntheticWeights;
import dev.cadre.kernels.format.BlockFormat;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * A model with random weights, made in memory, for measuring speed without a download. What it says has no meaning.
 *
 * @param shape which family's blocks it has
 * @param layers number of layers
 * @param hidden H
 * @param experts E
 * @param topK experts for each token
 * @param expertWidth rows of one expert's gate and up
 * @param type how matrices are stored
 */
public record SyntheticModel(
        Shape shape, int layers, int hidden, int experts, int topK, int expertWidth, BlockFormat type) {
    private static final int VOCABULARY = 16_384;
    private static final int CONTEXT = 1 << 20;

    /** Families to imitate. */
    public enum Shape {
        /** Grouped-query attention with 32 heads of 128 over 4, softmax router. */
        QWEN3MOE,
        /** Latent attention with 32 heads, an indexer on the first half of the layers, sigmoid router. */
        GLM_DSA
    }

    /** 8 layers, hidden 2048, 128 experts of which 8 are used, expert width 768, Q4_K. */
    public static SyntheticModel qwen3moe() {
        return new SyntheticModel(Shape.QWEN3MOE, 8, 2048, 128, 8, 768, BlockFormat.Q4_K);
    }

    /** 6 layers, hidden 2048, 384 experts of which 8 are used, expert width 512, Q4_K; three full, three shared. */
    public static SyntheticModel glmDsa() {
        return new SyntheticModel(Shape.GLM_DSA, 6, 2048, 384, 8, 512, BlockFormat.Q4_K);
    }

    public SyntheticModel withLayers(int value) {
        return new SyntheticModel(shape, value, hidden, experts, topK, expertWidth, type);
    }

    public SyntheticModel withHidden(int value) {
        return new SyntheticModel(shape, layers, value, experts, topK, expertWidth, type);
    }

    public SyntheticModel withExperts(int value, int used) {
        return new SyntheticModel(shape, layers, hidden, value, used, expertWidth, type);
    }

    public SyntheticModel withExpertWidth(int value) {
        return new SyntheticModel(shape, layers, hidden, experts, topK, value, type);
    }

    public SyntheticModel withType(BlockFormat value) {
        return new SyntheticModel(shape, layers, hidden, experts, topK, expertWidth, value);
    }

    /** Makes the model. */
    public MoeModel load(LoadOptions options) {
        return DefaultMoeModel.ofWeights(config(), new SyntheticWeights(type), options);
    }

    private ModelConfig config() {
        Scoring scoring = shape == Shape.QWEN3MOE ? Scoring.SOFTMAX : Scoring.SIGMOID;
        RouterConfig router = new RouterConfig(experts, topK, scoring, 1, 1, true, 1);
        int shared = shape == Shape.QWEN3MOE ? 0 : expertWidth;
        FeedForwardConfig block = FeedForwardConfig.Experts.plain(router, expertWidth, shared);
        List<ModelConfig.Layer> all = new ArrayList<>();
        RopeConfig rope = rope(shape == Shape.QWEN3MOE ? 128 : 64);
        for (int i = 0; i < layers; i++) {
            all.add(new ModelConfig.Layer(attention(i, rope), block));
        }
        return new ModelConfig(
                "synthetic-" + shape.name().toLowerCase(Locale.ROOT).replace('_', '-'),
                VOCABULARY,
                hidden,
                1e-6f,
                CONTEXT,
                List.copyOf(all),
                0,
                new int[0]);
    }

    private AttentionConfig attention(int layer, RopeConfig rope) {
        if (shape == Shape.QWEN3MOE) {
            return new AttentionConfig.Grouped(
                    32,
                    4,
                    128,
                    (float) Math.pow(128, -0.5),
                    rope,
                    AttentionConfig.Span.ALL,
                    AttentionConfig.QueryKeyNorm.HEAD,
                    1e-6f,
                    false,
                    false,
                    false,
                    Float.POSITIVE_INFINITY,
                    null);
        }
        AttentionConfig.IndexerConfig indexer =
                new AttentionConfig.IndexerConfig(32, 128, 2048, 1e-6f, rope.withInterleaved(true));
        return new AttentionConfig.Latent(
                32,
                1024,
                512,
                192,
                64,
                256,
                (float) Math.pow(256, -0.5),
                1e-6f,
                rope,
                indexer,
                layer >= (layers + 1) / 2,
                null);
    }

    private RopeConfig rope(int width) {
        float[] frequencies = new float[width / 2];
        for (int i = 0; i < frequencies.length; i++) {
            frequencies[i] = (float) Math.pow(1e6, -2.0 * i / width);
        }
        return new RopeConfig(frequencies, shape == Shape.GLM_DSA, 1);
    }
}
