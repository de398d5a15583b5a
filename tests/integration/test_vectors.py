#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The local engine through its command line, against what independent implementations gave: logits
and greedy ids of every model in shared/vectors, tokens of real vocabularies, rendered templates."""
import array
import json
import math
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import faces  # noqa: E402
from faces import SHARED, amphi, promise, write  # noqa: E402

VECTORS = os.path.join(SHARED, "vectors")
EXACT = ("f32", "f16", "bf16")  # of these the greedy ids must be equal, too


def reference(name):
    with open(os.path.join(VECTORS, "reference", name), encoding="utf-8") as file:
        lines = file.read().splitlines()
    named = {line.split(":")[0]: line.split(":", 1)[1].split() for line in lines if ":" in line}
    return {key: [int(word) for word in words] for key, words in named.items()}


def floats(path):
    values = array.array("f")
    with open(path, "rb") as file:
        values.frombytes(file.read())
    return values


def nmse(got, wanted):
    error = math.fsum((a - b) ** 2 for a, b in zip(got, wanted))
    return error / math.fsum(b * b for b in wanted)


def logits(model, tokens, *flags):
    done = amphi("model", "logits", "--json", "--model",
                 os.path.join(VECTORS, "models", model + ".gguf"),
                 "--tokens", ",".join(map(str, tokens)), *flags, timeout=200)
    assert done.returncode == 0, (model, done.stderr)
    return json.loads(done.stdout)


def models():
    """All of them; under sanitizers one of each weight type and family, said so."""
    names = sorted(f[:-5] for f in os.listdir(os.path.join(VECTORS, "models")) if f.startswith(
        ("llama", "qwen", "gemma", "phi")))
    if not faces.SANITIZED:
        return names
    some = [n for n in names if n.startswith("llama") or n.endswith("-Q8_0")]
    print(f"        sanitized build: {len(some)} of {len(names)} models", flush=True)
    return some


@promise
def logits__stories260K_decodes_the_whole_story(folder):
    wanted = reference("stories260K-f32.greedy.txt")["greedy"]
    assert len(wanted) == 196, len(wanted)
    for model in ("stories260K-f32", "stories260K-f16"):
        for threads in ("1", "2"):
            got = logits(model, [1], "--greedy", "196", "--threads", threads)["greedy"]
            assert got == wanted, (model, threads)


@promise
def logits__every_model_is_close_to_the_reference_at_every_position(folder):
    out = os.path.join(folder, "logits.f32")
    for model in models():
        limit = 1e-4 if model.endswith(EXACT) else 1.5e-3
        wanted = reference(model + ".txt")
        tokens = wanted["tokens"]
        full = os.path.join(VECTORS, "reference", model + ".logits.f32")
        last_only = not os.path.exists(full)
        result = logits(model, tokens, "--greedy", "24", "--threads", "2", "--all", "--out", out)
        got = floats(out)
        vocabulary = len(got) // len(tokens)
        assert len(got) == vocabulary * len(tokens)
        expected = floats(full.replace(".logits", ".last") if last_only else full)
        if last_only:
            got = got[-vocabulary:]
        assert len(got) == len(expected), (model, len(got), len(expected))
        far = nmse(got, expected)
        assert far < limit, (model, far)
        assert result["top"][0]["id"] == max(range(vocabulary),
                                             key=lambda i: got[len(got) - vocabulary + i])
        if model.endswith(EXACT):
            assert result["greedy"] == wanted["greedy"], model
        print(f"        {model:16} NMSE {far:.1e}, {len(expected) // vocabulary} positions",
              flush=True)


@promise
def logits__the_plain_kernels_agree_as_well(folder):
    out = os.path.join(folder, "logits.f32")
    for model in ("llama-f32", "llama-Q8_0", "llama-Q4_0"):
        wanted = reference(model + ".txt")
        logits(model, wanted["tokens"], "--kernels", "reference", "--threads", "1", "--all",
               "--out", out)
        far = nmse(floats(out), floats(os.path.join(VECTORS, "reference", model + ".logits.f32")))
        assert far < (1e-4 if model.endswith(EXACT) else 1.5e-3), (model, far)


@promise
def tokenize__every_case_of_every_vocabulary(folder):
    ran = 0
    for name in sorted(os.listdir(os.path.join(VECTORS, "vocab"))):
        if not name.endswith(".gguf"):
            continue
        model = os.path.join(VECTORS, "vocab", name)
        with open(model + ".inp", encoding="utf-8", newline="") as file:
            texts = file.read().split("\n__ggml_vocab_test__\n")
        with open(model + ".out", encoding="utf-8") as file:
            expected = [line.split() for line in file.read().split("\n")]
        every = range(0, len(texts), 4 if faces.SANITIZED else 1)
        if faces.SANITIZED:
            print(f"        sanitized build: every fourth case of {name}", flush=True)
        for i in every:
            path = write(folder, "text", texts[i])
            done = amphi("model", "tokenize", "--model", model, "--file", path)
            assert done.returncode == 0, (name, i, done.stderr)
            assert done.stdout.endswith("\n") and done.stdout.count("\n") == 1
            assert done.stdout.split() == expected[i], (name, i, texts[i])
            ran += 1
    assert ran > 40, ran
    print(f"        {ran} cases", flush=True)


@promise
def render__every_row_of_the_goldens(folder):
    with open(os.path.join(VECTORS, "templates", "goldens.json"), encoding="utf-8") as file:
        rows = json.load(file)
    if faces.SANITIZED:
        rows = rows[::3]
        print(f"        sanitized build: {len(rows)} rows, every third", flush=True)
    for row in rows:
        variables = dict(row["extra"], bos_token=row["bos_token"], eos_token=row["eos_token"])
        words = ["model", "render", "--template",
                 os.path.join(VECTORS, "templates", row["template"]),
                 "--messages", write(folder, "messages.json", row["messages"]), "--now", row["now"],
                 "--set", json.dumps(variables)]
        if row["tools"] is not None:
            words += ["--tools", write(folder, "tools.json", row["tools"])]
        if not row["add_generation_prompt"]:
            words.append("--no-generation-prompt")
        done = amphi(*words)
        where = (row["template"], row["case"])
        if row.get("error"):
            assert done.returncode != 0 and done.stderr.startswith("amphi: "), where
        else:
            assert done.returncode == 0, (where, done.stderr)
            assert done.stdout == row["text"], (where, done.stdout, row["text"])
    print(f"        {len(rows)} rows", flush=True)


if __name__ == "__main__":
    if not os.path.isdir(VECTORS):
        faces.skip("no ../shared/vectors here")
    faces.main()
