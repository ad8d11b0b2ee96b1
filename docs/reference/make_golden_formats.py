#!/usr/bin/env python3
"""Checksums of what the `gguf` package (tried: 0.19.0) decodes from blocks that cover every bit pattern of the scales.

For each type, 65,536 blocks are made: bytes of a splitmix64 stream, then scale fields set from the block's number so
that each 16-bit field takes every value once (NaN, infinities, subnormals and both zeros included). The decoded
float32 bits (every NaN as 0x7fc00000) are checksummed by CRC-32 in chunks of 1,024 blocks. Lines that start with "raw"
have one checksum of all bits as they are, which for NaN are those of the x86-64 that this ran on. BlockCodecGoldenTest makes
the same blocks. FP8 and E8M0 values, which gguf lacks, come from torch.

    python docs/reference/make_golden_formats.py
"""
import zlib
from pathlib import Path

import numpy as np
import torch
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType as T, quants

OUT = Path(__file__).parents[2] / "engine-kernels/src/test/resources/dev/cadre/kernels/format/golden_blocks.txt"
BLOCKS = 1 << 16
CHUNK = 1 << 10

# offsets of the f16 fields of a block; block n gets n * (2i + 1) mod 65536 in field i
HALVES = {
    "F16": [0], "BF16": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0],
    "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "IQ2_XXS": [0], "IQ2_XS": [0],
    "IQ3_XXS": [0], "IQ1_S": [0], "IQ4_NL": [0], "IQ3_S": [0], "IQ2_S": [0], "IQ4_XS": [0], "IQ1_M": [],
    "TQ1_0": [52], "TQ2_0": [64], "MXFP4": [], "NVFP4": [],
}


def stream(start, count):
    """Bytes [start, start + count) of the splitmix64 stream of seed 0; both multiples of 8."""
    z = np.arange(start // 8 + 1, (start + count) // 8 + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (z ^ (z >> np.uint64(31))).view(np.uint8)


def blocks(name, size, first):
    data = stream(first * size, CHUNK * size).reshape(CHUNK, size).copy()
    n = np.arange(first, first + CHUNK, dtype=np.uint32)
    for i, at in enumerate(HALVES[name]):
        data[:, at:at + 2] = (n * (2 * i + 1)).astype(np.uint16).view(np.uint8).reshape(CHUNK, 2)
    if name == "IQ1_M":  # the four nibbles of the scale are the top nibbles of four words
        for k in range(4):
            at = 49 + 2 * k
            data[:, at] = (data[:, at] & 0x0F) | ((n >> (4 * k)) & 15).astype(np.uint8) << 4
    if name == "MXFP4":
        data[:, 0] = n & 255
    if name == "NVFP4":
        data[:, 0], data[:, 1], data[:, 2], data[:, 3] = n & 255, n >> 8, (n + 77) & 255, (n >> 8) ^ 255
    return data


def raw(chunks):
    crc = 0
    for values in chunks:
        crc = zlib.crc32(values.view("<u4").tobytes(), crc)
    return f"{crc:08x}"


def checksum(values):
    bits = np.where(np.isnan(values), np.uint32(0x7FC00000), values.view(np.uint32))
    return f"{zlib.crc32(bits.astype('<u4').tobytes()):08x}"


lines, raws = [], []
with np.errstate(all="ignore"):
    for name in HALVES:
        size = GGML_QUANT_SIZES[T[name]][1]
        sums, chunks = [], []
        for first in range(0, BLOCKS, CHUNK):
            decoded = quants.dequantize(blocks(name, size, first), T[name])
            chunks.append(np.ascontiguousarray(decoded, dtype=np.float32))
            sums.append(checksum(chunks[-1]))
        lines.append(f"{name} {' '.join(sums)}\n")
        raws.append(f"raw {name} {raw(chunks)}\n")
every = torch.arange(256, dtype=torch.uint8)
for name, dtype in (("F8_E4M3", torch.float8_e4m3fn), ("F8_E5M2", torch.float8_e5m2), ("F8_E8M0", torch.float8_e8m0fnu)):
    lines.append(f"{name} {checksum(every.view(dtype).to(torch.float32).numpy())}\n")
OUT.write_text("".join(lines + raws))
