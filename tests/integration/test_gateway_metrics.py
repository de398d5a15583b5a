#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""GET /health and GET /metrics of `amphi serve`: figures of what really happened, and nothing of
what was said."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import faces  # noqa: E402
from faces import gateway, promise, write  # noqa: E402
from gateway_client import CHAT, call, chat  # noqa: E402
from scripted_cloud import ScriptedCloud, events, reply, says, stop, word  # noqa: E402

LINE = re.compile(r'^([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? ([0-9.e+]+)$')


def figures(url, **more):
    """{(name, labels as text): number}; every line must be of Prometheus' text form."""
    status, headers, text = call(url, "GET", "/metrics", **more)
    assert status == 200 and headers["Content-Type"].startswith("text/plain; version=0.0.4"), text
    assert text.endswith("\n")
    found, typed = {}, set()
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            assert line.split()[2] not in typed, line
            typed.add(line.split()[2])
        elif not line.startswith("# HELP "):
            match = LINE.match(line)
            assert match, line
            base = re.sub("_(bucket|sum|count)$", "", match[1])
            assert match[1] in typed or base in typed, line
            assert (match[1], match[2] or "") not in found, line
            found[match[1], match[2] or ""] = float(match[3])
    return found, text


def ask(url, text, **more):
    return chat(url, {"model": "gpt-4o", "messages": [{"role": "user", "content": text}], **more})


@promise
def metrics__count_what_happened_and_nothing_that_was_said(folder):
    secret = "Xylophone-secret"
    with ScriptedCloud(folder) as cloud:
        def answer(request):
            if request.json is None:
                return reply(404, {})
            said = request.json["messages"][-1]["content"]
            if "fail" in said:
                return reply(400, {"error": {"message": "no " + secret, "code": "bad"}})
            return events(word("Hello "), word(secret), stop(), {
                "id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m",
                "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3,
                                         "total_tokens": 10}})
        cloud.answer = answer
        with gateway(folder, "--mode", "only_cloud", "--endpoint",
                     cloud.endpoint("work", "model=m")) as (url, _):
            for _ in range(3):
                assert ask(url, secret)[0] == 200
            status, _, text = call(url, "POST", CHAT, {
                "stream": True, "messages": [{"role": "user", "content": secret}]})
            assert status == 200 and "[DONE]" in text
            assert ask(url, "fail " + secret)[0] == 400
            assert ask(url, secret, temperature="warm")[0] == 400
            assert call(url, "GET", "/" + secret)[0] == 404
            found, text = figures(url)
    assert found["amphi_requests_total", 'route="work",outcome="done"'] == 4, text
    assert sum(n for (name, labels), n in found.items() if name == "amphi_requests_total"
               and 'outcome="failed"' in labels) == 1, text
    assert found["amphi_failures_total", 'status="request"'] == 1, text
    assert found["amphi_requests_refused_total", 'status="argument"'] == 1, text
    assert found["amphi_tokens_total", 'route="work",kind="prompt"'] == 28, text
    assert found["amphi_tokens_total", 'route="work",kind="completion"'] == 12, text
    path = f'path="{CHAT}"'
    assert found["amphi_http_requests_total", path + ',code="200"'] == 4, text
    assert found["amphi_http_requests_total", path + ',code="400"'] == 2, text
    assert found["amphi_http_requests_total", 'path="other",code="404"'] == 1, text
    count = found["amphi_first_token_seconds_count", 'route="work"']
    assert count == found["amphi_first_token_seconds_bucket", 'route="work",le="+Inf"'] <= 4, text
    steps = [n for (name, labels), n in found.items() if name.endswith("_bucket")]
    assert steps == sorted(steps) and len(steps) == 13, text
    assert found["amphi_running", ""] == 1 and found["amphi_connections", ""] >= 1, text
    assert [n for (name, labels), n in found.items() if name == "amphi_route_available"
            and labels.startswith('route="work",')] == [1], text
    assert secret not in text and "gpt-4o" not in text and "req_" not in text, text


@promise
def metrics__tell_of_takeovers_and_breakers(folder):
    """A route that is down is left for the other one, until it rests."""
    with ScriptedCloud(folder) as down, ScriptedCloud(folder) as up:
        down.answer = lambda request: reply(503, {"error": {"message": "down"}})
        up.answer = lambda request: says("Hello.")
        with gateway(folder, "--mode", "only_cloud", "--endpoint",
                     down.endpoint("down", "model=m"), "--endpoint",
                     up.endpoint("up", "model=m", "priority=1")) as (url, _):
            found, text = figures(url)
            assert found["amphi_route_breaker_open", 'route="down"'] == 0, text
            takeovers = 0
            for i in range(12):
                status, answer = ask(url, f"question {i}")
                assert status == 200, answer
                takeovers += len(answer["amphi"]["takeovers"])
            found, text = figures(url)
    assert takeovers > 0 and sum(n for (name, labels), n in found.items()
                                 if name == "amphi_takeovers_total"
                                 and 'from="down",to="up",reason="provider"' in labels
                                 ) == takeovers, (takeovers, text)
    assert found["amphi_route_breaker_open", 'route="down"'] == 1, text
    assert found["amphi_route_breaker_open", 'route="up"'] == 0, text


@promise
def metrics__need_the_key_and_health_does_not(folder):
    key = write(folder, "key", "correct-horse\n")
    with gateway(folder, "--require-key-file", key) as (url, _):
        for path in ("/health", "/healthz"):
            for method in ("GET", "HEAD"):
                assert call(url, method, path)[0] == 200
            assert call(url, "POST", path, "{}")[0] in (200, 405)
        assert call(url, "GET", "/metrics")[0] == 401
        found, text = figures(url, headers={"Authorization": "Bearer correct-horse"})
        assert found["amphi_http_requests_total", 'path="/metrics",code="401"'] == 1, text
        assert "horse" not in text
        assert call(url, "HEAD", "/metrics", headers={
            "Authorization": "Bearer correct-horse"})[0] == 200
        status, headers, _ = call(url, "POST", "/metrics", "{}",
                                  headers={"Authorization": "Bearer correct-horse"})
        assert status == 405 and headers["Allow"] == "GET", headers
        status, headers, _ = call(url, "OPTIONS", "/metrics", headers={
            "Origin": "https://example.com", "Access-Control-Request-Method": "GET"})
        assert status == 204 and "GET" in headers["Access-Control-Allow-Methods"], headers


if __name__ == "__main__":
    faces.main()
