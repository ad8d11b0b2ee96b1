#!/usr/bin/env python3
"""What other quantisers make of the same near-normal data, for BlockEncoderTest.

The data: element i is the sum of the sixteen 16-bit lanes of splitmix64 words 4i to 4i + 3 (seed 0), less 524,280,
times 2^-18 (exact in float32, close to normal with deviation 0.29). `bytes TYPE CRC32` is the checksum of what the
`gguf` package (tried: 0.19.0) encodes 65,536 elements to. `error TYPE E` is the squared error of ggml's own quantiser
over 1,048,576 elements, relative to the sum of squares; it needs a library with ggml's quantize_* functions, such as
the libggml-base.so of any build of llama.cpp (used: ggml of 2026-08-21).

    python docs/reference/make_golden_encoders.py libggml-base.so
"""
import ctypes
import sys
import zlib
from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType as T

OUT = Path(__file__).parents[2] / "engine-kernels/src/test/resources/dev/cadre/kernels/format/golden_encoders.txt"
COLUMNS = 1024


def data(count):
    z = np.arange(1, 4 * count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    lanes = (z ^ (z >> np.uint64(31))).view(np.uint16).reshape(count, 16)
    return ((lanes.astype(np.int64).sum(1) - 524280).astype(np.float32) * np.float32(2.0**-18)).reshape(-1, COLUMNS)


lines = []
x = data(1 << 16)
for name in ("F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "MXFP4"):
    encoded = gguf.quantize(x, T[name])
    lines.append(f"bytes {name} {zlib.crc32(encoded.tobytes()):08x}\n")

if len(sys.argv) > 2:  # stand-ins for symbols that a bare ggml-quants.c lacks
    ctypes.CDLL(sys.argv[2], mode=ctypes.RTLD_GLOBAL)
library = ctypes.CDLL(sys.argv[1])
x = data(1 << 20)
for name in ("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS", "MXFP4"):
    block, size = gguf.GGML_QUANT_SIZES[T[name]]
    encoded = np.zeros(x.size // block * size, np.uint8)
    quantize = getattr(library, "quantize_" + name.lower().replace("_k", "_K"))
    quantize.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p]
    quantize(x.ctypes.data, encoded.ctypes.data, x.shape[0], COLUMNS, None)
    decoded = gguf.dequantize(encoded, T[name]).reshape(x.shape).astype(np.float64)
    lines.append(f"error {name} {((decoded - x) ** 2).sum() / (x.astype(np.float64) ** 2).sum():.6e}\n")
OUT.write_text("".join(lines))
