#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""POST /v1/embeddings of `amphi serve`, over clouds on this machine."""
import array
import base64
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import faces  # noqa: E402
from faces import gateway, promise, write  # noqa: E402
from gateway_client import call, connect  # noqa: E402
from scripted_cloud import (  # noqa: E402
    Reply, ScriptedCloud, embeddings, missing_openssl, reply, says, vector_of)

PATH = "/v1/embeddings"
MODEL = "text-embedding-3-small"
SERVES = f"model=chat-1|{MODEL}"


def embed(request):
    return embeddings(request, not_known=[12345678901234567890, -0.123456789])


def embeds(folder):
    cloud = ScriptedCloud(folder)
    cloud.answer = embed
    return cloud


def ask(url, body, headers=None):
    status, _, text = call(url, "POST", PATH, body, headers)
    return status, json.loads(text)


def posts(cloud, path=PATH):
    return [one for one in cloud.chats() if one.path == path]


@promise
def embeddings__answers_come_back_as_the_endpoint_wrote_them(folder):
    texts = ["Hello", "Grüße \"quoted\"\n", "x" * 3]
    with embeds(folder) as cloud, \
            gateway(folder, "--endpoint", cloud.endpoint("work", SERVES)) as (url, _):
        for given in ("Hello", texts, [1, 2, 300], [[1, 2], [3]]):
            body = {"model": MODEL, "input": given, "user": "u-1", "dimensions": 2}
            status, answer = ask(url, body)
            sent = posts(cloud)[-1].json
            assert status == 200 and sent == body, (answer, sent)
            assert answer == json.loads(embed(posts(cloud)[-1]).pieces[0]), answer
        # numbers in all their digits, and members that no one here knows
        text = call(url, "POST", PATH, {"model": MODEL, "input": "x"})[2]
        assert "12345678901234567890" in text and "-0.123456789" in text, text
        listed = [m["id"] for m in json.loads(call(url, "GET", "/v1/models")[2])["data"]]
        assert MODEL in listed and "chat-1" in listed, listed
        assert call(url, "GET", PATH)[0] == 405


@promise
def embeddings__the_openai_packages_form_is_served(folder):
    """Without encoding_format it asks for base64, and decodes 32-bit floats."""
    with embeds(folder) as cloud, \
            gateway(folder, "--endpoint", cloud.endpoint("work", SERVES)) as (url, _):
        body = {"input": ["Hello", "world"], "model": MODEL, "encoding_format": "base64"}
        status, answer = ask(url, body, {"Accept": "application/json", "Authorization": "Bearer x",
                                         "X-Stainless-Lang": "python",
                                         "Content-Type": "application/json"})
        assert status == 200, answer
        for one, text in zip(answer["data"], body["input"]):
            numbers = array.array("f", base64.b64decode(one["embedding"]))
            assert list(numbers) == vector_of(text), (numbers, text)
        assert answer["usage"] == {"prompt_tokens": 10, "total_tokens": 10}
        assert posts(cloud)[-1].headers.get("Authorization") is None, "the client's key went on"


@promise
def embeddings__only_endpoints_that_serve_the_model_are_asked(folder):
    with embeds(folder) as one, embeds(folder) as two, embeds(folder) as other, \
            gateway(folder, "--endpoint", other.endpoint("other", "model=chat-2|embed-other"),
                   "--endpoint", one.endpoint("one", SERVES, "priority=1"),
                   "--endpoint", two.endpoint("two", f"model={MODEL}", "priority=2")) as (url, _):
        assert ask(url, {"model": MODEL, "input": "x"})[0] == 200
        assert (len(posts(one)), len(posts(two)), len(posts(other))) == (1, 0, 0)
        assert posts(one)[0].json["model"] == MODEL
        for broken in (reply(503, {"error": {"message": "down"}}),
                       reply(429, {"error": {"message": "slow down"}}, Retry_After="30"),
                       reply(404, {"error": {"message": "no such path"}}),
                       Reply(200, {"Content-Type": "application/json"}, [b'{"data": ['], cut=True),
                       reply(200, {"object": "list"})):
            before = len(posts(two))
            one.answer = lambda request, broken=broken: broken
            status, answer = ask(url, {"model": MODEL, "input": "x"})
            assert status == 200 and answer["model"] == MODEL, answer
            assert len(posts(two)) == before + 1 and not posts(other)
        one.answer = embed
        for name in ("embed-none", "amphi", "gpt-4o"):
            status, answer = ask(url, {"model": name, "input": "x"})
            assert status == 404 and answer["error"]["code"] == "model_not_found", answer
            assert answer["error"]["param"] == "model", answer
            assert "model=a|b|c" in answer["error"]["message"], answer
        assert ask(url, {"model": "other", "input": "x"})[0] == 200  # an endpoint by its name
        assert posts(other)[-1].json["model"] == "chat-2"
        assert ask(url, {"model": "embed-other", "input": "x"})[0] == 200
        assert posts(other)[-1].json["model"] == "embed-other" and len(posts(other)) == 2
        two.answer = one.answer = lambda request: reply(500, {"error": {"message": "broken"}})
        status, answer = ask(url, {"model": MODEL, "input": "x"})
        assert status == 502 and answer["error"]["message"] == "broken", answer
        assert len(posts(other)) == 2, "another model answered"


@promise
def embeddings__an_endpoint_without_models_gets_the_requests_own(folder):
    with embeds(folder) as cloud, \
            gateway(folder, "--endpoint", cloud.endpoint("work")) as (url, _):
        status, answer = ask(url, {"model": "any-model", "input": "x"})
        assert status == 200 and answer["model"] == "any-model", answer


@promise
def embeddings__one_endpoint_is_asked_twice_when_it_is_down(folder):
    with embeds(folder) as cloud, \
            gateway(folder, "--endpoint", cloud.endpoint("work", SERVES)) as (url, _):
        cloud.answer = lambda request: (embed(request) if len(posts(cloud)) > 1 else
                                        reply(503, {"error": {"message": "down"}}))
        assert ask(url, {"model": MODEL, "input": "x"})[0] == 200
        first, second = posts(cloud)
        assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
        assert first.body == second.body


@promise
def embeddings__failures_are_openais(folder):
    refusals = [(400, {"message": "too many dimensions", "type": "invalid_request_error",
                       "param": "dimensions", "code": "bad"}, 400, 1),
                (401, {"message": "wrong key", "code": "invalid_api_key"}, 401, 1),
                (429, {"message": "unpaid", "code": "insufficient_quota"}, 429, 1),
                (404, {"message": "no such model", "code": "model_not_found"}, 404, 1)]
    with embeds(folder) as cloud, \
            gateway(folder, "--endpoint", cloud.endpoint("work", SERVES)) as (url, _):
        for theirs, error, ours, asked in refusals:
            before = len(posts(cloud))
            cloud.answer = lambda request, s=theirs, e=error: reply(s, {"error": e},
                                                                    x_request_id="req-7")
            status, answer = ask(url, {"model": MODEL, "input": "x", "dimensions": 9,
                                       "temperature": 1})
            assert status == ours and answer["error"]["message"] == error["message"], answer
            assert answer["error"]["code"] == error["code"], answer
            assert len(posts(cloud)) == before + asked, "a refusal was sent again"
        before = len(posts(cloud))
        for body, param in (({"input": "x"}, "model"), ({"model": MODEL}, "input"),
                            ({"model": MODEL, "input": ""}, "input"),
                            ({"model": MODEL, "input": []}, "input"),
                            ({"model": MODEL, "input": 7}, "input"),
                            ({"model": MODEL, "input": "x", "messages": []}, "messages"),
                            ({"model": MODEL, "input": "x", "amphi": {"mode": "fast"}},
                             "amphi.mode"),
                            ({"model": MODEL, "input": "x", "private": True}, None)):
            status, answer = ask(url, body)
            assert status == 400, (body, answer)
            assert param is None or answer["error"]["param"] == param, (body, answer)
        for text in ("", "{", "[]", '{"model": "m", "input": "x", "\\u0061mphi": {}}'):
            assert call(url, "POST", PATH, text)[0] == 400, text
        assert len(posts(cloud)) == before


@promise
def embeddings__nothing_private_is_sent(folder):
    body = {"model": MODEL, "input": "secret"}
    with embeds(folder) as cloud:
        endpoint = ("--endpoint", cloud.endpoint("work", SERVES))
        with gateway(folder, *endpoint) as (url, _):
            for more, headers in (({"amphi": {"private": True}}, {}),
                                  ({"amphi": {"mode": "only_local"}}, {}),
                                  ({}, {"X-Amphi-Private": "true"}),
                                  ({"amphi": {"private": False}}, {"X-Amphi-Private": "true"}),
                                  ({"amphi": {"mode": "only_cloud"}},
                                   {"X-Amphi-Mode": "only_local"})):
                status, answer = ask(url, {**body, **more}, headers)
                assert status == 403, (more, headers, answer)
                assert "may not leave the device" in answer["error"]["message"], answer
            assert ask(url, body, {"X-Amphi-Privat": "true"})[0] == 400
        for flag in (["--private"], ["--mode", "only_local"]):
            with gateway(folder, *endpoint, *flag, name="strict" + flag[-1].strip("-")) as (url, _):
                status, answer = ask(url, {**body, "amphi": {"private": False}})
                assert status == 403, (flag, answer)
        assert not cloud.chats(), [one.path for one in cloud.chats()]
        with gateway(folder, *endpoint, "--mode", "prefer_local", name="prefers") as (url, _):
            assert ask(url, body)[0] == 200
            assert "amphi" not in posts(cloud)[-1].json


@promise
def embeddings__keys_and_headers_go_along_and_a_renewed_key_is_read(folder):
    key = write(folder, "key.txt", "old-key\n")
    os.chmod(key, 0o600)
    with embeds(folder) as cloud:
        def answer(request):
            if request.headers.get("Authorization") == "Bearer new-key":
                return embed(request)
            with open(key, "w", encoding="utf-8") as file:
                file.write("new-key\n")
            return reply(401, {"error": {"message": "wrong key old-key", "code":
                                         "invalid_api_key"}})
        cloud.answer = answer
        flags = cloud.endpoint("work", SERVES, f"key-file={key}", "header=X-App: amphi")
        with gateway(folder, "--endpoint", flags) as (url, _):
            status, text = ask(url, {"model": MODEL, "input": "x"})
        assert status == 200, text
        first, second = posts(cloud)
        assert first.headers["Authorization"] == "Bearer old-key"
        assert second.headers["X-App"] == "amphi"


@promise
def embeddings__large_bodies_pass_and_take_no_tree(folder):
    """300,000 tokens are more values than a request that is made into a tree may have."""
    tokens = [[t % 50000 for t in range(1000)] for _ in range(300)]
    with embeds(folder) as cloud, \
            gateway(folder, "--endpoint", cloud.endpoint("work", SERVES)) as (url, _):
        status, answer = ask(url, {"model": MODEL, "input": tokens})
        assert status == 200 and len(answer["data"]) == 300, status
        assert posts(cloud)[-1].json["input"] == tokens
        status, answer = ask(url, {"model": MODEL, "input": "long " * 2_000_000})
        assert status == 200 and len(posts(cloud)[-1].json["input"]) == 10_000_000
        wide = [0.5] * 3_000_000  # 15 MB of answer
        cloud.answer = lambda request: reply(200, {"object": "list", "model": MODEL, "data": [
            {"object": "embedding", "index": 0, "embedding": wide}]})
        status, answer = ask(url, {"model": MODEL, "input": "x"})
        assert status == 200 and answer["data"][0]["embedding"] == wide
        assert ask(url, {"model": MODEL, "input": "x" * (16 << 20)})[0] == 413


@promise
def embeddings__are_counted_and_logged(folder):
    with embeds(folder) as cloud, embeds(folder) as spare, \
            gateway(folder, "--verbose", "--endpoint", cloud.endpoint("work", SERVES), "--endpoint",
                   spare.endpoint("spare", SERVES, "priority=1"), name="counted") as (url, _):
        assert ask(url, {"model": MODEL, "input": ["a", "b"]})[0] == 200
        cloud.answer = lambda request: reply(404, {"error": {"message": "no such path"}})
        assert ask(url, {"model": MODEL, "input": "secret words"})[0] == 200
        assert ask(url, {"model": "none", "input": "x"})[0] == 404
        text = call(url, "GET", "/metrics")[2]
        for line in ('amphi_http_requests_total{path="/v1/embeddings",code="200"} 2',
                     'amphi_http_requests_total{path="/v1/embeddings",code="404"} 1',
                     'amphi_requests_total{route="work",outcome="done"} 1',
                     'amphi_requests_total{route="spare",outcome="done"} 1',
                     'amphi_tokens_total{route="work",kind="prompt"} 10',
                     'amphi_requests_refused_total{status="not_found"} 1'):
            assert line in text, (line, text)
        assert 'amphi_takeovers_total{from="work",to="spare"' in text, text
        with open(os.path.join(folder, "counted.log"), encoding="utf-8") as log:
            lines = log.read()
        assert "POST /v1/embeddings 200 route=work" in lines, lines
        assert "takeovers=1" in lines and "secret" not in lines, lines


@promise
def embeddings__a_client_that_left_ends_the_request(folder):
    with embeds(folder) as cloud, \
            gateway(folder, "--endpoint", cloud.endpoint("work", SERVES)) as (url, _):
        cloud.answer = lambda request: Reply(200, {"Content-Type": "application/json"},
                                             [b'{"data": ['] + [0.1, b" "] * 600)
        line = connect(url)
        line.request("POST", PATH, json.dumps({"model": MODEL, "input": "x"}))
        while not posts(cloud):
            time.sleep(0.01)
        line.close()
        wait_until(lambda: posts(cloud)[0].was_left)
        cloud.answer = lambda request: says("Hello.")
        body = {"model": "chat-1", "messages": [{"role": "user", "content": "hi"}],
                "amphi": {"mode": "only_cloud"}}
        assert call(url, "POST", "/v1/chat/completions", body)[0] == 200


def wait_until(holds, seconds=60):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


if __name__ == "__main__":
    if missing_openssl():
        faces.skip("no openssl command")
    faces.main()
