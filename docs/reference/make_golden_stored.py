"""Random checkpoints whose matrices are stored in several tensors, as published models store them, with their logits.

    python make_golden_stored.py OUT_DIR

OUT_DIR/fp8_tiles: deepseek_v3 with F8_E4M3 matrices and weight_scale_inv of 32x32 tiles, partial at the edges;
OUT_DIR/fp8_channels: the same with one weight_scale for each row;
OUT_DIR/int4_groups: deepseek_v3 whose experts are compressed-tensors INT4 (weight_packed, weight_scale, weight_shape);
OUT_DIR/mxfp4: gpt_oss with experts as _blocks and _scales.
The reference is transformers in float32 with the dequantised values.
"""
import json
import os
import shutil
import sys

import numpy as np
import torch
import transformers as tf
from safetensors.torch import save_file

import make_golden_families as families

FP4 = torch.tensor([0, .5, 1, 1.5, 2, 3, 4, 6, -0., -.5, -1, -1.5, -2, -3, -4, -6])


def fp8_tiles(w, tile=32):
    rows, columns = w.shape
    padded = torch.zeros(-(-rows // tile) * tile, -(-columns // tile) * tile)
    padded[:rows, :columns] = w
    blocks = padded.reshape(padded.shape[0] // tile, tile, padded.shape[1] // tile, tile)
    scale = blocks.abs().amax((1, 3)).clamp(min=1e-6) / 448
    q = (blocks / scale[:, None, :, None]).to(torch.float8_e4m3fn)
    back = (q.float() * scale[:, None, :, None]).reshape(padded.shape)[:rows, :columns]
    return {"": q.reshape(padded.shape)[:rows, :columns].contiguous(), "_scale_inv": scale}, back


def fp8_channels(w):
    scale = w.abs().amax(1, keepdim=True) / 448
    q = (w / scale).to(torch.float8_e4m3fn)
    return {"": q, "_scale": scale}, q.float() * scale


def int4_groups(w, group=32):
    rows, columns = w.shape
    g = w.reshape(rows, columns // group, group)
    scale = (g.abs().amax(-1) / 7).to(torch.bfloat16)
    q = (g / scale.float()[..., None]).round().clamp(-8, 7)
    back = (q * scale.float()[..., None]).reshape(rows, columns)
    nibbles = (q.reshape(rows, columns // 8, 8).to(torch.int64) + 8) << (4 * torch.arange(8))
    packed = nibbles.sum(-1)
    packed = torch.where(packed >= 2 ** 31, packed - 2 ** 32, packed).to(torch.int32)
    return {"_packed": packed, "_scale": scale, "_shape": torch.tensor([rows, columns])}, back


def mxfp4(w):  # [..., K] -> blocks [..., K/32, 16], scales [..., K/32]
    g = w.reshape(*w.shape[:-1], w.shape[-1] // 32, 32)
    exponent = torch.floor(torch.log2(g.abs().amax(-1).clamp(min=1e-20))) - 2
    scaled = g / torch.exp2(exponent)[..., None]
    code = (scaled[..., None] - FP4).abs().argmin(-1)
    back = (FP4[code] * torch.exp2(exponent)[..., None]).reshape(w.shape)
    blocks = (code[..., 0::2] | code[..., 1::2] << 4).to(torch.uint8)
    return blocks, (exponent + 127).to(torch.uint8), back


def logits(model, prompt):
    with torch.no_grad():
        return model(torch.tensor([prompt]), use_cache=False).logits[0].float().numpy()


def write(out, config, tensors, prompt, reference, greedy=()):
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    json.dump(config, open(os.path.join(out, "config.json"), "w"), indent=1)
    save_file({k: v.contiguous() for k, v in tensors.items()}, os.path.join(out, "model.safetensors"))
    np.save(os.path.join(out, "logits.npy"), reference.astype(np.float32))
    json.dump({"prompt": prompt, "greedy": list(greedy)}, open(os.path.join(out, "golden.json"), "w"))


def deepseek(out, name, scheme, chosen):
    cfg = families.FAMILIES["deepseek_v3"]()
    model = tf.AutoModelForCausalLM.from_config(cfg, attn_implementation="eager").float().eval()
    families.randomise(model, 3)
    folder = os.path.join(out, "work")
    model.save_pretrained(folder, safe_serialization=True)
    from safetensors import safe_open
    tensors = {}
    with safe_open(os.path.join(folder, "model.safetensors"), "pt") as f:
        plain = {k: f.get_tensor(k) for k in f.keys()}
    for k, v in plain.items():
        if v.dim() == 2 and chosen(k):
            parts, back = scheme(v.float())
            for suffix, part in parts.items():
                tensors[k + suffix] = part
            plain[k] = back
        else:
            tensors[k] = v
    save_file({k: v.contiguous() for k, v in plain.items()}, os.path.join(folder, "model.safetensors"))
    model = tf.AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval()
    config = json.load(open(os.path.join(folder, "config.json")))
    shutil.rmtree(folder)
    if scheme is fp8_tiles:
        config["quantization_config"] = {"quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic",
                                         "weight_block_size": [32, 32]}
    g = torch.Generator().manual_seed(11)
    prompt = torch.randint(0, families.V, (32,), generator=g).tolist()
    write(os.path.join(out, name), config, tensors, prompt, logits(model, prompt))


def gpt_oss(out):
    cfg = families.FAMILIES["gpt_oss"]()
    model = tf.AutoModelForCausalLM.from_config(cfg, attn_implementation="eager").float().eval()
    families.randomise(model, 3)
    tensors = {}
    with torch.no_grad():
        for k, v in model.state_dict().items():
            if k.endswith(("experts.gate_up_proj", "experts.down_proj")):
                blocks, scales, back = mxfp4(v.transpose(1, 2).contiguous())
                tensors[k + "_blocks"], tensors[k + "_scales"] = blocks, scales
                v.copy_(back.transpose(1, 2))
            else:
                tensors[k] = v.clone()
    g = torch.Generator().manual_seed(12)
    prompt = torch.randint(0, families.V, (32,), generator=g).tolist()
    write(os.path.join(out, "mxfp4"), cfg.to_dict(), tensors, prompt, logits(model, prompt))


if __name__ == "__main__":
    out = sys.argv[1]
    kept = ("embed_tokens", "lm_head", "mlp.gate.weight")
    deepseek(out, "fp8_tiles", fp8_tiles, lambda k: not any(s in k for s in kept))
    deepseek(out, "fp8_channels", fp8_channels, lambda k: not any(s in k for s in kept))
    deepseek(out, "int4_groups", int4_groups, lambda k: ".mlp.experts." in k)
    gpt_oss(out)
