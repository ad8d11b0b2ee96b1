"""Writes small random GLM-DSA checkpoints with 384 routed experts and what transformers computes from them.

    python make_golden_glm_dsa.py [OUT] [--only NAME] [--seed N]     OUT: engine-core/src/test/resources/golden

OUT/<name>/config.json, *.safetensors   the checkpoint
OUT/<name>/golden.json                  prompt, 64 greedy tokens, selected positions of each full layer and row, margins
OUT/<name>/logits.npy                   float32 [prompt, vocabulary], whole prompt at once
OUT/<name>/stations/*.npy               float32 [prompt, hidden]: embed, blk.N.attn_norm, blk.N.attn_residual (hidden
                                        state after attention), blk.N.ffn_norm, blk.N.hidden (after the layer), norm
OUT/<name>/model.gguf                   (mixed) the same weights as GGUF, F32 with BF16 experts

Everything is computed in float32 with eager attention on one thread from exactly the values in the file. The latent
norms use the config's rms_norm_eps as serving engines do; transformers builds them with 1e-6 whatever the config says.
A seed is taken only if nothing is close to a tie: not the last selected position, not the last chosen expert, not the
last group, not the greedy token.
"""
import argparse
import json
import os
import shutil
import sys
import tempfile

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import GlmMoeDsaConfig, GlmMoeDsaForCausalLM

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import hf_to_gguf  # noqa: E402

GREEDY = 64
COMMON = dict(n_shared_experts=1, n_routed_experts=384, num_experts_per_tok=8, norm_topk_prob=True, rms_norm_eps=1e-5,
              tie_word_embeddings=False, bos_token_id=None, eos_token_id=None, pad_token_id=None, initializer_range=0.02,
              scoring_func="sigmoid", topk_method="noaux_tc")
SHAPES = {
    # every layer has an indexer; neither indexer_types nor the formula's fields stand in the config
    "full": dict(seq=48, store="bf16", drop=["indexer_types", "mlp_layer_types", "layer_types"], cfg=dict(
        vocab_size=256, hidden_size=64, intermediate_size=96, moe_intermediate_size=5, num_hidden_layers=3,
        num_attention_heads=4, num_key_value_heads=4, first_k_dense_replace=1, q_lora_rank=48, kv_lora_rank=32,
        qk_nope_head_dim=24, qk_rope_head_dim=16, v_head_dim=32, index_topk=8, index_head_dim=32, index_n_heads=8,
        n_group=1, topk_group=1, routed_scaling_factor=2.5, max_position_embeddings=1024,
        rope_parameters={"rope_type": "default", "rope_theta": 1000000.0})),
    # GLM-5.2's schedule F F F S S S F from frequency and offset, odd sizes, rope_theta at the top level
    "mixed": dict(seq=40, store="bf16", gguf=True, drop=["indexer_types", "mlp_layer_types", "layer_types", "rope_parameters"],
                  add=dict(index_topk_freq=4, index_skip_topk_offset=3, rope_theta=8000000.0), cfg=dict(
        vocab_size=251, hidden_size=72, intermediate_size=68, moe_intermediate_size=3, num_hidden_layers=7,
        num_attention_heads=5, num_key_value_heads=5, first_k_dense_replace=5, q_lora_rank=44, kv_lora_rank=36,
        qk_nope_head_dim=20, qk_rope_head_dim=12, v_head_dim=28, index_topk=6, index_head_dim=24, index_n_heads=7,
        n_group=1, topk_group=1, routed_scaling_factor=2.827, max_position_embeddings=1048576,
        indexer_types=["full", "full", "full", "shared", "shared", "shared", "full"],
        rope_parameters={"rope_type": "default", "rope_theta": 8000000.0})),
    # a prompt twenty times index_topk, expert groups, an indexer head that is not twice its rotary part, F32 in shards
    "grouped": dict(seq=160, store="f32", shards=3, drop=["layer_types"], cfg=dict(
        vocab_size=192, hidden_size=48, intermediate_size=80, moe_intermediate_size=4, num_hidden_layers=4,
        num_attention_heads=6, num_key_value_heads=6, first_k_dense_replace=2, q_lora_rank=32, kv_lora_rank=24,
        qk_nope_head_dim=16, qk_rope_head_dim=8, v_head_dim=16, index_topk=8, index_head_dim=40, index_n_heads=10,
        n_group=4, topk_group=2, routed_scaling_factor=1.5, max_position_embeddings=4096,
        indexer_types=["full", "shared", "full", "shared"],
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0})),
}


def latent_eps(m):
    for l in m.model.layers:
        l.self_attn.q_a_layernorm.variance_epsilon = m.config.rms_norm_eps
        l.self_attn.kv_a_layernorm.variance_epsilon = m.config.rms_norm_eps


def build(shape, seed):
    torch.manual_seed(seed)
    cfg = GlmMoeDsaConfig(**COMMON, **shape["cfg"])
    cfg._attn_implementation = "eager"
    cfg._experts_implementation = "eager"
    m = GlmMoeDsaForCausalLM(cfg).float().eval()
    latent_eps(m)
    g = torch.Generator().manual_seed(seed + 1)
    with torch.no_grad():
        # wide weights, so that softmax, routing and selection are far from uniform; norms and biases off their defaults
        for n, p in m.named_parameters():
            r = torch.randn(p.shape, generator=g)
            if "norm" in n and n.endswith("weight"):
                v = 1.0 + 0.2 * r
            elif n.endswith("bias"):
                v = 0.1 * r
            elif "embed_tokens" in n:
                v = r
            else:
                v = r * (1.6 / p.shape[-1] ** 0.5)
            p.copy_(v.bfloat16().float() if shape["store"] == "bf16" else v)
        for n, b in m.named_buffers():
            if n.endswith("e_score_correction_bias"):
                b.copy_(7.0 + 0.1 * torch.randn(b.shape, generator=g))     # large offset, as real checkpoints have
    ids = torch.randint(0, cfg.vocab_size, (1, shape["seq"]), generator=g)
    return m, ids


class Margins:
    """Smallest gap between the last taken and the first left of every top-k choice made while active."""

    def __init__(self, cfg):
        self.cfg = cfg
        self.gap = {"index": float("inf"), "expert": float("inf"), "group": float("inf")}

    def watch(self, x, k, kind):
        if k < x.shape[-1]:
            v = x.float().sort(dim=-1, descending=True).values
            gap = (v[..., k - 1] - v[..., k])[v[..., k] > -1e30]
            if gap.numel():
                self.gap[kind] = min(self.gap[kind], float(gap.min()))

    def __enter__(self):
        c, method, function = self.cfg, torch.Tensor.topk, torch.topk
        self.saved = (method, function)

        def t_topk(x, k, *p, **q):
            if x.dim() == 3 and k == c.index_topk and x.shape[-1] != c.n_routed_experts // c.n_group:
                self.watch(x, k, "index")
            return method(x, k, *p, **q)

        def f_topk(x, k, *p, **q):
            if x.shape[-1] == c.n_routed_experts:
                self.watch(x, k, "expert")
            elif x.shape[-1] == c.n_group:
                self.watch(x, k, "group")
            return function(x, k, *p, **q)
        torch.Tensor.topk, torch.topk = t_topk, f_topk
        return self

    def __exit__(self, *e):
        torch.Tensor.topk, torch.topk = self.saved


def run(m, ids):
    cap, sel, hooks = {}, {}, []

    def keep(name, tensor):
        cap[name] = tensor[0].float().clone().numpy()
    hooks.append(m.model.embed_tokens.register_forward_hook(lambda mod, i, o: keep("embed", o)))
    hooks.append(m.model.norm.register_forward_hook(lambda mod, i, o: keep("norm", o)))
    for n, l in enumerate(m.model.layers):
        b = f"blk.{n}."
        hooks.append(l.input_layernorm.register_forward_hook(lambda mod, i, o, b=b: keep(b + "attn_norm", o)))
        hooks.append(l.post_attention_layernorm.register_forward_pre_hook(lambda mod, i, b=b: keep(b + "attn_residual", i[0])))
        hooks.append(l.post_attention_layernorm.register_forward_hook(lambda mod, i, o, b=b: keep(b + "ffn_norm", o)))
        hooks.append(l.register_forward_hook(lambda mod, i, o, b=b: keep(b + "hidden", o[0])))
        if l.self_attn.indexer is not None:
            hooks.append(l.self_attn.indexer.register_forward_hook(lambda mod, i, o, n=n: sel.__setitem__(n, o[0].clone())))
    with torch.no_grad(), Margins(m.config) as mg:
        logits = m(ids, use_cache=False).logits[0].float()
        for h in hooks:
            h.remove()
        out = m(ids, use_cache=True)
        step, tokens = [out.logits[0, -1].float()], []
        for _ in range(GREEDY):
            tokens.append(int(step[-1].argmax()))
            out = m(torch.tensor([[tokens[-1]]]), past_key_values=out.past_key_values, use_cache=True)
            step.append(out.logits[0, -1].float())
        whole = m(torch.cat([ids, torch.tensor([tokens])], 1), use_cache=False).logits[0].float()
    cached = float((torch.stack(step) - whole[ids.shape[1] - 1:]).abs().max())
    gaps = dict(mg.gap)
    gaps["greedy"] = min(float(s.topk(2).values.diff().abs()) for s in step[:-1])
    saved = {}
    for n, l in enumerate(m.model.layers):
        if l.self_attn.indexer is not None:
            saved[n], l.self_attn.indexer.index_topk = l.self_attn.indexer.index_topk, 10**6
    with torch.no_grad():
        dense = m(ids, use_cache=False).logits[0].float()
    for n, k in saved.items():
        m.model.layers[n].self_attn.indexer.index_topk = k
    d = (logits - dense).abs().amax(-1)
    return logits, tokens, cap, sel, gaps, cached, d


def good(gaps, cached):
    return gaps["index"] > 2e-5 and gaps["expert"] > 1e-5 and gaps["group"] > 1e-5 and gaps["greedy"] > 5e-3 and cached < 1e-3


def store(m, shape, out):
    with tempfile.TemporaryDirectory() as tmp:
        m.save_pretrained(tmp)
        with safe_open(os.path.join(tmp, "model.safetensors"), "pt") as f:
            t = {k: f.get_tensor(k).contiguous() for k in sorted(f.keys())}
        cfg = json.load(open(os.path.join(tmp, "config.json")))
    if shape["store"] == "bf16":
        t = {k: v if k.endswith("e_score_correction_bias") else v.bfloat16() for k, v in t.items()}
    cfg["dtype"] = "bfloat16" if shape["store"] == "bf16" else "float32"
    for k in shape.get("drop", []):
        cfg.pop(k, None)
    cfg.update(shape.get("add", {}))
    n = shape.get("shards", 1)
    if n == 1:
        save_file(t, os.path.join(out, "model.safetensors"), metadata={"format": "pt"})
    else:
        names = list(t)
        where = {}
        for s in range(n):
            f = f"model-{s + 1:05d}-of-{n:05d}.safetensors"
            part = names[len(names) * s // n: len(names) * (s + 1) // n]
            save_file({k: t[k] for k in part}, os.path.join(out, f), metadata={"format": "pt"})
            where.update({k: f for k in part})
        size = sum(v.numel() * v.element_size() for v in t.values())
        json.dump({"metadata": {"total_size": size}, "weight_map": where},
                  open(os.path.join(out, "model.safetensors.index.json"), "w"), separators=(",", ":"))
    json.dump(cfg, open(os.path.join(out, "config.json"), "w"), indent=1)


def make(name, shape, out, seed):
    tries = [seed] if seed else range(1, 400)
    for s in tries:
        m, ids = build(shape, s)
        logits, tokens, cap, sel, gaps, cached, d = run(m, ids)
        if good(gaps, cached):
            break
        print(name, "seed", s, "near ties:", gaps, cached, flush=True)
    else:
        sys.exit("no seed without near ties")
    k = m.config.index_topk
    assert d[:k].max() < 1e-4 and d[k:].max() > 1e-2, "selection must matter past index_topk and only there"
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(os.path.join(out, "stations"))
    store(m, shape, out)
    # what is on disk, read back by transformers, must give the same numbers
    again = GlmMoeDsaForCausalLM.from_pretrained(out, dtype=torch.float32, attn_implementation="eager", experts_implementation="eager").eval()
    latent_eps(again)
    with torch.no_grad():
        diff = float((again(ids, use_cache=False).logits[0] - logits).abs().max())
    assert diff < 1e-5, diff
    np.save(os.path.join(out, "logits.npy"), logits.numpy().astype(np.float32))
    for n, x in cap.items():
        np.save(os.path.join(out, "stations", n + ".npy"), x.astype(np.float32))
    sets = {str(i): [sorted({int(t) for t in row if t <= p}) for p, row in enumerate(v)] for i, v in sel.items()}
    json.dump({
        "seed": s, "prompt": ids[0].tolist(), "greedy": tokens, "index_topk": k,
        "full_layers": sorted(sel), "latent_norm_eps": m.config.rms_norm_eps,
        "logits_std": float(logits.std()), "min_margin": gaps, "cached_vs_whole": cached,
        "sparse_vs_dense_max": float(d.max()), "selected": sets,
        "notes": "float32, eager, one thread; selected[layer][row] = positions the indexer chose, none above the row; "
                 "layers without an entry use the set of the nearest full layer below",
    }, open(os.path.join(out, "golden.json"), "w"), separators=(",", ":"))
    if shape.get("gguf"):
        # F32, and BF16 for the experts: the same values, in half the room
        hf_to_gguf.convert(out, os.path.join(out, "model.gguf"), hf_to_gguf.T.F32, "cadre-golden-" + name,
                           experts=hf_to_gguf.T.BF16)
    size = sum(os.path.getsize(os.path.join(p, f)) for p, _, fs in os.walk(out) for f in fs)
    print(name, "seed", s, "margins", gaps, "cached vs whole", cached, "sparse vs dense", float(d.max()), round(size / 1e6, 2), "MB")


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("out", nargs="?", default=os.path.join(HERE, "../../engine-core/src/test/resources/golden"))
    ap.add_argument("--only", choices=sorted(SHAPES))
    ap.add_argument("--seed", type=int)
    a = ap.parse_args()
    torch.set_num_threads(1)
    for n, shape in SHAPES.items():
        if a.only in (None, n):
            make(n, shape, os.path.join(a.out, n), a.seed)
