#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a provider says of a failure reaches the person and the program that asked: through
`amphi ask`, its JSON, and an OpenAI client of `amphi serve`; without keys, and nowhere else. And
what a status means: who is asked how often.

Usage: test_cloud_words.py BUILD_FOLDER [PART_OF_A_NAME]
"""
import glob
import http.client
import json
import os
import socket
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
sys.dont_write_bytecode = True
import faces  # noqa: E402
from faces import amphi, promise, write  # noqa: E402
from scripted_cloud import ScriptedCloud, events, missing_openssl, reply, says, word  # noqa: E402

SCHEMA = "Invalid schema for function 'f': 'required' is required"
KEY = "zx-Qw81mm27-Lk03"


def ask(folder, cloud, *flags, question="the harbour of Mole", options=("model=m",)):
    return amphi("ask", "--data", os.path.join(folder, "data"), "--model", "/nowhere.gguf",
                 "--mode", "only_cloud", "--endpoint", cloud.endpoint("work", *options), *flags,
                 question)


def chat(url, **body):
    host = url.split("//", 1)[1].split("/", 1)[0]
    connection = http.client.HTTPConnection(host, timeout=60)
    body = {"model": "m", "messages": [{"role": "user", "content": "the harbour of Mole"}], **body}
    connection.request("POST", "/v1/chat/completions", json.dumps(body),
                       {"Content-Type": "application/json"})
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, text


def serving(folder, *endpoints, name="gateway"):
    flags = [flag for one in endpoints for flag in ("--endpoint", one)]
    return faces.gateway(folder, "--model", "/nowhere.gguf", "--mode", "only_cloud", *flags,
                         "--verbose", name=name)


def refusal(status=400, **more):
    error = {"message": SCHEMA, "type": "invalid_request_error",
             "param": "tools[0].function.parameters", "code": "invalid_function_parameters", **more}
    return reply(status, {"error": error}, x_request_id="req_42")


@promise
def words__reach_the_person_who_asked(folder):
    with ScriptedCloud(folder) as cloud:
        cloud.answer = lambda request: refusal()
        done = ask(folder, cloud)
        lines = done.stderr.splitlines()
        assert done.returncode == 1 and len(lines) == 2, done.stderr
        assert "HTTP 400" in lines[0] and SCHEMA not in lines[0], lines
        assert SCHEMA in lines[1] and "tools[0].function.parameters" in lines[1], lines
        assert "req_42" in lines[1], lines
        record = json.loads(ask(folder, cloud, "--json").stdout)
        assert record["provider"] == {
            "http_status": 400, "message": SCHEMA, "type": "invalid_request_error",
            "code": "invalid_function_parameters", "param": "tools[0].function.parameters",
            "request_id": "req_42"}, record


@promise
def words__are_the_error_that_a_program_gets_streamed_or_not(folder):
    with ScriptedCloud(folder) as cloud:
        cloud.answer = lambda request: refusal()
        with serving(folder, cloud.endpoint("work", "model=m")) as (url, _):
            status, plain = chat(url)
            streamed = chat(url, stream=True)[1]
        assert status == 400, (status, plain)
        error = json.loads(plain)["error"]
        assert error["message"] == SCHEMA and error["type"] == "invalid_request_error", error
        assert error["code"] == "invalid_function_parameters", error
        assert error["param"] == "tools[0].function.parameters", error
        assert error["amphi"]["status"] == "request", error
        assert SCHEMA in streamed and "invalid_function_parameters" in streamed, streamed


@promise
def words__stay_out_of_the_log_and_the_store(folder):
    quoted = "the harbour of Mole"
    with ScriptedCloud(folder) as cloud:
        cloud.answer = lambda request: refusal(message=f"I do not talk about {quoted}")
        done = ask(folder, cloud, "--verbose", "--conversation", "c")
        log = [line for line in done.stderr.splitlines() if "the provider said" not in line]
        assert len(log) >= 2 and not any(quoted in line for line in log), done.stderr
        for path in glob.glob(os.path.join(folder, "data", "**"), recursive=True):
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    assert b"I do not talk" not in file.read(), path


@promise
def words__never_hold_a_key(folder):
    with ScriptedCloud(folder) as cloud:
        key = write(folder, "key", KEY)
        os.chmod(key, 0o600)
        for told in (f"Incorrect API key provided: {KEY}.", f"<{KEY}>",
                     "Incorrect API key provided: sk-proj-************abcd."):
            cloud.answer = lambda request: refusal(401, message=told, code="invalid_api_key",
                                                   param=KEY)
            for flags in ([], ["--json"], ["--events"]):
                done = ask(folder, cloud, *flags, options=("model=m", f"key-file={key}"))
                assert KEY not in done.stderr + done.stdout, done
                assert "abcd" not in done.stderr + done.stdout, done
                assert "[key]" in done.stderr, done.stderr


@promise
def status__a_wrong_key_is_asked_once(folder):
    with ScriptedCloud(folder) as cloud:
        for status in (401, 403):
            del cloud.requests[:]
            cloud.answer = lambda request: refusal(status, message="no", code="invalid_api_key")
            done = ask(folder, cloud, "--json")
            assert json.loads(done.stdout)["error"]["status"] == "auth", done.stdout
            assert len(cloud.chats()) == 1, len(cloud.chats())


@promise
def status__a_used_up_quota_is_no_rate_limit_and_the_next_route_runs(folder):
    with ScriptedCloud(folder) as cloud, ScriptedCloud(folder) as other:
        for status, code in ((402, None), (429, "insufficient_quota")):
            del cloud.requests[:]
            cloud.answer = lambda request: refusal(status, message="pay first", code=code,
                                                   type=code)
            done = ask(folder, cloud, "--json")
            assert json.loads(done.stdout)["error"]["status"] == "quota", done.stdout
            assert len(cloud.chats()) == 1, len(cloud.chats())
            done = ask(folder, cloud, "--endpoint", other.endpoint("other", "model=n"))
            assert done.returncode == 0 and "Hello." in done.stdout, done.stderr


@promise
def status__an_outage_costs_two_requests_at_most(folder):
    with ScriptedCloud(folder) as cloud:
        error = {"error": {"message": "overloaded", "type": "server_error"}}
        for headers, most in (({}, 2), ({"Retry_After": "1"}, 2), ({"Retry_After": "60"}, 1),
                              ({"x_should_retry": "false"}, 1)):
            del cloud.requests[:]
            folder = os.path.join(folder, "next")  # a store that remembers no pause
            cloud.answer = lambda request: reply(503, error, **headers)
            done = ask(folder, cloud, "--json", "--no-queue")
            assert done.returncode == 1, done
            assert len(cloud.chats()) == most, (headers, len(cloud.chats()))


@promise
def status__a_pause_that_is_asked_for_is_kept(folder):
    with ScriptedCloud(folder) as cloud:
        cloud.answer = lambda request: (
            says("Back.") if len(cloud.chats()) > 1 else
            reply(503, {"error": {"message": "busy"}}, Retry_After="1"))
        done = ask(folder, cloud, "--json")
        record = json.loads(done.stdout)
        assert record["text"] == "Back." and record["timing"]["total_ms"] >= 1000, record


@promise
def status__a_long_conversation_has_one_code(folder):
    bodies = [
        {"error": {"message": "This model's maximum context length is 8192 tokens.",
                   "type": "invalid_request_error", "param": "messages", "code": None}},
        {"error": {"code": 400, "message": "the request exceeds the available context size",
                   "type": "exceed_context_size_error"}},
        {"object": "error", "message": "maximum context length is 10", "code": 400},
    ]
    with ScriptedCloud(folder) as cloud:
        with serving(folder, cloud.endpoint("work", "model=m")) as (url, _):
            for body in bodies:
                cloud.answer = lambda request: reply(400, body)
                status, plain = chat(url)
                assert status == 400, plain
                assert json.loads(plain)["error"]["code"] == "context_length_exceeded", plain
                assert "context_length_exceeded" in chat(url, stream=True)[1]


@promise
def words__of_an_error_in_the_stream_are_passed_on(folder):
    with ScriptedCloud(folder) as cloud:
        cloud.answer = lambda request: events(
            word("Half"), {"error": {"message": "fell over", "type": "server_error", "code": 502}},
            x_request_id="req_9")
        done = ask(folder, cloud, "--json")
        record = json.loads(done.stdout)
        assert record["provider"]["message"] == "fell over", record
        assert record["provider"]["request_id"] == "req_9", record
        assert record["provider"]["http_status"] == 200, record


@promise
def doctor__tries_each_key_online_and_says_what_it_may_do(folder):
    def doctor(*flags):
        done = amphi("doctor", "--data", os.path.join(folder, "data"), "--json", "--endpoint",
                     cloud.endpoint("work", "model=m"), *flags)
        found = {one["part"]: one for one in json.loads(done.stdout)["findings"]}
        return done.returncode, found.get("key work"), done

    def answers(models, chat):
        """Another answer to GET /models than to a question."""
        cloud.answer = lambda request: chat if request.path.endswith("/completions") else models

    with ScriptedCloud(folder) as cloud:
        assert doctor()[1] is None and not cloud.chats()
        no_list = reply(404, {"error": {"message": "no such path"}})
        answers(no_list, says("H"))
        rc, found, _ = doctor("--online")
        assert found["level"] == "ok" and "may chat" in found["text"], found
        assert cloud.chats()[0].json["max_tokens"] == 1 and len(cloud.chats()) == 1
        for status, code, word_of_it in ((401, "invalid_api_key", "refuses the key"),
                                         (402, None, "used up"), (404, "model_not_found", "model")):
            answers(no_list, refusal(status, message="because", code=code))
            rc, found, _ = doctor("--online")
            assert rc == 1 and found["level"] == "fault", found
            assert word_of_it in found["text"] and "because" in found["text"], found
        faces.refused(amphi("doctor", "--online", "--private"), "--private")
        faces.refused(amphi("doctor", "--ask"), "--ask", "--online")


def models(*names):
    return reply(200, {"object": "list", "data": [{"id": name} for name in names]})


@promise
def doctor__asks_for_the_models_first_which_costs_nothing(folder):
    key_file = os.path.join(folder, "key")
    with open(key_file, "w", encoding="utf-8") as file:
        file.write(KEY)
    os.chmod(key_file, 0o600)

    def doctor(*flags, model="model=m", path="/v1"):
        done = amphi("doctor", "--data", os.path.join(folder, "data"), "--json", "--endpoint",
                     cloud.endpoint("work", model, f"key-file={key_file}"), "--online", *flags)
        assert KEY not in done.stdout + done.stderr, done
        found = {one["part"]: one for one in json.loads(done.stdout)["findings"]}["key work"]
        return done.returncode, found["level"], found["text"]

    with ScriptedCloud(folder) as cloud:
        seen = []

        def answer(request):
            seen.append((request.method, request.path, request.headers.get("Authorization")))
            return says("H") if request.method == "POST" else listed

        cloud.answer = answer
        listed = models("a", "m", "b")
        assert doctor() == (0, "ok", 'the key is good for 3 models, "m" among them')
        assert [(s[0], s[1].rsplit("/", 1)[1], s[2]) for s in seen] == [
            ("GET", "models", "Bearer " + KEY)], seen
        listed = models("a")
        rc, level, text = doctor()
        assert (rc, level) == (0, "note") and '"m" is not among them' in text, text
        rc, level, text = doctor(model="model=a|m|x")
        assert (rc, level) == (0, "note") and '"m|x" is not among them' in text, text
        rc, level, text = doctor(model="prefix=no")
        assert (rc, level) == (0, "ok") and "none is configured" in text, text
        for status, level_of_it, word_of_it in (
                (401, "fault", "refuses the key"), (403, "note", "may not list"),
                (402, "fault", "used up"), (429, "note", "rate limit"),
                (500, "fault", "could not be asked")):
            listed = reply(status, {"error": {"message": "because of " + KEY, "code": None}})
            rc, level, text = doctor()
            assert level == level_of_it and word_of_it in text, (status, level, text)
            assert "because of [key]" in text, text
            assert rc == (1 if level == "fault" else 0), (status, rc)
        assert not cloud.chats()  # no token was asked for
        listed = models("m")
        doctor("--ask")
        assert len(cloud.chats()) == 1


@promise
def doctor__sends_nothing_against_the_policy_and_goes_on_after_a_failure(folder):
    def doctor(*flags, policy=None, endpoints=()):
        more = ["--policy", write(folder, "policy.json", json.dumps(policy))] if policy else []
        for one in endpoints or [cloud.endpoint("work", "model=m")]:
            more += ["--endpoint", one]
        done = amphi("doctor", "--data", os.path.join(folder, "data"), "--json", *more, "--online",
                     *flags)
        found = {one["part"]: one for one in json.loads(done.stdout)["findings"]}
        return done.returncode, found

    with ScriptedCloud(folder) as cloud:
        cloud.answer = lambda request: (says("H") if request.method == "POST" else models("m"))
        for policy, word_of_it in (({"cloud": {"enabled": False}}, "cloud.enabled is false"),
                                   ({"mode": "only_local"}, "only_local")):
            for flags in ([], ["--ask"]):
                _, found = doctor(*flags, policy=policy)
                said = found["key work"]
                assert said["level"] == "note" and word_of_it in said["text"], (policy, found)
                assert not cloud.requests, (policy, cloud.requests)
        _, found = doctor("--ask", endpoints=[cloud.endpoint("work")])
        assert found["key work"]["level"] == "note" and "model=" in found["key work"]["remedy"]
        assert not cloud.chats()
        rc, found = doctor("--ask", policy={"cost": {"day_usd_max": 0.000001}}, endpoints=[
            cloud.endpoint("dear", "model=m", "prices=m=100/100"),
            cloud.endpoint('wo"rk', "model=m", "prices=m=0/0")])
        assert rc == 1 and found["key dear"]["level"] == "fault", found
        assert "budget" in found["key dear"]["text"], found
        free = found['key wo"rk']
        assert free["level"] == "ok" and "may chat" in free["text"], found
        assert len(cloud.chats()) == 1


def hanging(listener, has_list):
    """Answers one GET for the models, if it shall, and then never again."""
    kept = []
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        kept.append(connection)
        if has_list and connection.recv(4096).startswith(b"GET"):
            connection.sendall(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            connection.close()


@promise
def doctor__waits_ten_seconds_for_a_server_and_says_what_to_do(folder):
    for has_list in (False, True):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            threading.Thread(target=hanging, args=(listener, has_list), daemon=True).start()
            begun = time.monotonic()
            done = amphi("doctor", "--data", os.path.join(folder, "data"), "--json", "--endpoint",
                         f"slow=http://127.0.0.1:{listener.getsockname()[1]}/v1,model=m",
                         "--allow-http-loopback", "--online", "--ask")
            took_s = time.monotonic() - begun
            found = {one["part"]: one for one in json.loads(done.stdout)["findings"]}
            listener.shutdown(socket.SHUT_RDWR)
        said = found["key slow"]
        assert done.returncode == 1 and said["level"] == "fault", found
        assert "did not answer in time" in said["text"], said
        assert "URL" in said["remedy"] and "server" in said["remedy"], said
        assert took_s < 25, took_s  # one wait of ten, on a machine under load
        assert "nothing was sent" not in done.stdout, done.stdout


if __name__ == "__main__":
    if missing_openssl():
        faces.skip("openssl is not here")
    faces.main()
