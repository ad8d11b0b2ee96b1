"""Converts a Hugging Face glm_moe_dsa folder to one GGUF file, with the names, keys and layouts llama.cpp uses.

    python hf_to_gguf.py MODEL_DIR OUT.gguf [--type F32|F16|BF16|Q8_0|Q4_0|...] [--name NAME] [--embedding TYPE] [--experts TYPE]

Matrices get the chosen type; vectors, the router and the indexer's head weights stay F32. Where a row is no multiple of
the type's block, the matrix falls back to Q8_0, then to F16. kv_b_proj is split into attn_k_b (transposed per head) and
attn_v_b; the experts of a layer are stacked. MTP layers of the folder are left out. The tokenizer is taken from
tokenizer.json and chat_template.jinja (or tokenizer_config.json) beside the weights, if there.
"""
import argparse
import glob
import json
import os

import gguf
import numpy as np
import torch
from safetensors import safe_open

T = gguf.GGMLQuantizationType


class Folder:
    def __init__(self, path):
        self.files = {}
        for f in sorted(glob.glob(os.path.join(path, "*.safetensors"))):
            h = safe_open(f, "pt")
            for k in h.keys():
                self.files[k] = h

    def __contains__(self, name):
        return name in self.files

    def get(self, name):
        return self.files[name].get_tensor(name).to(torch.float32).numpy()


def indexer_types(c):
    n = c["num_hidden_layers"]
    if c.get("indexer_types"):
        return [t == "full" for t in c["indexer_types"]]
    p = c.get("index_topk_pattern")
    if p:
        return [t in ("F", "full") for t in p]
    freq, off = max(c.get("index_topk_freq") or 1, 1), c.get("index_skip_topk_offset")
    off = 2 if off is None else off
    return [max(i - off + 1, 0) % freq == 0 for i in range(n)]


def metadata(w, c):
    a = w.arch
    w.add_context_length(c["max_position_embeddings"])
    w.add_embedding_length(c["hidden_size"])
    w.add_block_count(c["num_hidden_layers"])
    w.add_feed_forward_length(c["intermediate_size"])
    types = c.get("mlp_layer_types")
    dense = types.index("sparse") if types and "sparse" in types else c.get("first_k_dense_replace", 0)
    w.add_leading_dense_block_count(dense)
    w.add_vocab_size(c["vocab_size"])
    w.add_head_count(c["num_attention_heads"])
    w.add_head_count_kv(1)
    w.add_q_lora_rank(c["q_lora_rank"])
    w.add_kv_lora_rank(c["kv_lora_rank"])
    w.add_key_length(c["kv_lora_rank"] + c["qk_rope_head_dim"])
    w.add_value_length(c["kv_lora_rank"])
    w.add_key_length_mla(c["qk_nope_head_dim"] + c["qk_rope_head_dim"])
    w.add_value_length_mla(c["v_head_dim"])
    w.add_rope_dimension_count(c["qk_rope_head_dim"])
    rp = c.get("rope_scaling") or c.get("rope_parameters") or {}
    kind = rp.get("rope_type") or rp.get("type") or "default"
    if kind != "default":
        raise SystemExit(f"rope type {kind} is not written by this script")
    w.add_rope_freq_base(float(rp.get("rope_theta") or c["rope_theta"]))
    w.add_layer_norm_rms_eps(c["rms_norm_eps"])
    w.add_expert_count(c["n_routed_experts"])
    w.add_expert_used_count(c["num_experts_per_tok"])
    w.add_expert_shared_count(c["n_shared_experts"])
    w.add_expert_feed_forward_length(c["moe_intermediate_size"])
    w.add_expert_group_count(c.get("n_group") or 1)
    w.add_expert_group_used_count(c.get("topk_group") or 1)
    w.add_expert_gating_func(gguf.ExpertGatingFuncType.SIGMOID)
    w.add_expert_weights_scale(float(c["routed_scaling_factor"]))
    w.add_expert_weights_norm(bool(c["norm_topk_prob"]))
    w.add_nextn_predict_layers(0)
    w.add_indexer_head_count(c["index_n_heads"])
    w.add_indexer_key_length(c["index_head_dim"])
    w.add_indexer_top_k(c["index_topk"])
    w.add_array(f"{a}.attention.indexer.types", indexer_types(c))


def tokenizer(w, path, c):
    f = os.path.join(path, "tokenizer.json")
    if not os.path.exists(f):
        return
    j = json.load(open(f, encoding="utf-8"))
    added = {t["id"]: t for t in j["added_tokens"]}
    by_id = {i: s for s, i in j["model"]["vocab"].items()}
    by_id.update({i: t["content"] for i, t in added.items()})
    n = c["vocab_size"]
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("glm4")
    w.add_token_list([by_id.get(i, f"[PAD{i}]").encode() for i in range(n)])
    kind = gguf.TokenType
    w.add_token_types([(kind.CONTROL if added[i]["special"] else kind.USER_DEFINED) if i in added
                       else kind.NORMAL if i in by_id else kind.UNUSED for i in range(n)])
    w.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in j["model"]["merges"]])
    ids = {t["content"]: i for i, t in added.items()}
    for token, adds in (("<|endoftext|>", (w.add_eos_token_id, w.add_pad_token_id, w.add_unk_token_id, w.add_bos_token_id)),
                        ("<|user|>", (w.add_eot_token_id,)), ("<|observation|>", (w.add_eom_token_id,))):
        if token in ids:
            for add in adds:
                add(ids[token])
    w.add_add_bos_token(False)
    t = os.path.join(path, "chat_template.jinja")
    if os.path.exists(t):
        w.add_chat_template(open(t, encoding="utf-8").read())
    else:
        t = os.path.join(path, "tokenizer_config.json")
        if os.path.exists(t) and (template := json.load(open(t)).get("chat_template")):
            w.add_chat_template(template)


def put(w, name, x, qtype):
    x = np.ascontiguousarray(x, dtype=np.float32)
    for t in (qtype, T.Q8_0, T.F16):
        block = gguf.GGML_QUANT_SIZES[t][0]
        if x.shape[-1] % block == 0:
            break
    if t == T.F32:
        w.add_tensor(name, x)
    elif t == T.F16:
        w.add_tensor(name, x.astype(np.float16))
    else:
        w.add_tensor(name, gguf.quants.quantize(x, t), raw_dtype=t)


def convert(path, out, qtype=T.F32, name=None, embedding=None, experts=None):
    c = json.load(open(os.path.join(path, "config.json")))
    assert c["model_type"] == "glm_moe_dsa", c["model_type"]
    w = gguf.GGUFWriter(out, "glm-dsa")
    w.add_type("model")
    w.add_name(name or os.path.basename(os.path.abspath(path)))
    ft = {T.F32: gguf.LlamaFileType.ALL_F32, T.F16: gguf.LlamaFileType.MOSTLY_F16, T.BF16: gguf.LlamaFileType.MOSTLY_BF16,
          T.Q8_0: gguf.LlamaFileType.MOSTLY_Q8_0}.get(qtype, gguf.LlamaFileType.GUESSED)
    w.add_file_type(ft)
    w.add_quantization_version(gguf.GGML_QUANT_VERSION)
    metadata(w, c)
    tokenizer(w, path, c)
    src = Folder(path)
    full = indexer_types(c)
    e = embedding or qtype
    put(w, "token_embd.weight", src.get("model.embed_tokens.weight"), e)
    put(w, "output_norm.weight", src.get("model.norm.weight"), T.F32)
    if not c.get("tie_word_embeddings"):
        put(w, "output.weight", src.get("lm_head.weight"), e)
    nh, dn, dv, r = c["num_attention_heads"], c["qk_nope_head_dim"], c["v_head_dim"], c["kv_lora_rank"]
    for i in range(c["num_hidden_layers"]):
        p, b = f"model.layers.{i}.", f"blk.{i}."
        def one(dst, name, t=qtype):
            put(w, b + dst, src.get(p + name), t)
        one("attn_norm.weight", "input_layernorm.weight", T.F32)
        one("attn_q_a.weight", "self_attn.q_a_proj.weight")
        one("attn_q_a_norm.weight", "self_attn.q_a_layernorm.weight", T.F32)
        one("attn_q_b.weight", "self_attn.q_b_proj.weight")
        one("attn_kv_a_mqa.weight", "self_attn.kv_a_proj_with_mqa.weight")
        one("attn_kv_a_norm.weight", "self_attn.kv_a_layernorm.weight", T.F32)
        kv = src.get(p + "self_attn.kv_b_proj.weight").reshape(nh, dn + dv, r)
        put(w, b + "attn_k_b.weight", kv[:, :dn].transpose(0, 2, 1), qtype)
        put(w, b + "attn_v_b.weight", kv[:, dn:], qtype)
        one("attn_output.weight", "self_attn.o_proj.weight")
        if full[i]:
            one("indexer.attn_q_b.weight", "self_attn.indexer.wq_b.weight")
            one("indexer.attn_k.weight", "self_attn.indexer.wk.weight")
            one("indexer.k_norm.weight", "self_attn.indexer.k_norm.weight", T.F32)
            one("indexer.k_norm.bias", "self_attn.indexer.k_norm.bias", T.F32)
            one("indexer.proj.weight", "self_attn.indexer.weights_proj.weight", T.F32)
        one("ffn_norm.weight", "post_attention_layernorm.weight", T.F32)
        if p + "mlp.gate.weight" not in src:
            for d, s in (("gate", "gate"), ("up", "up"), ("down", "down")):
                one(f"ffn_{d}.weight", f"mlp.{s}_proj.weight")
            continue
        one("ffn_gate_inp.weight", "mlp.gate.weight", T.F32)
        one("exp_probs_b.bias", "mlp.gate.e_score_correction_bias", T.F32)
        for d in ("gate", "up", "down"):
            stack = np.stack([src.get(f"{p}mlp.experts.{k}.{d}_proj.weight") for k in range(c["n_routed_experts"])])
            put(w, b + f"ffn_{d}_exps.weight", stack, experts or qtype)
            one(f"ffn_{d}_shexp.weight", f"mlp.shared_experts.{d}_proj.weight")
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("model")
    ap.add_argument("out")
    ap.add_argument("--type", default="F32", type=str.upper)
    ap.add_argument("--embedding", type=str.upper, help="type of the embedding and the output matrix, if another")
    ap.add_argument("--experts", type=str.upper, help="type of the routed experts, if another")
    ap.add_argument("--name")
    a = ap.parse_args()
    convert(a.model, a.out, T[a.type], a.name, T[a.embedding] if a.embedding else None,
            T[a.experts] if a.experts else None)
    print(a.out, round(os.path.getsize(a.out) / 1e6, 2), "MB")
