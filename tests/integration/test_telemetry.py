#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Telemetry through the command: off unless a URL is given; metrics and a span for each request,
over TLS, without a word that was said; nothing of what is private, and nothing where nothing may
leave; a collector that is away or refuses costs no answer and no second."""
import json
import os
import sys
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import faces  # noqa: E402
from faces import amphi, promise, write  # noqa: E402
from gateway_client import chat  # noqa: E402
from scripted_cloud import Reply, ScriptedCloud, missing_openssl, reply, says  # noqa: E402

CANARY = "canary-of-telemetry"


def collector_url(collector):
    return collector.url.removesuffix("/v1")


def flags(folder, cloud, collector, *more):
    os.makedirs(folder, exist_ok=True)
    return ["--data", os.path.join(folder, "data"), "--endpoint", cloud.endpoint("work", "model=m"),
            "--mode", "only_cloud", "--no-queue", "--no-cache",
            "--telemetry", collector_url(collector),
            "--telemetry-set", f"ca={collector.ca}", "--telemetry-set", "service=shop", *more]


def posts(collector, what):
    return [one.json for one in collector.requests if one.path == f"/v1/{what}"]


def attributes(holder):
    return {a["key"]: next(iter(a["value"].values())) for a in holder["attributes"]}


def spans(collector):
    return [span for body in posts(collector, "traces") for resource in body["resourceSpans"]
            for scope in resource["scopeSpans"] for span in scope["spans"]]


def metrics(collector):
    return {metric["name"]: metric for body in posts(collector, "metrics")
            for resource in body["resourceMetrics"] for scope in resource["scopeMetrics"]
            for metric in scope["metrics"]}


def taken(_request):
    return reply(200, {"partialSuccess": {}})


@promise
def telemetry__of_an_answer_is_a_span_and_metrics(folder):
    with ScriptedCloud(folder) as cloud, ScriptedCloud(folder) as collector:
        cloud.answer = lambda _: says("Behind the " + CANARY)
        collector.answer = taken
        done = amphi("ask", *flags(folder, cloud, collector), CANARY)
        assert done.returncode == 0 and CANARY in done.stdout, done.stderr
        (span,) = spans(collector)
        said = attributes(span)
        assert said["gen_ai.operation.name"] == "chat", said
        assert said["gen_ai.response.model"] == "m" and said["amphi.route"] == "work", said
        assert said["amphi.decision.reason"] == "mode", said
        assert span["kind"] == 3 and len(span["traceId"]) == 32 and len(span["spanId"]) == 16
        assert int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"])
        named = metrics(collector)
        (point,) = named["gen_ai.client.operation.duration"]["histogram"]["dataPoints"]
        assert point["count"] == "1" and len(point["bucketCounts"]) == 15, point
        assert "gen_ai.client.operation.time_to_first_chunk" in named, list(named)
        resource = posts(collector, "traces")[0]["resourceSpans"][0]["resource"]
        assert attributes(resource)["service.name"] == "shop"
        for request in collector.requests:
            assert CANARY not in request.body.decode() and request.method == "POST"


@promise
def telemetry__of_a_failure_is_its_kind_alone(folder):
    with ScriptedCloud(folder) as cloud, ScriptedCloud(folder) as collector:
        cloud.answer = lambda _: reply(400, {"error": {"message": CANARY, "type": "odd"}})
        collector.answer = taken
        assert amphi("ask", *flags(folder, cloud, collector), CANARY).returncode != 0
        (span,) = spans(collector)
        assert span["status"] == {"code": 2} and attributes(span)["error.type"] == "request", span
        assert all(CANARY not in request.body.decode() for request in collector.requests)


@promise
def telemetry__is_silent_where_nothing_may_leave(folder):
    with ScriptedCloud(folder) as cloud, ScriptedCloud(folder) as collector:
        cloud.answer = lambda _: says("yes")
        collector.answer = taken
        local = [flag for flag in flags(folder, cloud, collector) if flag != "only_cloud"]
        local[local.index("--mode") + 1:local.index("--mode") + 1] = ["prefer_local"]
        assert amphi("ask", *local, "--private", "Hello").returncode == 0
        off = write(folder, "off.json", {"cloud": {"enabled": False}})
        assert amphi("ask", *local, "--policy", off, "Hello").returncode == 0
        closed = write(folder, "closed.json", {"network": {"metered_allowed": False}})
        metered = write(folder, "metered.json", {"network": "metered"})
        assert amphi("ask", *local, "--policy", closed, "--device", metered, "Hi").returncode == 0
        only = [flag if flag != "prefer_local" else "only_local" for flag in local]
        assert amphi("ask", *only, "Hello").returncode == 0
        assert collector.requests == [], [one.path for one in collector.requests]


@promise
def telemetry__collector_that_fails_costs_no_answer(folder):
    with ScriptedCloud(folder) as cloud, ScriptedCloud(folder) as collector:
        cloud.answer = lambda _: says("yes")
        for answer in (lambda _: reply(500, {}), lambda _: reply(503, {}, Retry_After="30"),
                       lambda _: Reply(200, {}, [30, b"{}"]),
                       lambda _: Reply(200, {"Content-Type": "application/json"}, [b"no json"])):
            collector.answer = answer
            began = time.monotonic()
            done = amphi("ask", *flags(folder, cloud, collector), "Hello")
            assert done.returncode == 0 and "yes" in done.stdout, done.stderr
            assert time.monotonic() - began < 20
        closed = flags(folder, cloud, collector)
        closed[closed.index("--telemetry") + 1] = "https://127.0.0.1:1"
        assert amphi("ask", *closed, "Hello").returncode == 0


@promise
def telemetry__settings_that_can_not_be_used_are_named(folder):
    for more, named in ((["--telemetry", "http://example.com"], "telemetry.url"),
                        (["--telemetry", "ftp://x"], "telemetry.url"),
                        (["--telemetry-set", "intervall=5"], "interval=SECONDS")):
        done = amphi("ask", "--data", os.path.join(folder, "data"), *more, "Hello")
        assert done.returncode != 0 and named in done.stderr, (more, done.stderr)


@promise
def telemetry__batch_that_was_taken_is_not_sent_twice(folder):
    """However long, or cut, the answer behind its 200 is."""
    with ScriptedCloud(folder) as cloud, ScriptedCloud(folder) as collector:
        cloud.answer = lambda _: says("yes")
        as_json = {"Content-Type": "application/json"}
        collector.answer = lambda request: (
            Reply(200, as_json, [b"{" * 100000]) if request.path == "/v1/traces" else
            Reply(200, as_json, [b"{"], cut=True))
        more = flags(folder, cloud, collector, "--telemetry-set", "interval=1")
        with faces.gateway(folder, *more) as (url, _):
            body = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
            assert chat(url, body)[0] == 200
            deadline = time.monotonic() + 30
            while len(collector.requests) < 2 and time.monotonic() < deadline:
                time.sleep(0.1)
        sent = sorted(one.path for one in collector.requests)  # the last try of the end as well
        assert sent == ["/v1/metrics", "/v1/traces"], sent


@promise
def telemetry__counts_what_the_gateway_answers(folder):
    with ScriptedCloud(folder) as cloud, ScriptedCloud(folder) as collector:
        cloud.answer = lambda _: says("yes")
        collector.answer = taken
        more = flags(folder, cloud, collector, "--telemetry-set", "interval=1")
        with faces.gateway(folder, *more) as (url, _):
            for i in range(3):
                body = {"model": "m", "messages": [{"role": "user", "content": f"{CANARY} {i}"}]}
                request = urllib.request.Request(
                    url + "/chat/completions", json.dumps(body).encode(),
                    {"Content-Type": "application/json"})
                with urllib.request.urlopen(request, timeout=60) as answer:
                    assert answer.status == 200
        count = len(spans(collector))
        assert count == 3, count
        ids = {span["traceId"] for span in spans(collector)}
        assert len(ids) == 3
        assert json.dumps([one.json for one in collector.requests]).find(CANARY) < 0


if __name__ == "__main__":
    if missing_openssl():
        faces.skip("openssl is not here")
    faces.main()
