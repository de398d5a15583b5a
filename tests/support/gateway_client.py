# SPDX-License-Identifier: Apache-2.0
"""A plain HTTP client of `amphi serve` for the tests of the gateway: whole and streamed answers,
and raw bytes for what no HTTP client would send."""
import concurrent.futures
import http.client
import json
import socket
from urllib.parse import urlparse

from faces import write

QUESTION = [{"role": "user", "content": "What happens when the battery is low?"}]
CHAT = "/v1/chat/completions"


def connect(url, context=None, timeout=30):
    parts = urlparse(url)
    if parts.scheme == "https":
        return http.client.HTTPSConnection(parts.hostname, parts.port, timeout=timeout,
                                           context=context)
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
    status, headers, text = call(url, "POST", CHAT, body, {"Content-Type": "application/json"},
                                 **more)
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


def at_once(function, items):
    """function(item) for all of them in threads; raises the first exception."""
    with concurrent.futures.ThreadPoolExecutor(len(items)) as pool:
        list(pool.map(function, items))


def slow_policy(folder, speed=5):
    return write(folder, "slow.json", {"local": {"tokens_per_second_max": speed}})
