#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`amphi serve` as OpenAI's clients meet it: the shape of answers and of errors."""
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import faces  # noqa: E402
from faces import amphi, gateway, promise, shared_gateway, write  # noqa: E402
from gateway_client import CHAT, QUESTION, call, chat, is_healthy, raw, streamed  # noqa: E402


@promise
def gateway__models_are_listed(folder):
    url = shared_gateway()
    status, _, text = call(url, "GET", "/v1/models")
    listed = json.loads(text)
    assert status == 200 and listed["object"] == "list" and listed["data"][0]["id"] == "amphi"
    assert call(url, "GET", "/healthz")[0] == 200


@promise
def gateway__models_are_what_a_request_may_name(folder):
    """Routes and what they run; each of them can be named in a request, and answers."""
    flags = []
    for name, model in (("one", "m-1"), ("two", "m-2"), ("twin", "m-2")):
        flags += ["--endpoint", f"{name}=http://127.0.0.1:1/v1,model={model}"]
    with gateway(folder, "--allow-http-loopback", *flags) as (url, _):
        listed = json.loads(call(url, "GET", "/v1/models")[2])["data"]
        owners = {m["id"]: m["owned_by"] for m in listed}
        assert owners == {"amphi": "amphi", "local": "amphi", "Amphi Help": "local", "one": "amphi",
                          "m-1": "one", "two": "amphi", "m-2": "two", "twin": "amphi"}, owners
        assert len(listed) == len(owners), listed
        status, _, text = call(url, "GET", "/v1/models/m-1")
        assert status == 200 and json.loads(text) == listed[[m["id"] for m in listed].index("m-1")]
        status, _, text = call(url, "GET", "/v1/models/m-3")
        assert status == 404 and json.loads(text)["error"]["code"] == "model_not_found", text
        assert call(url, "POST", "/v1/models/m-1", "{}")[0] == 405
        _, answer = chat(url, {"model": "local", "messages": QUESTION})
        assert answer["amphi"]["route"] == "local", answer


@promise
def gateway__a_whole_answer_has_openais_shape(folder):
    with gateway(folder) as (url, _):
        status, answer = chat(url, {"model": "amphi", "messages": QUESTION})
        assert status == 200 and answer["object"] == "chat.completion", answer
        choice = answer["choices"][0]
        assert choice["index"] == 0 and choice["finish_reason"] == "stop"
        assert choice["message"]["role"] == "assistant" and "cloud" in choice["message"]["content"]
        usage = answer["usage"]
        assert usage["prompt_tokens"] > 0 and usage["completion_tokens"] > 0
        assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
        assert answer["model"] == "Amphi Help" and answer["amphi"]["route"] == "local"
        assert answer["id"].startswith("chatcmpl-") and abs(answer["created"] - time.time()) < 100


@promise
def gateway__a_streamed_answer_has_openais_shape(folder):
    with gateway(folder) as (url, _):
        status, headers, text = call(
            url, "POST", CHAT, {"messages": QUESTION, "stream": True, "amphi": {"no_cache": True}})
        assert status == 200 and headers["Content-Type"].startswith("text/event-stream")
        chunks = streamed(text)
        assert len({c["id"] for c in chunks}) == 1
        assert all(c["object"] == "chat.completion.chunk" for c in chunks)
        assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
        words = "".join(c["choices"][0]["delta"].get("content", "") for c in chunks)
        assert "cloud" in words, words
        reasons = [c["choices"][0]["finish_reason"] for c in chunks]
        assert reasons[-1] == "stop" and set(reasons[:-1]) == {None}
        assert not any("usage" in c for c in chunks), "the request has no include_usage"
        assert {c["model"] for c in chunks
                if c["choices"][0]["delta"].get("content")} == {"Amphi Help"}


@promise
def gateway__usage_comes_once_behind_the_finish_for_who_asked(folder):
    """OpenAI: null in every chunk but the last, which has no choices. From the cache as well."""
    body = {"messages": QUESTION, "stream": True, "stream_options": {"include_usage": True},
            "temperature": 0}
    with gateway(folder) as (url, _):
        for cached in (False, True):
            *chunks, last = streamed(call(url, "POST", CHAT, body)[2])
            assert (chunks[0]["amphi"]["route"] == "cache") == cached, chunks[0]
            assert all(c["usage"] is None and len(c["choices"]) == 1 for c in chunks), chunks
            assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
            assert last["choices"] == [] and last["usage"]["completion_tokens"] > 0, last


@promise
def gateway__a_trailing_assistant_message_is_continued(folder):
    url = shared_gateway()
    _, whole = chat(url, {"messages": QUESTION, "temperature": 0})
    text = whole["choices"][0]["message"]["content"]
    begin = text[:text.index(" ", len(text) // 2)]
    prefix = QUESTION + [{"role": "assistant", "content": begin}]
    _, rest = chat(url, {"messages": prefix, "temperature": 0})
    rest = rest["choices"][0]["message"]["content"]
    assert rest and not rest.startswith(begin) and begin + rest == text, (begin, rest, text)
    chunks = streamed(call(url, "POST", CHAT,
                           {"messages": prefix, "temperature": 0, "stream": True})[2])
    assert "".join(c["choices"][0]["delta"].get("content", "") for c in chunks) == rest


@promise
def gateway__a_continued_answer_reports_only_what_is_new(folder):
    """Cut anywhere: log-probabilities belong to the new text alone, tokens are counted once, and
    the same cut again finds its prompt in the KV cache."""
    url = shared_gateway()
    body = {"messages": QUESTION, "temperature": 0, "logprobs": True, "amphi": {"no_cache": True}}
    _, whole = chat(url, body)
    text = whole["choices"][0]["message"]["content"]
    for cut in range(5, len(text), 13):
        again = dict(body, messages=QUESTION + [{"role": "assistant", "content": text[:cut]}])
        for second in (False, True):
            _, rest = chat(url, again)
            choice, usage = rest["choices"][0], rest["usage"]
            assert text[:cut] + choice["message"]["content"] == text, (cut, choice)
            said = b"".join(bytes(t["bytes"]) for t in choice["logprobs"]["content"])
            assert said.decode() == text[cut:], (cut, said)
            assert sum(usage[k] for k in ("prompt_tokens", "completion_tokens")) == sum(
                whole["usage"][k] for k in ("prompt_tokens", "completion_tokens")), (cut, usage)
            cached = usage["prompt_tokens_details"]["cached_tokens"]
            assert not second or cached >= usage["prompt_tokens"] - 1, (cut, usage)


@promise
def gateway__a_refusal_names_the_count_that_usage_reports(folder):
    """Loaded, the model counts exactly what it would report; before, the words say "about". The
    first request may come before or after the model was loaded."""
    body = {"messages": [{"role": "user", "content": "low battery " * 100}], "max_tokens": 16,
            "amphi": {"mode": "only_local", "no_cache": True}}
    with gateway(folder, name="wide") as (url, _):
        tokens = chat(url, body)[1]["usage"]["prompt_tokens"]
    policy = write(folder, "narrow.json", {"local": {"context_tokens_max": tokens - 20}})
    with gateway(folder, "--policy", policy, name="narrow") as (url, _):
        message = chat(url, body)[1]["error"]["message"]
        assert "has about " in message or f"has {tokens} tokens" in message, message
        is_healthy(url)  # loads the model
        message = chat(url, body)[1]["error"]["message"]
        assert f"the prompt has {tokens} tokens and the answer needs 16" in message, message


@promise
def gateway__limits_of_the_request_are_kept(folder):
    url = shared_gateway()
    for field in ("max_tokens", "max_completion_tokens"):
        status, answer = chat(url, {"messages": QUESTION, field: 3})
        assert status == 200 and answer["choices"][0]["finish_reason"] == "length"
        assert answer["usage"]["completion_tokens"] <= 3
    _, answer = chat(url, {"messages": QUESTION, "stop": ["cloud"]})
    assert "cloud" not in answer["choices"][0]["message"]["content"]
    assert answer["choices"][0]["finish_reason"] == "stop"


@promise
def gateway__the_amphi_member_keeps_a_conversation(folder):
    with gateway(folder) as (url, _):
        member = {"conversation_id": "c", "mode": "only_local"}
        for question in ("What happens when the battery is low?", "And on a hot phone?"):
            status, _ = chat(url,
                             {"messages": [{"role": "user", "content": question}], "amphi": member})
            assert status == 200
    listed = json.loads(amphi("history", "--data", os.path.join(folder, "gateway"),
                              "--json").stdout)
    assert [(c["id"], c["messages"]) for c in listed["conversations"]] == [("c", 4)]


@promise
def gateway__who_does_not_know_amphi_gets_an_error_and_who_does_may_be_queued(folder):
    policy = write(folder, "off.json", {"local": {"enabled": False}})
    with gateway(folder, "--policy", policy, "--endpoint", "c=https://127.0.0.1:9/v1") as (url, _):
        status, answer = chat(url, {"messages": QUESTION})
        assert status in (502, 503) and answer["error"]["message"], (status, answer)
        status, _, text = call(url, "POST", CHAT, {"messages": QUESTION, "stream": True})
        assert status in (502, 503) and json.loads(text)["error"]["code"], text
        status, answer = chat(url, {"messages": QUESTION, "amphi": {"no_queue": True}})
        assert status in (502, 503)
        outbox = ["outbox", "--data", os.path.join(folder, "gateway"), "--json"]
        assert json.loads(amphi(*outbox).stdout)["entries"] == []
        status, answer = chat(url, {"messages": QUESTION, "amphi": {}})
        assert status == 202 and answer["choices"][0]["finish_reason"] == "queued", answer
        assert len(json.loads(amphi(*outbox).stdout)["entries"]) == 1


@promise
def gateway__bad_requests_name_the_field(folder):
    user = {"role": "user", "content": "hi"}
    cases = [({}, "messages"), ({"messages": []}, "messages"), ({"messages": "hi"}, "messages"),
             ({"messages": [{"content": "hi"}]}, "messages[0].role"),
             ({"messages": [user, {"role": "robot", "content": "hi"}]}, "messages[1].role"),
             ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content"),
             ({"messages": [user], "n": 2}, "n"), ({"messages": [user], "amphi": 1}, "amphi"),
             ({"messages": [user], "amphi": {"mode": "fast"}}, "amphi.mode"),
             ({"messages": [user], "amphi": {"private": "yes"}}, "amphi.private")]
    url = shared_gateway()
    for body, field in cases:
        status, answer = chat(url, body)
        error = answer["error"]
        assert status == 400 and error["type"] == "invalid_request_error", (body, answer)
        assert error["param"] == field and error["message"].startswith(field), (body, error)
    is_healthy(url)


@promise
def gateway__bodies_that_are_no_json_are_refused(folder):
    url = shared_gateway()
    for body in (b"", b"{", b"null", b"[]", b"hello", b"\xff\xfe", b'{"messages":[}',
                 b"[" * 200000,
                 b'{"messages":[{"role":"user","content":"' + b"\xc3" + b'"}]}',
                 b'{"messages":[{"role":"user","content":"hi"}]} trailing',
                 b'{"a":1,"a":2,"messages":[{"role":"user","content":"hi"}]' + b"}" * 2):
        status, answer = chat(url, body)
        assert status == 400 and answer["error"]["message"], (body[:60], status)
    is_healthy(url)


@promise
def gateway__unknown_paths_and_methods_are_told(folder):
    url = shared_gateway()
    assert call(url, "GET", "/")[0] == 404
    assert call(url, "POST", "/v1/images/generations", {})[0] == 404
    assert call(url, "GET", "/v1/chat/completions/../../../etc/passwd")[0] == 404
    status, headers, _ = call(url, "GET", CHAT)
    assert status == 405 and headers["Allow"] == "POST"
    status, headers, _ = call(url, "DELETE", "/v1/models")
    assert status == 405 and headers["Allow"] == "GET"


@promise
def gateway__a_body_of_more_than_16_mib_is_413(folder):
    url = shared_gateway()
    filler = "x" * (17 << 20)
    status, answer = chat(url, {"messages": [{"role": "user", "content": filler}]})
    assert status == 413 and answer["error"]["code"], status
    is_healthy(url)


@promise
def gateway__a_foreign_page_is_refused_unless_it_knows_the_key(folder):
    url = shared_gateway()
    for head in ("Host: evil.example", "Host: localhost\r\nOrigin: https://evil.example",
                 "Host: localhost\r\nOrigin: null"):
        answer = raw(url, f"GET /v1/models HTTP/1.1\r\n{head}\r\n\r\n".encode(), seconds=1)
        assert b" 403 " in answer[:20], (head, answer[:60])
    for head in ("Host: 127.0.0.1:80", "Host: [::1]",
                 "Host: localhost\r\nOrigin: http://localhost:3000"):
        answer = raw(url, f"GET /v1/models HTTP/1.1\r\n{head}\r\n\r\n".encode(), seconds=1)
        assert b" 200 " in answer[:20], (head, answer[:60])


if __name__ == "__main__":
    faces.main()
