#!/usr/bin/env python3
"""Seeds for the fuzz targets of engine-weights: one small file for each GGUF value type and each tensor type, headers
and configs of every shape, and a few edit scripts.

    python docs/reference/make_fuzz_seeds.py        (gguf 0.19.0)
"""
import json
import struct
from pathlib import Path

import gguf

OUT = Path(__file__).parents[2] / "engine-weights/src/test/resources/fuzz"
DTYPES = {"BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1, "U16": 2, "I16": 2, "F16": 2, "BF16": 2,
          "U32": 4, "I32": 4, "F32": 4, "U64": 8, "I64": 8, "F64": 8}


def string(text):
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def value(kind, nested=False):
    simple = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<B", 10: "<Q", 11: "<q", 12: "<d"}
    if kind in simple:
        return struct.pack(simple[kind], 1)
    if kind == 8:
        return string("word")
    inner = 9 if nested else 8
    element = struct.pack("<IQ", 4, 1) + value(4) if nested else string("a")
    return struct.pack("<IQ", inner, 2) + 2 * element


def file(keys=b"", key_count=0, tensors=b"", tensor_count=0, data=0):
    header = b"GGUF" + struct.pack("<IQQ", 3, tensor_count, key_count) + keys + tensors
    return header + bytes(-len(header) % 32) + bytes(data) if data else header


def seed(folder, name, data):
    path = OUT / folder
    path.mkdir(parents=True, exist_ok=True)
    (path / name).write_bytes(data)


for kind in range(13):
    seed("gguf", f"value-{kind}", file(string("key") + struct.pack("<I", kind) + value(kind), 1))
seed("gguf", "nested-array", file(string("key") + struct.pack("<I", 9) + value(9, True), 1))
for kind in gguf.GGMLQuantizationType:
    block, size = gguf.GGML_QUANT_SIZES[kind]
    tensor = string("t") + struct.pack("<IQQIQ", 2, block, 2, kind, 0)
    seed("gguf", f"tensor-{kind.name.lower()}", file(b"", 0, tensor, 1, 2 * size))
seed("gguf", "split", file(b"".join(string(k) + struct.pack("<IH", 2, v) for k, v in
                                    (("split.no", 0), ("split.count", 1))), 2))
seed("gguf", "edit-count", bytes([1, 0, 8, 21]))
seed("gguf", "edit-repeat", bytes([5, 0, 24, 60, 2, 0, 4, 2]))

for name, size in DTYPES.items():
    seed("safetensors", f"dtype-{name.lower()}", json.dumps(
        {"w": {"dtype": name, "shape": [8 // size, 8], "data_offsets": [0, 64]}}).encode())
seed("safetensors", "metadata", b'{"__metadata__":{"format":"pt"},"s":{"dtype":"U8","shape":[],"data_offsets":[0,1]},'
     b'"r":{"dtype":"U8","shape":[63],"data_offsets":[1,64]}}   ')
seed("safetensors", "empty", b"{}")
seed("safetensors", "edit-length", bytes([1, 0, 0, 19]))
seed("safetensors", "edit-insert", bytes([3, 0, 20, 3, 0x5B, 0x5B, 0x7B]))

seed("config", "types", json.dumps({
    "int": 1, "negative": -1, "big": 2**63, "huge": 10**40, "real": 0.5, "exponent": 1e300, "true": True, "null": None,
    "text": "a\u0000é漢\U0001F469", "list": [1, 2], "mixed": [1, "a", None, 0.5, {}], "object": {"a": {"b": [[]]}}}).encode())
seed("config", "non-numbers", b'{"a": NaN, "b": [Infinity, -Infinity]}')
seed("config", "quantization", json.dumps(
    {"quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]}}).encode())
seed("config", "index", json.dumps({"weight_map": {"a": "model-00001-of-00002.safetensors"}}).encode())
seed("config", "control", b'{"\\u001b[31mred\\u202e": "\\u0007", "' + b"n" * 300 + b'": 1}')
seed("config", "nested", b'{"a":' * 31 + b"1" + b"}" * 31)
seed("config", "deep", b'{"a":' + b"[" * 100)
seed("config", "duplicate", b'{"a":1,"a":2}')
