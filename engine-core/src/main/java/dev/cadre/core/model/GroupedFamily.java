package dev.cadre.core.model;

import dev.cadre.core.model.AttentionConfig.QueryKeyNorm;
import dev.cadre.core.model.FeedForwardConfig.Activation;
import dev.cadre.core.model.FeedForwardConfig.Scoring;
import dev.cadre.weights.Checkpoint;
import dev.cadre.weights.Metadata;
import dev.cadre.weights.config.SlidingWindows;
import java.util.Map;

/**
 * The families with grouped-query attention: a table of where they differ. {@link GroupedHuggingFace} and
 * {@link GroupedGguf} read their two kinds of description.
 *
 * @param defaultPartial share of a head that is rotated, where the checkpoint does not say; 1 if heads are always
 *     rotated whole
 * @param interleaved rotation in Hugging Face checkpoints takes neighbouring pairs
 * @param interleavedInGguf the same for GGUF files, where converters have permuted some families
 * @param norm of queries and keys, where there is one
 * @param normKey the Hugging Face option that switches the norm on; null if it is always there
 * @param biasKey the Hugging Face option for biases of queries, keys and values; null if there are never any
 * @param biasByDefault its value where it is absent
 * @param outputBias the output projection has a bias where queries have one
 * @param sinks softmax sinks
 * @param clips queries, keys and values are clamped if {@code clip_qkv} says so
 * @param windows which layers have sliding windows
 * @param scoring the router's; null for families without experts
 * @param normalisesByDefault expert weights are divided by their sum, where the checkpoint does not say
 * @param normalisesOnRequest {@code norm_topk_prob} decides that
 * @param expertWidthKey the Hugging Face option for the width of an expert
 * @param denseWidthKey the one for the width of a dense layer
 * @param sharedWidthKey the one for the width of the shared expert; null for multiples of the expert width
 * @param gatedShared the shared expert has a gate of its own
 * @param activation of the experts
 * @param expertBiases experts and router have biases
 * @param chunked rotated layers attend within chunks, the others everywhere and without rotation (Llama 4)
 * @param truncatesYarn YaRN's range of dimensions is rounded to whole ones
 * @param names of the tensors in Hugging Face checkpoints
 */
record GroupedFamily(
        double defaultPartial,
        boolean interleaved,
        boolean interleavedInGguf,
        QueryKeyNorm norm,
        String normKey,
        String biasKey,
        boolean biasByDefault,
        boolean outputBias,
        boolean sinks,
        boolean clips,
        SlidingWindows windows,
        Scoring scoring,
        boolean normalisesByDefault,
        boolean normalisesOnRequest,
        String expertWidthKey,
        String denseWidthKey,
        String sharedWidthKey,
        boolean gatedShared,
        Activation activation,
        boolean expertBiases,
        boolean chunked,
        boolean truncatesYarn,
        TensorNames names)
        implements Family {
    private static final TensorNames MIXTRAL_NAMES = TensorNames.common()
            .with(Map.of(
                    "ffn_gate_inp", "block_sparse_moe.gate.weight",
                    "ffn_gate_exps", "block_sparse_moe.experts.%d.w1.weight",
                    "ffn_up_exps", "block_sparse_moe.experts.%d.w3.weight",
                    "ffn_down_exps", "block_sparse_moe.experts.%d.w2.weight",
                    "ffn_gate_up_fused", "mlp.experts.gate_up_proj",
                    "ffn_down_fused", "mlp.experts.down_proj"));

    private static final TensorNames QWEN2_NAMES = TensorNames.common()
            .with(Map.of(
                    "ffn_gate_shexp", "mlp.shared_expert.gate_proj.weight",
                    "ffn_up_shexp", "mlp.shared_expert.up_proj.weight",
                    "ffn_down_shexp", "mlp.shared_expert.down_proj.weight",
                    "ffn_gate_inp_shexp", "mlp.shared_expert_gate.weight"));

    private static final TensorNames GPT_OSS_NAMES = TensorNames.common()
            .with(Map.of(
                    "ffn_gate_inp", "mlp.router.weight",
                    "ffn_gate_inp.bias", "mlp.router.bias",
                    "ffn_gate_exps.bias", "mlp.experts.gate_up_proj_bias",
                    "ffn_up_exps.bias", "mlp.experts.gate_up_proj_bias",
                    "ffn_down_exps.bias", "mlp.experts.down_proj_bias"))
            .withFused(true, true);

    private static final TensorNames LLAMA4_NAMES = TensorNames.common()
            .with(Map.of(
                    "ffn_gate", "feed_forward.gate_proj.weight",
                    "ffn_up", "feed_forward.up_proj.weight",
                    "ffn_down", "feed_forward.down_proj.weight",
                    "ffn_gate_inp", "feed_forward.router.weight",
                    "ffn_gate_up_fused", "feed_forward.experts.gate_up_proj",
                    "ffn_down_fused", "feed_forward.experts.down_proj",
                    "ffn_gate_shexp", "feed_forward.shared_expert.gate_proj.weight",
                    "ffn_up_shexp", "feed_forward.shared_expert.up_proj.weight",
                    "ffn_down_shexp", "feed_forward.shared_expert.down_proj.weight"))
            .withFused(true, false);

    static final GroupedFamily LLAMA =
            new Builder().biases("attention_bias", false, true).gguf(true).build();

    static final GroupedFamily QWEN3 = new Builder()
            .norm(QueryKeyNorm.HEAD, null)
            .biases("attention_bias", false, true)
            .windows(SlidingWindows.UPPER_IF_USED)
            .build();

    static final GroupedFamily QWEN3_MOE = new Builder()
            .norm(QueryKeyNorm.HEAD, null)
            .biases("attention_bias", false, true)
            .experts(Scoring.SOFTMAX, false, "moe_intermediate_size")
            .windows(SlidingWindows.ALL_IF_USED)
            .normalisesOnRequest()
            .build();

    static final GroupedFamily QWEN2_MOE = new Builder()
            .biases("qkv_bias", true, false)
            .experts(Scoring.SOFTMAX, false, "moe_intermediate_size")
            .gatedShared("shared_expert_intermediate_size")
            .names(QWEN2_NAMES)
            .windows(SlidingWindows.EVEN_LOWER_IF_USED)
            .normalisesOnRequest()
            .build();

    static final GroupedFamily GLM4_MOE = new Builder()
            .partial(0.5)
            .norm(QueryKeyNorm.HEAD, "use_qk_norm")
            .biases("attention_bias", false, false)
            .experts(Scoring.SIGMOID, true, "moe_intermediate_size")
            .normalisesOnRequest()
            .build();

    static final GroupedFamily MIXTRAL = new Builder()
            .experts(Scoring.SOFTMAX, true, "intermediate_size")
            .names(MIXTRAL_NAMES)
            .windows(SlidingWindows.ALL)
            .build();

    static final GroupedFamily OLMOE = new Builder()
            .norm(QueryKeyNorm.WHOLE, null)
            .biases("attention_bias", false, true)
            .experts(Scoring.SOFTMAX, false, "intermediate_size")
            .normalisesOnRequest()
            .clips()
            .build();

    static final GroupedFamily GPT_OSS = new Builder()
            .biases("attention_bias", true, true)
            .sinks()
            .experts(Scoring.SOFTMAX, true, "intermediate_size")
            .clampedWithBiases()
            .names(GPT_OSS_NAMES)
            .windows(SlidingWindows.EVEN)
            .build();

    static final GroupedFamily LLAMA4 = new Builder()
            .interleaved()
            .norm(QueryKeyNorm.PLAIN_AFTER_ROTATION, "use_qk_norm")
            .biases("attention_bias", false, true)
            .experts(Scoring.SIGMOID, false, "intermediate_size")
            .chunked()
            .names(LLAMA4_NAMES)
            .build();

    @Override
    public ModelConfig fromHuggingFace(Metadata config) {
        return new GroupedHuggingFace(this, config).read();
    }

    @Override
    public ModelConfig fromGguf(Checkpoint checkpoint, String architecture) {
        return new GroupedGguf(this, checkpoint, architecture).read();
    }

    /** Starts from plain Llama: rotation over whole heads, no norms, no biases, no experts. */
    private static final class Builder {
        private double partial = 1;
        private boolean interleaved;
        private boolean interleavedInGguf;
        private QueryKeyNorm norm = QueryKeyNorm.NONE;
        private String normKey;
        private String biasKey;
        private boolean biasByDefault;
        private boolean outputBias;
        private boolean sinks;
        private boolean clips;
        private SlidingWindows windows = SlidingWindows.NONE;
        private Scoring scoring;
        private boolean normalises;
        private boolean normalisesOnRequest;
        private String expertWidthKey = "intermediate_size";
        private String denseWidthKey = "intermediate_size";
        private String sharedWidthKey;
        private boolean gatedShared;
        private Activation activation = Activation.SWIGLU;
        private boolean expertBiases;
        private boolean chunked;
        private boolean truncatesYarn = true;
        private TensorNames names = TensorNames.common();

        Builder partial(double value) {
            partial = value;
            return this;
        }

        Builder gguf(boolean interleavedThere) {
            interleavedInGguf = interleavedThere;
            return this;
        }

        Builder interleaved() {
            interleaved = true;
            interleavedInGguf = true;
            return this;
        }

        Builder norm(QueryKeyNorm kind, String key) {
            norm = kind;
            normKey = key;
            return this;
        }

        Builder biases(String key, boolean byDefault, boolean onOutput) {
            biasKey = key;
            biasByDefault = byDefault;
            outputBias = onOutput;
            return this;
        }

        Builder sinks() {
            sinks = true;
            return this;
        }

        Builder clips() {
            clips = true;
            return this;
        }

        Builder normalisesOnRequest() {
            normalisesOnRequest = true;
            return this;
        }

        Builder windows(SlidingWindows where) {
            windows = where;
            return this;
        }

        Builder experts(Scoring how, boolean byDefault, String widthKey) {
            scoring = how;
            normalises = byDefault;
            expertWidthKey = widthKey;
            return this;
        }

        Builder gatedShared(String widthKey) {
            gatedShared = true;
            sharedWidthKey = widthKey;
            return this;
        }

        Builder clampedWithBiases() {
            activation = Activation.CLAMPED_SWIGLU;
            expertBiases = true;
            truncatesYarn = false;
            return this;
        }

        Builder chunked() {
            chunked = true;
            sharedWidthKey = "intermediate_size";
            denseWidthKey = "intermediate_size_mlp";
            return this;
        }

        Builder names(TensorNames value) {
            names = value;
            return this;
        }

        GroupedFamily build() {
            return new GroupedFamily(
                    partial,
                    interleaved,
                    interleavedInGguf,
                    norm,
                    normKey,
                    biasKey,
                    biasByDefault,
                    outputBias,
                    sinks,
                    clips,
                    windows,
                    scoring,
                    normalises,
                    normalisesOnRequest,
                    expertWidthKey,
                    denseWidthKey,
                    sharedWidthKey,
                    gatedShared,
                    activation,
                    expertBiases,
                    chunked,
                    truncatesYarn,
                    names);
        }
    }
}
