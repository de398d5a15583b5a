#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""POST /v1/completions of `amphi serve`: a prompt, and its answer's text."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import faces  # noqa: E402
from faces import gateway, promise  # noqa: E402
from gateway_client import call, streamed  # noqa: E402
from scripted_cloud import ScriptedCloud, events, reply, stop, word  # noqa: E402

PATH = "/v1/completions"
USAGE = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m-2", "choices": [],
         "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}}


def behind(folder, cloud):
    return gateway(folder, "--mode", "only_cloud", "--endpoint", cloud.endpoint("work", "model=m"))


def ask(url, body):
    status, _, text = call(url, "POST", PATH, body)
    return status, json.loads(text)


@promise
def completions__have_openais_shape_whole_and_streamed(folder):
    with ScriptedCloud(folder) as cloud, behind(folder, cloud) as (url, _):
        cloud.answer = lambda request: events(
            word("Once \"upon\"\n", system_fingerprint="fp_\"1"), word("a time"), stop("length"),
            USAGE)
        body = {"model": "gpt-3.5-turbo-instruct", "prompt": "Tell.", "max_tokens": 9,
                "temperature": 0.5, "stop": ["x"], "echo": False, "suffix": None, "best_of": 1}
        status, whole = ask(url, body)
        sent = cloud.chats()[-1].json
        ids = {whole["id"], ask(url, {**body, "prompt": ["Tell."]})[1]["id"]}
        text = call(url, "POST", PATH, {**body, "stream": True,
                                        "stream_options": {"include_usage": True}})[2]
        plain = streamed(call(url, "POST", PATH, {**body, "stream": True})[2])
    assert status == 200 and whole["object"] == "text_completion" and len(ids) == 2, whole
    assert whole["choices"] == [{"text": "Once \"upon\"\na time", "index": 0, "logprobs": None,
                                 "finish_reason": "length"}], whole
    assert whole["usage"]["total_tokens"] == 10 and whole["amphi"]["route"] == "work", whole
    assert sent["messages"] == [{"role": "user", "content": "Tell."}] and sent["stop"] == ["x"]
    assert not {"prompt", "echo", "suffix", "best_of"} & set(sent), sent
    *chunks, usage = streamed(text)
    for one in (whole, usage, *chunks, *plain):
        assert one["system_fingerprint"] == "fp_\"1", one
    for some in (chunks, plain):
        assert "".join(c["choices"][0]["text"] for c in some) == "Once \"upon\"\na time", some
        reasons = [c["choices"][0]["finish_reason"] for c in some]
        assert reasons[-1] == "length" and set(reasons[:-1]) == {None}, some
        assert {c["object"] for c in some} == {"text_completion"}
        assert len({c["id"] for c in some}) == 1
    assert usage["choices"] == [] and usage["usage"]["total_tokens"] == 10, usage


@promise
def completions__fail_as_openais(folder):
    with ScriptedCloud(folder) as cloud, behind(folder, cloud) as (url, _):
        for body, param in (
                ({"prompt": "x", "echo": True}, "echo"), ({"prompt": "x", "suffix": "y"}, "suffix"),
                ({"prompt": "x", "logprobs": 3}, "logprobs"), ({"prompt": "x", "best_of": 2},
                                                               "best_of"),
                ({"prompt": ["x", "y"]}, "prompt"), ({"prompt": [1, 2]}, "prompt"), ({}, "prompt"),
                ({"prompt": "x", "messages": []}, "messages")):
            status, answer = ask(url, body)
            assert status == 400 and answer["error"]["param"] == param, (body, answer)
        assert ask(url, "{")[0] == 400 and ask(url, {"prompt": "x", "n": 2})[0] == 400
        assert not cloud.chats()
        cloud.answer = lambda request: reply(401, {"error": {"message": "no", "code":
                                                             "invalid_api_key"}})
        for more in ({}, {"stream": True}):
            status, answer = ask(url, {"prompt": "x", **more})
            assert status == 401 and answer["error"]["code"] == "invalid_api_key", answer
        cloud.answer = lambda request: events(word("Half of an "), 0.2, done=False, cut=True)
        text = call(url, "POST", PATH, {"prompt": "x", "stream": True})[2]
        *_, last = [b for b in text.split("\n\n") if b and not b.startswith(":")]
        assert json.loads(last.removeprefix("data: "))["error"]["message"], text
        assert "[DONE]" not in text
        assert call(url, "GET", PATH)[0] == 405


if __name__ == "__main__":
    faces.main()
