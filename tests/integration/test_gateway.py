#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`amphi serve` as OpenAI clients, broken clients and another amphi meet it."""
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from urllib.parse import urlparse

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import faces  # noqa: E402
from faces import (amphi, gateway, make_certificate, promise, refused, spki_pin,  # noqa: E402
                   survived, write)

QUESTION = [{"role": "user", "content": "What happens when the battery is low?"}]
CHAT = "/v1/chat/completions"


def connect(url, context=None, timeout=30):
    parts = urlparse(url)
    if parts.scheme == "https":
        return http.client.HTTPSConnection(parts.hostname, parts.port, timeout=timeout, context=context)
    return http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)


def call(url, method, path, body=None, headers=None, context=None, connection=None):
    """(status, headers, text) of one request."""
    own = connection or connect(url, context)
    if body is not None and not isinstance(body, (str, bytes)):
        body = json.dumps(body)
    own.request(method, path, body, headers or {})
    answer = own.getresponse()
    text = answer.read().decode("utf-8")
    if connection is None:
        own.close()
    return answer.status, answer.headers, text


def chat(url, body, **more):
    status, headers, text = call(url, "POST", CHAT, body, {"Content-Type": "application/json"}, **more)
    assert headers["Content-Type"] == "application/json", headers
    return status, json.loads(text)


def streamed(text):
    """The chunks of an event stream that ended with [DONE]."""
    events = [e for e in text.split("\n\n") if e and not e.startswith(":")]
    assert all(e.startswith("data: ") for e in events), events
    assert events[-1] == "data: [DONE]", events[-1]
    return [json.loads(e[6:]) for e in events[:-1]]


def is_healthy(url, **more):
    status, answer = chat(url, {"messages": QUESTION, "amphi": {"no_cache": True}}, **more)
    assert status == 200 and answer["choices"][0]["message"]["content"], (status, answer)


def raw(url, data, seconds=10):
    """Bytes in, bytes out, over plain TCP, until the server closes or is silent."""
    parts = urlparse(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=seconds) as line:
        line.sendall(data)
        out = b""
        try:
            while more := line.recv(65536):
                out += more
                if out.endswith(b"}") and b"\r\n\r\n" in out:
                    break
        except (TimeoutError, ConnectionError):
            pass
        return out


def slow_policy(folder, speed=5):
    return write(folder, "slow.json", {"local": {"tokens_per_second_max": speed}})


# ---- what an OpenAI client sees ----

@promise
def gateway__models_are_listed(folder):
    with gateway(folder) as (url, _):
        status, _, text = call(url, "GET", "/v1/models")
        listed = json.loads(text)
        assert status == 200 and listed["object"] == "list" and listed["data"][0]["id"] == "amphi"
        assert call(url, "GET", "/healthz")[0] == 200


@promise
def gateway__models_are_what_a_request_may_name(folder):
    """Routes and what they run; each of them can be asked for by itself, and answers."""
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
        assert status == 404 and json.loads(text)["error"]["code"] == "not_found", text
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
        assert not any("usage" in c for c in chunks), "nobody asked for it"
        assert {c["model"] for c in chunks if c["choices"][0]["delta"].get("content")} == {"Amphi Help"}


@promise
def gateway__usage_comes_once_behind_the_finish_for_who_asked(folder):
    """OpenAI: null in every chunk but the last, which has no choices. From the cache as well."""
    body = {"messages": QUESTION, "stream": True, "stream_options": {"include_usage": True}}
    with gateway(folder) as (url, _):
        for cached in (False, True):
            *chunks, last = streamed(call(url, "POST", CHAT, body)[2])
            assert (chunks[0]["amphi"]["route"] == "cache") == cached, chunks[0]
            assert all(c["usage"] is None and len(c["choices"]) == 1 for c in chunks), chunks
            assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
            assert last["choices"] == [] and last["usage"]["completion_tokens"] > 0, last


@promise
def gateway__a_trailing_assistant_message_is_continued(folder):
    with gateway(folder) as (url, _):
        _, whole = chat(url, {"messages": QUESTION, "temperature": 0})
        text = whole["choices"][0]["message"]["content"]
        begin = text[:text.index(" ", len(text) // 2)]
        prefix = QUESTION + [{"role": "assistant", "content": begin}]
        _, rest = chat(url, {"messages": prefix, "temperature": 0})
        rest = rest["choices"][0]["message"]["content"]
        assert rest and not rest.startswith(begin) and begin + rest == text, (begin, rest, text)
        chunks = streamed(call(url, "POST", CHAT, {"messages": prefix, "temperature": 0, "stream": True})[2])
        assert "".join(c["choices"][0]["delta"].get("content", "") for c in chunks) == rest


@promise
def gateway__limits_of_the_request_are_kept(folder):
    with gateway(folder) as (url, _):
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
            status, _ = chat(url, {"messages": [{"role": "user", "content": question}], "amphi": member})
            assert status == 200
    listed = json.loads(amphi("history", "--data", os.path.join(folder, "gateway"), "--json").stdout)
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


# ---- errors ----

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
    with gateway(folder) as (url, _):
        for body, field in cases:
            status, answer = chat(url, body)
            error = answer["error"]
            assert status == 400 and error["type"] == "invalid_request_error", (body, answer)
            assert error["param"] == field and error["message"].startswith(field), (body, error)
        is_healthy(url)


@promise
def gateway__bodies_that_are_no_json_are_refused(folder):
    with gateway(folder) as (url, _):
        for body in (b"", b"{", b"null", b"[]", b"hello", b"\xff\xfe", b'{"messages":[}', b"[" * 200000,
                     b'{"messages":[{"role":"user","content":"' + b"\xc3" + b'"}]}',
                     b'{"messages":[{"role":"user","content":"hi"}]} trailing',
                     b'{"a":1,"a":2,"messages":[{"role":"user","content":"hi"}]' + b"}" * 2):
            status, answer = chat(url, body)
            assert status == 400 and answer["error"]["message"], (body[:60], status)
        is_healthy(url)


@promise
def gateway__unknown_paths_and_methods_are_told(folder):
    with gateway(folder) as (url, _):
        assert call(url, "GET", "/")[0] == 404
        assert call(url, "POST", "/v1/embeddings", {})[0] == 404
        assert call(url, "GET", "/v1/chat/completions/../../../etc/passwd")[0] == 404
        status, headers, _ = call(url, "GET", CHAT)
        assert status == 405 and headers["Allow"] == "POST"
        status, headers, _ = call(url, "DELETE", "/v1/models")
        assert status == 405 and headers["Allow"] == "GET"


@promise
def gateway__a_key_is_asked_for_when_one_is_set(folder):
    key = write(folder, "key", "sk-test-4711\n")
    with gateway(folder, "--require-key-file", key) as (url, _):
        body = {"messages": QUESTION, "max_tokens": 2}
        for header in ({}, {"Authorization": "Bearer sk-test-471"}, {"Authorization": "Bearer sk-test-47111"},
                       {"Authorization": "sk-test-4711"}, {"Authorization": "Basic sk-test-4711"},
                       {"Authorization": "Bearer "}, {"Authorization": "Bearer sk-test-4712"}):
            status, headers, text = call(url, "POST", CHAT, body, header)
            assert status == 401 and headers["WWW-Authenticate"] == "Bearer", (header, status)
            assert "4711" not in text
            assert call(url, "GET", "/v1/models", None, header)[0] == 401
        good = {"Authorization": "Bearer sk-test-4711"}
        assert call(url, "POST", CHAT, body, good)[0] == 200
        assert call(url, "GET", "/v1/models", None, good)[0] == 200
        done = amphi("ask", "--data", os.path.join(folder, "asker"), "--allow-http-loopback", "--mode",
                     "only_cloud", "--endpoint", f"g={url},key-file={key}", "--no-queue", "Who are you?")
        assert done.returncode == 0, done.stderr
        done = amphi("ask", "--data", os.path.join(folder, "asker"), "--allow-http-loopback", "--mode",
                     "only_cloud", "--endpoint", f"g={url}", "--no-queue", "Hello")
        refused(done)
    empty = write(folder, "empty", "\n")
    refused(amphi("serve", "--port", "0", "--data", os.path.join(folder, "x"), "--require-key-file", empty))


@promise
def gateway__a_body_of_more_than_16_mib_is_413(folder):
    with gateway(folder) as (url, _):
        filler = "x" * (17 << 20)
        status, answer = chat(url, {"messages": [{"role": "user", "content": filler}]})
        assert status == 413 and answer["error"]["code"], status
        is_healthy(url)


@promise
def gateway__a_foreign_page_is_refused_unless_it_knows_the_key(folder):
    with gateway(folder) as (url, _):
        for head in ("Host: evil.example", "Host: localhost\r\nOrigin: https://evil.example",
                     "Host: localhost\r\nOrigin: null"):
            answer = raw(url, f"GET /v1/models HTTP/1.1\r\n{head}\r\n\r\n".encode(), seconds=1)
            assert b" 403 " in answer[:20], (head, answer[:60])
        for head in ("Host: 127.0.0.1:80", "Host: [::1]", "Host: localhost\r\nOrigin: http://localhost:3000"):
            answer = raw(url, f"GET /v1/models HTTP/1.1\r\n{head}\r\n\r\n".encode(), seconds=1)
            assert b" 200 " in answer[:20], (head, answer[:60])


# ---- broken and rude clients ----

@promise
def gateway__malformed_http_does_not_harm_it(folder):
    body = json.dumps({"messages": QUESTION}).encode()
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
    with gateway(folder) as (url, _):
        for data, allowed in (
                (b"\r\n\r\n", None), (b"GARBAGE\r\n\r\n", None), (b"GET / HTTP/9.9\r\n\r\n", None),
                (b"GET " + b"/" * 100000 + b" HTTP/1.1\r\n\r\n", None),
                (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20000 + b"\r\n", None),
                (head + b"Content-Length: -1\r\n\r\n" + body, b"4"),
                (head + b"Content-Length: 99999999999999999999\r\n\r\n" + body, b"4"),
                (head + b"Content-Length: abc\r\n\r\n" + body, b"4"),
                (head + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n" + body, b"4"),
                (head + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n" + body, b"4"),
                (head + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n" + body, None)):
            answer = raw(url, data, seconds=1)
            assert b" 200 " not in answer[:20], (data[:80], answer[:80])
            if allowed and answer:
                assert answer.startswith(b"HTTP/1.1 " + allowed), (data[:80], answer[:80])
        is_healthy(url)


@promise
def gateway__two_lengths_of_one_body_never_smuggle_a_second_request(folder):
    """Content-Length and Transfer-Encoding together: either refused, or the connection ends after
    the first answer; the bytes after it are never taken for a request."""
    first = b'{"messages":[]}'
    smuggled = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(first), first)
    with gateway(folder) as (url, _):
        for framing in (
                b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n" % len(chunked) + chunked + smuggled,
                b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n" + chunked + smuggled,
                b"Content-Length: 4\r\nContent-Length: %d\r\n\r\n" % len(first) + first + smuggled):
            parts = urlparse(url)
            with socket.create_connection((parts.hostname, parts.port), timeout=1.5) as line:
                line.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n" + framing)
                answer = b""
                try:
                    while more := line.recv(65536):
                        answer += more
                except (TimeoutError, ConnectionError):
                    pass
            statuses = [line for line in answer.split(b"\r\n") if line.startswith(b"HTTP/1.1")]
            smuggled_answers = answer.count(b'"status":"ok"')
            # A well-framed chunked body may be followed by a second, honest request; a body whose
            # length is told twice and differently may not.
            if framing.startswith(b"Content-Length: 4"):
                assert smuggled_answers == 0, (framing, answer)
            assert all(b" 400 " in s or b" 200 " in s for s in statuses), statuses
        is_healthy(url)


@promise
def gateway__a_chunked_body_is_read(folder):
    body = json.dumps({"messages": QUESTION, "max_tokens": 2}).encode()
    with gateway(folder) as (url, _):
        connection = connect(url)
        connection.request("POST", CHAT, iter([body[:7], body[7:30], body[30:]]), encode_chunked=True,
                           headers={"Transfer-Encoding": "chunked"})
        assert connection.getresponse().status == 200
        connection.close()


@promise
def gateway__one_connection_carries_many_requests(folder):
    with gateway(folder) as (url, _):
        connection = connect(url)
        connection.connect()
        first = connection.sock
        for i in range(6):
            status, _ = chat(url, {"messages": QUESTION, "stream": False} if i % 3 else {"messages": []},
                             connection=connection)
            assert status == (200 if i % 3 else 400)
            assert connection.sock is first, "the connection was closed in between"
        call(url, "POST", CHAT, {"messages": QUESTION, "stream": True}, connection=connection)
        assert call(url, "GET", "/v1/models", connection=connection)[0] == 200
        connection.close()


@promise
def gateway__a_client_that_hangs_up_cancels_its_answer(folder):
    """With one answer at a time and a slow engine, the next one is quick only when the one before
    was cancelled."""
    with gateway(folder, "--policy", slow_policy(folder, 4), "--mode", "only_local") as (url, _):
        for stream in (True, False):
            for _ in range(2):
                connection = connect(url)
                connection.request("POST", CHAT, json.dumps(
                    {"messages": QUESTION, "stream": stream, "amphi": {"no_cache": True}}))
                time.sleep(1.0)
                connection.sock.close() if not stream else connection.getresponse().fp.raw._sock.close()
                connection.close()
            began = time.monotonic()
            status, answer = chat(url, {"messages": QUESTION, "max_tokens": 2,
                                        "amphi": {"no_cache": True}})
            assert status == 200, answer
            assert time.monotonic() - began < 6, (stream, time.monotonic() - began)


@promise
def gateway__twenty_at_once_all_get_their_answer(folder):
    results = []
    with gateway(folder) as (url, _):
        def one(i):
            body = {"messages": QUESTION, "stream": i % 2 == 0, "max_tokens": 8,
                    "amphi": {"no_cache": i % 3 > 0, "no_queue": True}}
            try:
                status, _, text = call(url, "POST", CHAT, body)
                whole = "[DONE]" in text if i % 2 == 0 else "choices" in json.loads(text)
                results.append((i, status, whole or text))
            except Exception as error:  # counted below
                results.append((i, 0, repr(error)))
        threads = [threading.Thread(target=one, args=(i,)) for i in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
    assert len(results) == 20 and all(r[1:] == (200, True) for r in results), sorted(results)


@promise
def gateway__a_client_that_stays_silent_or_drips_is_cut_off(folder):
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"
    with gateway(folder, "--client-timeout", "1") as (url, _):
        parts = urlparse(url)
        silent = [socket.create_connection((parts.hostname, parts.port), timeout=15) for _ in range(3)]
        silent[1].sendall(b"POST /v1/chat")
        silent[2].sendall(head + b"{")
        for line in silent:
            assert b" 200 " not in line.recv(1000)  # an error or nothing, but not in vain
            line.close()
        dripping = socket.create_connection((parts.hostname, parts.port), timeout=5)
        dripping.sendall(head)
        began, cut = time.monotonic(), False
        while time.monotonic() - began < 12 and not cut:
            try:
                dripping.sendall(b" ")
                time.sleep(0.3)
                dripping.setblocking(False)
                cut = dripping.recv(1000) == b""
            except BlockingIOError:
                dripping.settimeout(5)
            except OSError:
                cut = True
        assert cut, "a byte every 0.3 s kept the connection for 12 s"
        dripping.close()
        is_healthy(url)


@promise
def gateway__a_long_answer_is_not_taken_for_silence(folder):
    results = {}
    with gateway(folder, "--client-timeout", "1", "--policy", slow_policy(folder, 6)) as (url, _):
        connection = connect(url)
        began = time.monotonic()
        for stream in (False, True):
            status, _, text = call(
                url, "POST", CHAT, {"messages": QUESTION, "stream": stream, "max_tokens": 24,
                                    "amphi": {"no_cache": True}}, connection=connection)
            results[stream] = status, "[DONE]" in text or "choices" in json.loads(text)
        assert results == {False: (200, True), True: (200, True)}, results
        assert time.monotonic() - began > 6, "the engine was too quick for this test to mean anything"
        connection.close()


@promise
def gateway__half_a_request_holds_nobody_up(folder):
    with gateway(folder) as (url, _):
        parts = urlparse(url)
        lines = []
        for data in (b"", b"POST /v1/chat", b"POST /v1/chat/completions HTTP/1.1\r\nContent-Le",
                     b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{"):
            for _ in range(5):
                line = socket.create_connection((parts.hostname, parts.port))
                line.sendall(data)
                lines.append(line)
        is_healthy(url)
        for line in lines:
            line.close()


# ---- the flags ----

@promise
def serve__private_holds_for_every_request_whatever_it_says(folder):
    with socket.create_server(("127.0.0.1", 0)) as cloud:
        cloud.setblocking(False)
        endpoint = f"c=http://127.0.0.1:{cloud.getsockname()[1]}/v1,model=m"
        flags = ["--private", "--no-cache", "--allow-http-loopback", "--endpoint", endpoint]
        with gateway(folder, *flags) as (url, _):
            for own in ({"mode": "only_cloud", "private": False}, {"mode": "prefer_cloud"}, {}, None):
                body = {"messages": QUESTION}
                if own is not None:
                    body["amphi"] = own
                status, answer = chat(url, body)
                if own and own["mode"] == "only_cloud":
                    assert status == 403, (status, answer)
                else:
                    assert status == 200 and answer["amphi"]["route"] == "local", (status, answer)
        try:
            cloud.accept()
            raise AssertionError("a private server opened a connection")
        except BlockingIOError:
            pass


@promise
def serve__mode_is_that_of_requests_that_name_none(folder):
    flags = ["--mode", "only_cloud", "--endpoint", "c=https://127.0.0.1:9/v1,model=m"]
    with gateway(folder, *flags) as (url, _):
        status, answer = chat(url, {"messages": QUESTION})
        assert status >= 500, (status, answer)
        status, answer = chat(url, {"messages": QUESTION, "amphi": {"mode": "only_local"}})
        assert status == 200 and answer["amphi"]["route"] == "local", (status, answer)


# ---- the end ----

@promise
def gateway__a_polite_kill_ends_it_at_once_also_in_mid_answer(folder):
    for number in (signal.SIGTERM, signal.SIGINT):
        with gateway(folder, "--policy", slow_policy(folder, 2)) as (url, process):
            bodies = [{"messages": QUESTION, "stream": stream, "amphi": {"no_cache": True}}
                      for stream in (True, False)]
            connections = []
            for body in bodies:
                connection = connect(url)
                connection.request("POST", CHAT, json.dumps(body))
                connections.append(connection)
            time.sleep(1.5)
            began = time.monotonic()
            process.send_signal(number)
            assert process.wait(15) == 0
            assert time.monotonic() - began < 8, time.monotonic() - began
            for connection in connections:
                try:
                    text = connection.getresponse().read()
                    assert b"[DONE]" not in text and b'"finish_reason":"stop"' not in text, text
                except (http.client.HTTPException, OSError):
                    pass
                connection.close()
            process.poll = lambda: None  # it ended as it should; nothing is left to check
            process.returncode = 0


@promise
def serve__a_taken_port_and_a_bad_certificate_are_one_clear_line(folder):
    data = ["--data", os.path.join(folder, "other")]
    with gateway(folder) as (url, _):
        refused(amphi("serve", *data, "--port", str(urlparse(url).port)))
    junk = write(folder, "junk.pem", "no certificate")
    refused(amphi("serve", *data, "--port", "0", "--tls-cert", junk, "--tls-key", junk))
    refused(amphi("serve", *data, "--port", "0", "--tls-cert", junk, "--tls-key", folder + "/none"))
    refused(amphi("serve", *data, "--port", "0", "--host", "nowhere.example"))


# ---- TLS, and another amphi as the client ----

@promise
def gateway__over_tls_serves_openai_clients_and_amphi(folder):
    cert, key = make_certificate(folder)
    other_cert, _ = make_certificate(folder, "other")
    with gateway(folder, "--tls-cert", cert, "--tls-key", key) as (url, _):
        context = ssl.create_default_context(cafile=cert)
        assert url.startswith("https://localhost:"), url
        is_healthy(url, context=context)
        chunks = streamed(call(url, "POST", CHAT, {"messages": QUESTION, "stream": True}, context=context)[2])
        assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
        with socket.create_connection(("localhost", urlparse(url).port)) as line:
            with context.wrap_socket(line, server_hostname="localhost") as tls:
                assert tls.version() == "TLSv1.3"

        def ask(extra, *flags):
            return amphi("ask", "--json", "--data", os.path.join(folder, "asker"), "--mode", "only_cloud",
                         "--no-cache", "--no-queue", "--endpoint", f"cloud={url}{extra}", *flags,
                         "What happens when the battery is low?")
        good, wrong = spki_pin(cert), spki_pin(other_cert)
        for extra in (f",ca={cert}", f",ca={cert},pin={good}", f",ca={cert},pin={wrong},pin={good}"):
            done = ask(extra)
            assert done.returncode == 0, (extra, done.stderr)
            result = json.loads(done.stdout)
            assert result["route"] == "cloud" and "cloud" in result["text"], result
            assert result["model"] == "Amphi Help", result["model"]
        for extra in ("", f",ca={other_cert}", f",ca={cert},pin={wrong}", f",ca={folder}/none.pem"):
            done = ask(extra)
            refused(done)
            assert json.loads(done.stdout)["text"] == "", extra
        refused(ask(f",ca={cert},pin=sha256//short"))
        plain = amphi("ask", "--data", os.path.join(folder, "asker"), "--mode", "only_cloud", "--no-queue",
                      "--endpoint", f"cloud={url.replace('https', 'http')}", "Hello")
        refused(plain)  # http only when it was allowed for this machine
        survived(plain)


@promise
def gateway__a_gateway_that_dies_in_mid_answer_is_no_success(folder):
    endpoint_data = os.path.join(folder, "asker")
    with gateway(folder, "--policy", slow_policy(folder, 6)) as (url, process):
        asking = subprocess.Popen(
            [faces.AMPHI, "ask", "--json", "--data", endpoint_data, "--mode", "only_cloud", "--no-queue",
             "--allow-http-loopback", "--endpoint", f"g={url}", "What happens when the battery is low?"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=faces.environment())
        time.sleep(2.5)
        process.kill()
        process.wait()
        out, err = asking.communicate(timeout=60)
        assert asking.returncode == 1 and err, (asking.returncode, out)
        result = json.loads(out)
        assert result["error"] is not None and result["finish_reason"] != "stop", result
        process.poll = lambda: None
        process.terminate = lambda: None
        process.wait = lambda timeout=None: 0
        process.returncode = 0


if __name__ == "__main__":
    faces.main()
