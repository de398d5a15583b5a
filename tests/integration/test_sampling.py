#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How an answer is drawn, as an OpenAI client asks for it over `amphi serve`, with the embedded
model: log-probabilities, seeds, stop strings, biases, and numbers that can't be meant."""
import http.client
import json
import math
import os
import struct
import sys
from urllib.parse import urlparse

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import faces  # noqa: E402
from faces import amphi, gateway, promise, write  # noqa: E402

MODEL = os.path.join(faces.BUILD, "share", "amphi", "amphi-help.gguf")
MESSAGES = [{"role": "user", "content": "What happens when the battery is low?"}]


def post(url, **fields):
    """(status, headers, text) of one chat request; nothing is cached."""
    body = {"messages": MESSAGES, "amphi": {"no_cache": True, "mode": "only_local"}, **fields}
    line = http.client.HTTPConnection(urlparse(url).hostname, urlparse(url).port, timeout=120)
    line.request("POST", "/v1/chat/completions", json.dumps(body),
                 {"Content-Type": "application/json"})
    answer = line.getresponse()
    text = answer.read().decode("utf-8")
    line.close()
    return answer.status, answer.headers, text


def choice(url, **fields):
    status, _, text = post(url, **fields)
    assert status == 200, (status, text)
    return json.loads(text)["choices"][0]


def said(url, **fields):
    return choice(url, **fields)["message"]["content"]


def model_logits(folder, ids):
    """The model's logits at every position, computed by another program than the server."""
    out = os.path.join(folder, "logits.f32")
    done = amphi("model", "logits", "--model", MODEL, "--tokens", ",".join(map(str, ids)), "--all",
                 "--out", out)
    assert done.returncode == 0, done.stderr
    data = open(out, "rb").read()
    values = struct.unpack(f"<{len(data) // 4}f", data)
    size = len(values) // len(ids)
    return [values[i * size:(i + 1) * size] for i in range(len(ids))]


def prompt_ids(folder):
    done = amphi("model", "render", "--model", MODEL, "--messages",
                 write(folder, "m.json", MESSAGES))
    assert done.returncode == 0, done.stderr
    done = amphi("model", "tokenize", "--model", MODEL, "--special", "--file",
                 write(folder, "prompt.txt", done.stdout))
    return [int(word) for word in done.stdout.split()]


def log_softmax(logits):
    largest = max(logits)
    total = largest + math.log(sum(math.exp(x - largest) for x in logits))
    return [x - total for x in logits]


@promise
def logprobs__are_the_models_own_whatever_the_sampler_does(folder):
    with gateway(folder) as (url, _):
        plain = choice(url, logprobs=True, top_logprobs=5, max_tokens=12, temperature=0)
        drawn = choice(url, logprobs=True, top_logprobs=5, max_tokens=1, temperature=0, top_k=1,
                       presence_penalty=2, repetition_penalty=1.5, top_p=0.1)
        short = choice(url, logprobs=True, max_tokens=3, temperature=0)
        none = choice(url, max_tokens=3, temperature=0)
    ids = prompt_ids(folder)
    tokens = plain["logprobs"]["content"]
    assert len(tokens) == 12, tokens
    for token in tokens:  # greedy: the id of each is the best of the position before
        here = log_softmax(model_logits(folder, ids)[-1])
        best = sorted(range(len(here)), key=lambda i: (-here[i], i))
        assert abs(token["logprob"] - here[best[0]]) < 2e-3, (token, here[best[0]])
        assert [abs(t["logprob"] - here[i]) < 2e-3 for t,
                i in zip(token["top_logprobs"], best)] == [True] * 5
        assert token["top_logprobs"][0]["token"] == token["token"]
        ids.append(best[0])
    assert drawn["logprobs"]["content"][0] == tokens[0]
    assert short["logprobs"]["content"][0]["top_logprobs"] == []
    assert none["logprobs"] is None, none
    text = b"".join(bytes(t["bytes"]) for t in tokens).decode()
    assert text == plain["message"]["content"], (text, plain)


@promise
def logprobs__come_with_the_chunks_of_a_stream(folder):
    with gateway(folder) as (url, _):
        whole = choice(url, logprobs=True, top_logprobs=2, max_tokens=20, temperature=0)
        status, _, text = post(url, logprobs=True, top_logprobs=2, max_tokens=20, temperature=0,
                               stream=True)
    assert status == 200, text
    chunks = [json.loads(e[6:]) for e in text.split("\n\n") if e.startswith("data: {")]
    tokens = []
    for chunk in chunks:
        part = chunk["choices"][0]
        own = (part.get("logprobs") or {}).get("content") or []
        tokens += own
        assert bool(own) == bool(part["delta"].get("content")), part
    assert tokens == whole["logprobs"]["content"]


@promise
def logprobs__of_a_stop_string_are_not_told(folder):
    with gateway(folder) as (url, _):
        whole = choice(url, logprobs=True, max_tokens=30, temperature=0)
        text = whole["message"]["content"]
        stop = text[9:17]
        cut = choice(url, logprobs=True, max_tokens=30, temperature=0, stop=stop)
    assert cut["finish_reason"] == "stop", cut
    assert cut["message"]["content"] == text[:text.index(stop)], cut
    tokens_text = b"".join(bytes(t["bytes"]) for t in cut["logprobs"]["content"]).decode()
    assert tokens_text.startswith(cut["message"]["content"]), (tokens_text, cut)
    last = bytes(cut["logprobs"]["content"][-1]["bytes"]).decode()
    assert len(tokens_text) - len(last) < len(cut["message"]["content"]), (tokens_text, cut)


@promise
def logprobs__of_tokens_without_a_choice_are_told_too(folder):
    schema = {"type": "object",
              "properties": {"kind": {"const": "battery"}, "low": {"type": "boolean"}},
              "required": ["kind", "low"], "additionalProperties": False}
    form = {"type": "json_schema", "json_schema": {"name": "s", "schema": schema}}
    with gateway(folder) as (url, _):
        bare = said(url, response_format=form, temperature=1, seed=3)
        full = choice(url, response_format=form, temperature=1, seed=3, logprobs=True,
                      top_logprobs=3)
    text = full["message"]["content"]
    assert text == bare, (text, bare)  # asking how likely the words were changes none of them
    assert json.loads(text)["kind"] == "battery"
    assert b"".join(bytes(t["bytes"]) for t in full["logprobs"]["content"]).decode() == text
    assert all(t["logprob"] <= 0 and len(t["top_logprobs"]) == 3
               for t in full["logprobs"]["content"])


@promise
def the_same_seed_gives_the_same_text_on_any_number_of_threads_in_any_process(folder):
    texts = set()
    for threads in ("1", "2", "3"):
        with gateway(folder, "--threads", threads, name="threads" + threads) as (url, _):
            texts.update(said(url, temperature=1.5, seed=11, max_tokens=40) for _ in range(2))
            other = said(url, temperature=1.5, seed=12, max_tokens=40)
    assert len(texts) == 1, texts
    assert other not in texts


@promise
def stop_strings_are_found_across_the_borders_of_tokens(folder):
    with gateway(folder) as (url, _):
        whole = said(url, temperature=0, max_tokens=60)
        for begin in range(1, len(whole) - 8, 5):
            stop = whole[begin:begin + 6]
            cut = choice(url, temperature=0, max_tokens=60, stop=["never to come", stop])
            assert cut["message"]["content"] == whole[:whole.index(stop)], (stop, cut)
            assert cut["finish_reason"] == "stop", cut


@promise
def biases_and_penalties_change_what_is_said(folder):
    with gateway(folder) as (url, _):
        first = choice(url, temperature=0, max_tokens=5, logprobs=True)
        word = first["logprobs"]["content"][0]["token"]
        done = amphi("model", "tokenize", "--model", MODEL, word)
        token = done.stdout.split()[-1]
        banned = choice(url, temperature=0, max_tokens=5, logprobs=True, logit_bias={token: -100})
        assert banned["logprobs"]["content"][0]["token"] != word, banned
        forced = said(url, temperature=0, max_tokens=4, logit_bias={token: 100})
        assert forced.count(word) == 4, (forced, word)
        calm = said(url, temperature=0, max_tokens=4, logit_bias={token: 100},
                    repetition_penalty=50)
        assert calm.count(word) < 4, calm
        greedy = said(url, temperature=0, max_tokens=30)
        for one in ({"top_k": 1}, {"top_p": 0}, {"min_p": 1}):
            assert said(url, temperature=2, max_tokens=30, **one) == greedy, one
        assert said(url, temperature=1, typical_p=0.2, seed=1, max_tokens=30)
        status, _, text = post(url, logit_bias={"99999999": 1})
        assert status == 400 and "logit_bias" in text, text


@promise
def numbers_out_of_range_are_refused_by_name(folder):
    wrong = {"temperature": [-5, 3, "hot"], "top_p": [2, -1], "min_p": [-0.5, 1.5],
             "typical_p": [2],
             "top_k": [-7, 1.5], "presence_penalty": [5], "frequency_penalty": [-5],
             "repetition_penalty": [0, -1], "max_tokens": [0, -1, 1.5],
             "max_completion_tokens": [0],
             "seed": ["x", 1.5], "n": [2, 0], "logprobs": ["yes"], "top_logprobs": [21, -1],
             "logit_bias": [[1], {"a": 1}, {"1": 1000}], "stop": [5, [5]], "stream": ["true"]}
    with gateway(folder) as (url, _):
        for name, values in wrong.items():
            for value in values:
                more = {"logprobs": True} if name == "top_logprobs" else {}
                status, _, text = post(url, **{name: value, **more})
                error = json.loads(text)["error"]
                assert status == 400 and error["param"] == name, (name, value, status, text)
                assert error["message"].startswith(name + ": "), text
        status, _, text = post(url, top_logprobs=2)
        assert status == 400 and json.loads(text)["error"]["param"] == "top_logprobs", text
        assert said(url, temperature=None, top_p=None, stop=None, max_tokens=3)
    done = amphi("ask", "--data", os.path.join(folder, "d"), "--temperature", "-5", "Hello")
    assert done.returncode != 0 and "temperature" in done.stderr, done.stderr


@promise
def the_end_of_the_context_is_a_finish_and_never_an_overrun(folder):
    room = 256
    policy = write(folder, "policy.json", {"local": {"context_tokens_max": room}})
    with gateway(folder, "--policy", policy) as (url, _):
        status, _, text = post(url, max_tokens=100000, temperature=2, seed=1,
                               logit_bias={str(i): -100 for i in range(4)})
        answer = json.loads(text)
        assert status == 200 and answer["usage"]["total_tokens"] <= room, text
        if answer["usage"]["total_tokens"] == room:
            assert answer["choices"][0]["finish_reason"] == "length", text
        status, _, text = post(url, messages=[{"role": "user", "content": "word " * 2000}])
        assert status == 400, text
        assert json.loads(text)["error"]["code"] == "context_length_exceeded", text
        kept = {"mode": "only_local", "no_cache": True, "conversation_id": "long"}
        status, _, text = post(url, amphi=kept, max_tokens=10, messages=[
            {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Begin."}])
        assert status == 200, text
        for turn in range(12):  # far more than fits; each is answered, and none is too long
            status, _, text = post(url, amphi=kept, max_tokens=10, messages=[
                {"role": "user", "content": f"Turn {turn}: "
                 + "what happens when it is low? " * 4}])
            assert status == 200 and json.loads(text)["usage"]["total_tokens"] <= room, text


if __name__ == "__main__":
    faces.main()
