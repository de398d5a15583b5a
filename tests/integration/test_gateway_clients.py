#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`amphi serve` and broken or rude clients: malformed HTTP, silence, hanging up, many at once."""
import json
import os
import socket
import sys
import threading
import time
from urllib.parse import urlparse

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import faces  # noqa: E402
from faces import gateway, promise  # noqa: E402
from gateway_client import (CHAT, QUESTION, at_once, call, chat, connect,  # noqa: E402
                            is_healthy, raw, slow_policy)


HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"


@promise
def gateway__malformed_http_does_not_harm_it(folder):
    body = json.dumps({"messages": QUESTION}).encode()
    cases = (
        (b"\r\n\r\n", None), (b"GARBAGE\r\n\r\n", None), (b"GET / HTTP/9.9\r\n\r\n", None),
        (b"GET " + b"/" * 100000 + b" HTTP/1.1\r\n\r\n", None),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20000 + b"\r\n", None),
        (HEAD + b"Content-Length: -1\r\n\r\n" + body, b"4"),
        (HEAD + b"Content-Length: 99999999999999999999\r\n\r\n" + body, b"4"),
        (HEAD + b"Content-Length: abc\r\n\r\n" + body, b"4"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n" + body, b"4"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n" + body, b"4"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n" + body, None))
    with gateway(folder) as (url, _):
        def one(case):
            data, allowed = case
            answer = raw(url, data, seconds=2)
            assert b" 200 " not in answer[:20], (data[:80], answer[:80])
            if allowed and answer:
                assert answer.startswith(b"HTTP/1.1 " + allowed), (data[:80], answer[:80])
        at_once(one, cases)
        is_healthy(url)


def read_until_silent(url, data, seconds):
    parts = urlparse(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=seconds) as line:
        line.sendall(data)
        answer = b""
        try:
            while more := line.recv(65536):
                answer += more
        except (TimeoutError, ConnectionError):
            pass
        return answer


@promise
def gateway__two_lengths_of_one_body_never_smuggle_a_second_request(folder):
    """Content-Length and Transfer-Encoding together: either refused, or the connection ends after
    the first answer; the bytes after it are never taken for a request."""
    first = b'{"messages":[]}'
    smuggled = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(first), first)
    framings = (
        b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n" % len(chunked) + chunked
        + smuggled,
        b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n" + chunked + smuggled,
        b"Content-Length: 4\r\nContent-Length: %d\r\n\r\n" % len(first) + first + smuggled)
    with gateway(folder) as (url, _):
        def one(framing):
            answer = read_until_silent(url, HEAD + framing, 2)
            statuses = [line for line in answer.split(b"\r\n") if line.startswith(b"HTTP/1.1")]
            # A well-framed chunked body may be followed by a second, honest request; a body whose
            # length is given twice and differently may not.
            if framing.startswith(b"Content-Length: 4"):
                assert answer.count(b'"status":"ok"') == 0, (framing, answer)
            assert all(b" 400 " in s or b" 200 " in s for s in statuses), statuses
        at_once(one, framings)
        is_healthy(url)


@promise
def gateway__a_body_that_can_not_be_read_is_refused_at_once_and_not_asked_for(folder):
    body = json.dumps({"messages": QUESTION, "max_tokens": 2}).encode()
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    cases = (
        (b"Transfer-Encoding: gzip, chunked\r\n\r\n" + chunked, 501, b"Transfer-Encoding"),
        (b"Transfer-Encoding: identity\r\n\r\n" + body, 501, b"Transfer-Encoding"),
        (b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body, 415,
         b"Content-Encoding"),
        (b"Expect: 100-continue\r\nContent-Length: 99999999\r\n\r\n", 413, b"16 MiB"),
        (b"Content-Encoding: identity\r\nContent-Length: %d\r\n\r\n" % len(body) + body, 200,
         b"choices"))
    with gateway(folder) as (url, _):
        def one(case):
            framing, status, words = case
            answer = raw(url, HEAD + b"Connection: close\r\n" + framing, seconds=20)
            assert answer.startswith(b"HTTP/1.1 %d " % status), (framing[:80], answer[:200])
            assert words in answer and answer.count(b"HTTP/1.1") == 1, answer
        at_once(one, cases)
        is_healthy(url)


@promise
def gateway__a_chunked_body_is_read(folder):
    body = json.dumps({"messages": QUESTION, "max_tokens": 2}).encode()
    with gateway(folder) as (url, _):
        connection = connect(url)
        connection.request("POST", CHAT, iter([body[:7], body[7:30], body[30:]]),
                           encode_chunked=True,
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
            status, _ = chat(url, {"messages": QUESTION, "stream": False} if i % 3
                             else {"messages": []},
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
                if stream:
                    connection.getresponse().fp.raw._sock.close()  # the answer has begun
                else:
                    time.sleep(1.0)
                    connection.sock.close()
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
    head = HEAD + b"Content-Length: 100000\r\n\r\n"
    with gateway(folder, "--client-timeout", "1") as (url, _):
        parts = urlparse(url)
        silent = [socket.create_connection((parts.hostname, parts.port), timeout=15)
                  for _ in range(3)]
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
                url, "POST", CHAT, {"messages": QUESTION, "stream": stream, "max_tokens": 15,
                                    "amphi": {"no_cache": True}}, connection=connection)
            results[stream] = status, "[DONE]" in text or "choices" in json.loads(text)
        assert results == {False: (200, True), True: (200, True)}, results
        assert time.monotonic() - began > 3, "the engine was too quick: this test says nothing"
        connection.close()


@promise
def gateway__half_a_request_holds_nobody_up(folder):
    with gateway(folder) as (url, _):
        parts = urlparse(url)
        lines = []
        for data in (b"", b"POST /v1/chat", b"POST /v1/chat/completions HTTP/1.1\r\nContent-Le",
                     HEAD + b"Content-Length: 1000\r\n\r\n{"):
            for _ in range(5):
                line = socket.create_connection((parts.hostname, parts.port))
                line.sendall(data)
                lines.append(line)
        is_healthy(url)
        for line in lines:
            line.close()


if __name__ == "__main__":
    faces.main()
