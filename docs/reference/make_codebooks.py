#!/usr/bin/env python3
"""Writes the codebooks of the IQ types, as the `gguf` package (tried: 0.19.0) holds them, to the resource that
engine-kernels loads. One line a codebook: name, elements an entry, values, then the entries as packed hex: each
element is the index of its value, lowest bits first, 2 bits wide for three values and 4 for eight.

    python docs/reference/make_codebooks.py
"""
from pathlib import Path

import numpy as np
from gguf import quants

OUT = Path(__file__).parents[2] / "engine-kernels/src/main/resources/dev/cadre/kernels/format/codebooks.txt"


def line(name, cls):
    cls.init_grid()
    entries, width = cls.grid_shape
    values = [int(v) for v in cls.grid_map]
    bits = 2 if len(values) <= 4 else 4
    index = {v: i for i, v in enumerate(values)}
    flat = [index[int(v)] for v in cls.grid.reshape(entries * width)]
    per_byte = 8 // bits
    packed = bytes(
        sum(flat[i + k] << (bits * k) for k in range(per_byte)) for i in range(0, len(flat), per_byte))
    return f"{name} {width} {','.join(map(str, values))} {packed.hex()}\n"


signs = np.frombuffer(quants.IQ2_XXS.ksigns, dtype=np.uint8)
assert all(int(s) == (i | (bin(i).count("1") & 1) << 7) for i, s in enumerate(signs)), "signs are not even parity"
OUT.write_text("".join(line(c.__name__, c) for c in (
    quants.IQ1_S, quants.IQ2_XXS, quants.IQ2_XS, quants.IQ2_S, quants.IQ3_XXS, quants.IQ3_S)))
