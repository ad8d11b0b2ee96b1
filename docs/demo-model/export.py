"""Writes a training checkpoint as a Hugging Face folder and as GGUF.

    python export.py WORK OUT_DIR [--gguf models/cadre-demo.gguf] [--type Q8_0]
"""
import argparse
import os
import shutil
import sys

import torch

import fast

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "reference"))
import hf_to_gguf  # noqa: E402

if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("work")
    ap.add_argument("out")
    ap.add_argument("--gguf")
    ap.add_argument("--type", default="Q8_0", type=str.upper)
    a = ap.parse_args()
    st = torch.load(os.path.join(a.work, "state.pt"), map_location="cpu")
    m = fast.build(1)
    m.load_state_dict(st["model"])
    with torch.no_grad():      # only differences between experts matter; the mean is noise of the balance rule
        for l in m.model.layers:
            if hasattr(l.mlp, "gate"):
                l.mlp.gate.e_score_correction_bias -= l.mlp.gate.e_score_correction_bias.mean()
    m.generation_config.eos_token_id = m.config.eos_token_id
    m.generation_config.pad_token_id = m.config.pad_token_id
    m.save_pretrained(a.out)
    for f in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(os.path.join(a.work, "tok", f), a.out)
    print("step", st["step"], "->", a.out)
    if a.gguf:
        hf_to_gguf.convert(a.out, a.gguf, hf_to_gguf.T[a.type], "cadre-demo")
        print(a.gguf, round(os.path.getsize(a.gguf) / 1e6, 2), "MB")
