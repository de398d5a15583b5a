#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does a real model go on where its own answer was cut? Ten answers (temperature 0), cut at every
third byte; each beginning is given back as a trailing assistant message. The seam word, from
the cut to the end of the next word, must be the uncut answer's: 99 of 100 times.

usage: seams.py BUILD MODEL.gguf... [--step BYTES] [--answers N] [--show]

./dev test --models runs it on the models that ../shared/tools/real_models.sh brings."""
import argparse
import contextlib
import json
import os
import re
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
from faces import gateway  # noqa: E402
from gateway_client import CHAT, chat, connect  # noqa: E402

QUESTIONS = [  # prose, lists, code, numbers, JSON, markdown, other languages
    "Explain photosynthesis in a few sentences.",
    "List five fruits with their colours, as a numbered list.",
    "Write a Python function that returns the n-th Fibonacci number, with a docstring.",
    "How many days are there in each month? Write the numbers.",
    'Give me a JSON object with "name", "country" and "population" of Paris.',
    "Make a markdown table of three planets with their diameter in kilometers.",
    "Écris deux phrases sur la ville de Paris, en français.",
    "Write a short letter to a friend about the summer. Use quotes and an exclamation mark!",
    "What is the difference between TCP and UDP? Use **bold** words and bullet points.",
    "Wie heißen die größten Städte Deutschlands? Antworte auf Deutsch.",
]
WORD = re.compile(r"\s*\S+(?=\s)")  # behind a cut: to the end of the next word
ENOUGH = 99.0  # per cent


def continuation(url, body, is_enough):
    """The text of a streamed answer until it is enough; then the client hangs up."""
    line = connect(url, timeout=120)
    text = ""
    with contextlib.closing(line):
        line.request("POST", CHAT, json.dumps(body), {"Content-Type": "application/json"})
        answer = line.getresponse()
        assert answer.status == 200, answer.read()
        for row in answer:
            if not row.startswith(b"data: {"):
                continue
            chunk = json.loads(row[6:])
            assert "error" not in chunk, chunk
            for choice in chunk["choices"]:
                text += choice["delta"].get("content") or ""
            if is_enough(text):
                break
    return text


def request(messages, tokens):
    return {"messages": messages, "temperature": 0, "max_tokens": tokens,
            "amphi": {"no_cache": True, "mode": "only_local"}}


def cut_places(text, step):
    """Every `step` bytes, moved to a character's beginning: (index in characters), each once."""
    raw = text.encode()
    places = {len(raw[:at].decode(errors="ignore")) for at in range(step, len(raw), step)}
    return sorted(place for place in places if 0 < place < len(text))


def seam_word(rest):
    found = WORD.match(rest)
    return found.group() if found else rest


def measure_answer(url, question, options):
    """(cuts, wrong ones, cuts inside a word, wrong ones of them) of one answer."""
    messages = [{"role": "user", "content": question}]
    _, whole = chat(url, request(messages, options.tokens),
                    connection=connect(url, timeout=300))
    text = whole["choices"][0]["message"]["content"]
    counts = [0, 0, 0, 0]
    for at in cut_places(text, options.step):
        wanted = seam_word(text[at:])
        if wanted == text[at:] and whole["choices"][0]["finish_reason"] == "length":
            continue  # the answer's last word is itself cut
        body = request(messages + [{"role": "assistant", "content": text[:at]}], options.tokens)
        body["stream"] = True
        said = continuation(url, body, lambda got: WORD.match(got) is not None)
        is_wrong = seam_word(said) != wanted
        is_inside = text[at - 1].isalnum() and text[at].isalnum()
        for i, adds in enumerate((True, is_wrong, is_inside, is_inside and is_wrong)):
            counts[i] += adds
        if is_wrong and options.show:
            print(f"        {text[max(0, at - 24):at]!r} wanted {wanted!r}, said {said!r}",
                  flush=True)
    return counts


def measure(model, options):
    """Prints the figures of one model; true: enough seams are right."""
    name = os.path.basename(model)
    sums = [0, 0, 0, 0]
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="amphi-seams-") as folder:
        with gateway(folder, "--model", model) as (url, _):
            for question in QUESTIONS[:options.answers]:
                counts = measure_answer(url, question, options)
                sums = [a + b for a, b in zip(sums, counts)]
                print(f"        {counts[0] - counts[1]} of {counts[0]}: {question}", flush=True)
    cuts, wrong, inside, inside_wrong = sums
    right = 100.0 * (cuts - wrong) / max(cuts, 1)
    print(f"{name}: {cuts - wrong} of {cuts} seam words right ({right:.1f} %), inside words "
          f"{inside - inside_wrong} of {inside}, {time.monotonic() - started:.0f} s", flush=True)
    return cuts > 0 and right >= ENOUGH


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("models", nargs="+")
    parser.add_argument("--step", type=int, default=3)
    parser.add_argument("--answers", type=int, default=len(QUESTIONS))
    parser.add_argument("--tokens", type=int, default=90)
    parser.add_argument("--show", action="store_true")
    options = parser.parse_args()
    results = [measure(model, options) for model in options.models]
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    sys.exit(0 if all(results) else 1)


main()
