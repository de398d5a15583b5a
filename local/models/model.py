"""The help model: a small llama (RMSNorm, rotary positions, grouped-query attention, SwiGLU).

One definition for training and for evaluation. Parameters carry their GGUF tensor names with '.'
written as '_', so export and import are a rename. Rotary positions turn the pairs (2i, 2i+1).
"""
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn


@dataclass
class Shape:
    vocab: int = 2048
    dim: int = 192
    layers: int = 6
    heads: int = 6
    kv_heads: int = 3
    hidden: int = 512
    context: int = 1024
    rope_base: float = 10000.0
    epsilon: float = 1e-5


def rotary(length, size, base):
    angle = torch.arange(length)[:, None] / base ** (torch.arange(0, size, 2) / size)
    return torch.cos(angle), torch.sin(angle)


def rotate(x, cos, sin):
    """x: [batch, heads, time, size]; even and odd places are the two halves of each pair."""
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2)


class Block(nn.Module):
    def __init__(self, shape):
        super().__init__()
        s, size = shape, shape.dim // shape.heads
        self.shape, self.size = s, size
        self.attn_norm = nn.Parameter(torch.ones(s.dim))
        self.attn_q = nn.Linear(s.dim, s.heads * size, bias=False)
        self.attn_k = nn.Linear(s.dim, s.kv_heads * size, bias=False)
        self.attn_v = nn.Linear(s.dim, s.kv_heads * size, bias=False)
        self.attn_output = nn.Linear(s.heads * size, s.dim, bias=False)
        self.ffn_norm = nn.Parameter(torch.ones(s.dim))
        self.ffn_gate = nn.Linear(s.dim, s.hidden, bias=False)
        self.ffn_up = nn.Linear(s.dim, s.hidden, bias=False)
        self.ffn_down = nn.Linear(s.hidden, s.dim, bias=False)

    def forward(self, x, cos, sin, past=None):
        s, size = self.shape, self.size
        batch, time, _ = x.shape
        h = F.rms_norm(x, (s.dim,), self.attn_norm, s.epsilon)
        q = self.attn_q(h).view(batch, time, s.heads, size).transpose(1, 2)
        k = self.attn_k(h).view(batch, time, s.kv_heads, size).transpose(1, 2)
        v = self.attn_v(h).view(batch, time, s.kv_heads, size).transpose(1, 2)
        q, k = rotate(q, cos, sin).to(v.dtype), rotate(k, cos, sin).to(v.dtype)
        causal = True
        if past is not None:  # decoding: `past` is a list that keeps K and V
            if past:
                k, v = torch.cat((past[0], k), 2), torch.cat((past[1], v), 2)
                causal = False  # one new token sees everything
            past[:] = [k, v]
        group = s.heads // s.kv_heads
        k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
        h = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
        x = x + self.attn_output(h.transpose(1, 2).reshape(batch, time, -1))
        h = F.rms_norm(x, (s.dim,), self.ffn_norm, s.epsilon)
        return x + self.ffn_down(F.silu(self.ffn_gate(h)) * self.ffn_up(h))


class Model(nn.Module):
    """Tied embeddings: the output matrix is the token embedding."""

    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.token_embd = nn.Parameter(torch.randn(shape.vocab, shape.dim) * 0.02)
        self.blk = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.output_norm = nn.Parameter(torch.ones(shape.dim))
        cos, sin = rotary(shape.context, shape.dim // shape.heads, shape.rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for name, p in self.named_parameters():
            if p.ndim == 2 and "token_embd" not in name:
                scale = (2 * shape.layers) ** -0.5 if "output" in name or "down" in name else 1
                nn.init.normal_(p, std=scale * p.shape[1] ** -0.5)

    def forward(self, ids, begin=0, past=None):
        """ids [batch, time] -> the last layer's normed states [batch, time, dim]."""
        x = F.embedding(ids, self.token_embd)
        cos, sin = (t[begin:begin + ids.shape[1]] for t in (self.cos, self.sin))
        for i, block in enumerate(self.blk):
            x = block(x, cos, sin, None if past is None else past[i])
        return F.rms_norm(x, (self.shape.dim,), self.output_norm, self.shape.epsilon)

    def logits(self, states):
        return F.linear(states, self.token_embd)

    def to_tensors(self):
        """{GGUF name: float32 array}, matrices as [rows, row length]."""
        out = {}
        for name, p in self.named_parameters():
            name = name if name.endswith(".weight") else name + ".weight"
            out[name] = p.detach().float().numpy()
        return out

    @classmethod
    def from_gguf(cls, metadata, tensors):
        get = lambda key: metadata["llama." + key]
        model = cls(Shape(
            vocab=get("vocab_size"), dim=get("embedding_length"), layers=get("block_count"),
            heads=get("attention.head_count"), kv_heads=get("attention.head_count_kv"),
            hidden=get("feed_forward_length"), context=get("context_length"),
            rope_base=get("rope.freq_base"), epsilon=get("attention.layer_norm_rms_epsilon")))
        own = dict(model.named_parameters())
        for name, array in tensors.items():
            target = own.pop(name if name in own else name.removesuffix(".weight"))
            target.data = torch.tensor(array)
        if own:
            raise ValueError("tensors missing: " + ", ".join(own))
        return model.eval()

    @torch.no_grad()
    def answer(self, ids, tokens_max=200, stop=2):
        """Greedy continuation of a prompt; returns the new ids without the stop token."""
        ids = ids[-(self.shape.context - tokens_max):]
        past, out, position = [[] for _ in self.blk], [], 0
        feed = torch.tensor([ids])
        while len(out) < tokens_max:
            states = self(feed, position, past)
            position += feed.shape[1]
            token = int(self.logits(states[0, -1]).argmax())
            if token == stop:
                break
            out.append(token)
            feed = torch.tensor([[token]])
        return out
