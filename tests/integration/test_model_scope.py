#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The embedded help model stands in for no chat model: beside an endpoint it answers only when it
is asked by name, or when the request may go nowhere else. Its file says so.

Usage: test_model_scope.py BUILD_FOLDER [PART_OF_A_NAME]
"""
import http.client
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
sys.path.insert(0, os.path.join(HERE, "..", "..", "local", "models"))
sys.dont_write_bytecode = True
import faces  # noqa: E402
import gguf_stamp  # noqa: E402
from faces import amphi, promise  # noqa: E402
from scripted_cloud import ScriptedCloud, events, missing_openssl, reply, says, word  # noqa: E402

UNNAMED = {"AMPHI_MODEL": ""}
QUESTION = "What is the capital of France?"
HELP = "What happens when the battery is low?"
NOWHERE = "work=https://192.0.2.1/v1,model=m"  # what is on this machine needs no network
LOW = {"battery_percent": 8, "charging": False, "thermal": "nominal", "network": "free"}


def ask(folder, cloud, *flags, question=QUESTION, env=None):
    done = amphi("ask", "--json", "--no-cache", "--data", os.path.join(folder, "data"),
                 "--endpoint", cloud.endpoint("work", "model=m"), *flags, question,
                 env=env or UNNAMED)
    record = json.loads(done.stdout) if done.stdout.startswith("{") else {}
    return done, record


def chat(url, **body):
    host = url.split("//", 1)[1].split("/", 1)[0]
    connection = http.client.HTTPConnection(host, timeout=60)
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": QUESTION}], **body}
    connection.request("POST", "/v1/chat/completions", json.dumps(body),
                       {"Content-Type": "application/json"})
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, text


def why(record, route):
    return next((r["reason"], r["why"]) for r in record["decision"] if r["route"] == route)


@promise
def scope__is_in_the_file_and_its_stamp_changes_no_weight(folder):
    with open(faces.MODEL, "rb") as file:
        data = file.read()
    keys, metadata_end, header_end = gguf_stamp.find_parts(data)
    assert keys.count(gguf_stamp.KEY) == 1 and gguf_stamp.stamp(data) == data
    entry = (gguf_stamp.string(gguf_stamp.KEY) + (8).to_bytes(4, "little") +
             gguf_stamp.string(gguf_stamp.VALUE))
    at = data.index(entry)  # the file without it, stamped, is the file
    head = data[:16] + (len(keys) - 1).to_bytes(8, "little") + data[24:at]
    head += data[at + len(entry):header_end]
    bare = head + b"\0" * (-len(head) % 32) + data[gguf_stamp.aligned(header_end):]
    assert gguf_stamp.KEY not in gguf_stamp.find_parts(bare)[0]
    assert gguf_stamp.stamp(bare) == data
    assert at + len(entry) == metadata_end


@promise
def scope__beside_an_endpoint_the_cloud_answers(folder):
    low = faces.write(folder, "low.json", LOW)
    with ScriptedCloud(folder) as cloud:
        cloud.answer = lambda request: says("Paris.")
        for flags in ([], ["--mode", "prefer_local"], ["--mode", "prefer_cloud"],
                      ["--device", low]):
            done, record = ask(folder, cloud, *flags)
            assert record["text"] == "Paris." and record["route"] == "work", done
            assert why(record, "local")[0] == "scope", record["decision"]
            assert "asked by name" in why(record, "local")[1], record["decision"]
        assert "no chat model is on this device" in why(ask(folder, cloud)[1], "work")[1]
        with faces.gateway(folder, "--endpoint", cloud.endpoint("work", "model=m"),
                           env=UNNAMED) as (url, _):
            status, text = chat(url)
            assert status == 200 and "Paris." in text, text
            assert "Paris." in chat(url, stream=True)[1]


@promise
def scope__when_the_cloud_fails_its_error_is_the_answer(folder):
    wrong_key = reply(401, {"error": {"message": "Incorrect API key", "code": "invalid_api_key"}})
    with ScriptedCloud(folder) as cloud:
        with faces.gateway(folder, "--endpoint", cloud.endpoint("work", "model=m"), "--no-queue",
                           "--mode", "prefer_cloud", env=UNNAMED) as (url, _):
            cloud.answer = lambda request: wrong_key
            for stream in (False, True):
                before = len(cloud.chats())
                status, text = chat(url, stream=stream)
                assert "Incorrect API key" in text and "help model" not in text, text
                assert len(cloud.chats()) == before + 1, cloud.chats()
            cloud.answer = lambda request: events(word("The capital of Fr"), done=False, cut=True)
            for stream in (False, True):
                status, text = chat(url, stream=stream)
                assert "error" in text and "local" not in text, (status, text)
        cloud.answer = lambda request: reply(503, {"error": {"message": "overloaded"}})
        done, record = ask(folder, cloud, "--no-queue")
        assert done.returncode == 1 and record.get("text", "") == "", done
        assert "503" in done.stderr, done.stderr


@promise
def scope__without_a_network_the_request_waits_in_the_outbox(folder):
    device = faces.write(folder, "device.json", {**LOW, "battery_percent": 90, "network": "none"})
    with ScriptedCloud(folder) as cloud:
        done = amphi("ask", "--json", "--no-cache", "--data", os.path.join(folder, "data"),
                     "--endpoint", NOWHERE, "--device", device, QUESTION, env=UNNAMED)
        assert done.returncode == 3, done
        assert cloud.chats() == []
        cloud.answer = lambda request: reply(503, {"error": {"message": "overloaded"}})
        data = ["--data", os.path.join(folder, "data"), "--endpoint",
                cloud.endpoint("work", "model=m")]
        assert amphi("outbox", "send", *data, env=UNNAMED).returncode == 3  # it still waits
        cloud.answer = lambda request: says("Paris.")
        assert amphi("outbox", "send", *data, env=UNNAMED).returncode == 0
        assert len(cloud.chats()) >= 2, cloud.chats()


@promise
def scope__what_may_go_nowhere_else_is_answered_and_says_so(folder):
    with ScriptedCloud(folder) as cloud:
        for flags in (["--private"], ["--mode", "only_local"]):
            done, record = ask(folder, cloud, *flags, question=HELP)
            assert record["route"] == "local" and record["text"], done
            assert "no other route may answer" in why(record, "local")[1], record["decision"]
        assert cloud.chats() == []
    alone = amphi("ask", "--json", "--data", os.path.join(folder, "other"), HELP, env=UNNAMED)
    record = json.loads(alone.stdout)
    assert record["route"] == "local" and "cloud" in record["text"].lower(), alone


@promise
def scope__asked_by_name_it_answers(folder):
    with ScriptedCloud(folder) as cloud:
        for flags, env in ((["--help-model"], UNNAMED), (["--model", "amphi-help"], UNNAMED),
                           (["--model", faces.MODEL], UNNAMED), ([], {"AMPHI_MODEL": faces.MODEL})):
            done, record = ask(folder, cloud, *flags, question=HELP, env=env)
            assert record["route"] == "local" and record["text"], done
        with faces.gateway(folder, "--endpoint", cloud.endpoint("work", "model=m"),
                           env=UNNAMED) as (url, _):
            for name in ("amphi-help", "Amphi Help", "local"):
                status, text = chat(url, model=name)
                assert status == 200 and json.loads(text)["amphi"]["route"] == "local", text
            status, text = chat(url, model="gpt-4o", fallbacks=["amphi-help"])
            assert json.loads(text)["amphi"]["route"] == "work", text
        assert len(cloud.chats()) == 1, cloud.chats()


@promise
def scope__route_and_doctor_say_it(folder):
    with ScriptedCloud(folder) as cloud:
        words = ["--data", os.path.join(folder, "data"), "--endpoint",
                 cloud.endpoint("work", "model=m")]
        shown = amphi("route", "--explain", *words, env=UNNAMED).stdout.splitlines()
        lines = [line for line in shown if not line.startswith(" ")]
        assert lines[0].startswith("1. work") and "no chat model" in lines[0], lines
        assert lines[1].startswith("-  local") and "scope" in lines[1], lines
        assert "a help model" in amphi("doctor", *words, env=UNNAMED).stdout
        assert "a help model" not in amphi("doctor", *words, "--help-model", env=UNNAMED).stdout


if __name__ == "__main__":
    if missing_openssl():
        faces.skip("there is no openssl command")
    faces.main()
