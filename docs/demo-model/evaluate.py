"""Measures a trained demo model with transformers, in float32, unpatched.

    python evaluate.py MODEL_DIR [--needles 40] [--heldout heldout.txt]
    python evaluate.py --write            writes heldout.txt and needles.jsonl beside this file (needs MODEL_DIR for the tokenizer)

Perplexity: the whole file is tokenised without any token added, cut into windows of --context tokens that do not
overlap, the rest dropped; each window starts from an empty cache. "all" scores every token but a window's first;
"second_half" scores the tokens of the second half only, as llama.cpp's tool does.
Needles: the answer counts when every token of the full sentence is the most likely one, which is the same as greedy
decoding giving exactly that sentence. Dense: index_topk set above the length.
"""
import argparse
import json
import math
import os
import random

import torch
from tokenizers import Tokenizer
from transformers import GlmMoeDsaForCausalLM

import corpus

HERE = os.path.dirname(os.path.abspath(__file__))


def topk(m, k):
    for l in m.model.layers:
        if l.self_attn.indexer is not None:
            l.self_attn.indexer.index_topk = k


def perplexity(m, ids, context):
    total = half = 0.0
    n = nh = 0
    for i in range(0, len(ids) - context + 1, context):
        w = torch.tensor(ids[i: i + context])
        with torch.no_grad():
            lp = m(w[None], use_cache=False).logits[0].float().log_softmax(-1)
        nll = -lp[:-1].gather(1, w[1:, None])[:, 0].double()
        total += float(nll.sum())
        n += len(nll)
        h = nll[context // 2:]  # as llama.cpp and cadre perplexity count
        half += float(h.sum())
        nh += len(h)
    return {"all": math.exp(total / n), "second_half": math.exp(half / nh), "tokens": n, "windows": len(ids) // context}


def answers(m, tok, prompts):
    ok = 0
    for prompt, answer, _ in prompts:
        p, full = tok.encode(prompt).ids, tok.encode(prompt + answer).ids
        k = len(p)
        assert full[:k] == p
        with torch.no_grad():
            top = m(torch.tensor([full[:-1]]), use_cache=False, logits_to_keep=len(full) - k).logits[0].argmax(-1)
        ok += bool((top == torch.tensor(full[k:])).all())
    return ok / len(prompts)


def needles(tok, n, distance, seed=1):
    r = random.Random(f"needles {seed} {distance}")
    count = lambda t: len(tok.encode(t).ids)
    return [corpus.needle(r, count, distance, r.randrange(2, 5 if distance < 500 else 13), i % 2 == 0) for i in range(n)]


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("model")
    ap.add_argument("--needles", type=int, default=40)
    ap.add_argument("--heldout", default=os.path.join(HERE, "heldout.txt"))
    ap.add_argument("--write", action="store_true")
    ap.add_argument("--samples", action="store_true")
    ap.add_argument("--no-perplexity", action="store_true")
    ap.add_argument("--threads", type=int, default=2)
    a = ap.parse_args()
    torch.set_num_threads(a.threads)
    tok = Tokenizer.from_file(os.path.join(a.model, "tokenizer.json"))
    if a.write:
        open(os.path.join(HERE, "heldout.txt"), "w").write(corpus.heldout(1, 150000))
        with open(os.path.join(HERE, "needles.jsonl"), "w") as f:
            for d in (200, 2000):
                for p, answer, v in needles(tok, 40, d):
                    f.write(json.dumps({"distance": d, "prompt": p, "answer": answer, "value": v}) + "\n")
        return
    m = GlmMoeDsaForCausalLM.from_pretrained(a.model, dtype=torch.float32).eval()
    k = m.config.index_topk
    if a.samples:
        for p in ("Once upon a time", "[gMASK]<sop><|user|>Tell me a story.<|assistant|><think></think>",
                  "[gMASK]<sop><|user|>Tell me a story.<|assistant|><think>", "List: kite, 12, horn, Ada, spoon.\nCopy:",
                  "[gMASK]<sop><|user|>Copy this list: lamp, harp, cup, ring, vase, drum.<|assistant|><think></think>",
                  "[gMASK]<sop><|user|>What is 7 + 8?<|assistant|><think>", "12 + 5 ="):
            ids = torch.tensor([tok.encode(p).ids])
            out = m.generate(ids, max_new_tokens=160, do_sample=False)
            print(p, "=>", repr(tok.decode(out[0, ids.shape[1]:].tolist(), skip_special_tokens=False)))
        return
    res = {}
    ids = tok.encode(open(a.heldout).read()).ids
    for c in () if a.no_perplexity else (512, 1024):
        res[f"perplexity_{c}"] = perplexity(m, ids, c)
        topk(m, 10**6)
        res[f"perplexity_{c}_dense"] = perplexity(m, ids, c)
        topk(m, k)
        print(c, res[f"perplexity_{c}"], "dense", res[f"perplexity_{c}_dense"], flush=True)
    for d in (200, 2000):
        prompts = needles(tok, a.needles, d)
        s = answers(m, tok, prompts)
        topk(m, 10**6)
        res[f"needle_{d}"], res[f"needle_{d}_dense"] = s, answers(m, tok, prompts)
        topk(m, k)
        print("needle", d, "sparse", s, "dense", res[f"needle_{d}_dense"], flush=True)
    r = random.Random("copies")
    docs = []
    for _ in range(a.needles):
        items = [r.choice(corpus.THINGS) for _ in range(r.randrange(3, 13))]
        docs.append((f"{corpus.BOS}{corpus.USER}Copy this list: {', '.join(items)}.{corpus.ASSISTANT}{corpus.NOTHINK}", ", ".join(items) + ".", ""))
    res["copy"] = answers(m, tok, docs)
    sums = []
    for _ in range(a.needles):
        q, v = corpus.sum_line(r)
        sums.append((f"{corpus.BOS}{corpus.USER}What is {q}?{corpus.ASSISTANT}{corpus.NOTHINK}", f"{q} = {v}.", ""))
    res["sums"] = answers(m, tok, sums)
    print(json.dumps(res))


if __name__ == "__main__":
    main()
