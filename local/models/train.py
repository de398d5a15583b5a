"""Trains the help model on the corpus and writes amphi-help.gguf.

  python train.py --corpus build/corpus.jsonl --minutes 40

Conversations are packed into windows of fixed length; a window starts with a new conversation, and
later ones in it simply follow, so the model also learns to change the subject. Loss counts on the
assistant's tokens, end of turn included. What is hard to learn is which answer belongs to a
question, and an answer's first words settle that. So most steps see "stubs", conversations whose
answers are cut after a few tokens: three times as many questions in the same time. Matrices are
trained with Muon (orthogonalized momentum; K. Jordan, https://kellerjordan.github.io/posts/muon/),
the rest with AdamW. The time is the budget: the learning rate follows the clock, so a slow machine
makes fewer steps and still ends well.
"""
import argparse
import json
import random
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

import gguf_file as gguf
import tokenizer as tk
from model import Model, Shape

HERE = Path(__file__).parent
STUB_TOKENS, STUB_WINDOW = 8, 128


def tokenizer_lines(corpus):
    """Each distinct message once, so that frequent answers do not eat the whole vocabulary."""
    seen = {}
    for messages in corpus[:60000]:
        for message in messages:
            seen[message["content"]] = None
    return list(seen)


def encode(messages, words, answers, cut):
    """-> (ids, mask); mask is 1 where the model is to learn: the assistant's words and their end.
    Of answers longer than `cut` tokens only the beginning stays."""
    ids, mask = [], []
    for message in messages:
        own = message["role"] == "assistant"
        part = (answers if own else words).encode_message(message["role"], message["content"])
        head = len(answers.encode("assistant\n")) + 1 if own else len(part)
        tail = 1  # the line feed behind the end of the turn
        if own and cut and len(part) > head + cut + 2:
            part, tail = part[:head + cut] + part[-2:], 2
        ids += part
        mask += [0] * head + [1] * (len(part) - head - tail) + [0] * tail if own else [0] * head
    return ids, mask


def pack(corpus, tokenizer, length, seed, cut=0):
    """-> int16 [windows, length], uint8 of the same shape."""
    rng = random.Random(seed)
    spellings = [tokenizer] * 4 + [tokenizer.with_dropout(0.06)]
    windows, masks, ids, mask = [], [], [], []

    def flush():
        windows.append(ids[:length] + [tk.PAD] * (length - len(ids)))
        masks.append(mask[:length] + [0] * (length - len(mask)))

    for messages in corpus:
        more_ids, more_mask = encode(messages, rng.choice(spellings), tokenizer, cut)
        if ids and len(ids) + len(more_ids) > length:
            flush()
            ids, mask = [], []
        ids, mask = ids + more_ids, mask + more_mask
    return np.array(windows, np.int16), np.array(masks, np.uint8)


class Muon(torch.optim.Optimizer):
    """Momentum, made orthogonal by five Newton-Schulz steps; matrices of one shape go together."""

    def __init__(self, params, lr, momentum=0.95, weight_decay=0.0):
        super().__init__(params, dict(lr=lr, momentum=momentum, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            shapes = {}
            for p in group["params"]:
                shapes.setdefault(p.shape, []).append(p)
            for shape, params in shapes.items():
                updates = []
                for p in params:
                    buffer = self.state[p].setdefault("momentum", torch.zeros_like(p))
                    buffer.lerp_(p.grad, 1 - group["momentum"])
                    updates.append(p.grad.lerp(buffer, group["momentum"]))
                update = self.orthogonalize(torch.stack(updates).bfloat16()).float()
                scale = max(1, shape[0] / shape[1]) ** 0.5
                for p, u in zip(params, update):
                    p.mul_(1 - group["lr"] * group["weight_decay"])
                    p.add_(u, alpha=-group["lr"] * scale)

    @staticmethod
    def orthogonalize(x):
        tall = x.shape[1] > x.shape[2]
        x = x.mT if tall else x
        x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
        for _ in range(5):
            a = x @ x.mT
            x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
        return x.mT if tall else x


def load(path):
    """-> (model, tokenizer) of a file that this script wrote."""
    keys, tensors = gguf.read(path)
    merges = [merge.split(" ") for merge in keys["tokenizer.ggml.merges"]]
    tokenizer = tk.Tokenizer(keys["tokenizer.ggml.tokens"], merges)
    return Model.from_gguf(keys, tensors).train(), tokenizer


def metadata(tokenizer, shape):
    string, u32, real, boolean, array = gguf.STRING, gguf.U32, gguf.FLOAT32, gguf.BOOL, gguf.ARRAY
    types = [3 if i < len(tk.CONTROL) else 1 for i in range(len(tokenizer.tokens))]
    merges = [" ".join(merge) for merge in tokenizer.merges]
    return {
        "general.architecture": (string, "llama"),
        "general.name": (string, "Amphi Help"),
        "general.description": (string, "Offline help assistant of the Amphi SDK"),
        "general.license": (string, "Apache-2.0"),
        "general.sampling.temp": (real, 0.0),  # the likeliest words, unless a request says more
        "general.file_type": (u32, gguf.FILE_TYPE_Q8_0),
        "general.quantization_version": (u32, 2),
        "llama.context_length": (u32, shape.context),
        "llama.embedding_length": (u32, shape.dim),
        "llama.block_count": (u32, shape.layers),
        "llama.feed_forward_length": (u32, shape.hidden),
        "llama.attention.head_count": (u32, shape.heads),
        "llama.attention.head_count_kv": (u32, shape.kv_heads),
        "llama.attention.layer_norm_rms_epsilon": (real, shape.epsilon),
        "llama.rope.dimension_count": (u32, shape.dim // shape.heads),
        "llama.rope.freq_base": (real, shape.rope_base),
        "llama.vocab_size": (u32, shape.vocab),
        "tokenizer.ggml.model": (string, "gpt2"),
        "tokenizer.ggml.pre": (string, "gpt-2"),
        "tokenizer.ggml.tokens": (array, (string, tokenizer.tokens)),
        "tokenizer.ggml.token_type": (array, (gguf.I32, types)),
        "tokenizer.ggml.merges": (array, (string, merges)),
        "tokenizer.ggml.bos_token_id": (u32, tk.PAD),
        "tokenizer.ggml.eos_token_id": (u32, tk.END),
        "tokenizer.ggml.padding_token_id": (u32, tk.PAD),
        "tokenizer.ggml.add_bos_token": (boolean, False),
        "tokenizer.chat_template": (string, tk.CHAT_TEMPLATE),
        "amphi.scope": (string, "help"),  # one subject only: it stands in for no chat model
    }


def learning_rate(progress, hold):
    """Warm-up, a plateau, and a long linear way down to nothing (not with hold)."""
    return min(1.0, progress / 0.02, 1.0 if hold else (1 - progress) / 0.75)


def average_with(partner, own, params, state):
    """Gossip: leaves our weights in the file `own` and takes the mean with the partner's, if they
    are new. Two trainers with one thread each waste no time in barriers on a busy machine."""
    torch.save([p.data for p in params], own + ".new")
    Path(own + ".new").replace(own)
    if Path(partner).exists() and (stamp := Path(partner).stat().st_mtime_ns) != state.get("stamp"):
        state["stamp"] = stamp
        for p, other in zip(params, torch.load(partner)):
            p.data.lerp_(other, 0.5)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    option = parser.add_argument
    option("--corpus", default=str(HERE / "build" / "corpus.jsonl"))
    option("--out", default=str(HERE / "amphi-help.gguf"))
    option("--minutes", type=float, default=40, help="time for the steps")
    option("--length", type=int, default=512, help="tokens per window")
    option("--batch", type=int, default=6, help="windows per step")
    option("--vocab", type=int, default=2048)
    option("--dim", type=int, default=192)
    option("--layers", type=int, default=6)
    option("--hidden", type=int, default=512)
    option("--rate", type=float, default=0.006, help="Muon's learning rate; a fifth for the rest")
    option("--stubs", type=float, default=0.6, help="share of the steps that see stubs")
    option("--stubs-corpus", type=float, default=0.6, help="share of the corpus for stubs")
    option("--start", help="go on from this GGUF, with its tokenizer")
    option("--partner", help="the --out of a second trainer, to average weights with")
    option("--hold", action="store_true", help="keep the learning rate up, for a later --start")
    option("--seed", type=int, default=1)
    option("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    random.seed(args.seed)
    torch.set_num_threads(args.threads)

    corpus = [json.loads(line) for line in open(args.corpus)]
    if args.start:
        model, tokenizer = load(args.start)
    else:
        tokenizer = tk.Tokenizer(*tk.train(tokenizer_lines(corpus), args.vocab))
        model = Model(Shape(vocab=len(tokenizer.tokens), dim=args.dim, layers=args.layers,
                            heads=args.dim // 32, kv_heads=args.dim // 64, hidden=args.hidden))
    shape = model.shape
    part = int(len(corpus) * args.stubs_corpus)
    pools = [pack(corpus[:part], tokenizer, STUB_WINDOW, args.seed, STUB_TOKENS),
             pack(corpus[part:], tokenizer, args.length, args.seed)]
    for name, (windows, masks) in zip(("stubs", "whole"), pools):
        print("%s: %d windows, %.1fM tokens, %.1fM to learn" % (
            name, len(windows), windows.size / 1e6, masks.sum() / 1e6), flush=True)

    named = list(model.named_parameters())
    print("%.2fM weights" % (sum(p.numel() for _, p in named) / 1e6), flush=True)
    matrices = [p for name, p in named if p.ndim == 2 and "token_embd" not in name]
    others = [p for name, p in named if p.ndim != 2 or "token_embd" in name]
    optimizers = [Muon([dict(params=matrices)], lr=args.rate, weight_decay=0.1),
                  torch.optim.AdamW(others, lr=args.rate / 5, betas=(0.9, 0.98), weight_decay=0.0)]
    peaks = [o.param_groups[0]["lr"] for o in optimizers]

    gossip = {}
    begin, step, tokens, orders, recent = time.time(), 0, 0, [[], []], [[], []]
    while (progress := (time.time() - begin) / (60 * args.minutes)) < 1:
        share = args.stubs if progress < 0.75 else args.stubs * 0.7  # more whole answers at the end
        pool = int(random.random() >= share)
        windows, masks = pools[pool]
        size = args.batch * args.length // windows.shape[1]
        if len(orders[pool]) < size:
            orders[pool] = torch.randperm(len(windows)).tolist()
        chosen, orders[pool] = orders[pool][:size], orders[pool][size:]
        ids = torch.from_numpy(windows[chosen].astype(np.int64))
        learn = torch.from_numpy(masks[chosen][:, 1:]).bool().flatten()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            states = model(ids[:, :-1]).flatten(0, 1)[learn]
            loss = F.cross_entropy(model.logits(states).float(), ids[:, 1:].flatten()[learn])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(others, 1.0)
        for optimizer, peak in zip(optimizers, peaks):
            optimizer.param_groups[0]["lr"] = peak * max(learning_rate(progress, args.hold), 0.005)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        step, tokens = step + 1, tokens + ids.numel()
        recent[pool].append(loss.item())
        if args.partner and step % 10 == 0:
            average_with(args.partner + ".share", args.out + ".share", [p for _, p in named],
                         gossip)
        if step % 50 == 0:
            losses = [sum(r) / max(1, len(r)) for r in recent]
            print("step %d  %.0f%%  loss %.4f, stubs %.4f  %.2fM tokens  %.0f tokens/s" % (
                step, 100 * progress, losses[1], losses[0], tokens / 1e6,
                tokens / (time.time() - begin)), flush=True)
            recent = [[], []]
        if step % 100 == 0:
            gguf.write(args.out + ".part", metadata(tokenizer, shape), model.to_tensors())
    gguf.write(args.out, metadata(tokenizer, shape), model.to_tensors())
    Path(args.out + ".part").unlink(missing_ok=True)


if __name__ == "__main__":
    main()
