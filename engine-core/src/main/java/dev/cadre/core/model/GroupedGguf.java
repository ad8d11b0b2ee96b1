package dev.cadre.core.model;

import dev.cadre.core.UnsupportedModelException;
import dev.cadre.core.model.AttentionConfig.QueryKeyNorm;
import dev.cadre.core.model.AttentionConfig.Span;
import dev.cadre.core.model.AttentionConfig.Temperature;
import dev.cadre.core.model.FeedForwardConfig.RouterConfig;
import dev.cadre.core.model.FeedForwardConfig.Scoring;
import dev.cadre.kernels.format.BlockCodec;
import dev.cadre.weights.Checkpoint;
import dev.cadre.weights.Metadata;
import dev.cadre.weights.TensorEntry;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** Reads a {@link GroupedFamily}'s configuration from a GGUF file: its keys, and which tensors it has. */
final class GroupedGguf {
    private static final int LLAMA4_CHUNK = 8192;
    private static final int LLAMA4_MAVERICK_EXPERTS = 128;

    private final GroupedFamily family;
    private final Checkpoint checkpoint;
    private final Metadata m;
    private final String architecture;
    private final String p;
    private final int layers;
    private final int beyond;
    private final int headWidth;
    private final float eps;
    private final RopeConfig rope;

    GroupedGguf(GroupedFamily family, Checkpoint checkpoint, String architecture) {
        this.checkpoint = checkpoint;
        this.m = checkpoint.metadata();
        this.architecture = architecture;
        this.p = architecture + ".";
        this.beyond = m.intOr(p + "nextn_predict_layers", 0);
        this.layers = Counts.trunkLayers(m, p, beyond);
        // llama.cpp's name for Llama stands for Mixtral too
        this.family =
                family == GroupedFamily.LLAMA && m.intOr(p + "expert_count", 0) > 0 ? GroupedFamily.MIXTRAL : family;
        this.headWidth = m.intOr(
                p + "attention.key_length",
                m.requireInt(p + "embedding_length") / Counts.positive(m, p + "attention.head_count"));
        this.eps = (float) m.requireDouble(p + "attention.layer_norm_rms_epsilon");
        RopeFrequencies frequencies = RopeFrequencies.fromGguf(m, p, family.truncatesYarn());
        boolean interleaved = architecture.equals("llama") || this.family.interleavedInGguf();
        RopeConfig plain = frequencies.of(m.intOr(p + "rope.dimension_count", headWidth), interleaved);
        this.rope = plain.dividedBy(ropeFactors(plain.inverseFrequencies().length));
    }

    /** Llama-3 scaling comes as a tensor of divisors of the frequencies. */
    private float[] ropeFactors(int n) {
        TensorEntry entry = checkpoint.find("rope_freqs.weight");
        if (entry == null) {
            return null;
        }
        if (entry.elements() != n) {
            throw new UnsupportedModelException(m.source() + ": rope_freqs.weight has " + entry.elements()
                    + " elements, the rotation has " + n + " pairs");
        }
        float[] factors = new float[n];
        BlockCodec.of(entry.format()).decode(entry.data(), 0, factors, 0, n);
        return factors;
    }

    private boolean has(String tensor) {
        return checkpoint.find("blk.0." + tensor) != null;
    }

    ModelConfig read() {
        boolean[] sparse = sparseLayers();
        FeedForwardConfig experts = m.intOr(p + "expert_count", 0) > 0 ? experts() : null;
        List<ModelConfig.Layer> all = new ArrayList<>();
        for (int i = 0; i < layers; i++) {
            FeedForwardConfig block =
                    sparse[i] ? experts : new FeedForwardConfig.Dense(m.requireInt(p + "feed_forward_length"));
            all.add(new ModelConfig.Layer(attention(i), block));
        }
        return new ModelConfig(
                architecture,
                GgufOptions.vocabulary(m, p),
                m.requireInt(p + "embedding_length"),
                eps,
                m.intOr(p + "context_length", 4096),
                List.copyOf(all),
                beyond,
                GgufOptions.stopTokens(m));
    }

    private AttentionConfig attention(int layer) {
        boolean rotates = !family.chunked() || (layer + 1) % 4 != 0;
        int heads = m.requireInt(p + "attention.head_count");
        boolean normed = family.norm() == QueryKeyNorm.PLAIN_AFTER_ROTATION
                ? rotates && m.intOr(p + "expert_count", 0) != LLAMA4_MAVERICK_EXPERTS
                : has("attn_q_norm.weight");
        return new AttentionConfig.Grouped(
                heads,
                m.intOr(p + "attention.head_count_kv", heads),
                headWidth,
                (float) Math.pow(headWidth, -0.5),
                rotates ? rope : null,
                span(layer, rotates),
                normed ? family.norm() : QueryKeyNorm.NONE,
                eps,
                has("attn_q.bias"),
                has("attn_output.bias"),
                has("attn_sinks.weight"),
                (float) m.doubleOr(p + "attention.clamp_kqv", Double.POSITIVE_INFINITY),
                family.chunked() && !rotates ? new Temperature(0.1f, LLAMA4_CHUNK, 1) : null);
    }

    private Span span(int layer, boolean rotates) {
        if (family.chunked()) {
            return rotates ? new Span(0, m.intOr(p + "attention.chunk_size", LLAMA4_CHUNK)) : Span.ALL;
        }
        int window = m.intOr(p + "attention.sliding_window", 0);
        boolean slides = window > 0 && (!family.sinks() || layer % 2 == 0);
        return slides ? new Span(window, 0) : Span.ALL;
    }

    private FeedForwardConfig.Experts experts() {
        int width = m.intOr(p + "expert_feed_forward_length", m.intOr(p + "feed_forward_length", 0));
        boolean hasShared = anyLayerHas("ffn_gate_shexp.weight");
        int shared = !hasShared
                ? 0
                : m.intOr(
                        p + "expert_shared_feed_forward_length",
                        Math.max(1, m.intOr(p + "expert_shared_count", 1)) * width);
        int gating = m.intOr(p + "expert_gating_func", 0);
        Scoring scoring = gating == 1 ? Scoring.SOFTMAX : gating == 2 ? Scoring.SIGMOID : family.scoring();
        RouterConfig router = new RouterConfig(
                m.requireInt(p + "expert_count"),
                m.requireInt(p + "expert_used_count"),
                scoring,
                m.intOr(p + "expert_group_count", 1),
                m.intOr(p + "expert_group_used_count", 1),
                m.booleanOr(p + "expert_weights_norm", normalises()),
                (float) m.doubleOr(p + "expert_weights_scale", 1));
        return new FeedForwardConfig.Experts(
                router,
                width,
                shared,
                anyLayerHas("ffn_gate_inp_shexp.weight"),
                family.chunked(),
                family.expertBiases(),
                family.activation());
    }

    /** llama.cpp divides by the sum for Qwen3, whose files do not say so, and as we do for the others. */
    private boolean normalises() {
        return architecture.equals("qwen3moe") || family.normalisesByDefault();
    }

    /** The first and the last layer may be dense. */
    private boolean anyLayerHas(String tensor) {
        return IntStream.range(0, layers).anyMatch(i -> checkpoint.find("blk." + i + "." + tensor) != null);
    }

    private boolean[] sparseLayers() {
        boolean[] sparse = new boolean[layers];
        for (int i = 0; i < layers; i++) {
            sparse[i] = checkpoint.find("blk." + i + ".ffn_gate_inp.weight") != null;
        }
        return sparse;
    }
}
