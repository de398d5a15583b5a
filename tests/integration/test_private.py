#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What was said privately, as a person at a terminal and an OpenAI client meet the rule; a cloud
behind real sockets says what reached it."""
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import faces  # noqa: E402
from cloud_process import Cloud  # noqa: E402
from faces import amphi, gateway, promise, refused, write  # noqa: E402
from gateway_client import chat  # noqa: E402

SECRET = "My diagnosis is SECRET-Q"
cloud = None


def data(folder):
    return ["--data", os.path.join(folder, "data"), "--seed", "1"]


def endpoint():
    return ["--endpoint", cloud.endpoint("a", "model=m-a")]


def parsed(done):
    assert done.returncode == 0, (done.returncode, done.stderr)
    return json.loads(done.stdout)


def say_privately(folder):
    cloud.ask("reset")
    result = parsed(amphi("ask", *data(folder), *endpoint(), "--json", "--private",
                          "--conversation", "c", SECRET))
    assert result["route"] == "local" and result["privacy"] == "private", result
    assert cloud.attempts("*") == 0


def body_of_last_request():
    return json.dumps(cloud.ask("last", "a"))


@promise
def private__the_next_turn_stays_here_or_is_refused_with_both_ways_out(folder):
    say_privately(folder)
    words = [*data(folder), *endpoint(), "--conversation", "c"]
    done = amphi("ask", *words, "--mode", "only_cloud", "And now?")
    refused(done)
    assert "another mode" in done.stderr and 'private_history to "omit"' in done.stderr, done.stderr
    result = parsed(amphi("ask", *words, "--json", "--mode", "prefer_cloud", "And now?"))
    assert result["route"] == "local" and result["privacy"] == "private", result
    why = [r["why"] for r in result["decision"] if r["route"] == "a"]
    assert "private_history" in why[0], result["decision"]
    explained = parsed(amphi("route", *words, "--json", "And now?"))
    assert explained["privacy"] == "private", explained
    assert any("2 private turns" in r["why"] for r in explained["routes"]), explained
    messages = parsed(amphi("history", *data(folder), "--json", "c"))["messages"]
    assert [m["privacy"] for m in messages] == ["private"] * 4, messages
    assert cloud.attempts("*") == 0


@promise
def private__omitted_turns_do_not_reach_the_cloud(folder):
    say_privately(folder)
    policy = write(folder, "omit.json", {"private_history": "omit"})
    result = parsed(amphi("ask", *data(folder), *endpoint(), "--policy", policy, "--conversation",
                          "c", "--json", "--mode", "only_cloud", "An ordinary question"))
    assert result["route"] == "a" and result["privacy"] == "none", result
    assert result["turns_omitted"] == 1, result
    assert any("1 private turn left out" in r["why"] for r in result["decision"]), result
    sent = body_of_last_request()
    assert "An ordinary question" in sent and "SECRET" not in sent and "diagnosis" not in sent, sent
    messages = parsed(amphi("history", *data(folder), "--json", "c"))["messages"]
    assert [m["privacy"] for m in messages] == ["private"] * 2 + ["none"] * 2, messages


@promise
def private__only_local_turns_are_held_to_the_same_rule(folder):
    cloud.ask("reset")
    parsed(amphi("ask", *data(folder), *endpoint(), "--json", "--mode", "only_local",
                 "--conversation", "c", SECRET))
    refused(amphi("ask", *data(folder), *endpoint(), "--conversation", "c", "--mode", "only_cloud",
                  "And now?"))
    assert cloud.attempts("*") == 0
    policy = write(folder, "send.json", {"only_local_history": "send"})
    result = parsed(amphi("ask", *data(folder), *endpoint(), "--policy", policy, "--conversation",
                          "c", "--json", "--mode", "only_cloud", "And now?"))
    assert result["route"] == "a" and "SECRET" in body_of_last_request(), result


def queue_one(folder, name):
    nowhere = ["--endpoint", "a=http://127.0.0.1:1/v1,model=m-a", "--allow-http-loopback"]
    done = amphi("ask", "--data", os.path.join(folder, name), *nowhere, "--mode", "only_cloud",
                 "--json", "Queued while there was no cloud")
    assert json.loads(done.stdout)["route"] == "outbox", (done.stdout, done.stderr)


@promise
def private__a_private_program_delivers_nothing_of_the_outbox_to_a_cloud(folder):
    cloud.ask("reset")
    queue_one(folder, "gateway")
    store = ["--data", os.path.join(folder, "gateway")]
    queued, = parsed(amphi("outbox", *store, "--json"))["entries"]
    assert queued["attempts"] == 0 and "could not be reached" in queued["reason"], queued
    with gateway(folder, "--private", *endpoint()) as (url, _):
        status, answer = chat(url, {"messages": [{"role": "user", "content": SECRET}],
                                    "amphi": {"conversation_id": "c"}})
        assert status == 200 and answer["amphi"]["route"] == "local", answer
        time.sleep(1.5)  # its first round of deliveries is after half a second
    assert cloud.attempts("*") == 0
    done = amphi("outbox", *store, *endpoint(), "--private", "send")
    assert "1 not tried" in done.stdout and "keeps all on the device" in done.stdout, done.stdout
    assert cloud.attempts("*") == 0
    entry, = parsed(amphi("outbox", *store, "--json"))["entries"]
    assert entry["attempts"] == 0, entry
    assert entry["reason"] == queued["reason"], entry  # others are to say what failed since
    with gateway(folder, *endpoint()) as (url, _):  # what was said stays private for others
        status, answer = chat(url, {"messages": [{"role": "user", "content": "And now?"}],
                                    "amphi": {"conversation_id": "c", "mode": "only_cloud"}})
        assert status == 403 and "private turns" in answer["error"]["message"], answer
    assert "SECRET" not in body_of_last_request()


@promise
def private__a_private_question_does_not_strand_the_public_one_that_waits(folder):
    cloud.ask("reset")
    nowhere = ["--endpoint", "a=http://127.0.0.1:1/v1,model=m-a", "--allow-http-loopback"]
    public = ["--mode", "only_cloud", "--conversation", "c"]
    done = amphi("ask", *data(folder), *nowhere, *public, "The public question")
    assert done.returncode == 3, done.stderr
    result = parsed(amphi("ask", *data(folder), "--private", *public[2:], "--json", SECRET))
    assert result["route"] == "local" and result["outbox_before"] == 1, result
    done = amphi("outbox", *data(folder), *endpoint(), "send")
    assert done.returncode == 0 and done.stdout == "the outbox is empty\n", done.stdout
    sent = body_of_last_request()
    assert "The public question" in sent and "SECRET" not in sent and "diagnosis" not in sent, sent


@promise
def private__spellings_that_miss_are_refused_by_name_and_reach_no_cloud(folder):
    cloud.ask("reset")
    question = [{"role": "user", "content": SECRET}]
    cases = [({"amphi": {"is_private": True}}, "amphi.is_private"),
             ({"amphi": {"Private": True}}, "amphi.Private"),
             ({"amphi": {"privat": True}}, "amphi.privat"),
             ({"amphi": {"private ": True}}, None), ({"privat": True}, "privat"),
             ({"private": True}, "private"), ({"is_private": True}, "is_private"),
             ({"isPrivate": True}, "isPrivate"), ({"PRIVATE": True}, "PRIVATE"),
             ({"Amphi": {"private": True}}, "Amphi"),
             ({"extra_body": {"amphi": {"private": True}}}, "extra_body.amphi"),
             ({"mode": "only_local"}, "mode"), ({"amphi": {"conversation_id": 5}},
                                                "amphi.conversation_id"),
             ({"amphi": {"conversation_id": "c\0d"}}, "amphi.conversation_id"),
             ({"amphi": {"conversation_id": "c" * 257}}, "amphi.conversation_id")]
    with gateway(folder, *endpoint(), "--mode", "only_cloud") as (url, _):
        for more, field in cases:
            status, answer = chat(url, {"messages": question, **more})
            assert status == 400, (more, answer)
            assert field is None or answer["error"]["param"] == field, (more, answer)
            assert "\n" not in answer["error"]["message"], answer
        doubled = ('{"messages":[{"role":"user","content":"%s"}],'
                   '"amphi":{"private":true,"private":false}}' % SECRET)
        status, answer = chat(url, doubled)
        assert status == 400 and answer["error"]["param"] == "amphi.private", answer
        assert cloud.attempts("*") == 0


def main():
    global cloud
    cloud = Cloud()
    cloud.ask("set", "a", "ok")
    try:
        faces.main()
    finally:
        cloud.stop()


if __name__ == "__main__":
    main()
