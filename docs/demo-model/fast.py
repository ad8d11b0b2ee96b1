"""The demo model's configuration and a fast training forward over the parameters of GlmMoeDsaForCausalLM.

The arithmetic is that of the transformers module (check with `python fast.py`: logits of both are compared), but the
experts are run as a few batched products over tokens sorted by expert instead of one small product per expert, matrix
products run in bfloat16, and the lightning indexer can be trained against the attention it has to predict.
"""
import math

import torch
import torch.nn.functional as F
from transformers import GlmMoeDsaConfig, GlmMoeDsaForCausalLM

TOPK = 128


def config(**over):
    kw = dict(
        vocab_size=2048, hidden_size=256, intermediate_size=768, moe_intermediate_size=32, num_hidden_layers=4,
        num_attention_heads=8, num_key_value_heads=8, n_shared_experts=1, n_routed_experts=384, num_experts_per_tok=8,
        routed_scaling_factor=2.5, n_group=1, topk_group=1, norm_topk_prob=True, q_lora_rank=256, kv_lora_rank=128,
        qk_nope_head_dim=32, qk_rope_head_dim=32, v_head_dim=64, index_topk=TOPK, index_head_dim=64, index_n_heads=8,
        first_k_dense_replace=1, indexer_types=["full", "full", "shared", "full"], max_position_embeddings=4096,
        # transformers builds the latent norms with 1e-6 whatever the config says; the same value for all norms leaves
        # no room for a difference between engines
        rms_norm_eps=1e-6, tie_word_embeddings=False,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        bos_token_id=None, eos_token_id=[2012, 2019, 2021], pad_token_id=2012, scoring_func="sigmoid",
        topk_method="noaux_tc")
    kw.update(over)
    return GlmMoeDsaConfig(**kw)


def build(seed=1, **over):
    torch.manual_seed(seed)
    m = GlmMoeDsaForCausalLM(config(**over)).float()
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for n, p in m.named_parameters():
            if p.dim() == 1:
                continue
            r = torch.randn(p.shape, generator=g)
            if "embed_tokens" in n:
                s = 0.5
            elif "o_proj" in n or "down_proj" in n:
                s = 0.2 / math.sqrt(p.shape[-1])
            elif "mlp.gate.weight" in n:
                s = 0.5 / math.sqrt(p.shape[-1])
            elif "lm_head" in n:
                s = 0.2 / math.sqrt(p.shape[-1])
            else:
                s = 1.0 / math.sqrt(p.shape[-1])
            p.copy_(r * s)
    return m


class Experts(torch.autograd.Function):
    """y[n] = sum_k w[n,k] * E_{i[n,k]}(x[n]); experts of similar load share one padded batched product."""

    GROUPS = 16

    @staticmethod
    def forward(ctx, x, w1, w2, topi, topw):
        n, k = topi.shape
        e, i2, h = w1.shape
        i = i2 // 2
        flat = topi.reshape(-1)
        counts = torch.bincount(flat, minlength=e)
        perm = counts.argsort(descending=True)
        per = (e + Experts.GROUPS - 1) // Experts.GROUPS
        base = torch.empty(e, dtype=torch.long)
        groups, off = [], 0
        sorted_counts = counts[perm]
        for g0 in range(0, e, per):
            g1 = min(e, g0 + per)
            c = int(sorted_counts[g0])
            if c == 0:
                break
            c = (c + 15) // 16 * 16
            groups.append((g0, g1, c, off))
            base[perm[g0:g1]] = off + torch.arange(g1 - g0) * c
            off += (g1 - g0) * c
        order = flat.argsort(stable=True)
        starts = counts.cumsum(0) - counts
        se = flat[order]
        slot_sorted = base[se] + torch.arange(n * k) - starts[se]
        slot = torch.empty(n * k, dtype=torch.long)
        slot[order] = slot_sorted
        token = torch.full((off,), n, dtype=torch.long)
        token[slot] = torch.arange(n).repeat_interleave(k)
        xz = torch.cat([x, x.new_zeros(1, h)])
        xp = xz[token]
        w1p, w2p = w1[perm], w2[perm]
        hp = xp.new_empty(off, i2)
        yp = xp.new_empty(off, h)
        ap = xp.new_empty(off, i)
        for g0, g1, c, o in groups:
            s = slice(o, o + (g1 - g0) * c)
            torch.bmm(xp[s].view(g1 - g0, c, h), w1p[g0:g1].transpose(1, 2), out=hp[s].view(g1 - g0, c, i2))
        ap = F.silu(hp[:, :i]) * hp[:, i:]
        for g0, g1, c, o in groups:
            s = slice(o, o + (g1 - g0) * c)
            torch.bmm(ap[s].view(g1 - g0, c, i), w2p[g0:g1].transpose(1, 2), out=yp[s].view(g1 - g0, c, h))
        y = torch.bmm(topw.to(x.dtype).unsqueeze(1), yp[slot].view(n, k, h)).squeeze(1)
        ctx.save_for_backward(xp, w1p, w2p, hp, ap, yp, slot, token, topw, perm)
        ctx.groups = groups
        return y

    @staticmethod
    def backward(ctx, dy):
        xp, w1p, w2p, hp, ap, yp, slot, token, topw, perm = ctx.saved_tensors
        n, k = topw.shape
        e, i2, h = w1p.shape
        i = i2 // 2
        dy = dy.contiguous()
        dtopw = torch.bmm(yp[slot].view(n, k, h), dy.unsqueeze(2)).squeeze(2).float()
        ws = torch.zeros(xp.shape[0], dtype=dy.dtype)
        ws[slot] = topw.reshape(-1).to(dy.dtype)
        dyp = torch.cat([dy, dy.new_zeros(1, h)])[token] * ws[:, None]
        dw1, dw2 = torch.zeros_like(w1p), torch.zeros_like(w2p)
        da = torch.empty_like(ap)
        for g0, g1, c, o in ctx.groups:
            s = slice(o, o + (g1 - g0) * c)
            d = dyp[s].view(g1 - g0, c, h)
            torch.bmm(d.transpose(1, 2), ap[s].view(g1 - g0, c, i), out=dw2[g0:g1])
            torch.bmm(d, w2p[g0:g1], out=da[s].view(g1 - g0, c, i))
        gate, up = hp[:, :i].float(), hp[:, i:].float()
        sg = torch.sigmoid(gate)
        daf = da.float()
        dh = torch.cat([daf * up * sg * (1 + gate * (1 - sg)), daf * gate * sg], 1).to(dy.dtype)
        dxp = torch.empty_like(xp)
        for g0, g1, c, o in ctx.groups:
            s = slice(o, o + (g1 - g0) * c)
            d = dh[s].view(g1 - g0, c, i2)
            torch.bmm(d.transpose(1, 2), xp[s].view(g1 - g0, c, h), out=dw1[g0:g1])
            torch.bmm(d, w1p[g0:g1], out=dxp[s].view(g1 - g0, c, h))
        dx = dxp[slot].view(n, k, h).sum(1)
        inv = torch.empty_like(perm)
        inv[perm] = torch.arange(e)
        return dx, dw1[inv], dw2[inv], None, dtopw


def rms(x, w, eps):
    x = x.float()
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * w


def rope(x, cos, sin):
    """Interleaved pairs, results in half-split order, as transformers writes them. cos/sin [T, d/2]; x [..., T, d]."""
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


class Fast:
    def __init__(self, model, dtype=torch.bfloat16):
        self.m, self.c, self.dt = model, model.config, dtype
        c = self.c
        pos = torch.arange(c.max_position_embeddings).float()
        inv = 1.0 / (c.rope_parameters["rope_theta"] ** (torch.arange(0, c.qk_rope_head_dim, 2).float() / c.qk_rope_head_dim))
        f = pos[:, None] * inv[None]
        self.cos, self.sin = f.cos(), f.sin()
        self.probe = None
        self.load = [None] * c.num_hidden_layers     # expert counts of the last forward, for the balance rule

    def lin(self, x, w):
        return F.linear(x, w.to(self.dt))

    def index_keys(self, ix, h):
        c = self.c
        t, d = h.shape[1], c.qk_rope_head_dim
        k = F.layer_norm(self.lin(h, ix.wk.weight).float(), (c.index_head_dim,), ix.k_norm.weight, ix.k_norm.bias, 1e-6).to(self.dt)
        return torch.cat([rope(k[..., :d], self.cos[:t].to(self.dt), self.sin[:t].to(self.dt)), k[..., d:]], -1)

    def index_scores(self, ix, h, qr, k, rows):
        """Scores [B, Q, keys] of the indexer for query positions rows [B, Q] against the keys k [B, keys, Di]."""
        c = self.c
        b, d = h.shape[0], c.qk_rope_head_dim
        ar = torch.arange(b)[:, None]
        hq, qq = h[ar, rows], qr[ar, rows]
        cos, sin = self.cos[rows].to(self.dt).unsqueeze(2), self.sin[rows].to(self.dt).unsqueeze(2)
        n = rows.shape[1]
        q = self.lin(qq, ix.wq_b.weight).view(b, n, c.index_n_heads, c.index_head_dim)
        q = torch.cat([rope(q[..., :d], cos, sin), q[..., d:]], -1)
        w = F.linear(hq.float(), ix.weights_proj.weight) * (c.index_n_heads ** -0.5) * (c.index_head_dim ** -0.5)
        s = torch.bmm(q.reshape(b, n * c.index_n_heads, c.index_head_dim), k.transpose(1, 2)).relu_()
        s = s.view(b * n, c.index_n_heads, -1)
        return torch.bmm(w.to(self.dt).view(b * n, 1, c.index_n_heads), s).view(b, n, -1).float()

    @torch.no_grad()
    def select(self, ix, h, qr, k):
        """Mask [B, 1, T, T] of the positions that the indexer selects."""
        b, t, _ = h.shape
        mask = torch.zeros(b, t, t, dtype=torch.bool)
        for i in range(0, t, 256):
            e = min(t, i + 256)
            tri = torch.ones(e - i, e, dtype=torch.bool).tril(i)
            if e <= self.c.index_topk:
                mask[:, i:e, :e] = tri
                continue
            s = self.index_scores(ix, h, qr, k[:, :e], torch.arange(i, e).expand(b, -1))
            top = s.masked_fill_(~tri, float("-inf")).topk(self.c.index_topk, -1).indices
            mask[:, i:e, :e] = torch.zeros(b, e - i, e, dtype=torch.bool).scatter_(-1, top, True) & tri
        return mask[:, None]

    def forward(self, ids, sparse=False, index_rows=None):
        """Final hidden states [B, T, H] (normed) and, if index_rows [B, Q] is given, the indexer's loss."""
        m, c, dt = self.m, self.c, self.dt
        b, t = ids.shape
        nh, dn, dr, dv, r = c.num_attention_heads, c.qk_nope_head_dim, c.qk_rope_head_dim, c.v_head_dim, c.kv_lora_rank
        cos, sin = self.cos[:t].to(dt), self.sin[:t].to(dt)
        x = F.embedding(ids, m.model.embed_tokens.weight)
        eps = c.rms_norm_eps
        mask, groups = None, []
        self.balance = 0.0
        for li, l in enumerate(m.model.layers):
            a = l.self_attn
            h = rms(x, l.input_layernorm.weight, eps).to(dt)
            qr = rms(self.lin(h, a.q_a_proj.weight), a.q_a_layernorm.weight, a.q_a_layernorm.variance_epsilon).to(dt)
            q = self.lin(qr, a.q_b_proj.weight).view(b, t, nh, dn + dr).transpose(1, 2)
            kv = self.lin(h, a.kv_a_proj_with_mqa.weight)
            cl = rms(kv[..., :r], a.kv_a_layernorm.weight, a.kv_a_layernorm.variance_epsilon).to(dt)
            kr = rope(kv[..., r:], cos, sin)
            kvb = self.lin(cl, a.kv_b_proj.weight).view(b, t, nh, dn + dv).transpose(1, 2)
            q = torch.cat([q[..., :dn], rope(q[..., dn:], cos, sin)], -1)
            k = torch.cat([kvb[..., :dn], kr[:, None].expand(b, nh, t, dr)], -1)
            v = kvb[..., dn:]
            if a.indexer is not None:
                ki, sc = None, None
                if index_rows is not None:
                    ki = self.index_keys(a.indexer, h.detach())
                    sc = self.index_scores(a.indexer, h.detach(), qr.detach(), ki, index_rows)
                groups.append([sc, []])
                if sparse and t > c.index_topk:
                    with torch.no_grad():
                        mask = self.select(a.indexer, h, qr, self.index_keys(a.indexer, h) if ki is None else ki.detach())
            if index_rows is not None:
                ar = torch.arange(b)[:, None]
                groups[-1][1].append((q.detach().transpose(1, 2)[ar, index_rows], k.detach()))
            if self.probe is not None:
                self.probe.append((q.detach(), k.detach()))
            if mask is None:
                o = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            else:
                o = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
            x = x + self.lin(o.transpose(1, 2).reshape(b, t, nh * dv), a.o_proj.weight)
            hf = rms(x, l.post_attention_layernorm.weight, eps)
            h = hf.to(dt)
            mlp = l.mlp
            if not hasattr(mlp, "experts"):
                x = x + self.lin(F.silu(self.lin(h, mlp.gate_proj.weight)) * self.lin(h, mlp.up_proj.weight), mlp.down_proj.weight)
                continue
            flat = hf.reshape(b * t, -1)
            s = torch.sigmoid(F.linear(flat, mlp.gate.weight))
            topi = (s.detach() + mlp.gate.e_score_correction_bias).topk(c.num_experts_per_tok, -1).indices
            w = s.gather(1, topi)
            w = w / (w.sum(-1, keepdim=True) + 1e-20) * c.routed_scaling_factor
            self.load[li] = torch.bincount(topi.reshape(-1), minlength=c.n_routed_experts)
            if torch.is_grad_enabled():      # 1 when balanced
                share = (s / s.sum(-1, keepdim=True)).mean(0)
                self.balance = self.balance + c.n_routed_experts * (share * (self.load[li] / topi.numel())).sum()
            y = Experts.apply(h.reshape(b * t, -1), mlp.experts.gate_up_proj.to(dt), mlp.experts.down_proj.to(dt), topi, w)
            e = mlp.shared_experts
            z = self.lin(F.silu(self.lin(h, e.gate_proj.weight)) * self.lin(h, e.up_proj.weight), e.down_proj.weight)
            x = x + y.view(b, t, -1) + z
        x = rms(x, m.model.norm.weight, eps).to(dt)
        if index_rows is None:
            return x, None
        loss, hit = 0.0, []
        far = torch.arange(t)[None, None] > index_rows[..., None]
        for s, qk in groups:
            p = 0.0
            for qs, k in qk:
                z = torch.einsum("bqhd,bhkd->bqhk", qs, k).float() * (dn + dr) ** -0.5
                p = p + z.masked_fill_(far[:, :, None], float("-inf")).softmax(-1).mean(2)
            p = p / len(qk)
            lp = s.masked_fill(far, float("-inf")).log_softmax(-1)
            loss = loss + (p * ((p + 1e-9).log() - lp.masked_fill(far, 0.0))).sum(-1).mean()
            with torch.no_grad():        # share of the attention that the selected positions hold
                kk = min(c.index_topk, t)
                hit.append(float(p.gather(-1, s.masked_fill(far, -1e30).topk(kk, -1).indices).sum(-1).mean()))
        self.hit = hit
        return x, loss

    @torch.no_grad()
    def clip_attention(self, ids, limit):
        """Scales down the queries of heads whose scores stand too far apart (QK clip). A softmax that is all or nothing
        from the start passes no gradient, and the head stays with the wrong match. Returns the widest spread."""
        self.probe = []
        self.forward(ids)
        worst = []
        t, nh, dn = ids.shape[1], self.c.num_attention_heads, self.c.qk_nope_head_dim + self.c.qk_rope_head_dim
        tri = torch.ones(t, t, dtype=torch.bool).tril()
        for l, (q, k) in zip(self.m.model.layers, self.probe):
            s = torch.matmul(q.float(), k.float().transpose(-1, -2)) * dn ** -0.5
            mean = (s * tri).sum(-1) / tri.sum(-1)
            gap = (s.masked_fill(~tri, float("-inf")).amax(-1) - mean)[..., t // 4:]
            gap = gap.transpose(0, 1).reshape(nh, -1).quantile(0.95, dim=1)
            w = l.self_attn.q_b_proj.weight
            w.copy_((w.view(nh, dn, -1) * (limit / gap).clamp(max=1.0)[:, None, None]).view_as(w))
            worst.append(float(gap.max()))
        self.probe = None
        return worst

    def logits(self, ids, sparse=False):
        x, _ = self.forward(ids, sparse)
        return self.lin(x, self.m.lm_head.weight)


if __name__ == "__main__":
    m = build(3).eval()
    with torch.no_grad():
        for n, b in m.named_buffers():
            if n.endswith("e_score_correction_bias"):
                b.copy_(0.05 * torch.randn(b.shape))
        m.model.layers[1].self_attn.indexer.weights_proj.weight.mul_(3)
    ids = torch.randint(0, 2000, (2, 300))
    with torch.no_grad():
        ref = m(ids, use_cache=False).logits
        for dt in (torch.float32, torch.bfloat16):
            got = Fast(m, dt).logits(ids, sparse=True).float()
            print(dt, "largest logit difference", float((ref - got).abs().max()), "rms", float((ref - got).pow(2).mean().sqrt()),
                  "logit deviation", float(ref.std()))
    f = Fast(m, torch.float32)
    x = torch.randn(50, 256, requires_grad=True)
    ex = m.model.layers[1].mlp.experts
    ti = torch.rand(50, 384).topk(8, -1).indices
    tw = torch.rand(50, 8, requires_grad=True)
    g = torch.randn(50, 256)
    ps = [x, ex.gate_up_proj, ex.down_proj, tw]
    m.config._experts_implementation = "eager"
    ga = torch.autograd.grad(ex(x, ti, tw), ps, g)
    gb = torch.autograd.grad(Experts.apply(x, ps[1], ps[2], ti, tw), ps, g)
    print("expert gradients", [float((p - q).abs().max()) for p, q in zip(ga, gb)])
