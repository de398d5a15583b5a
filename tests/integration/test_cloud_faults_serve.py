#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What each fault of a provider leads to, seen by an OpenAI client of `amphi serve`: two endpoints,
streaming, plain sockets, against a cloud that misbehaves on command. The table of sdk/docs/cloud.md
row by row, with the attempts counted on the server's side. (The same rows through the C API are in
test_cloud_faults.c.)

Usage: test_cloud_faults_serve.py BUILD_FOLDER [PART_OF_A_NAME]
"""
import contextlib
import http.client
import json
import os
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
sys.dont_write_bytecode = True
import faces  # noqa: E402
from faces import promise  # noqa: E402
from badcloud_exchange import ANSWER  # noqa: E402
from cloud_process import Cloud  # noqa: E402

BUDGETS = {"connect_ms": 2000, "first_token_ms": 700, "idle_ms": 500, "total_ms": 12000}
KEY = "sk-secret-0123456789abcdef"
cloud = None


@contextlib.contextmanager
def serving(folder, *more, policy=None, name="gateway", endpoints=None):
    """A gateway with endpoints a and b, in this order; breakers stay closed and pauses are not
    remembered unless a policy says otherwise."""
    policy = policy or {"breaker": {"failures": 1000, "failure_percent": 0},
                        "cloud": {"pause_max_ms": 0}}
    flags = ["--model", "/nowhere/model.gguf", "--policy",
             faces.write(folder, name + "-policy.json", policy)]
    for endpoint in endpoints or [cloud.endpoint("a", "model=m-a"),
                                  cloud.endpoint("b", "model=m-b", "priority=1")]:
        flags += ["--endpoint", endpoint]
    with faces.gateway(folder, *flags, *more, name=name) as (url, process):
        yield Client(url), process


class Answer:
    """Everything that came for one request."""

    def __init__(self):
        self.status = 0
        self.text = ""
        self.shown = ""
        self.model = None
        self.route = None
        self.finish = None
        self.usage = None
        self.done = False
        self.error = None
        self.takeovers = []
        self.replaces = 0
        self.took_s = 0.0


class Client:
    def __init__(self, url):
        self.host = url.split("//", 1)[1].split("/", 1)[0]

    def chat(self, stream=True, ours=None, plain=False, **body):
        body = dict({"model": "anything", "stream": stream,
                     "stream_options": {"include_usage": True},
                     "messages": [{"role": "user", "content": "How was the harbour?"}],
                     "amphi": dict({"mode": "only_cloud", "no_cache": True, "no_queue": True,
                                    "budgets": BUDGETS}, **(ours or {}))}, **body)
        if plain:  # as a client that does not know Amphi asks
            del body["amphi"]
        connection = http.client.HTTPConnection(self.host, timeout=40)
        answer, began = Answer(), time.monotonic()
        connection.request("POST", "/v1/chat/completions", json.dumps(body),
                           {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer.status = response.status
        if response.headers.get("Content-Type") == "text/event-stream":
            self.read_events(response, answer)
        else:
            answer.whole = json.loads(response.read())
            answer.error = answer.whole.get("error")
        answer.took_s = time.monotonic() - began
        connection.close()
        return answer

    @staticmethod
    def read_events(response, answer):
        for line in response:
            line = line.rstrip(b"\n")
            if not line.startswith(b"data: "):
                assert line == b"" or line.startswith(b":"), line
                continue
            if line == b"data: [DONE]":
                answer.done = True
                continue
            assert not answer.done, "an event behind the end marker"
            chunk = json.loads(line[6:])
            if "error" in chunk:
                answer.error = chunk["error"]
                continue
            answer.usage = chunk.get("usage") or answer.usage
            if not chunk["choices"]:
                continue
            choice = chunk["choices"][0]
            ours = chunk.get("amphi", {})
            if ours.get("event") == "replace":
                answer.text, answer.replaces = ours["text"], answer.replaces + 1
            else:
                answer.text += choice["delta"].get("content") or ""
            answer.finish = choice["finish_reason"] or answer.finish
            answer.model = chunk["model"]
            answer.route = ours.get("route") or answer.route
            if ours.get("event") == "takeover":
                answer.takeovers.append(ours)


def whole(answer, route):
    assert answer.status == 200 and answer.error is None, (answer.status, answer.error)
    assert answer.text == ANSWER, answer.text
    assert answer.done and answer.finish == "stop", answer.finish
    assert answer.route == route, answer.route
    assert answer.model == "badcloud-1", answer.model  # as the provider named it


def row(client, first, attempts, seconds, continued=None, usage=True, second="ok"):
    """One row of the table: what a does; how often a and b are called; bounds of the time."""
    cloud.ask("reset")
    cloud.ask("set", "a", first)
    cloud.ask("set", "b", second)
    answer = client.chat()
    asked = (cloud.attempts("a"), cloud.attempts("b"))
    assert asked == attempts, (first, asked, answer.error)
    whole(answer, "b" if attempts[1] else "a")
    assert seconds[0] <= answer.took_s <= seconds[1], (first, answer.took_s)
    assert len(answer.takeovers) == (1 if attempts[1] else 0), (first, answer.takeovers)
    if continued is not None:
        assert (answer.takeovers[0]["mode"] == "continued") == continued, answer.takeovers
    if usage:
        assert answer.usage["completion_tokens"] == 22, (first, answer.usage)
    return answer


@promise
def serve__every_fault_of_the_table_still_gives_the_whole_answer(folder):
    with serving(folder) as (client, _):
        row(client, "429:7", (1, 1), (0, 2))
        row(client, "429-body:5", (1, 1), (0, 2))
        row(client, "429", (1, 1), (0, 2))
        row(client, "500once", (2, 0), (0, 2))
        row(client, "503", (2, 1), (0, 2))
        row(client, "503:60", (1, 1), (0, 2))
        row(client, "resetonce", (2, 0), (0, 2))
        row(client, "silence", (1, 1), (0.6, 2.5))
        row(client, "late:20", (1, 1), (0.6, 2.5))
        for cut in ("cut:6", "cut-reset", "cut-notify", "cut-end", "cut-done", "cut-length",
                    "cut-length-notify", "cut-open", "cut-open-notify", "error-stream"):
            row(client, cut, (1, 1), (0, 2), continued=True)
        row(client, "stall:6", (1, 1), (0.4, 2.5), continued=True)
        for _ in range(3):  # the client is healthy afterwards
            row(client, "ok", (1, 0), (0, 1))
        answer = row(client, "garbage", (1, 1), (0, 2), continued=True)
        assert " bro" not in answer.text
        row(client, "nodone", (1, 0), (0, 1.5))
        row(client, "nodone-open", (1, 0), (0, 1.5))
        row(client, "nodone-cut", (1, 0), (0, 1.5), usage=False)
        row(client, "context", (1, 1), (0, 2))
        row(client, "cut:6", (1, 2), (0, 2), continued=True, second="noprefix")


@promise
def serve__rate_limit_without_another_endpoint_waits_as_told(folder):
    with serving(folder, endpoints=[cloud.endpoint("a")]) as (client, _):
        cloud.ask("reset")
        cloud.ask("set", "a", "429once:1")
        answer = client.chat()
        whole(answer, "a")
        assert 0.9 <= answer.took_s <= 4, answer.took_s
        assert cloud.attempts("a") == 2
        cloud.ask("reset")
        cloud.ask("set", "a", "429:120")
        answer = client.chat()
        assert answer.status == 429, answer.error
        assert answer.error["amphi"]["status"] == "rate_limited", answer.error
        assert cloud.attempts("a") == 1 and answer.took_s < 2


@promise
def serve__content_filter_is_the_providers_reason_and_not_retried(folder):
    with serving(folder) as (client, _):
        cloud.ask("reset")
        cloud.ask("set", "a", "filter")
        cloud.ask("set", "b", "ok")
        for stream in (True, False):
            answer = client.chat(stream=stream)
            assert answer.status == 400, answer.status
            assert answer.error["code"] == "content_filter", answer.error
        assert (cloud.attempts("a"), cloud.attempts("b")) == (2, 0)
        cloud.ask("set", "a", "filter-stream")
        answer = client.chat()
        assert answer.finish == "content_filter" and answer.done, answer.finish
        assert answer.text == "The harbour was", answer.text
        assert cloud.attempts("b") == 0


@promise
def serve__endpoint_that_is_down_is_back_soon_after_its_recovery(folder):
    # Scaled: the breaker stays open for 0.4 s instead of 10 s, so "within 30 s" is 1.2 s here.
    with serving(folder, policy={"breaker": {"open_ms": 400}}) as (client, _):
        cloud.ask("reset")
        cloud.ask("set", "a", "503")
        cloud.ask("set", "b", "ok")
        began, asked = time.monotonic(), 0
        while time.monotonic() - began < 2:
            whole(client.chat(), "b")
            asked += 1
            time.sleep(0.02)
        assert 3 <= cloud.attempts("a") <= 6 + 2 * 5, (cloud.attempts("a"), asked)
        cloud.ask("set", "a", "ok")
        began = time.monotonic()
        answer = client.chat()
        while answer.route != "a" and time.monotonic() - began < 10:
            whole(answer, "b")
            time.sleep(0.02)
            answer = client.chat()
        took = time.monotonic() - began
        print(f"back after {took:.2f} s, breaker.open_ms 400")
        assert answer.route == "a" and took < 1.2, took


def peak_kib(process):
    with open(f"/proc/{process.pid}/status", encoding="utf-8") as file:
        return int(next(line for line in file if line.startswith("VmHWM:")).split()[1])


@promise
def serve__endless_answers_end_in_bounded_time_and_memory(folder):
    with serving(folder) as (client, process):
        row(client, "ok", (1, 0), (0, 2))
        before = peak_kib(process)
        for first in ("bomb", "endless-header", "endless-headers", "endless-interim",
                      "endless-line", "events"):
            row(client, first, (1, 1), (0, 12))
        row(client, "drip", (1, 1), (0.6, 2.5))
        cloud.ask("set", "a", "events-text")
        cloud.ask("set", "b", "503")
        answer = client.chat(ours={"budgets": dict(BUDGETS, total_ms=25000)})
        assert answer.error is not None and not answer.done, answer.finish
        grown = peak_kib(process) - before
        print(f"memory growth {grown} KiB, 10^6 tiny events after {answer.took_s:.1f} s")
        assert answer.took_s < 27
        assert faces.SANITIZED or grown < 32 << 10, grown


@promise
def serve__every_endpoint_failing_is_one_error_in_bounded_time(folder):
    with serving(folder) as (client, _):
        cloud.ask("set", "a", "silence")
        cloud.ask("set", "b", "silence")
        answer = client.chat()
        assert answer.status == 504 and answer.error["code"] == "timeout", answer.error
        assert answer.took_s < 4
        cloud.ask("set", "a", "cut:6")
        cloud.ask("set", "b", "silence")
        answer = client.chat()
        assert answer.error["code"] == "timeout" and not answer.done, answer.error
        assert answer.finish is None and ANSWER.startswith(answer.text)


@promise
def serve__fallbacks_choose_who_answers_and_the_answer_names_its_model(folder):
    with serving(folder, endpoints=[
            cloud.endpoint("a", "model=m-a"), cloud.endpoint("b", "model=m-b", "priority=1"),
            cloud.endpoint("c", "model=m-c", "priority=2", "dialect=responses")]) as (client, _):
        cloud.ask("reset")
        for name in "abc":
            cloud.ask("set", name, "ok")
        whole(client.chat(), "a")
        whole(client.chat(model="b"), "b")
        whole(client.chat(model="m-c"), "c")
        body = json.loads(cloud.ask("last", "c")["body"])
        assert body["model"] == "m-c" and body["input"] and "messages" not in body, body
        cloud.ask("set", "c", "401")
        whole(client.chat(model="m-c", fallbacks=["b", "a"]), "b")
        answer = client.chat(model="c", fallbacks=[])
        assert answer.error["amphi"]["status"] == "auth", answer.error
        cloud.ask("set", "b", "cut:6")
        whole(client.chat(model="b", fallbacks=["a"]), "a")
        body = json.loads(cloud.ask("last", "a")["body"])
        assert body["model"] == "m-a", body
        assert "fallbacks" not in body and "amphi" not in body, body
        answer = client.chat(stream=False, model="c", fallbacks=["a"])
        assert answer.whole["model"] == "badcloud-1" and answer.whole["amphi"]["route"] == "a"
        for bad, param in ((["nobody"], "fallbacks[0]"), ("a", "fallbacks"), ([1], "fallbacks[0]")):
            answer = client.chat(fallbacks=bad)
            assert answer.status == 400 and answer.error["param"] == param, answer.error


@promise
def serve__responses_dialect_survives_the_same_faults(folder):
    endpoints = [cloud.endpoint("a", "model=m-a", "dialect=responses"),
                 cloud.endpoint("b", "model=m-b", "priority=1", "dialect=responses")]
    with serving(folder, endpoints=endpoints) as (client, _):
        row(client, "ok", (1, 0), (0, 2))
        row(client, "500once", (2, 0), (0, 2))
        row(client, "silence", (1, 1), (0.6, 2.5))
        row(client, "cut:6", (1, 1), (0, 2), continued=False)
        row(client, "cut-end", (1, 1), (0, 2), continued=False)
        row(client, "stall:6", (1, 1), (0.4, 2.5), continued=False)
        row(client, "garbage", (1, 1), (0, 2), continued=False)
        row(client, "done-open", (1, 0), (0, 1.5))


@promise
def serve__key_is_in_no_log_error_record_or_command_line(folder):
    key_file = faces.write(folder, "key", KEY + "\n")
    endpoints = [cloud.endpoint("a", "key-file=" + key_file),
                 cloud.endpoint("b", "priority=1", "key-file=" + key_file)]
    with serving(folder, "--verbose", endpoints=endpoints) as (client, process):
        cloud.ask("reset")
        cloud.ask("set", "a", "401")  # repeats the key in its refusal
        cloud.ask("set", "b", "ok")
        answer = client.chat(ours={"conversation_id": "kept"})
        whole(answer, "b")
        assert cloud.ask("last", "b")["headers"]["authorization"] == "Bearer " + KEY
        answers = [json.dumps(answer.takeovers)]
        cloud.ask("set", "b", "401")
        for stream in (True, False):
            answer = client.chat(stream=stream)
            assert answer.error["amphi"]["status"] == "auth", answer.error
            answers.append(json.dumps(answer.error))
        for file in ("cmdline", "environ"):
            with open(f"/proc/{process.pid}/{file}", "rb") as content:
                assert KEY.encode() not in content.read(), file
        with open(f"/proc/{process.pid}/limits", encoding="ascii") as limits:
            core = next(line for line in limits if line.startswith("Max core file size"))
            assert core.split()[4] == "0", core  # no core dump of ours is written
        assert not any(KEY in text or "sk-" in text for text in answers), answers
    for base, _, files in os.walk(folder):
        for name in files:
            with open(os.path.join(base, name), "rb") as content:
                data = content.read()
            assert name == "key" or KEY.encode() not in data, name
            if name == "gateway.log":
                assert b"warning" in data or b"info" in data  # it did say something
    shown = faces.amphi("history", "kept", "--why", "--json", "--data",
                        os.path.join(folder, "gateway"))
    assert shown.returncode == 0, shown.stderr
    assert "harbour" in shown.stdout and "sk-" not in shown.stdout + shown.stderr


@promise
def bench__remote_compares_with_plain_libcurl_in_one_run(folder):
    done = faces.amphi("bench", "remote", "--json", timeout=120)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    for key in ("request_added_us", "event_added_us", "gateway_added_us", "curl_request_us"):
        assert isinstance(figures[key], (int, float)), figures
    assert 0 < figures["curl_request_us"] < 1e5, figures  # the plain side did run
    print(done.stdout.strip())


@promise
def serve__a_delay_that_the_provider_asks_for_is_passed_on(folder):
    with serving(folder, endpoints=[cloud.endpoint("a", "model=m-a")]) as (client, _):
        for stream in (True, False):
            cloud.ask("set", "a", "429:20")
            connection = http.client.HTTPConnection(client.host, timeout=40)
            connection.request("POST", "/v1/chat/completions", json.dumps({
                "messages": [{"role": "user", "content": "?"}], "stream": stream,
                "amphi": {"mode": "only_cloud", "no_cache": True, "no_queue": True}}))
            response = connection.getresponse()
            error = json.loads(response.read())["error"]
            assert response.status == 429 and response.headers["Retry-After"] == "20", error
            assert "it asks to wait 20 s" in error["amphi"]["message"], error
            connection.close()


@promise
def serve__a_client_that_hangs_up_ends_the_request_behind_it(folder):
    """Also one that does not stream, while words keep coming."""
    with serving(folder) as (client, _):
        for stream in (True, False):
            cloud.ask("reset")
            cloud.ask("set", "a", "slow:100")
            connection = http.client.HTTPConnection(client.host, timeout=40)
            connection.request("POST", "/v1/chat/completions", json.dumps({
                "messages": [{"role": "user", "content": "?"}], "stream": stream,
                "amphi": {"mode": "only_cloud", "no_cache": True, "no_queue": True}}))
            until = time.monotonic() + 5
            while cloud.attempts("a") == 0 and time.monotonic() < until:
                time.sleep(0.02)
            time.sleep(0.3)
            connection.close()
            until = time.monotonic() + 2.5  # the whole answer would take 4 s
            while cloud.ask("gone", "a")["value"] == 0 and time.monotonic() < until:
                time.sleep(0.05)
            assert cloud.ask("gone", "a")["value"] == 1, stream


@promise
def serve__200_that_answers_anew_with_a_default_policy(folder):
    """a is cut; b accepts the beginning with 200 and answers anew; nothing is set. A client that
    knows Amphi gets one replace, a plain one an error instead of two answers in one, and one that
    does not stream just the new answer."""
    cloud.ask("reset")
    cloud.ask("set", "a", "cut:6")
    cloud.ask("set", "b", "anew:always")
    anew = "Sure! A harbour is a place where ships are safe from the sea."
    flags = [word for one in ("a", "b") for word in (
        "--endpoint", cloud.endpoint(one, "model=m-" + one, "priority=" + str("ab".index(one))))]
    with faces.gateway(folder, "--model", "/nowhere/model.gguf", *flags) as (url, _):
        client = Client(url)
        knows = client.chat(ours={"budgets": {}})
        assert knows.text == anew and knows.done and knows.replaces == 1, vars(knows)
        assert [t["mode"] for t in knows.takeovers] == ["restarted"], knows.takeovers
        plain = client.chat(plain=True)
        assert plain.error["code"] == "truncated" and not plain.done, vars(plain)
        assert plain.text and ANSWER.startswith(plain.text), plain.text
        whole = client.chat(False, plain=True, messages=[{"role": "user", "content": "Why?"}])
        assert whole.status == 200, vars(whole)
        assert whole.whole["choices"][0]["message"]["content"] == anew, whole.whole
    assert cloud.attempts("a") == 3, cloud.attempts("a")


@promise
def serve__first_token_after_20_s_with_a_default_policy(folder):
    """Alone, it is the answer, and so is one that pauses for 12 s; with another endpoint behind it,
    that one answers after 10 s. All at the same time."""
    def ask(name, stream, *endpoints):
        with faces.gateway(folder, "--model", "/nowhere/model.gguf", *flags(endpoints),
                           name=name) as (url, _):
            answers[name] = Client(url).chat(stream, {"budgets": {}})

    def flags(endpoints):
        return [word for one in endpoints for word in ("--endpoint", one)]
    cloud.ask("reset")
    alone = [cloud.endpoint(name, "model=m-a") for name in ("a", "c", "d")]
    other = cloud.endpoint("b", "model=m-b", "priority=1")
    for name, scenario in (("a", "late:20"), ("b", "ok"), ("c", "late:20"), ("d", "pause:12")):
        cloud.ask("set", name, scenario)
    answers, threads = {}, []
    for name, stream, endpoints in (("streamed", True, alone[:1]), ("plain", False, alone[1:2]),
                                    ("paused", True, alone[2:]), ("both", True, [alone[0], other])):
        threads.append(threading.Thread(target=ask, args=(name, stream, *endpoints)))
        threads[-1].start()
    for thread in threads:
        thread.join()
    assert set(answers) == {"streamed", "plain", "paused", "both"}, answers
    for name in ("streamed", "paused", "both"):
        assert answers[name].text == ANSWER and answers[name].done, (name, vars(answers[name]))
    assert answers["plain"].whole["choices"][0]["message"]["content"] == ANSWER, answers["plain"]
    assert answers["streamed"].took_s >= 20 and answers["paused"].took_s >= 12
    assert answers["both"].route == "b" and 9.9 < answers["both"].took_s < 20, vars(answers["both"])
    assert cloud.attempts("c") == 1 and cloud.attempts("d") == 1


def main():
    global cloud
    cloud = Cloud()
    try:
        faces.main()
    finally:
        cloud.stop()


if __name__ == "__main__":
    main()
