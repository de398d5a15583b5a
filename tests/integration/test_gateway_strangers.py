#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`amphi serve` under strangers: connections that hold it up by number, slowness or size, framing
that is said twice, browsers, the end of the server. Bounds are wide: this machine may be busy. The
figures are those of gateway_strangers.py."""
import asyncio
import json
import os
import signal
import socket
import sys
import threading
import time
from urllib.parse import urlparse

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import faces  # noqa: E402
from faces import amphi, gateway, promise, refused, shared_gateway, write  # noqa: E402
from gateway_client import (CHAT, QUESTION, call, connect, is_healthy, raw,  # noqa: E402
                            slow_policy)
from gateway_load import HEAD, besiege, grown_kib, show  # noqa: E402
from scripted_cloud import ScriptedCloud  # noqa: E402


@promise
def strangers__silent_and_dripping_connections_hold_nobody_up(folder):
    with gateway(folder) as (url, process):
        found = asyncio.run(besiege(url, process, idle=400, headers=300, bodies=200, large=0,
                                    seconds=3))
        show("healthz", found["health_ms"])
        assert max(found["health_ms"]) < 10000, max(found["health_ms"])
        is_healthy(url)


@promise
def strangers__a_body_of_many_small_values_costs_no_more_than_four_times_its_size(folder):
    size = 15 << 20
    with gateway(folder) as (url, process):
        is_healthy(url)
        found = asyncio.run(besiege(url, process, idle=0, headers=0, bodies=0, large=1, seconds=0,
                                    body_bytes=size))
        print(f"memory grew by {found['grown_kib']} KiB for {size >> 10} KiB")
        assert found["large"] == {400: 1}, found["large"]
        most = 8 if faces.SANITIZED else 4  # a sanitizer keeps what is freed for a while
        assert found["grown_kib"] << 10 < most * size, found["grown_kib"]


@promise
def strangers__a_large_body_that_is_passed_on_costs_no_more_than_four_times_its_size(folder):
    """At the most: the request as it is read, what the engine gets of it, and what is sent."""
    body = json.dumps({"messages": [{"role": "user", "content": "x" * (15 << 20)}]}).encode()
    with ScriptedCloud(folder, tls=False) as cloud, \
            gateway(folder, "--allow-http-loopback", "--mode", "only_cloud", "--endpoint",
                    cloud.endpoint("work", "model=m")) as (url, process):
        assert call(url, "POST", CHAT, {"messages": QUESTION})[0] == 200
        grown = grown_kib(process, lambda: call(url, "POST", CHAT, body))
        assert len(cloud.chats()[-1].body) > len(body)
        print(f"memory grew by {grown} KiB for {len(body) >> 10} KiB")
        most = 6 if faces.SANITIZED else 4  # a sanitizer keeps what is freed for a while
        assert grown << 10 < most * len(body), grown


@promise
def strangers__a_header_has_a_deadline_in_all(folder):
    """Longer than the client's timeout by a byte every 0.2 s: each byte restarts a silence, but not
    the deadline."""
    with gateway(folder, "--client-timeout", "2") as (url, _):
        parts = urlparse(url)
        with socket.create_connection((parts.hostname, parts.port), timeout=5) as line:
            line.sendall(HEAD + b"X: ")
            began, cut = time.monotonic(), False
            while time.monotonic() - began < 30 and not cut:
                try:
                    line.sendall(b"x")
                    time.sleep(0.2)
                    line.setblocking(False)
                    cut = line.recv(1000) == b""
                except BlockingIOError:
                    line.setblocking(True)
                except OSError:
                    cut = True
            assert cut, "a byte every 0.2 s kept a header open for 30 s"
        is_healthy(url)


@promise
def strangers__with_too_many_connections_the_idle_ones_are_closed_first(folder):
    with gateway(folder, "--max-connections", "20", "--policy", slow_policy(folder, 4)) as (url, _):
        busy = connect(url)
        busy.request("POST", CHAT, json.dumps({"messages": QUESTION, "max_tokens": 12,
                                               "amphi": {"no_cache": True}}))
        for _ in range(3):  # it has been read when these are answered
            assert call(url, "GET", "/healthz")[0] == 200
        parts = urlparse(url)
        idle = [socket.create_connection((parts.hostname, parts.port), timeout=20)
                for _ in range(60)]
        assert call(url, "GET", "/healthz")[0] == 200
        closed = 0
        for line in idle:
            line.settimeout(0.05)
            try:
                closed += line.recv(10) == b""
            except TimeoutError:
                pass
            except OSError:
                closed += 1
        assert 35 <= closed < 60, closed
        assert busy.getresponse().status == 200
        busy.close()


@promise
def strangers__too_many_requests_get_503_and_are_told_when_to_come_back(folder):
    flags = ["--max-requests-per-client", "2", "--max-requests", "5"]
    with gateway(folder, *flags, "--policy", slow_policy(folder, 3)) as (url, _):
        body = {"messages": QUESTION, "max_tokens": 8, "amphi": {"no_cache": True}}
        running = [connect(url) for _ in range(2)]
        for connection in running:
            connection.request("POST", CHAT, json.dumps(body))
        seen = None
        for _ in range(100):
            status, headers, text = call(url, "POST", CHAT, {"messages": []})
            if status == 503:
                seen = headers, text
                break
            time.sleep(0.05)
        assert seen, "a third request from one address was let in"
        headers, text = seen
        assert int(headers["Retry-After"]) >= 1 and int(headers["Retry-After-Ms"]) >= 1000
        assert headers["X-Should-Retry"] == "true" and headers["X-Request-Id"].startswith("req_")
        assert json.loads(text)["error"]["code"] == "overloaded", text
        assert call(url, "GET", "/healthz")[0] == 200
        for connection in running:
            assert connection.getresponse().status == 200
            connection.close()
        is_healthy(url)


@promise
def strangers__a_length_that_is_told_twice_is_refused(folder):
    url = shared_gateway()
    body = b'{"messages":[]}'
    for framing in (b"Content-Length: 4\r\nContent-Length: 15\r\n\r\n",
                    b"Content-Length: 15\r\nTransfer-Encoding: chunked\r\n\r\n",
                    b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n"):
        answer = raw(url, HEAD + framing + b"f\r\n" + body + b"\r\n0\r\n\r\n", seconds=3)
        assert answer.startswith(b"HTTP/1.1 400"), (framing, answer[:80])
    is_healthy(url)


@promise
def strangers__head_is_a_get_without_its_body(folder):
    url = shared_gateway()
    for path in ("/v1/models", "/healthz"):
        status, headers, text = call(url, "HEAD", path)
        assert status == 200 and text == "" and int(headers["Content-Length"]) > 0, (path, status)
    assert call(url, "HEAD", CHAT)[0] == 405


@promise
def strangers__a_page_with_the_key_may_ask(folder):
    key = write(folder, "key", "sk-test-4711\n")
    wanted = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST",
              "Access-Control-Request-Headers": "authorization,content-type,x-stainless-os"}
    with gateway(folder, "--require-key-file", key) as (url, _):
        status, headers, _ = call(url, "OPTIONS", CHAT, None, wanted)
        assert status == 204, status
        assert headers["Access-Control-Allow-Origin"] == "https://app.example"
        assert "POST" in headers["Access-Control-Allow-Methods"]
        assert "x-stainless-os" in headers["Access-Control-Allow-Headers"]
        origin = {"Origin": "https://app.example"}
        status, headers, _ = call(url, "GET", "/v1/models", None,
                                  origin | {"Authorization": "Bearer sk-test-4711"})
        assert status == 200 and headers["Access-Control-Allow-Origin"] == "https://app.example"
        status, headers, _ = call(url, "GET", "/v1/models", None, origin)
        assert status == 401 and headers["Access-Control-Allow-Origin"] == "https://app.example"
    status, headers, _ = call(shared_gateway(), "OPTIONS", CHAT, None, wanted)
    assert status == 403 and headers["Access-Control-Allow-Origin"] is None, status


@promise
def strangers__other_machines_are_let_in_with_a_key_or_by_a_plain_word(folder):
    data = ["serve", "--port", "0", "--data", os.path.join(folder, "x")]
    line = refused(amphi(*data, "--host", "0.0.0.0"))
    assert "--require-key-file" in line and "--no-key" in line, line
    with gateway(folder, "--host", "0.0.0.0", "--no-key") as (url, _):
        assert call(url.replace("0.0.0.0", "127.0.0.1"), "GET", "/healthz")[0] == 200


def text_of(connection, out):
    try:
        out.append(connection.getresponse().read())
    except OSError as error:
        out.append(repr(error).encode())


@promise
def strangers__a_polite_kill_lets_running_answers_end(folder):
    for number in (signal.SIGTERM, signal.SIGINT):
        with gateway(folder, "--drain", "60", "--policy", slow_policy(folder, 6)) as (url, process):
            connection = connect(url, timeout=90)
            connection.request("POST", CHAT, json.dumps(
                {"messages": QUESTION, "stream": True, "max_tokens": 30,
                 "amphi": {"no_cache": True}}))
            found = []
            reader = threading.Thread(target=text_of, args=(connection, found))
            reader.start()
            time.sleep(1.5)
            process.send_signal(number)
            time.sleep(0.5)
            assert process.poll() is None, "it did not wait for the answer"
            status, headers, text = call(url, "GET", "/healthz")
            assert status == 503 and "draining" in text, (status, text)
            status, headers, text = call(url, "POST", CHAT, {"messages": QUESTION})
            assert status == 503 and headers["Connection"] == "close", (status, text)
            assert json.loads(text)["error"]["code"] == "shutting_down", text
            reader.join(90)
            assert b"data: [DONE]" in found[0], found[0][-300:]
            assert process.wait(30) == 0
            process.poll = lambda: None  # it ended as it should; nothing is left to check
            process.returncode = 0


@promise
def strangers__a_second_kill_ends_at_once(folder):
    with gateway(folder, "--drain", "600", "--policy", slow_policy(folder, 1)) as (url, process):
        connection = connect(url)
        connection.request("POST", CHAT, json.dumps({"messages": QUESTION, "stream": True}))
        time.sleep(1.5)
        process.send_signal(signal.SIGTERM)
        time.sleep(1)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        process.poll = lambda: None
        process.returncode = 0
        connection.close()


@promise
def strangers__each_request_is_a_line_with_verbose_and_says_nothing_of_its_content(folder):
    secret = "the battery of my secret boat"
    with gateway(folder, "--verbose") as (url, _):
        status, headers, _ = call(
            url, "POST", CHAT + "?secret=boat",
            {"messages": [{"role": "user", "content": secret}], "max_tokens": 4})
        assert status == 200
        assert call(url, "GET", "/v1/nothing%20here")[0] == 404
    with open(os.path.join(folder, "gateway.log"), encoding="utf-8") as file:
        text = file.read()
    lines = [line for line in text.splitlines() if " /v1/" in line]
    assert len(lines) == 2 and "boat" not in text, lines
    assert f"POST {CHAT} 200 route=local " in lines[0], lines[0]
    assert f"id={headers['X-Request-Id']}" in lines[0] and " takeovers=0 " in lines[0], lines[0]
    assert "GET /v1/nothing here 404 route=- " in lines[1], lines[1]


@promise
def strangers__a_slow_reader_gets_its_answer_without_holding_memory(folder):
    url = shared_gateway()
    with socket.create_connection((urlparse(url).hostname, urlparse(url).port)) as line:
        body = json.dumps({"messages": QUESTION, "stream": True}).encode()
        line.sendall(HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        text = b""
        while more := line.recv(64):
            text += more
        assert b"data: [DONE]" in text, text[-200:]


@promise
def bench_gateway__tells_what_it_adds(folder):
    done = amphi("bench", "gateway", "--json", timeout=200)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    print(figures)
    assert 0 < figures["added_ms"] < 100 and figures["streams"] == 200, figures
    assert figures["first_chunk_p99_ms"] > 0 and figures["health_p99_ms"] > 0, figures


if __name__ == "__main__":
    faces.main()
