#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Telemetry against a real OpenTelemetry collector: built from the modules of the Go registry, with
its OTLP receiver in front. Scripted clouds that answer, break in mid-word and refuse; private
requests; canaries in all that is said. What the collector understood is counted, and what was sent
is searched.

Usage: collector.py BUILD_FOLDER [PART_OF_A_NAME]      (./dev test --telemetry)

Needs `go` and its registry the first time; the collector stays in BUILD_FOLDER/collector. A Python
with opentelemetry-proto also reads every batch by OTLP's protobuf definitions."""
import json
import os
import shutil
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", one) for one in ("support", "clients")]
sys.dont_write_bytecode = True
import faces  # noqa: E402
from clouds import chunk, events, refuse, scenario  # noqa: E402
from faces import promise  # noqa: E402
from gateway_client import CHAT, call  # noqa: E402
from lab import KEY, Lab  # noqa: E402
from otlp_recorder import (OtlpRecorder, attributes, points_of, requests,  # noqa: E402
                           spans_of)

FOLDER = os.path.join(faces.BUILD, "collector")
CANARY = "CANARY"  # in every question, user, conversation and error text of this file
# Also from the scripted answers, and the keys.
SECRETS = (CANARY, "Paris", "Seine", "Lyon", KEY, "sk-of")
NAMES = ("gen_ai.", "amphi.", "error.type", "server.address", "server.port")
CONTENT = ("gen_ai.input", "gen_ai.output.messages", "gen_ai.system_instructions", "gen_ai.prompt",
           "gen_ai.completion", "gen_ai.tool", "gen_ai.conversation", "user")
TEXT_MAX = 300
EACH_SECOND = ("--telemetry-set", "interval=1")
CONFIG = """receivers:
  otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{port}"}}}}}}
exporters:
  lines/traces: {{path: "{folder}/traces.jsonl"}}
  lines/metrics: {{path: "{folder}/metrics.jsonl"}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    traces: {{receivers: [otlp], exporters: [lines/traces]}}
    metrics: {{receivers: [otlp], exporters: [lines/metrics]}}
"""


# -- the collector ---------------------------------------------------------------------------------
def build():
    """BUILD_FOLDER/collector/otelcol."""
    if os.path.exists(os.path.join(FOLDER, "otelcol")):
        return
    if shutil.which("go") is None:
        faces.skip("go is not on this machine")
    shutil.copytree(os.path.join(HERE, "collector"), FOLDER, dirs_exist_ok=True)
    for words in (["mod", "tidy"], ["build", "-o", "otelcol", "."]):
        done = subprocess.run(["go", *words], cwd=FOLDER, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=900)
        if done.returncode != 0 and ("dial tcp" in done.stderr or "lookup " in done.stderr):
            faces.skip("the registry of Go modules can't be reached")
        assert done.returncode == 0, done.stderr[-2000:]


class Collector:
    def __init__(self, folder):
        self.folder = os.path.join(folder, "collector")
        os.mkdir(self.folder)
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            self.port = one.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.config = faces.write(self.folder, "config.yaml",
                                  CONFIG.format(port=self.port, folder=self.folder))

    def __enter__(self):
        self.log = open(os.path.join(self.folder, "log"), "wb+")
        self.process = subprocess.Popen([os.path.join(FOLDER, "otelcol"), "--config", self.config],
                                        stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return self
            except OSError:
                assert self.process.poll() is None, "the collector ended at once"
                time.sleep(0.05)
        raise AssertionError("the collector did not start")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)
        self.log.close()

    def lines(self, name):
        path = os.path.join(self.folder, name)
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def spans(self):
        return spans_of(self.lines("traces.jsonl"))

    def points(self, name):
        return points_of(self.lines("metrics.jsonl"), name)


# -- clouds ----------------------------------------------------------------------------------------
@scenario
def quotes_the_question(request, _):
    """A provider whose error repeats what was said."""
    return refuse(400, "No: " + request.json["messages"][-1]["content"], CANARY + "-type",
                  CANARY + "-code")


@scenario
def odd_names(request, _):
    """A model's name and an end of this provider's own making."""
    odd = {"model": CANARY + " mock\n\x00" + "x" * 5000}
    return events(chunk({"role": "assistant", "content": "Hello"}, **odd),
                  chunk({}, CANARY + "-finish" * 1000, **odd))


# -- asking ----------------------------------------------------------------------------------------
def flags(recorder, *more):
    return ["--telemetry", recorder.url, "--allow-http-loopback", "--model", faces.MODEL, *more]


def ask(gateway, i, stream=False, headers=None, **more):
    """(status, the answer) of a question that no other one equals."""
    body = {"model": "gpt-4o", "user": f"{CANARY}-user", "metadata": {"who": CANARY},
            "messages": [{"role": "user", "content": f"{CANARY} {i}: the capital of France?"}],
            **more}
    if stream:
        body["stream"] = True
    status, _, text = call(gateway.origin, "POST", CHAT, body,
                           {"Content-Type": "application/json", **(headers or {})})
    return status, text if stream and status == 200 else json.loads(text)


def is_clean(recorder, collector=None):
    """Nothing of what was said, and only names of the list, short ones."""
    sent = recorder.bytes()
    for secret in SECRETS:
        assert secret.encode() not in sent, (secret, sent[max(0, sent.find(secret.encode()) - 300):]
                                             [:600])
    for spans in (recorder.spans(), collector.spans() if collector else []):
        for span in spans:
            assert len(span["name"]) < TEXT_MAX and span["name"].isprintable(), span["name"]
            for key, value in attributes(span).items():
                assert key.startswith(NAMES) and not key.startswith(CONTENT), key
                for one in value if isinstance(value, list) else [value]:
                    assert not isinstance(one, str) or (
                        len(one) <= TEXT_MAX and one.isprintable()), (key, one)


def is_otlp(recorder):
    """By the protobuf definitions, where this Python has them."""
    try:
        import otlp_proto
    except ImportError:
        print("  (no opentelemetry-proto in this Python: the definitions were not tried)")
        return
    for post in recorder.posts:
        otlp_proto.check(post.path, post.body)


# -- what must hold --------------------------------------------------------------------------------
@promise
def requests__each_is_a_span_that_the_collector_has_and_no_word_of_it(folder):
    with Lab() as lab, Collector(folder) as collector, \
            OtlpRecorder(onward=collector.url) as recorder:
        on, takeovers = flags(recorder), 0
        with lab.gateway("plain", flags=on) as g:
            for i in range(80):
                assert ask(g, i, stream=i % 2 == 1)[0] == 200
        for _ in range(5):  # each takes over until its first cloud is rested
            with lab.gateway("cuts", "continues", flags=on) as g:
                for i in range(4):
                    status, answer = ask(g, i)
                    assert status == 200, answer
                    takeovers += len(answer["amphi"]["takeovers"])
        with lab.gateway("wrong_key", flags=on) as g:
            for i in range(10):
                assert ask(g, i)[0] >= 400
        with lab.gateway("quotes_the_question", flags=on) as g:
            for i in range(5):
                assert ask(g, i)[0] == 400
        with lab.gateway("odd_names", flags=on) as g:
            for i in range(5):
                assert ask(g, i)[0] == 200
        with lab.gateway("plain", mode="auto", flags=on) as g:
            for i in range(20):
                status, answer = ask(g, i, headers={"X-Amphi-Private": "true"})
                assert status == 200 and answer["amphi"]["privacy"] == "private", answer
            for i in range(10):
                assert ask(g, i, headers={"X-Amphi-Mode": "only_local"})[0] == 200
            assert not any(g.asked()), g.asked()
        heard = [one.body for posts in lab.seen.values() for one in posts]
        assert len(heard) >= 120 and all(CANARY.encode() in body for body in heard), len(heard)
        spans = collector.spans()
        whole = requests(spans)
        points = collector.points("gen_ai.client.operation.duration")
        counted = sum(int(point["count"]) for point in points)
        print(f"  150 requests, 30 of them private or only_local: the collector has {len(whole)} "
              f"request spans of {len(spans)}, {counted} durations; {takeovers} takeovers; "
              f"{len(recorder.posts)} posts, {len(recorder.bytes())} bytes, 0 canaries")
        assert len(whole) == counted == 120, (len(whole), counted)
        assert len({(one["traceId"], one["spanId"]) for one in spans}) == len(spans)
        failed = [one for one in whole if one.get("status", {}).get("code") == 2]
        assert len(failed) == 15 and all("error.type" in attributes(one) for one in failed), failed
        said = sum(attributes(one).get("amphi.takeover.count", 0) for one in whole)
        assert said == takeovers > 0, (said, takeovers)
        points = collector.points("gen_ai.client.token.usage")
        assert {attributes(one)["gen_ai.token.type"] for one in points} == {"input", "output"}
        is_clean(recorder, collector)
        is_otlp(recorder)


@promise
def definitions__refuse_what_is_not_otlp(_):
    """So that the batches of the other cases are known to have been read."""
    try:
        import otlp_proto
    except ImportError:
        raise faces.Skipped("no opentelemetry-proto in this Python") from None
    span = {"traceId": "ab" * 16, "spanId": "cd" * 8, "name": "chat", "kind": 3,
            "startTimeUnixNano": "1", "endTimeUnixNano": "2", "status": {}}

    def batch(**more):
        return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [{**span, **more}]}]}]})

    otlp_proto.check("/v1/traces", batch())
    for odd in ({"prompt": "x"}, {"kind": "SPAN_KIND_CLIENT"}, {"startTimeUnixNano": 1},
                {"endTimeUnixNano": "0"}, {"traceId": "q83v"}, {"spanId": "0" * 16},
                {"attributes": [{"key": "a", "value": {"intValue": 7}}]}, {"name": ""}):
        try:
            otlp_proto.check("/v1/traces", batch(**odd))
        except (AssertionError, otlp_proto.json_format.ParseError):
            continue
        raise AssertionError(f"taken: {odd}")


@promise
def ask__is_reported_before_the_command_ends(folder):
    with Lab() as lab, Collector(folder) as collector, \
            OtlpRecorder(onward=collector.url) as recorder:
        lab.scenarios["ask"] = ("plain",)
        for i in range(3):
            done = faces.amphi("ask", "--data", os.path.join(folder, "data"), "--endpoint",
                               lab.endpoint("ask", 0), "--mode", "only_cloud", *flags(recorder),
                               f"{CANARY} {i}")
            assert done.returncode == 0, done.stderr
        assert len(requests(collector.spans())) == 3, collector.spans()
        is_clean(recorder, collector)
        is_otlp(recorder)


@promise
def private__nothing_is_sent_by_a_client_that_keeps_all_here(folder):
    off = {"cloud": {"enabled": False}}
    unmetered = {"network": {"metered_allowed": False}}
    metered = faces.write(folder, "device.json", {"network": "metered"})
    with Lab() as lab, OtlpRecorder() as recorder:
        for more in ({"flags": flags(recorder, "--private")},
                     {"flags": flags(recorder), "policy": off},
                     {"flags": flags(recorder, "--device", metered), "policy": unmetered},
                     {"flags": flags(recorder), "mode": "only_local"}):
            with lab.gateway("plain", **{"mode": "auto", **more}) as g:
                for i in range(3):
                    assert ask(g, i)[0] == 200
        assert not recorder.posts, [post.path for post in recorder.posts]


@promise
def away__what_could_not_be_sent_is_sent_later_and_once(folder):
    began = time.monotonic()
    busy = (503, {"Retry-After": "1"}, b"")
    with Lab() as lab, Collector(folder) as collector, \
            OtlpRecorder(onward=collector.url) as recorder:
        recorder.answer = lambda post: (
            busy if time.monotonic() - began < 4 else recorder.forward(post))
        with lab.gateway("plain", flags=flags(recorder, *EACH_SECOND)) as g:
            for i in range(10):
                assert ask(g, i)[0] == 200
            time.sleep(max(0, began + 5 - time.monotonic()))
        assert {post.status for post in recorder.posts} == {503, 200}, "it was never away"
        assert len(requests(collector.spans())) == 10, (len(collector.spans()),
                                                        [p.status for p in recorder.posts])


@promise
def refused__what_a_collector_does_not_take_is_not_sent_again(folder):
    elsewhere, as_json = {"Location": "http://127.0.0.1:1/"}, {"Content-Type": "application/json"}
    answers = (
        (400, {}, b"{}"), (307, elsewhere, b""), (500, {"Retry-After": "1"}, b""),
        (200, as_json, b'{"partialSuccess":{"rejectedSpans":"1","errorMessage":"no room"}}'),
        (200, as_json, b'{"partialSuccess":{"rejectedSpans":"-9223372036854775808"}}'),
        (200, as_json, b'{"partialSuccess":{"rejectedSpans":1e300}}'),
        (200, as_json, b'{"partialSuccess":' * 50000), (200, as_json, b"x" * 3000000))
    for answer in answers:
        with Lab() as lab, OtlpRecorder() as recorder:
            recorder.answer = lambda post, answer=answer: answer
            with lab.gateway("plain", flags=flags(recorder, *EACH_SECOND)) as g:
                assert ask(g, 1)[0] == 200
                time.sleep(2.5)
            sent = sorted(post.path for post in recorder.posts)
            assert sent == ["/v1/metrics", "/v1/traces"], (answer[:2], answer[2][:80], sent)


@promise
def rollout__its_payload_and_rule_are_named_and_the_install_is_not(folder):
    payload = faces.write(folder, "payload.json", {"features": {"amphi.policy": {
        "defaultValue": {}, "rules": [{"id": "half", "force": {"total_ms": 50999},
                                       "coverage": 1, "hashAttribute": "id"}]}}})
    with Lab() as lab, Collector(folder) as collector, \
            OtlpRecorder(onward=collector.url) as recorder:
        with lab.gateway("plain", flags=flags(recorder, "--rollout", payload)) as g:
            assert ask(g, 1)[0] == 200
            store = os.path.join(lab.folder, g.name, "gateway")
        shown = faces.amphi("rollout", "show", "--rollout", payload, "--data", store, "--json")
        install = json.loads(shown.stdout)["attributes"]["id"]
        span, = requests(collector.spans())
        exposures = attributes(span).get("amphi.rollout.exposures")
        assert exposures and "amphi.policy" in exposures[0] and "half" in exposures[0], span
        assert len(install) > 8 and install.encode() not in recorder.bytes()
        is_clean(recorder, collector)
        is_otlp(recorder)


@promise
def hanging__the_end_waits_for_a_collector_a_second_at_most(folder):
    took = {}
    with Lab() as lab, OtlpRecorder() as recorder:
        lab.scenarios["ask"] = ("plain",)
        recorder.answer = lambda post: None
        for name, more in (("off", []), ("hanging", flags(recorder))):
            began = time.monotonic()
            done = faces.amphi("ask", "--data", os.path.join(folder, name), "--endpoint",
                               lab.endpoint("ask", 0), "--mode", "only_cloud", *more, "Hello?")
            took[name] = time.monotonic() - began
            assert done.returncode == 0, done.stderr
        assert recorder.posts, "nothing was tried"
    print(f"  amphi ask: {took['off']:.2f} s, and {took['hanging']:.2f} s with a collector that "
          "never answers")
    assert took["hanging"] - took["off"] < 4, took  # a loaded machine, and a sanitizer


@promise
def hanging__nor_does_a_batch_that_is_under_way_hold_it_up(folder):
    with Lab() as lab, OtlpRecorder() as recorder:
        recorder.answer = lambda post: None
        with lab.gateway("plain", flags=flags(recorder, *EACH_SECOND)) as g:
            assert ask(g, 1)[0] == 200
            deadline = time.monotonic() + 20
            while not recorder.posts and time.monotonic() < deadline:
                time.sleep(0.05)
            assert recorder.posts, "nothing was tried"
            began = time.monotonic()
        took = time.monotonic() - began
    print(f"  amphi serve ended {took:.2f} s after it was asked to, in the middle of a batch")
    assert took < 5, took


if __name__ == "__main__":
    build()
    faces.main()
