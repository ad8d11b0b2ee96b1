#!/usr/bin/env python3
"""Small checkpoints written by the reference tools, for the readers' tests: a GGUF file with every value type and
every tensor type, a GGUF set of three parts, and safetensors folders (single and sharded). Next to each, `expected.txt`
has one line a tensor: name, type, shape, CRC-32 of its float32 bits in little-endian order (NaN as 0x7fc00000).

    python docs/reference/make_golden_checkpoints.py        (gguf 0.19.0, safetensors 0.8.0, torch)
"""
import json
import shutil
import zlib
from pathlib import Path

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as T, GGUFValueType as V
from safetensors.torch import save_file

OUT = Path(__file__).parents[2] / "engine-weights/src/test/resources/golden"
rng = np.random.default_rng(20261125)


def line(name, kind, shape, values):
    values = np.ascontiguousarray(values, dtype=np.float32)
    bits = np.where(np.isnan(values), np.uint32(0x7FC00000), values.view(np.uint32))
    return f"{name} {kind} {','.join(map(str, shape))} {zlib.crc32(bits.astype('<u4').tobytes()):08x}\n"


def folder(name):
    path = OUT / name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


def write_gguf(path, **split):
    w = gguf.GGUFWriter(path / "model.gguf", "golden-arch", **split)
    w.add_uint8("u8", 255)
    w.add_int8("i8", -128)
    w.add_uint16("u16", 65535)
    w.add_int16("i16", -32768)
    w.add_uint32("u32", 4294967295)
    w.add_int32("i32", -2147483648)
    w.add_float32("f32", 1.5)
    w.add_bool("bool", True)
    w.add_string("string", "naïve 漢字 👩‍🚀 \0 end")
    w.add_uint64("u64", 2**64 - 1)
    w.add_int64("i64", -(2**63))
    w.add_float64("f64", 0.1)
    w.add_array("ints", [1, -2, 3])
    w.add_array("floats", [0.5, -0.25])
    w.add_array("bools", [True, False, True])
    w.add_array("strings", ["", "a", "Ġthe", "漢"])
    lines = []
    for kind in T:
        if kind in (T.Q8_1, T.Q8_K, T.Q1_0):  # gguf decodes none of these
            continue
        block, size = gguf.GGML_QUANT_SIZES[kind]
        name = f"blk.0.{kind.name.lower()}.weight"
        plain = {T.F32: np.float32, T.F16: np.float16, T.F64: np.float64, T.I8: np.int8, T.I16: np.int16,
                 T.I32: np.int32, T.I64: np.int64}.get(kind)
        if plain is not None:
            data = rng.normal(0, 50, (3, 2, 4)).astype(plain)
            values, shape = data.astype(np.float32), data.shape
            w.add_tensor(name, data)
        else:
            data = rng.integers(0, 256, (2, 2 * size), dtype=np.uint8)
            with np.errstate(all="ignore"):
                values = gguf.dequantize(data, kind)
            shape = values.shape
            w.add_tensor(name, data, raw_dtype=kind)
        lines.append(line(name, kind.name, shape, values))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()
    (path / "expected.txt").write_text("".join(lines))


write_gguf(folder("gguf-types"))
write_gguf(folder("gguf-split"), split_max_tensors=12)

CONFIG = {
    "architectures": ["GoldenForCausalLM"], "model_type": "golden", "hidden_size": 64, "rms_norm_eps": 1e-5,
    "tie_word_embeddings": False, "rope_scaling": None, "rope_parameters": {"rope_theta": 10000, "type": "yarn"},
    "layer_types": ["full", "shared"], "time_step_limit": [0.0, float("inf")], "max": 10**30,
}
NAMES = {
    torch.bool: "BOOL", torch.uint8: "U8", torch.int8: "I8", torch.int16: "I16", torch.int32: "I32",
    torch.int64: "I64", torch.float16: "F16", torch.bfloat16: "BF16", torch.float32: "F32", torch.float64: "F64",
    torch.float8_e4m3fn: "F8_E4M3", torch.float8_e5m2: "F8_E5M2", torch.uint16: "U16", torch.uint32: "U32",
    torch.uint64: "U64", torch.float8_e8m0fnu: "F8_E8M0",
}


def tensors():
    result = {}
    for dtype, name in NAMES.items():
        values = torch.from_numpy(rng.normal(0, 3, (4, 6)).astype(np.float32))
        result[f"model.{name.lower()}.weight"] = values.abs().to(dtype) if name[0] == "U" or "E8M0" in name \
            else values.to(dtype)
    result["scalar"] = torch.tensor(2.5)
    return result


def write_safetensors(path, shards):
    (path / "config.json").write_text(json.dumps(CONFIG, indent=1))
    everything = tensors()
    names = list(everything)
    weight_map = {}
    for i in range(shards):
        file = "model.safetensors" if shards == 1 else f"model-{i + 1:05d}-of-{shards:05d}.safetensors"
        part = {n: everything[n] for n in names[i::shards]}
        save_file(part, path / file, metadata={"format": "pt"})
        weight_map.update({n: file for n in part})
    if shards > 1:
        (path / "model.safetensors.index.json").write_text(
            json.dumps({"metadata": {"total_size": 0}, "weight_map": weight_map}))
    (path / "expected.txt").write_text("".join(
        line(n, NAMES[t.dtype], t.shape, t.to(torch.float32).numpy()) for n, t in everything.items()))


write_safetensors(folder("safetensors-single"), 1)
write_safetensors(folder("safetensors-sharded"), 3)


def fp8(values):
    return values.clamp(-448, 448).to(torch.float8_e4m3fn)


def tiles(scales, rows, columns, tile=128):
    """Scales [..., ceil(rows / tile), ceil(columns / tile)] spread over the elements."""
    return scales.repeat_interleave(tile, -2)[..., :rows, :].repeat_interleave(tile, -1)[..., :columns]


def write_schemes(path):
    """Weights in several tensors: FP8 with scales of all kinds, MXFP4 as gpt-oss has it, packed INT4."""
    g = torch.Generator().manual_seed(7)
    stored, expected = {}, {}

    def normal(*shape):
        return torch.randn(shape, generator=g)

    def scaled(name, shape, suffix, scales, spread):
        q = fp8(normal(*shape) * 100)
        stored[name], stored[name + suffix] = q, scales
        expected[name] = ("fp8", q.float() * spread)

    s = normal(2, 3).abs() + 0.01  # partial tiles at both edges
    scaled("tiles.weight", (130, 300), "_scale_inv", s, tiles(s, 130, 300))
    s = normal(1, 1).abs()
    scaled("small.weight", (5, 7), "_scale_inv", s, tiles(s, 5, 7))
    s = (normal(3, 2, 1).abs() + 0.01).to(torch.bfloat16)
    scaled("experts.gate_up_proj", (3, 129, 64), "_scale_inv", s, tiles(s.float(), 129, 64))
    e8 = torch.randint(118, 130, (1, 2), generator=g, dtype=torch.uint8)
    scaled("e8m0.weight", (4, 200), "_scale_inv", e8, tiles(torch.exp2(e8.float() - 127), 4, 200))
    s = normal(6, 1).abs()
    scaled("channels.weight", (6, 40), "_scale", s, s)
    s = normal(6).abs()
    scaled("channels1d.weight", (6, 40), "_scale", s, s[:, None])
    s = torch.tensor(0.03)
    scaled("tensor.weight", (6, 40), "_scale", s, s)
    s = normal(2).abs()
    scaled("per_expert.weight", (2, 5, 40), "_scale", s, s[:, None, None])
    stored["plain.weight"] = normal(3, 5).to(torch.bfloat16)
    expected["plain.weight"] = ("plain", stored["plain.weight"].float())

    blocks = torch.randint(0, 256, (2, 6, 3, 16), generator=g, dtype=torch.uint8)
    scales = torch.randint(100, 140, (2, 6, 3), generator=g, dtype=torch.uint8)
    levels = torch.tensor([0, .5, 1, 1.5, 2, 3, 4, 6, -0., -.5, -1, -1.5, -2, -3, -4, -6])
    pairs = torch.stack((levels[(blocks & 15).long()], levels[(blocks >> 4).long()]), -1).flatten(-2)
    stored["experts.down_proj_blocks"], stored["experts.down_proj_scales"] = blocks, scales
    expected["experts.down_proj"] = ("mxfp4", torch.ldexp(pairs, scales[..., None].int() - 127).flatten(-2))

    def int4(name, rows, columns, group, zero_points):
        q = torch.randint(0, 16, (rows, columns), generator=g)
        scale = (normal(rows, columns // group).abs() + 0.01).to(torch.bfloat16)
        padded = torch.nn.functional.pad(q, (0, -columns % 8)).reshape(rows, -1, 8)
        words = (padded << (4 * torch.arange(8))).sum(-1)
        stored[name + "_packed"] = words.to(torch.uint32).view(torch.int32)
        stored[name + "_scale"] = scale
        stored[name + "_shape"] = torch.tensor([rows, columns])
        z = torch.full((rows, columns // group), 8)
        if zero_points:
            z = torch.randint(0, 16, z.shape, generator=g)
            padded = torch.nn.functional.pad(z, (0, 0, 0, -rows % 8)).reshape(-1, 8, z.shape[1])
            words = (padded << (4 * torch.arange(8))[:, None]).sum(1)
            stored[name + "_zero_point"] = words.to(torch.uint32).view(torch.int32)
        expected[name] = ("int4", (q - z.repeat_interleave(group, 1)) * scale.float().repeat_interleave(group, 1))

    int4("int4.weight", 5, 64, 32, False)
    int4("int4zp.weight", 11, 64, 16, True)
    int4("int4row.weight", 3, 12, 12, False)
    (path / "config.json").write_text(json.dumps(CONFIG))
    save_file({n: t.contiguous() for n, t in stored.items()}, path / "model.safetensors")
    (path / "expected.txt").write_text("".join(
        line(n, kind, t.shape, t.float().numpy()) for n, (kind, t) in expected.items()))


write_schemes(folder("safetensors-schemes"))
for file in OUT.rglob("*.safetensors"):
    file.chmod(0o644)
