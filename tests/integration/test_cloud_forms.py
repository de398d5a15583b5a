#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Servers that want a request otherwise, or answer in odd chunks: through `amphi ask` and
`amphi serve`, over TLS, counted on the server's side.

Usage: test_cloud_forms.py BUILD_FOLDER [PART_OF_A_NAME]
"""
import http.client
import json
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
sys.dont_write_bytecode = True
import faces  # noqa: E402
from faces import amphi, promise, write  # noqa: E402
from scripted_cloud import (ScriptedCloud, events, missing_openssl, reply, says, stop,  # noqa: E402
                            word)

QUESTION = [{"role": "user", "content": "How was the harbour?"}]


def ask(folder, cloud, *flags, options=("model=m",)):
    return amphi("ask", "--data", os.path.join(folder, "data"), "--model", "/nowhere.gguf",
                 "--mode", "only_cloud", "--endpoint", cloud.endpoint("work", *options), "--json",
                 "--no-queue", *flags, "How was the harbour?")


def post(url, **body):
    connection = http.client.HTTPConnection(url.split("//", 1)[1].split("/", 1)[0], timeout=60)
    connection.request("POST", "/v1/chat/completions",
                       json.dumps({"model": "m", "messages": QUESTION, **body}),
                       {"Content-Type": "application/json"})
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, text


def chunks(text):
    lines = [line[6:] for line in text.splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def streamed(url, **body):
    status, text = post(url, stream=True, **body)
    assert status == 200, text
    return chunks(text)


def content(items):
    return "".join(choice["delta"].get("content") or ""
                   for item in items for choice in item.get("choices", []))


def serving(folder, *endpoints, name="gateway"):
    flags = [flag for one in endpoints for flag in ("--endpoint", one)]
    return faces.gateway(folder, "--model", "/nowhere.gguf", "--mode", "only_cloud", *flags,
                         name=name)


def refuses(field, message, instead=None):
    """A server that refuses a field with 400, as OpenAI words it."""
    def answer(request):
        if request.method == "POST" and field in request.json:
            return reply(400, {"error": {"message": message, "type": "invalid_request_error",
                                         "param": field, "code": "unsupported_parameter"}})
        return says("Fine.")
    return answer


@promise
def fields__of_a_refusal_are_sent_otherwise_once_and_remembered(folder):
    cases = [
        ("max_tokens", "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
         "'max_completion_tokens' instead.", {"max_tokens": 7}, {"max_completion_tokens": 7}),
        ("max_completion_tokens", "Unknown parameter: 'max_completion_tokens'.",
         {"max_completion_tokens": 7}, {"max_tokens": 7}),
        ("temperature", "Unsupported value: 'temperature' does not support 0.2 with this model. "
         "Only the default (1) value is supported.", {"temperature": 0.2}, {}),
        ("top_p", "top_p: Extra inputs are not permitted", {"top_p": 0.5}, {}),
        ("stream_options", "Unrecognized request argument supplied: stream_options", {}, {}),
        ("parallel_tool_calls", "Unknown parameter: 'parallel_tool_calls'.",
         {"parallel_tool_calls": False}, {}),
    ]
    with ScriptedCloud(folder) as cloud:
        for field, message, sent, other in cases:
            for attempt in ("first", "restarted"):
                del cloud.requests[:]
                cloud.answer = refuses(field, message)
                with serving(folder, cloud.endpoint(field, "model=m"), name=field) as (url, _):
                    assert content(streamed(url, **sent)) == "Fine.", field
                    asked = cloud.chats()
                    assert len(asked) == (2 if attempt == "first" else 1), (field, len(asked))
                    last = asked[-1].json
                    assert field not in last, last
                    for name, value in other.items():
                        assert last[name] == value, last
                    assert content(streamed(url, **sent)) == "Fine.", field
                    assert len(cloud.chats()) == len(asked) + 1, field


@promise
def fields__the_callers_form_is_passed_and_no_limit_is_made_up(folder):
    with ScriptedCloud(folder) as cloud:
        with serving(folder, cloud.endpoint("work", "model=m")) as (url, _):
            for sent in ({"max_tokens": 5}, {"max_completion_tokens": 5}):
                post(url, **sent)
                last = cloud.chats()[-1].json
                limits = {k: v for k, v in last.items() if k.startswith("max_")}
                assert limits == sent, last


@promise
def fields__a_server_that_always_refuses_is_asked_twice(folder):
    with ScriptedCloud(folder) as cloud:
        cloud.answer = lambda request: reply(400, {"error": {
            "message": "'max_tokens' is not supported", "param": "max_tokens"}})
        with serving(folder, cloud.endpoint("work", "model=m")) as (url, _):
            status, text = post(url, max_tokens=5)
            assert status == 400 and "max_tokens" in text, text
            assert len(cloud.chats()) == 2, len(cloud.chats())


@promise
def fields__that_mean_something_are_never_dropped(folder):
    with ScriptedCloud(folder) as cloud:
        for field, value in (("response_format", {"type": "json_object"}),
                             ("tools", [{"type": "function", "function": {"name": "f"}}]),
                             ("stop", ["x"])):
            del cloud.requests[:]
            cloud.answer = refuses(field, f"Unsupported parameter: '{field}' is not supported")
            with serving(folder, cloud.endpoint(field, "model=m"), name=field) as (url, _):
                status, text = post(url, **{field: value})
                assert status == 400, text
                assert len(cloud.chats()) == 1 and field in cloud.chats()[0].json, field


@promise
def fields__a_model_that_may_not_stream_is_asked_whole(folder):
    def answer(request):
        if request.json.get("stream"):
            return reply(400, {"error": {
                "message": "Your organization must be verified to stream this model.",
                "type": "invalid_request_error", "param": "stream", "code": "unsupported_value"}})
        assert "stream_options" not in request.json
        return reply(200, {"model": "m", "choices": [{"index": 0, "finish_reason": "stop",
                                                      "message": {"content": "Whole."}}]})
    with ScriptedCloud(folder) as cloud:
        cloud.answer = answer
        with serving(folder, cloud.endpoint("work", "model=m")) as (url, _):
            assert content(streamed(url)) == "Whole."
            assert len(cloud.chats()) == 2
            assert content(streamed(url)) == "Whole."
            assert len(cloud.chats()) == 3


@promise
def odd__chunks_do_not_cost_the_answer(folder):
    def piece(text):
        return (b'data: {"choices":[{"index":0,"delta":{"content":"' + text +
                b'"},"finish_reason":null}]}\n\n')
    cases = {
        "emoji in two": ([piece(b"a\\ud83d"), piece(b"\\ude00b"), stop()], "a\U0001F600b"),
        "lone surrogate": ([piece(b"a\\ud83d"), piece(b"b"), stop()], "a\ufffdb"),
        "invalid byte": ([piece(b"a\xffb"), stop()], "a\ufffdb"),
        "NaN": ([b'data: {"x":NaN,"choices":[{"index":0,"delta":{"content":"a"},'
                 b'"logprobs":null}]}\n\n', stop()], "a"),
        "empty error": ([word("a", error={}), stop(error=None)], "a"),
        "text": ([{"choices": [{"index": 0, "text": "a"}]},
                  {"choices": [{"index": 0, "text": "b", "finish_reason": "stop"}]}], "ab"),
        "3 MiB": ([word("x" * (3 << 20)), stop()], "x" * (3 << 20)),
        "comments": ([b"\xef\xbb\xbf: hi\r\r", word("a"), b": there\n\n", stop()], "a"),
    }
    with ScriptedCloud(folder) as cloud:
        with serving(folder, cloud.endpoint("work", "model=m")) as (url, _):
            for name, (pieces, text) in cases.items():
                cloud.answer = lambda request: events(*pieces)
                for stream in (True, False):
                    status, body = post(url, stream=stream)
                    assert status == 200, (name, body[:300])
                    got = (content(chunks(body)) if stream else
                           json.loads(body)["choices"][0]["message"]["content"])
                    assert got == text, (name, stream, got[:100])


@promise
def ending__done_counts_where_the_endpoint_never_gives_a_reason(folder):
    with ScriptedCloud(folder) as cloud:
        cloud.answer = lambda request: events(word("Half a"), word(" sentence"))
        first = ask(folder, cloud)
        assert first.returncode == 1, first.stdout  # it may be a cut: nothing is known
        second = ask(folder, cloud)
        assert second.returncode == 0, second.stderr  # another process has learned it
        assert json.loads(second.stdout)["text"] == "Half a sentence"
        cloud.answer = lambda request: events(word("Cut"), done=False)
        assert ask(folder, cloud).returncode == 1
        cloud.answer = lambda request: says("With a reason.")
        assert ask(folder, cloud).returncode == 0
        cloud.answer = lambda request: events(word("Half"))
        assert ask(folder, cloud).returncode == 1  # it does give reasons


@promise
def usage__that_comes_late_is_waited_for_where_it_was_asked_for(folder):
    usage = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4,
                                      "total_tokens": 7}}
    with ScriptedCloud(folder) as cloud:
        cloud.answer = lambda request: events(word("Hi"), stop(), 1.5, usage)
        with serving(folder, cloud.endpoint("work", "model=m")) as (url, _):
            last = streamed(url, stream_options={"include_usage": True})[-1]
            assert last["usage"]["completion_tokens"] == 4, last
            began = time.monotonic()
            assert content(streamed(url)) == "Hi"
            assert time.monotonic() - began < 1.4


@promise
def unknown__words_about_the_whole_answer_are_in_each_chunk(folder):
    """As in OpenAI's own streams: in the first and the last too, and usage last, without choices.
    Providers say them in each chunk, or once."""
    envelope = {"service_tier": "flex", "system_fingerprint": "fp_1"}
    usage = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4,
                                      "total_tokens": 7}}
    first = {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}
    answers = [
        ([{**first, **envelope}, word("Hi"), word("!"), stop(), usage], True),
        ([{**one, **envelope} for one in (first, word("Hi"), word("!"), stop(), usage)], True),
        ([first, word("Hi", **envelope), word("!"), stop(), usage], True),
        ([first, word("Hi"), word("!"), {**stop(), **envelope}, usage], False)]
    for i, (answer, from_the_first) in enumerate(answers):
        with ScriptedCloud(folder) as cloud:
            cloud.answer = lambda request, answer=answer: events(*answer)
            with serving(folder, cloud.endpoint("work", "model=m")) as (url, _):
                items = streamed(url, stream_options={"include_usage": True})
        got = [{key: item.get(key) for key in envelope} for item in items]
        ends = [one["finish_reason"] for item in items for one in item["choices"]].index("stop")
        assert all(one == envelope for one in got[0 if from_the_first else ends:]), (i, items)
        assert not items[-1]["choices"] and items[-1]["usage"]["total_tokens"] == 7, (i, items)
        assert {item["model"] for item in items} == {items[-1]["model"]}, (i, items)
        assert all(item["usage"] is None for item in items[:-1]), (i, items)


@promise
def unknown__fields_pass_through_in_their_places(folder):
    answer = [word("Hi", service_tier="flex", system_fingerprint="fp_1", provider="P"),
              {"choices": [{"index": 0, "delta": {"annotations": [{"u": 1}],
                                                  "images": [{"i": 2}]}}]},
              stop(), {"choices": [], "citations": ["u"], "usage": {
                  "prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7, "cost": 0.25,
                  "completion_tokens_details": {"reasoning_tokens": 2},
                  "prompt_tokens_details": {"cached_tokens": 1, "audio_tokens": 0}}}]
    with ScriptedCloud(folder) as cloud:
        cloud.answer = lambda request: events(*answer)
        with serving(folder, cloud.endpoint("work", "model=m")) as (url, _):
            whole = json.loads(post(url)[1])
            items = streamed(url, stream_options={"include_usage": True})
        message = whole["choices"][0]["message"]
        assert message["annotations"] == [{"u": 1}] and message["images"] == [{"i": 2}], whole
        assert whole["service_tier"] == "flex" and whole["provider"] == "P", whole
        assert whole["system_fingerprint"] == "fp_1" and whole["citations"] == ["u"], whole
        usage = whole["usage"]
        assert usage["cost"] == 0.25, usage
        assert usage["completion_tokens_details"]["reasoning_tokens"] == 2, usage
        assert usage["prompt_tokens_details"] == {"cached_tokens": 1, "audio_tokens": 0}, usage
        assert [item["citations"] for item in items if "citations" in item] == [["u"]], items
        assert any(choice["delta"].get("images") == [{"i": 2}]
                   for item in items for choice in item.get("choices", [])), items
        last = [item for item in items if item.get("usage")][-1]["usage"]
        assert last["completion_tokens_details"]["reasoning_tokens"] == 2, last


@promise
def refusal__is_the_answer(folder):
    refusal = [{"choices": [{"index": 0, "delta": {"role": "assistant", "refusal": ""}}]},
               {"choices": [{"index": 0, "delta": {"refusal": "I can't "}}]},
               {"choices": [{"index": 0, "delta": {"refusal": "do that."}}]}, stop()]
    with ScriptedCloud(folder) as cloud:
        cloud.answer = lambda request: events(*refusal)
        with serving(folder, cloud.endpoint("work", "model=m")) as (url, _):
            message = json.loads(post(url)[1])["choices"][0]["message"]
            items = streamed(url)
        assert message["refusal"] == "I can't do that." and message["content"] is None, message
        assert "".join(choice["delta"].get("refusal") or "" for item in items
                       for choice in item["choices"]) == "I can't do that."
        assert content(items) == ""
        assert json.loads(ask(folder, cloud).stdout)["text"] == "I can't do that."


@promise
def key__one_that_was_just_renewed_is_read_again_once(folder):
    with ScriptedCloud(folder) as cloud:
        key = write(folder, "key", "old-key-1111")
        os.chmod(key, 0o600)

        def answer(request):
            if request.headers["Authorization"] == "Bearer new-key-2222":
                return says("Let in.")
            with open(key, "w", encoding="utf-8") as file:
                file.write("new-key-2222")
            return reply(401, {"error": {"message": "expired", "code": "invalid_api_key"}})
        cloud.answer = answer
        done = ask(folder, cloud, options=("model=m", f"key-file={key}"))
        assert done.returncode == 0 and json.loads(done.stdout)["text"] == "Let in.", done
        assert len(cloud.chats()) == 2


@promise
def key__one_that_stays_the_same_is_asked_once(folder):
    with ScriptedCloud(folder) as cloud:
        key = write(folder, "key", "old-key-1111")
        os.chmod(key, 0o600)
        cloud.answer = lambda request: reply(401, {"error": {"message": "no"}})
        done = ask(folder, cloud, options=("model=m", f"key-file={key}"))
        assert json.loads(done.stdout)["error"]["status"] == "auth", done.stdout
        assert json.loads(done.stdout)["provider"]["message"] == "no", done.stdout
        assert len(cloud.chats()) == 1


@promise
def headers__of_options_and_file_are_sent_and_stay_secret(folder):
    with ScriptedCloud(folder) as cloud:
        lines = write(folder, "headers", "X-Proxy-Token: tok-abcdef-77\n")
        os.chmod(lines, 0o600)
        done = ask(folder, cloud, options=("model=m", "header=X-Team: blue", "header=X-Tier: 2",
                                           f"headers-file={lines}"))
        assert done.returncode == 0, done.stderr
        sent = cloud.chats()[0].headers
        assert sent["X-Team"] == "blue" and sent["X-Tier"] == "2", sent
        assert sent["X-Proxy-Token"] == "tok-abcdef-77", sent
        cloud.answer = lambda request: reply(400, {"error": {"message": "bad tok-abcdef-77"}})
        done = ask(folder, cloud, "--verbose", options=("model=m", f"headers-file={lines}"))
        assert "tok-abcdef-77" not in done.stdout + done.stderr, done
        done = ask(folder, cloud, options=("model=m", "header=Host: evil"))
        assert done.returncode != 0 and "Host" in done.stderr, done.stderr


if __name__ == "__main__":
    if missing_openssl():
        faces.skip("openssl is not here")
    faces.main()
