#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What answers cost, over TLS and through the command: in the record, in the day's sum that all
processes of a store share, and against the policy's budget and wishes.

Usage: test_cost.py BUILD_FOLDER [PART_OF_A_NAME]
"""
import json
import os
import re
import sys
import threading
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
sys.dont_write_bytecode = True
import faces  # noqa: E402
from faces import amphi, promise, write  # noqa: E402
from scripted_cloud import ScriptedCloud, events, missing_openssl, says, stop, word  # noqa: E402

PRICES = "prices=m=10/20/5"  # 1,000 tokens of prompt, 400 of them cached, 100 of answer: $0.01
USAGE = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100,
         "prompt_tokens_details": {"cached_tokens": 400}}


def costs(**more):
    """An answer of $0.01, or what the provider says in `more`."""
    usage = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m",
             "choices": [], "usage": {**USAGE, **more}}
    return events(word("Fine."), stop(), usage)


def flags(folder, *endpoints, policy=None):
    made = ["--data", os.path.join(folder, "data"), "--model", "/nowhere.gguf", "--mode",
            "only_cloud", "--json"]
    for one in endpoints:
        made += ["--endpoint", one]
    if policy is not None:
        made += ["--policy", write(folder, "policy.json", json.dumps(policy))]
    return made


def ask(folder, *endpoints, policy=None, question="Hi"):
    done = amphi("ask", *flags(folder, *endpoints, policy=policy), "--no-queue", "--no-cache",
                 question)
    return json.loads(done.stdout)


def explain(folder, *endpoints, policy=None, more=()):
    return json.loads(amphi("route", *flags(folder, *endpoints, policy=policy), *more).stdout)


@promise
def cost__of_an_answer_is_in_its_record_and_in_the_days_sum(folder):
    with ScriptedCloud(folder) as cloud:
        cloud.answer = lambda request: costs()
        work = cloud.endpoint("work", "model=m", PRICES)
        assert ask(folder, work)["cost"] == {"usd": 0.01, "source": "prices"}
        cloud.answer = lambda request: costs(cost=0.0025)
        assert ask(folder, work)["cost"] == {"usd": 0.0025, "source": "provider"}
        unpriced = cloud.endpoint("work", "model=m")
        assert ask(folder, unpriced)["cost"] == {"usd": 0.0025, "source": "provider"}
        cloud.answer = lambda request: costs()
        assert ask(folder, unpriced)["cost"] == {"usd": None, "source": "unknown"}
        cloud.answer = lambda request: events(word("Fine, but"), done=False, cut=True)
        broken = ask(folder, work)
        assert broken["error"] is not None and broken["cost"]["source"] == "estimate", broken
        assert broken["cost"]["usd"] > 0, broken
        today = explain(folder, work)["today"]
        spent = 0.01 + 2 * 0.0025 + broken["cost"]["usd"]
        assert abs(today["spent_usd"] - spent) < 1e-9, (today, spent)
        assert today["unknown_answers"] == 1 and today["estimated_answers"] == 1, today
        assert today["metered_bytes"] == 0, today


@promise
def cost__of_a_kept_turn_is_in_the_history(folder):
    with ScriptedCloud(folder) as cloud:
        cloud.answer = lambda request: costs()
        amphi("ask", *flags(folder, cloud.endpoint("work", "model=m", PRICES)),
              "--conversation", "trip", "Hi")
        shown = amphi("history", "show", "trip", "--data", os.path.join(folder, "data"), "--json")
        assert '"cost":{"usd":0.01,"source":"prices"}' in shown.stdout.replace(" ", ""), shown


@promise
def budget__that_is_used_up_refuses_before_anything_is_sent(folder):
    policy = {"cost": {"day_usd_max": 0.02}}
    with ScriptedCloud(folder) as cloud:
        cloud.answer = lambda request: costs()
        work = cloud.endpoint("work", "model=m", PRICES)
        ask(folder, work, policy=policy)
        ask(folder, work, policy=policy)
        sent = len(cloud.chats())
        assert sent == 2
        refused = ask(folder, work, policy=policy)
        assert refused["error"]["status"] == "quota", refused
        assert "today's budget of $0.02 is used up ($0.02 spent)" in refused["error"]["message"]
        reasons = {e["route"]: e["reason"] for e in refused["decision"]}
        assert reasons["work"] == "cost", refused
        assert len(cloud.chats()) == sent
        free = cloud.endpoint("free", "model=m", "prices=0/0")
        assert ask(folder, work, free, policy=policy)["route"] == "free"
        last = {"cost": {"day_usd_max": 0.02, "over": "last"}}
        assert ask(folder, work, policy=last)["route"] == "work"
        entry = explain(folder, work, free, policy=last)["routes"]
        assert [e["route"] for e in entry[:2]] == ["free", "work"], entry
        assert entry[1]["reasons"] == ["cost"] and entry[1]["kept"], entry


@promise
def explain__prices_the_tokens_that_it_names(folder):
    """Where nothing counts them, a price is of the small guess, and what must fit of the large."""
    words = ["--max-tokens", "7", "a long question about the harbour " * 40]
    with ScriptedCloud(folder) as cloud:
        work = cloud.endpoint("work", "model=m", "prices=1000000/1000000")  # $1 for a token
        done = amphi("route", *[f for f in flags(folder, work) if f != "--json"], *words).stdout
    line = next(one for one in done.splitlines() if "this request about" in one)
    found = re.search(r"about \$(\d+)\.00 for its (\d+) tokens, its answer taken as 7 tokens", line)
    assert found and int(found[1]) == int(found[2]) + 7, done


@promise
def spending__of_processes_at_once_is_exact(folder):
    with ScriptedCloud(folder) as cloud:
        cloud.answer = lambda request: costs()
        work = cloud.endpoint("work", "model=m", PRICES)
        policy = {"cost": {"day_usd_max": 100}}
        path = write(folder, "policy.json", json.dumps(policy))
        answers = []

        def one():
            done = amphi("ask", *flags(folder, work), "--policy", path, "--no-queue",
                         "--no-cache", "Hi", timeout=120)
            answers.append(json.loads(done.stdout))

        one()  # the store is there
        threads = [threading.Thread(target=one) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(answers) == 7 and all(a["error"] is None for a in answers), answers
        today = explain(folder, work)["today"]
        assert abs(today["spent_usd"] - 0.07) < 1e-9, today


@promise
def latency__route_that_was_slow_goes_behind_the_other(folder):
    policy = {"latency": {"first_token_ms": 300}}
    with ScriptedCloud(folder) as slow, ScriptedCloud(folder) as quick:
        slow.answer = lambda request: events(0.5, word("Slow."), stop())
        quick.answer = lambda request: says("Quick.")
        both = (slow.endpoint("slow", "model=m", "priority=1"),
                quick.endpoint("quick", "model=m", "priority=2"))
        for _ in range(3):
            assert ask(folder, *both, policy=policy)["route"] == "slow"
        behind = explain(folder, *both, policy=policy)["routes"]
        assert [e["route"] for e in behind[:2]] == ["quick", "slow"], behind
        assert behind[1]["reasons"] == ["latency"], behind
        assert behind[1]["answers"] == 3 and behind[1]["first_token_ms"] >= 500, behind
        assert ask(folder, *both, policy=policy)["route"] == "quick"
        policy["latency"]["over"] = "refuse"
        alone = ask(folder, both[0], policy=policy)
        assert alone["error"]["status"] == "busy", alone
        assert "began after" in alone["error"]["message"], alone


@promise
def bytes__to_this_machine_itself_are_never_metered(folder):
    device = write(folder, "device.json", json.dumps({"network": "metered"}))
    with ScriptedCloud(folder) as cloud:
        cloud.answer = lambda request: says("word " * 400)
        work = cloud.endpoint("work", "model=m", PRICES)
        amphi("ask", *flags(folder, work), "--device", device, "--no-cache", "Hi")
        counted = explain(folder, work)["today"]["metered_bytes"]
        assert counted == 0, counted


@promise
def endpoints__of_a_gateway_may_be_twenty(folder):
    with ScriptedCloud(folder) as cloud:
        cloud.answer = lambda request: says("Fine from " + request.json["model"])
        more = []
        for i in range(20):
            more += ["--endpoint", cloud.endpoint(f"e{i}", f"model=m{i}",
                                                      f"priority={i}")]
        with faces.gateway(folder, "--model", "/nowhere.gguf", *more) as (url, _):
            host = url.split("//", 1)[1].split("/", 1)[0]
            for name in ("m0", "m15", "m16", "m19"):
                body = json.dumps({"model": name, "messages": [{"role": "user", "content": "Hi"}]})
                request = urllib.request.Request(
                    f"http://{host}/v1/chat/completions", body.encode(),
                    {"Content-Type": "application/json"})
                with urllib.request.urlopen(request, timeout=60) as answer:
                    text = json.load(answer)["choices"][0]["message"]["content"]
                assert text == "Fine from " + name, text


if __name__ == "__main__":
    if missing_openssl():
        faces.skip("openssl is not here")
    faces.main()
