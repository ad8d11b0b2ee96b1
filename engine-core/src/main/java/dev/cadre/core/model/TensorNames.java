package dev.cadre.core.model;

import java.util.HashMap;
import java.util.Map;

/**
 * From the engine's names of tensors, which are GGUF's without the suffix {@code .weight}, to the names in a Hugging
 * Face checkpoint.
 *
 * @param global names outside the layers
 * @param layer names inside a layer; {@code %d} in a value stands for the expert, where experts are stored one by one
 * @param fusedTransposed tensors that hold all experts are [E, in, out] instead of [E, out, in]
 * @param fusedInterleaved rows of gate and up take turns in such a tensor, instead of gate first
 */
record TensorNames(
        Map<String, String> global, Map<String, String> layer, boolean fusedTransposed, boolean fusedInterleaved) {
    private static final Map<String, String> GLOBAL = Map.of(
            "token_embd", "model.embed_tokens.weight",
            "output_norm", "model.norm.weight",
            "output", "lm_head.weight");

    private static final Map<String, String> COMMON = Map.ofEntries(
            Map.entry("attn_norm", "input_layernorm.weight"),
            Map.entry("ffn_norm", "post_attention_layernorm.weight"),
            Map.entry("attn_q", "self_attn.q_proj.weight"),
            Map.entry("attn_k", "self_attn.k_proj.weight"),
            Map.entry("attn_v", "self_attn.v_proj.weight"),
            Map.entry("attn_q.bias", "self_attn.q_proj.bias"),
            Map.entry("attn_k.bias", "self_attn.k_proj.bias"),
            Map.entry("attn_v.bias", "self_attn.v_proj.bias"),
            Map.entry("attn_q_norm", "self_attn.q_norm.weight"),
            Map.entry("attn_k_norm", "self_attn.k_norm.weight"),
            Map.entry("attn_sinks", "self_attn.sinks"),
            Map.entry("attn_output", "self_attn.o_proj.weight"),
            Map.entry("attn_output.bias", "self_attn.o_proj.bias"),
            Map.entry("ffn_gate", "mlp.gate_proj.weight"),
            Map.entry("ffn_up", "mlp.up_proj.weight"),
            Map.entry("ffn_down", "mlp.down_proj.weight"),
            Map.entry("ffn_gate_inp", "mlp.gate.weight"),
            Map.entry("exp_probs_b.bias", "mlp.gate.e_score_correction_bias"),
            Map.entry("ffn_gate_exps", "mlp.experts.%d.gate_proj.weight"),
            Map.entry("ffn_up_exps", "mlp.experts.%d.up_proj.weight"),
            Map.entry("ffn_down_exps", "mlp.experts.%d.down_proj.weight"),
            Map.entry("ffn_gate_up_fused", "mlp.experts.gate_up_proj"),
            Map.entry("ffn_down_fused", "mlp.experts.down_proj"),
            Map.entry("ffn_gate_shexp", "mlp.shared_experts.gate_proj.weight"),
            Map.entry("ffn_up_shexp", "mlp.shared_experts.up_proj.weight"),
            Map.entry("ffn_down_shexp", "mlp.shared_experts.down_proj.weight"));

    private static final Map<String, String> LATENT = Map.ofEntries(
            Map.entry("attn_q_a", "self_attn.q_a_proj.weight"),
            Map.entry("attn_q_a_norm", "self_attn.q_a_layernorm.weight"),
            Map.entry("attn_q_b", "self_attn.q_b_proj.weight"),
            Map.entry("attn_kv_a_mqa", "self_attn.kv_a_proj_with_mqa.weight"),
            Map.entry("attn_kv_a_norm", "self_attn.kv_a_layernorm.weight"),
            Map.entry("attn_kv_b", "self_attn.kv_b_proj.weight"),
            Map.entry("indexer.attn_q_b", "self_attn.indexer.wq_b.weight"),
            Map.entry("indexer.attn_k", "self_attn.indexer.wk.weight"),
            Map.entry("indexer.k_norm", "self_attn.indexer.k_norm.weight"),
            Map.entry("indexer.k_norm.bias", "self_attn.indexer.k_norm.bias"),
            Map.entry("indexer.proj", "self_attn.indexer.weights_proj.weight"));

    /** The names that most families use. */
    static TensorNames common() {
        return new TensorNames(GLOBAL, COMMON, false, false);
    }

    /** Names of the families with latent attention. */
    static TensorNames latent() {
        return common().with(LATENT);
    }

    /** These names, with others for some tensors. */
    TensorNames with(Map<String, String> others) {
        Map<String, String> all = new HashMap<>(layer);
        all.putAll(others);
        return new TensorNames(global, Map.copyOf(all), fusedTransposed, fusedInterleaved);
    }

    /** These names, with another layout of tensors that hold all experts. */
    TensorNames withFused(boolean transposed, boolean interleaved) {
        return new TensorNames(global, layer, transposed, interleaved);
    }
}
