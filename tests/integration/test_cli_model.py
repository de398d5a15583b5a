#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`amphi model` and its like: files that are no models, verbs, what measures."""
import json
import os
import random
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import faces  # noqa: E402
from faces import AMPHI, MODEL, amphi, bad_models, environment, promise  # noqa: E402
from faces import refused, survived, write  # noqa: E402



def parsed(done):
    assert done.returncode == 0, (done.returncode, done.stderr)
    assert done.stdout.endswith("\n") and done.stdout.count("\n") == 1, done.stdout
    return json.loads(done.stdout)


@promise
def model__a_bad_model_is_one_clear_line_for_every_verb(folder):
    messages = write(folder, "messages.json", [{"role": "user", "content": "hi"}])
    for name, path in bad_models(folder):
        for words in (["logits", "--tokens", "1,2"], ["tokenize", "hello"],
                      ["render", "--messages", messages], ["inspect"]):
            done = amphi("model", *words, "--model", path)
            if done.returncode == 0 and name.startswith("cut at") and words[0] != "logits":
                # Only the tensors are cut: the vocabulary is whole, and says so.
                assert int(name[7:]) > 100000, (name, words)
                continue
            refused(done)


@promise
def model__a_flipped_byte_never_kills(folder):
    with open(MODEL, "rb") as file:
        good = bytearray(file.read())
    rng = random.Random(11)
    for i in range(12 if faces.SANITIZED else 40):
        bad = bytearray(good)
        for _ in range(1 + i % 4):
            bad[rng.randrange(60000)] = rng.randrange(256)
        path = write(folder, "flip.gguf", bytes(bad))
        survived(amphi("model", "logits", "--model", path, "--tokens", "1,2,3", "--top", "1"))


@promise
def model__verbs_speak_json(folder):
    shown = parsed(amphi("model", "inspect", "--json", "--model", MODEL))
    assert shown, shown
    tokens = parsed(amphi("model", "tokenize", "--json", "--model", MODEL,
                          "What is Amphi?"))["tokens"]
    plain = amphi("model", "tokenize", "--model", MODEL, "What is Amphi?").stdout
    assert tokens and plain == " ".join(map(str, tokens)) + "\n"
    text = write(folder, "text.txt", "What is Amphi?")
    assert amphi("model", "tokenize", "--model", MODEL, "--file", text).stdout == plain
    out = os.path.join(folder, "all.f32")
    result = parsed(amphi("model", "logits", "--json", "--model", MODEL, "--tokens",
                          ",".join(map(str, tokens)), "--top", "3", "--greedy", "5", "--all",
                          "--out", out))
    assert list(result) == ["tokens", "top", "greedy"]
    assert result["tokens"] == tokens and len(result["top"]) == 3 and len(result["greedy"]) == 5
    assert result["top"][0]["id"] == result["greedy"][0]
    assert result["top"][0]["logit"] >= result["top"][1]["logit"]
    assert os.path.getsize(out) % (4 * len(tokens)) == 0
    messages = write(folder, "messages.json", [{"role": "user", "content": "Grüße \"x\"\n"}])
    rendered = amphi("model", "render", "--model", MODEL, "--messages", messages)
    assert rendered.returncode == 0 and "Grüße" in rendered.stdout
    as_json = parsed(amphi("model", "render", "--json", "--model", MODEL, "--messages", messages))
    assert as_json == {"text": rendered.stdout}
    template = write(folder, "t.jinja",
                     "{{ bos_token }}{{ a }}{{ b|tojson }}{{ messages[0].n|tojson }}")
    messages = write(folder, "n.json",
                     '[{"role": "user", "content": "x", "n": [1.0, 1, 9007199254740993]}]')
    rendered = amphi("model", "render", "--template", template, "--messages", messages,
                     "--set", 'bos_token="<s>"', "--set", "a=1.0", "--set", '{"b": {"c": null}}',
                     "--set", "{ }")
    assert rendered.stdout == '<s>1.0{"c": null}[1.0, 1, 9007199254740993]', rendered
    for wrong in ("=1", "a", "}", "{"):
        refused(amphi("model", "render", "--template", template, "--messages", messages, "--set",
                      wrong))


@promise
def model__text_that_looks_special_is_plain_unless_asked(folder):
    words = ["model", "tokenize", "--json", "--model", MODEL]
    plain = parsed(amphi(*words, "<|im_start|>"))["tokens"]
    special = parsed(amphi(*words, "--special", "<|im_start|>"))["tokens"]
    assert len(plain) > len(special), (plain, special)


@promise
def bench__local_measures(folder):
    result = parsed(amphi("bench", "local", "--json", "--model", MODEL, "--threads", "1",
                          "--prompt",
                          "16", "--gen", "4", timeout=120))
    assert set(result) == {"prefill_tps", "decode_tps", "load_ms", "first_token_ms",
                           "rss_peak_bytes"}
    assert all(value > 0 for value in result.values())


@promise
def bench__cancel_measures_both_kinds_of_isolation(folder):
    words = ["bench", "cancel", "--json", "--model", MODEL, "--prompt", "400", "--runs", "2",
             "--threads", "1"]
    result = parsed(amphi(*words, timeout=120))
    assert set(result) == {"model_bytes", "prompt_tokens", "target_ms", "process", "thread"}
    assert result["model_bytes"] == os.path.getsize(MODEL)
    assert 380 <= result["prompt_tokens"] <= 420, result
    for kind in ("process", "thread"):
        figures = result[kind]
        assert figures["runs"] == 2 and 0 < figures["p50_ms"] <= figures["max_ms"], result
        assert figures["max_ms"] < 2000 and figures["prefill_ms"] > 0, result
    one = parsed(amphi(*words, "--isolation", "thread", timeout=120))
    assert "process" not in one and "thread" in one, one
    refused(amphi(*words, "--isolation", "box"))
    refused(amphi(*words, "--prompt", "5"))


@promise
def cli__a_stopped_quantizer_leaves_nothing_behind(folder):
    """When it wins the race, OUT is whole."""
    for number in (signal.SIGINT, signal.SIGTERM):
        place = os.path.join(folder, f"quantized-{number}")
        os.mkdir(place)
        out = os.path.join(place, "out.gguf")
        process = subprocess.Popen([AMPHI, "model", "quantize", MODEL, out, "--type", "IQ4_XS"],
                                   env=environment(), stderr=subprocess.PIPE, text=True)
        while process.poll() is None and not os.listdir(place):
            time.sleep(0.001)
        process.send_signal(number)
        errors = process.communicate(timeout=60)[1]
        assert process.returncode in (0, 1), (number, process.returncode)
        if process.returncode == 0:
            assert os.listdir(place) == ["out.gguf"], os.listdir(place)
        else:
            assert errors == "amphi: the quantizer was stopped\n", errors
            assert os.listdir(place) == [], os.listdir(place)


if __name__ == "__main__":
    faces.main()
