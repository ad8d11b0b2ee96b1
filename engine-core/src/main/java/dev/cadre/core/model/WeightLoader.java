package dev.cadre.core.model;

import dev.cadre.kernels.Kernels;
import dev.cadre.kernels.Matrix;
import dev.cadre.kernels.Workspace;
import dev.cadre.kernels.format.BlockFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/** Collects the weights that a configuration asks for, checking every shape against it. */
public final class WeightLoader {
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final ModelConfig config;
    private final WeightSource source;
    private final Kernels kernels;

    private WeightLoader(ModelConfig config, WeightSource source, Kernels kernels) {
        this.config = config;
        this.source = source;
        this.kernels = kernels;
    }

    /**
     * Loads a model's weights. Big matrices are views of the mapped files; nothing of the experts is read.
     *
     * @throws dev.cadre.weights.CheckpointFormatException if a tensor is missing or its shape disagrees
     */
    public static ModelWeights load(ModelConfig config, WeightSource source, Kernels kernels) {
        return new WeightLoader(config, source, kernels).load();
    }

    private ModelWeights load() {
        int hidden = config.hidden();
        Matrix embedding = source.matrix("token_embd", config.vocabulary(), hidden);
        List<ModelWeights.Layer> layers = new ArrayList<>();
        for (int i = 0; i < config.layers().size(); i++) {
            layers.add(layer(config.layers().get(i), "blk." + i + "."));
        }
        Matrix output = source.has("output") ? source.matrix("output", config.vocabulary(), hidden) : embedding;
        return new ModelWeights(embedding, List.copyOf(layers), source.vector("output_norm", hidden), output);
    }

    private ModelWeights.Layer layer(ModelConfig.Layer layer, String prefix) {
        ModelWeights.Attention attention = switch (layer.attention()) {
            case AttentionConfig.Latent latent -> latent(latent, prefix);
            case AttentionConfig.Grouped grouped -> grouped(grouped, prefix);
        };
        ModelWeights.FeedForward feedForward = switch (layer.feedForward()) {
            case FeedForwardConfig.Dense dense -> gated(prefix, dense.width(), "ffn_gate", "ffn_up", "ffn_down");
            case FeedForwardConfig.Experts experts -> experts(experts, prefix);
        };
        return new ModelWeights.Layer(
                source.vector(prefix + "attn_norm", config.hidden()),
                attention,
                source.vector(prefix + "ffn_norm", config.hidden()),
                feedForward);
    }

    private ModelWeights.Grouped grouped(AttentionConfig.Grouped a, String prefix) {
        int hidden = config.hidden();
        int queryRows = a.heads() * a.headWidth();
        int keyRows = a.keyValueHeads() * a.headWidth();
        boolean whole = a.norm() == AttentionConfig.QueryKeyNorm.WHOLE;
        boolean norms = whole || a.norm() == AttentionConfig.QueryKeyNorm.HEAD;
        return new ModelWeights.Grouped(
                source.matrix(prefix + "attn_q", queryRows, hidden),
                source.matrix(prefix + "attn_k", keyRows, hidden),
                source.matrix(prefix + "attn_v", keyRows, hidden),
                source.matrix(prefix + "attn_output", hidden, queryRows),
                a.biases() ? source.vector(prefix + "attn_q.bias", queryRows) : null,
                a.biases() ? source.vector(prefix + "attn_k.bias", keyRows) : null,
                a.biases() ? source.vector(prefix + "attn_v.bias", keyRows) : null,
                a.outputBias() ? source.vector(prefix + "attn_output.bias", hidden) : null,
                norms ? source.vector(prefix + "attn_q_norm", whole ? queryRows : a.headWidth()) : null,
                norms ? source.vector(prefix + "attn_k_norm", whole ? keyRows : a.headWidth()) : null,
                a.sinks() ? source.vector(prefix + "attn_sinks", a.heads()) : null);
    }

    private ModelWeights.Latent latent(AttentionConfig.Latent a, String prefix) {
        int hidden = config.hidden();
        int heads = a.heads();
        int queryRows = heads * a.queryWidth();
        boolean bottleneck = a.queryRank() > 0;
        Matrix[] keyUp = new Matrix[heads];
        Matrix[] valueUp = new Matrix[heads];
        if (source.has(prefix + "attn_k_b")) {
            Matrix keys = source.matrix(prefix + "attn_k_b", (long) heads * a.latentRank(), a.nopeWidth());
            Matrix values = source.matrix(prefix + "attn_v_b", (long) heads * a.valueWidth(), a.latentRank());
            for (int h = 0; h < heads; h++) {
                keyUp[h] = keys.rows((long) h * a.latentRank(), a.latentRank());
                valueUp[h] = values.rows((long) h * a.valueWidth(), a.valueWidth());
            }
        } else {
            splitKeyValueUp(a, prefix + "attn_kv_b", keyUp, valueUp);
        }
        return new ModelWeights.Latent(
                bottleneck ? source.matrix(prefix + "attn_q_a", a.queryRank(), hidden) : null,
                bottleneck ? source.vector(prefix + "attn_q_a_norm", a.queryRank()) : null,
                bottleneck
                        ? source.matrix(prefix + "attn_q_b", queryRows, a.queryRank())
                        : source.matrix(prefix + "attn_q", queryRows, hidden),
                source.matrix(prefix + "attn_kv_a_mqa", a.cacheWidth(), hidden),
                source.vector(prefix + "attn_kv_a_norm", a.latentRank()),
                keyUp,
                valueUp,
                source.matrix(prefix + "attn_output", hidden, (long) heads * a.valueWidth()),
                a.ownsIndexer() ? indexer(a, prefix + "indexer.") : null);
    }

    /**
     * Splits kv_b, [nH·(dn + dv), r] with dn rows of W_UK and then dv rows of W_UV for each head. W_UV stays a view;
     * W_UK is transposed into memory of its own, exactly: as BF16 where it is BF16, else as float32.
     */
    private void splitKeyValueUp(AttentionConfig.Latent a, String name, Matrix[] keyUp, Matrix[] valueUp) {
        int headRows = a.nopeWidth() + a.valueWidth();
        int rank = a.latentRank();
        Matrix both = source.matrix(name, (long) a.heads() * headRows, rank);
        BlockFormat format = both.format() == BlockFormat.BF16 ? BlockFormat.BF16 : BlockFormat.F32;
        float[] row = new float[rank];
        Workspace workspace = new Workspace();
        for (int h = 0; h < a.heads(); h++) {
            MemorySegment transposed = source.arena().allocate(format.bytes((long) rank * a.nopeWidth()), 64);
            for (int d = 0; d < a.nopeWidth(); d++) {
                kernels.matrices().decodeRow(both, (long) h * headRows + d, row, 0, workspace);
                for (int c = 0; c < rank; c++) {
                    store(transposed, format, (long) c * a.nopeWidth() + d, row[c]);
                }
            }
            keyUp[h] = Matrix.of(format, rank, a.nopeWidth(), transposed);
            valueUp[h] = both.rows((long) h * headRows + a.nopeWidth(), a.valueWidth());
        }
    }

    private static void store(MemorySegment segment, BlockFormat format, long index, float value) {
        if (format == BlockFormat.BF16) {
            segment.set(ValueLayout.JAVA_SHORT.withOrder(ByteOrder.LITTLE_ENDIAN), 2 * index, (short)
                    (Float.floatToRawIntBits(value) >>> 16));
        } else {
            segment.set(FLOAT, 4 * index, value);
        }
    }

    private ModelWeights.Indexer indexer(AttentionConfig.Latent a, String prefix) {
        AttentionConfig.IndexerConfig c = a.indexer();
        int queryInput = a.queryRank() > 0 ? a.queryRank() : config.hidden();
        return new ModelWeights.Indexer(
                source.matrix(prefix + "attn_q_b", (long) c.heads() * c.width(), queryInput),
                source.matrix(prefix + "attn_k", c.width(), config.hidden()),
                source.vector(prefix + "k_norm", c.width()),
                source.vector(prefix + "k_norm.bias", c.width()),
                source.matrix(prefix + "proj", c.heads(), config.hidden()));
    }

    private ModelWeights.Gated gated(String prefix, int width, String gate, String up, String down) {
        return new ModelWeights.Gated(
                source.matrix(prefix + gate, width, config.hidden()),
                source.matrix(prefix + up, width, config.hidden()),
                source.matrix(prefix + down, config.hidden(), width));
    }

    private ModelWeights.Experts experts(FeedForwardConfig.Experts e, String prefix) {
        int hidden = config.hidden();
        int count = e.router().experts();
        String correction = prefix + "exp_probs_b.bias";
        String routerBias = prefix + "ffn_gate_inp.bias";
        ModelWeights.ExpertBiases biases = !e.biases()
                ? null
                : new ModelWeights.ExpertBiases(
                        source.expertVectors(prefix + "ffn_gate_exps.bias", count, e.width()),
                        source.expertVectors(prefix + "ffn_up_exps.bias", count, e.width()),
                        source.expertVectors(prefix + "ffn_down_exps.bias", count, hidden));
        return new ModelWeights.Experts(
                source.matrix(prefix + "ffn_gate_inp", count, hidden),
                source.has(routerBias) ? source.vector(routerBias, count) : null,
                source.has(correction) ? source.vector(correction, count) : null,
                source.experts(prefix + "ffn_gate_exps", count, e.width(), hidden),
                source.experts(prefix + "ffn_up_exps", count, e.width(), hidden),
                source.experts(prefix + "ffn_down_exps", count, hidden, e.width()),
                biases,
                e.sharedWidth() == 0
                        ? null
                        : gated(prefix, e.sharedWidth(), "ffn_gate_shexp", "ffn_up_shexp", "ffn_down_shexp"),
                e.sharedGate() ? source.matrix(prefix + "ffn_gate_inp_shexp", 1, hidden) : null);
    }
}
