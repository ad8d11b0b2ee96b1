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
