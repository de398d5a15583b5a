#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`amphi serve`: what a failure is for OpenAI's packages (status, type, code, x-should-retry),
streamed or not, and how often the provider was asked; X-Amphi-* headers; several models of one
endpoint.

Usage: test_gateway_errors.py BUILD_FOLDER [PART_OF_A_NAME]
"""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
sys.dont_write_bytecode = True
import faces  # noqa: E402
from faces import amphi, gateway, promise, shared_gateway  # noqa: E402
from gateway_client import CHAT, QUESTION, call  # noqa: E402
from scripted_cloud import ScriptedCloud, events, missing_openssl, reply, says, word  # noqa: E402


def serving(folder, *endpoints, more=(), name="gateway"):
    flags = [flag for one in endpoints for flag in ("--endpoint", one)]
    return gateway(folder, "--model", "/nowhere.gguf", "--mode", "only_cloud", *flags, *more,
                   name=name)


def ask(url, stream=False, headers=None, **body):
    """(status, headers, error or whole text) of one question."""
    status, found, text = call(url, "POST", CHAT, {"messages": QUESTION, "stream": stream, **body},
                               headers)
    return status, found, json.loads(text)["error"] if status >= 400 else text


def refusal(status, code=None, kind=None, **headers):
    error = {"message": "no", "type": kind, "param": None, "code": code}
    return reply(status, {"error": error}, **headers)


# What the provider answers; the status, the code and the type that the client gets; whether it
# should try again; how often the provider may be asked at most.
CASES = (
    (lambda _: refusal(401, "invalid_api_key", "invalid_request_error"), 401, "invalid_api_key",
     "invalid_request_error", "false", 1),
    (lambda _: refusal(402), 429, "insufficient_quota", "insufficient_quota", "false", 1),
    (lambda _: refusal(429, "insufficient_quota", "insufficient_quota"), 429, "insufficient_quota",
     "insufficient_quota", "false", 1),
    (lambda _: refusal(429, retry_after="30"), 429, "rate_limit_exceeded", "rate_limit_error",
     "true", 1),
    (lambda _: refusal(429, retry_after="300"), 429, "rate_limit_exceeded", "rate_limit_error",
     "false", 1),
    (lambda _: refusal(400, "context_length_exceeded", "invalid_request_error"), 400,
     "context_length_exceeded", "invalid_request_error", "false", 1),
    (lambda _: reply(400, {"error": {"message": "prompt is too long: 9 tokens > 8 maximum"}}), 400,
     "context_length_exceeded", "invalid_request_error", "false", 1),
    (lambda _: refusal(404, "model_not_found", "invalid_request_error"), 404, "model_not_found",
     "invalid_request_error", "false", 1),
    (lambda _: refusal(503), 503, "provider", "server_error", "false", 2),
    (lambda _: refusal(500), 502, "provider", "server_error", "false", 2),
)


@promise
def errors__are_openais_and_cost_no_more_requests_than_they_must(folder):
    with ScriptedCloud(folder) as cloud:
        for answer, status, code, kind, again, most in CASES:
            cloud.answer = answer
            for stream in (False, True):
                cloud.requests.clear()
                with serving(folder, cloud.endpoint("a", "model=m"), name="one") as (own, _):
                    found, headers, error = ask(own, stream)
                seen = found, error["code"], error["type"], headers["X-Should-Retry"]
                assert seen == (status, code, kind, again), (seen, error)
                assert headers["X-Request-Id"].startswith("req_")
                assert len(cloud.chats()) <= most, (code, len(cloud.chats()))
                assert "message" in error and "param" in error, error


@promise
def errors__of_a_sole_endpoint_stay_its_own_however_often_it_is_asked(folder):
    key = os.path.join(folder, "key")
    for status, code, seen in ((401, "invalid_api_key", 401), (402, None, 429),
                               (403, "forbidden", 403)):
        with ScriptedCloud(folder) as cloud:
            cloud.answer = lambda request, status=status, code=code: (
                refusal(status, code) if request.headers["Authorization"] == "Bearer wrong-key-11"
                else says("Let in."))
            with open(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w",
                      encoding="utf-8") as file:
                file.write("wrong-key-11")
            with serving(folder, cloud.endpoint("a", "model=m", f"key-file={key}"),
                         name=f"sole-{status}") as (url, _):
                for i in range(5):
                    found, headers, error = ask(url, stream=i % 2 == 1)
                    assert found == seen, (i, found, error)
                    assert headers["X-Should-Retry"] == "false" and "Retry-After" not in headers
                assert len(cloud.chats()) == 5, len(cloud.chats())
                with open(key, "w", encoding="utf-8") as file:
                    file.write("right-key-22")
                found, _, text = ask(url)
                assert found == 200 and "Let in." in text, text


@promise
def endpoint__with_a_refused_key_is_not_tried_first_each_time(folder):
    rests = os.path.join(folder, "rests.json")
    with open(rests, "w", encoding="utf-8") as file:
        file.write('{"breaker":{"open_ms":3600000}}')
    with ScriptedCloud(folder) as good, ScriptedCloud(folder) as bad:
        bad.answer = lambda _: refusal(401, "invalid_api_key")
        good.answer = lambda _: says("Here.")
        with serving(folder, bad.endpoint("bad", "model=m"),
                     good.endpoint("good", "model=m", "priority=1"), name="behind",
                     more=("--policy", rests)) as (url, _):
            for i in range(5):
                found, _, text = ask(url, user=str(i))
                assert found == 200 and "Here." in text, text
            assert len(bad.chats()) == 1 and len(good.chats()) == 5, len(bad.chats())
            good.answer = lambda _: refusal(403, "forbidden")
            found, _, error = ask(url, user="last")
            assert found in (401, 403) and error["code"] != "busy", error


@promise
def endpoint__whose_key_file_was_corrected_goes_first_at_once(folder):
    rests = os.path.join(folder, "rests-key.json")
    key = os.path.join(folder, "corrected-key")
    for path, text in ((rests, '{"breaker":{"open_ms":3600000}}'), (key, "wrong-key-111")):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    os.chmod(key, 0o600)
    with ScriptedCloud(folder) as first, ScriptedCloud(folder) as second:
        first.answer = lambda request: (
            says("By the first.") if "right" in request.headers.get("Authorization", "")
            else refusal(401, "invalid_api_key"))
        second.answer = lambda _: says("By the second.")
        with serving(folder, first.endpoint("first", "model=m", f"key-file={key}"),
                     second.endpoint("second", "model=m", "priority=1"), name="corrected",
                     more=("--policy", rests)) as (url, _):
            for i in range(3):
                assert "By the second." in ask(url, user=str(i))[2]
            assert len(first.chats()) == 1, len(first.chats())
            with open(key, "w", encoding="utf-8") as file:
                file.write("right-key-222")
            assert "By the first." in ask(url, user="corrected")[2]


@promise
def errors__of_a_sole_endpoint_with_an_open_breaker_are_todays(folder):
    rests = os.path.join(folder, "rests-long.json")
    with open(rests, "w", encoding="utf-8") as file:
        file.write('{"breaker":{"open_ms":3600000}}')
    with ScriptedCloud(folder) as cloud, serving(
            folder, cloud.endpoint("a", "model=m"), name="page",
            more=("--policy", rests)) as (url, _):
        cloud.answer = lambda _: reply(200, "<html>Welcome</html>", content_type="text/html")
        for _ in range(3):
            status, _, first = ask(url)
        before = len(cloud.chats())
        for i in range(3):
            assert ask(url, stream=i % 2 == 1)[0] == status
        _, _, error = ask(url)
        assert error["message"] == first["message"], (first, error)
        assert len(cloud.chats()) == before + 4, len(cloud.chats())  # each once
        cloud.answer = lambda _: refusal(503, "overloaded", "server_error", retry_after="7")
        found, headers, error = ask(url)
        assert found == 503 and headers["Retry-After"] in "67", (found, dict(headers))
        assert error["code"] == "overloaded", error
        cloud.answer = lambda _: says("Here again.")
        found, _, text = ask(url)
        assert found == 200 and "Here again." in text, text


@promise
def errors__say_when_to_come_back(folder):
    with ScriptedCloud(folder) as cloud, serving(folder, cloud.endpoint("a", "model=m")) as (url,
                                                                                             _):
        cloud.answer = lambda _: refusal(429, retry_after="30")
        for stream in (False, True):
            _, headers, _ = ask(url, stream)
            assert 25 <= int(headers["Retry-After"]) <= 30, headers["Retry-After"]
            assert 25000 <= int(headers["Retry-After-Ms"]) <= 30000, headers["Retry-After-Ms"]


@promise
def errors__in_a_stream_are_the_ones_of_a_plain_answer(folder):
    with ScriptedCloud(folder) as cloud, serving(folder, cloud.endpoint("a", "model=m")) as (url,
                                                                                             _):
        cloud.answer = lambda _: events(
            word("Hel"), {"error": {"message": "no more", "code": "insufficient_quota"}},
            done=False)
        _, _, plain = ask(url)
        status, _, text = ask(url, stream=True)
        assert status == 200 and "[DONE]" not in text, text
        last = [line for line in text.split("\n\n") if line][-1]
        error = json.loads(last[len("data: "):])["error"]
        for key in ("type", "code", "param", "message"):
            assert error[key] == plain[key], (error, plain)


@promise
def errors__of_the_gateway_itself_have_the_same_shape(folder):
    url = shared_gateway()
    for method, path, body, status, code in (
            ("GET", "/v1/none", None, 404, "unknown_url"),
            ("GET", "/v1/models/none", None, 404, "model_not_found"),
            ("DELETE", "/v1/models", None, 405, "method_not_allowed"),
            ("POST", CHAT, b"x" * (17 << 20), 413, "request_too_large"),
            ("POST", CHAT, {"messages": []}, 400, "argument")):
        found, headers, text = call(url, method, path, body)
        error = json.loads(text)["error"]
        assert (found, error["code"]) == (status, code), (path, found, error)
        assert error["type"] == "invalid_request_error" and error["message"], error
        assert headers["X-Request-Id"].startswith("req_") and headers["X-Should-Retry"] == "false"


@promise
def headers__say_what_the_amphi_member_would(folder):
    with ScriptedCloud(folder) as cloud:
        with gateway(folder, "--mode", "prefer_cloud", "--endpoint",
                     cloud.endpoint("a", "model=m")) as (url, _):
            def route(headers, **body):
                status, _, text = ask(url, headers=headers, max_tokens=2, **body)
                return status if status >= 400 else json.loads(text)["amphi"]["route"]
            assert route({}) == "a"
            assert route({"X-Amphi-Mode": "only_local"}) == "local"
            assert route({"X-Amphi-Private": "true"}) == "local"
            assert route({"x-amphi-private": "false"}) == "a"
            asked = len(cloud.chats())
            # A header makes a request stricter, never looser.
            assert route({"X-Amphi-Private": "false"}, amphi={"private": True}) == "local"
            assert route({"X-Amphi-Mode": "only_cloud"}, amphi={"mode": "only_local"}) == "local"
            assert route({"X-Amphi-Mode": "only_cloud", "X-Amphi-Private": "true"}) == 403
            assert len(cloud.chats()) == asked
            assert ask(url, headers={"X-Amphi-Conversation": "c\"1",
                                     "X-Amphi-Mode": "only_local"}, max_tokens=2)[0] == 200
        listed = json.loads(amphi("history", "--data", os.path.join(folder, "gateway"),
                                  "--json").stdout)
        assert [c["id"] for c in listed["conversations"]] == ["c\"1"], listed


@promise
def headers__that_are_not_understood_are_refused_by_name(folder):
    url = shared_gateway()
    for name, value in (("X-Amphi-Privat", "true"), ("X_Amphi_Private", "true"),
                        ("X-Amphi_Private", "true"), ("X-AmphiPrivate", "true"),
                        ("Amphi-Private", "true"), ("Amphi-Mode", "only_local"),
                        ("X-Amphi-Private", "yes"), ("X-Amphi-Private", ""),
                        ("X-Amphi-Mode", "fast"),
                        ("X-Amphi-Mode", "only_cloud only_local"), ("X-Amphi-Cache", "on")):
        status, _, error = ask(url, headers={name: value})
        assert status == 400 and error["param"] == name, (name, value, status, error)
        assert error["message"].startswith(name + ": "), error
    status, _, error = ask(url, headers={"X-Amphi-Conversation": "x" * 300})
    assert status == 400 and "conversation" in error["param"], error
    for path in ("/v1/models",):
        assert call(url, "GET", path, None, {"X-Amphi-Nothing": "1"})[0] == 400


@promise
def models__of_one_endpoint_are_listed_and_sent_as_named(folder):
    with ScriptedCloud(folder) as one, ScriptedCloud(folder) as two:
        first, second = one.endpoint("one", "model=m-1,model=m-1-mini"), two.endpoint(
            "two", "model=org/m-2:free|m-3|m-4", "priority=1")
        with serving(folder, first, second) as (url, _):
            listed = json.loads(call(url, "GET", "/v1/models")[2])["data"]
            owners = {m["id"]: m["owned_by"] for m in listed}
            for model, owner in (("m-1", "one"), ("m-1-mini", "one"), ("org/m-2:free", "two"),
                                 ("m-3", "two"), ("m-4", "two")):
                assert owners[model] == owner, owners
                assert call(url, "GET", "/v1/models/" + model)[0] == 200, model
            for model, cloud, sent in (("m-1-mini", one, "m-1-mini"), ("m-4", two, "m-4"),
                                       ("org/m-2:free", two, "org/m-2:free"),
                                       ("two", two, "org/m-2:free"), ("m-1", one, "m-1"),
                                       ("gpt-9", one, "m-1"), ("amphi", one, "m-1")):
                for each in (one, two):
                    each.requests.clear()
                status, _, text = ask(url, model=model)
                assert status == 200, text
                assert [r.json["model"] for r in cloud.chats()] == [sent], (model, cloud.chats())
                other = two if cloud is one else one
                assert not other.chats(), model
    for bad in ("model=a||b", "model=a|a", "model=a,model=b,model=a"):
        done = amphi("ask", "--data", os.path.join(folder, "x"), "--endpoint",
                     "work=https://127.0.0.1:9/v1," + bad, "hi")
        faces.refused(done, "model=")


if __name__ == "__main__":
    if missing_openssl():
        faces.skip("no openssl command")
    faces.main()
