"""Trains the demo model. Resumable: run it again with the same --dir and it goes on from its last checkpoint.

    python tokenizer.py WORK/tok
    python train.py --dir WORK [--plan plan.json] [--save-minutes 4]

Every step's data and every random choice follow from (seed, step), so a resumed run sees what an uninterrupted one
would have seen. The plan is a list of stages {steps, length, rows, mode, long, lr, bias}:
  dense   plain causal attention; the indexer is not trained
  index   dense attention, and beside it the indexer learns to match it (KL, detached from the rest)
  sparse  attention only over the positions that the indexer selects; indexer loss as before
The learning rate runs linearly from the stage's lr to its lr_end. WORK/log.jsonl gets a line every few steps.
"""
import argparse
import json
import os
import random
import signal
import time

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

import corpus
import fast

DEFAULT_PLAN = [
    {"steps": 100, "length": 256, "rows": 16, "mode": "dense", "long": 0.0, "lr": 0.05, "lr_end": 1.0, "bias": 0.001},
    {"steps": 2400, "length": 256, "rows": 16, "mode": "dense", "long": 0.0, "lr": 1.0, "lr_end": 1.0, "bias": 0.001},
]


class Data:
    def __init__(self, tok, seed):
        self.tok, self.seed = tok, seed

    def row(self, step, i, length, long_share):
        r = random.Random(self.seed * 1_000_003 + step * 131 + i)
        segs = corpus.row(r, length + 1, long_share)
        ends = np.cumsum([len(t) for t, _ in segs])
        weights = np.array([w for _, w in segs], dtype=np.float32)
        e = self.tok.encode("".join(t for t, _ in segs))
        start = np.array([o[0] for o in e.offsets])
        w = weights[np.searchsorted(ends, start, side="right").clip(max=len(segs) - 1)]
        ids = np.array(e.ids)
        if len(ids) < length + 1:
            more, mw = self.row(step, i + 1000, length, 0.0)
            ids, w = np.concatenate([ids, more]), np.concatenate([w, mw])
        return ids[: length + 1], w[: length + 1]

    def batch(self, step, rows, length, long_share):
        got = [self.row(step, i, length, long_share) for i in range(rows)]
        ids = torch.from_numpy(np.stack([g[0] for g in got])).long()
        w = torch.from_numpy(np.stack([g[1] for g in got]))
        return ids[:, :-1].contiguous(), ids[:, 1:].contiguous(), w[:, 1:].contiguous()


def orthogonalise(g):
    """Newton-Schulz iteration of the Muon optimiser; g is [n, rows, cols]."""
    x = g.to(torch.bfloat16)
    flip = x.shape[1] > x.shape[2]
    if flip:
        x = x.transpose(1, 2)
    x = x / (x.float().pow(2).sum((1, 2), keepdim=True).sqrt().to(x.dtype) + 1e-7)
    for _ in range(5):
        s = torch.bmm(x, x.transpose(1, 2))
        x = 3.4445 * x + torch.bmm(-4.7750 * s + 2.0315 * torch.bmm(s, s), x)
    return (x.transpose(1, 2) if flip else x).float()


class Muon(torch.optim.Optimizer):
    def __init__(self, params, lr=0.02, momentum=0.95, weight_decay=0.01):
        super().__init__(params, dict(lr=lr, momentum=momentum, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for g in self.param_groups:
            for p in g["params"]:
                if p.grad is None:
                    continue
                st = self.state[p]
                if "m" not in st:
                    st["m"] = torch.zeros_like(p)
                st["m"].lerp_(p.grad, 1 - g["momentum"])
                u = p.grad.lerp(st["m"], g["momentum"])
                u = orthogonalise(u.reshape(-1, u.shape[-2], u.shape[-1])).view_as(p)
                p.mul_(1 - g["lr"] * g["weight_decay"])
                p.add_(u, alpha=-g["lr"] * max(1.0, p.shape[-2] / p.shape[-1]) ** 0.5)


def optimisers(m):
    muon, adam, slow, index = [], [], [], []
    for n, p in m.named_parameters():
        if "indexer" in n:
            index.append(p)
        elif p.dim() == 2 and not any(k in n for k in ("embed_tokens", "lm_head", "mlp.gate.weight")):
            muon.append(p)
        elif "experts.gate_up" in n or "experts.down" in n:
            slow.append(p)
        else:
            adam.append(p)
    ad = torch.optim.AdamW([{"params": adam, "base": 2e-3}, {"params": slow, "base": 1.5e-3},
                            {"params": index, "base": 1.5e-3}], lr=1e-3, betas=(0.9, 0.95), eps=1e-10, weight_decay=0.0, fused=True)
    mu = Muon([{"params": muon, "base": 0.015}])
    return ad, mu


def evaluate(f, data, stage, step):
    """Greedy answers by teacher forcing: an answer counts when every token of it is the most likely one."""
    out = {}
    r = random.Random(99)
    length = stage["length"]
    def score(docs, sparse):
        ok = n = 0
        for segs in docs:
            ends = np.cumsum([len(t) for t, _ in segs])
            e = data.tok.encode("".join(t for t, _ in segs))
            ids = torch.tensor(e.ids)[: f.c.max_position_embeddings]
            seg = np.searchsorted(ends, np.array([o[0] for o in e.offsets]), side="right").clip(max=len(segs) - 1)
            with torch.no_grad():
                top = f.logits(ids[None, :-1], sparse)[0].argmax(-1)
            right = (top == ids[1:]).numpy()
            for k in range(len(segs)):
                at = seg[1:] == k
                if segs[k][1] >= 2.0 and segs[k][0] != corpus.EOT and at[: len(right)].any():
                    n += 1
                    ok += bool(right[at[: len(right)]].all())
        return round(ok / max(n, 1), 3)
    sparse = stage["mode"] == "sparse"
    out["pairs"] = score([corpus.doc_pairs(r, set()) for _ in range(12)], sparse)
    out["copy"] = score([corpus.doc_copy(r, set()) for _ in range(24)], sparse)
    out["sums"] = score([corpus.doc_arithmetic(r, set()) for _ in range(16)], sparse)
    out["story_qa"] = score([corpus.doc_story_questions(r, set()) for _ in range(16)], sparse)
    out["needle200"] = score([corpus.doc_needle(r, set(), 850, 3, 3) for _ in range(10)], sparse)
    if length >= 512:
        long = [corpus.doc_needle(r, set(), int(length * 4.3) - 700, 12, 6) for _ in range(6)]
        out[f"needle{length}"] = score(long, sparse)
        if stage["mode"] == "index":
            out[f"needle{length}_sparse"] = score(long, True)
    return out


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--dir", required=True)
    ap.add_argument("--plan")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--threads", type=int, default=2)
    ap.add_argument("--save-minutes", type=float, default=4)
    ap.add_argument("--eval-steps", type=int, default=200)
    ap.add_argument("--max-steps", type=int, default=10**9)
    ap.add_argument("--profile", action="store_true")
    a = ap.parse_args()
    torch.set_num_threads(a.threads)
    plan = json.load(open(a.plan)) if a.plan else DEFAULT_PLAN
    tok = Tokenizer.from_file(os.path.join(a.dir, "tok", "tokenizer.json"))
    data = Data(tok, a.seed)
    m = fast.build(a.seed)
    f = fast.Fast(m)
    ad, mu = optimisers(m)
    step, path = 0, os.path.join(a.dir, "state.pt")
    if os.path.exists(path):
        st = torch.load(path)
        m.load_state_dict(st["model"])
        ad.load_state_dict(st["adam"])
        mu.load_state_dict(st["muon"])
        step = st["step"]
        print("resumed at step", step, flush=True)
    log = open(os.path.join(a.dir, "log.jsonl"), "a")
    gates = {i: l.mlp.gate for i, l in enumerate(m.model.layers) if hasattr(l.mlp, "gate")}
    saved = last = time.time()
    acc = {}

    def save():
        torch.save({"model": m.state_dict(), "adam": ad.state_dict(), "muon": mu.state_dict(), "step": step}, path + ".tmp")
        os.replace(path + ".tmp", path)

    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    total = sum(s["steps"] for s in plan)
    tokens = 0
    while step < min(total, a.max_steps) and not stop:
        k, first = 0, 0
        while step >= first + plan[k]["steps"]:
            first += plan[k]["steps"]
            k += 1
        st = plan[k]
        lr = st["lr"] + (st["lr_end"] - st["lr"]) * (step - first) / st["steps"]
        for o in (ad, mu):
            for g in o.param_groups:
                g["lr"] = g["base"] * lr
        for g in mu.param_groups:
            g["lr"] *= st.get("muon", 1.0)
            g["weight_decay"] = st.get("decay", 0.01)
        ad.param_groups[2]["lr"] = ad.param_groups[2]["base"] * st.get("index_lr", 1.0)
        x, y, w = data.batch(step, st["rows"], st["length"], st["long"])
        rows = None
        if st["mode"] != "dense":
            g = torch.Generator().manual_seed(step)
            q = st.get("queries", 96)
            pri = torch.rand(w.shape, generator=g) + 1.0 * (w >= 2.0) * (torch.rand(w.shape, generator=g) < 0.5)
            pri[:, : min(fast.TOPK, st["length"] // 2)] -= 2.0      # these see every key anyway
            rows = pri.topk(q, -1).indices
        h, il = f.forward(x, st["mode"] == "sparse", rows)
        ce = F.cross_entropy(F.linear(h, m.lm_head.weight.to(f.dt)).view(-1, f.c.vocab_size).float(), y.view(-1), reduction="none")
        wv = w.view(-1)
        loss = (ce * wv).sum() / wv.sum()
        full = loss + 0.01 * f.balance
        if il is not None:
            full = full + il
        for o in (ad, mu):
            o.zero_grad(set_to_none=True)
        full.backward()
        gn = torch.nn.utils.clip_grad_norm_(m.parameters(), 1.0)
        ad.step()
        mu.step()
        with torch.no_grad():
            worst = 0.0
            for i, gate in gates.items():
                c = f.load[i].float()
                # DeepSeek's rule takes the sign only; in proportion it settles instead of swinging, since the scores
                # of so small a model lie close together
                gate.e_score_correction_bias += st["bias"] * (1 - c / c.mean()).clamp(min=-8)
                worst = max(worst, float(c.max() / c.mean()))
        if st.get("clip") and step % 10 == 0:
            spread = f.clip_attention(x[:1, :256], st["clip"])
            acc.setdefault("spread", []).append(max(spread))
        step += 1
        tokens += x.numel()
        cd = ce.detach()
        wv = w.view(-1)
        for n, v in (("loss", float(loss.detach())), ("text", float(cd[(wv == 1.0)].mean())), ("answer", float(cd[wv >= 2.0].mean())),
                     ("index", float(il.detach()) if il is not None else 0.0), ("worst", worst), ("grad", float(gn))):
            acc.setdefault(n, []).append(v)
        if step % 20 == 0 or a.profile:
            now = time.time()
            line = {"step": step, "stage": k, **{n: round(float(np.nanmean(v)), 4) for n, v in acc.items()},
                    "tok_s": round(tokens / (now - last)), "lr": round(lr, 4)}
            if il is not None:
                line["hit"] = [round(v, 3) for v in f.hit]
            acc, tokens, last = {}, 0, now
            log.write(json.dumps(line) + "\n")
            log.flush()
            print(line, flush=True)
        if step % a.eval_steps == 0:
            line = {"step": step, "eval": evaluate(f, data, st, step)}
            log.write(json.dumps(line) + "\n")
            log.flush()
            print(line, flush=True)
            last = time.time()
        if time.time() - saved > 60 * a.save_minutes:
            save()
            saved = time.time()
    save()


if __name__ == "__main__":
    main()
