#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What answers cost, over TLS and through the command: in the record, in the day's sum that all
processes of a store share, and against the policy's budget and wishes.

Usage: test_cost.py BUILD_FOLDER [PART_OF_A_NAME]
"""
import json
import os
import re
import socket
import sys
import threading
import time
import urllib.error
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


AT_ONCE = 20


class Crowd:
    """Requests through a gateway at the same time, each on a thread of its own; an answer of ten
    tokens is a cent at `PER_TOKEN`."""
    PER_TOKEN = "prices=m=0/1000"

    def __init__(self, url, cloud):
        self.host = url.split("//", 1)[1].split("/", 1)[0]
        self.cloud = cloud
        self.open = threading.Event()  # the cloud answers only then
        self.ended = threading.Condition()
        self.answers = []  # (status, body)
        self.threads = []
        cloud.answer = self.answer

    def answer(self, request):
        assert self.open.wait(120)
        usage = {"prompt_tokens": 9, "completion_tokens": 10, "total_tokens": 19}
        return events(word("Fine."), stop("length"),
                      {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m",
                       "choices": [], "usage": usage})

    def body(self):
        return json.dumps({"model": "m", "max_tokens": 10,
                           "messages": [{"role": "user", "content": "Hi"}]}).encode()

    def ask(self):
        request = urllib.request.Request(f"http://{self.host}/v1/chat/completions", self.body(),
                                         {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                came = answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            came = error.code, json.load(error)
        with self.ended:
            self.answers.append(came)
            self.ended.notify_all()

    def come(self, count=AT_ONCE):
        self.threads += [threading.Thread(target=self.ask) for _ in range(count)]
        for one in self.threads[-count:]:
            one.start()

    def wait(self, count):
        """Until so many have their answer; returns those."""
        with self.ended:
            assert self.ended.wait_for(lambda: len(self.answers) >= count, 120), self.answers
            return list(self.answers)

    def reach(self, count):
        """Until the cloud has so many requests."""
        until = time.monotonic() + 120
        while len(self.cloud.chats()) < count and time.monotonic() < until:
            time.sleep(0.01)
        assert len(self.cloud.chats()) == count, len(self.cloud.chats())

    def end(self):
        self.open.set()
        for one in self.threads:
            one.join()


def crowd_flags(folder, *endpoints):
    policy = {"cost": {"day_usd_max": 0.05}, "total_ms": 600000,
              "cloud": {"budgets": {"first_token_ms": 600000}}}
    return flags(folder, *endpoints, policy=policy)[2:]  # the gateway has its own --data


@promise
def budget__that_pays_for_five_lets_five_of_twenty_go_at_once(folder):
    with ScriptedCloud(folder) as cloud:
        work = cloud.endpoint("work", "model=m", Crowd.PER_TOKEN)
        with faces.gateway(folder, *crowd_flags(folder, work)) as (url, _):
            crowd = Crowd(url, cloud)
            crowd.come()
            refused = crowd.wait(AT_ONCE - 5)
            crowd.reach(5)
            crowd.end()
            for status, body in refused:
                assert status == 429 and body["error"]["code"] == "insufficient_quota", body
                assert "$0.05 is in use ($0.00 spent, $0.05 reserved" in body["error"]["message"]
            served = [body for status, body in crowd.answers if status == 200]
            assert len(served) == 5 and len(cloud.chats()) == 5, (len(served), crowd.answers)
    today = json.loads(amphi("route", "--data", os.path.join(folder, "gateway"), "--endpoint", work,
                             "--mode", "only_cloud", "--json").stdout)["today"]
    assert today["spent_usd"] == 0.05 and today["reserved_usd"] == 0, today


@promise
def budget__that_is_in_use_sends_the_others_to_the_free_endpoint(folder):
    with ScriptedCloud(folder) as cloud, ScriptedCloud(folder) as other:
        work = cloud.endpoint("work", "model=m", "priority=1", Crowd.PER_TOKEN)
        free = other.endpoint("free", "model=m", "priority=2", "prices=0/0")
        other.answer = lambda request: says("Free.")
        with faces.gateway(folder, *crowd_flags(folder, work, free)) as (url, _):
            crowd = Crowd(url, cloud)
            crowd.come()
            for status, body in crowd.wait(AT_ONCE - 5):
                assert status == 200, body
                assert body["choices"][0]["message"]["content"] == "Free.", body
            crowd.reach(5)
            crowd.end()
            assert [status for status, _ in crowd.answers] == [200] * AT_ONCE, crowd.answers
            assert len(cloud.chats()) == 5 and len(other.chats()) == AT_ONCE - 5


@promise
def budget__of_a_request_that_is_left_is_given_back(folder):
    with ScriptedCloud(folder) as cloud:
        work = cloud.endpoint("work", "model=m", Crowd.PER_TOKEN)
        with faces.gateway(folder, *crowd_flags(folder, work)) as (url, _):
            crowd = Crowd(url, cloud)
            host, port = crowd.host.rsplit(":", 1)
            left = socket.create_connection((host, int(port)))
            body = crowd.body()
            left.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                         b"application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            crowd.reach(1)
            crowd.come(4)
            crowd.reach(5)
            crowd.ask()
            assert crowd.answers[-1][0] == 429, crowd.answers
            left.close()
            until = time.monotonic() + 120
            while len(cloud.chats()) < 6 and time.monotonic() < until:
                crowd.come(1)  # refused until the gateway has seen that the first one left
                time.sleep(0.1)
            crowd.end()
            assert len(cloud.chats()) == 6, crowd.answers
            assert sum(status == 200 for status, _ in crowd.answers) == 5, crowd.answers


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
