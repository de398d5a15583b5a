#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Recorded decisions through the command: asked, replayed, replayed under another policy, exported
without a word that was said, and two policies compared over them."""
import html.parser
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import faces  # noqa: E402
from faces import AMPHI, amphi, promise, refused, write  # noqa: E402
from scripted_cloud import ScriptedCloud, missing_openssl, reply, says  # noqa: E402

DEVICE = {"battery_percent": 28, "charging": False, "thermal": "nominal", "network": "free",
          "memory_total_bytes": 8 << 30, "memory_available_bytes": 6 << 30}
HIGHER = {"battery": {"min_percent": 30, "resume_percent": 35}, "total_ms": 90000}


def data(folder):
    return ["--data", os.path.join(folder, "data")]


def ask(folder, text, *more):
    done = amphi("ask", *data(folder), "--temperature", "0", "--no-cache", "--conversation",
                 "canary-talk", "--device", write(folder, "device.json", DEVICE), "--json", *more,
                 text)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def records_of(folder):
    """The exported file's lines, by what they are."""
    path = os.path.join(folder, "trace.jsonl")
    done = amphi("history", "export", "--records", "--out", path, *data(folder))
    assert done.returncode == 0, done.stderr
    with open(path, encoding="utf-8") as file:
        text = file.read()
    lines = [json.loads(line) for line in text.splitlines()]
    assert lines[0] == {"amphi_records": 1}, lines[0]
    documents = {line["policy"]: line["document"] for line in lines if "document" in line}
    return path, text, documents, [line for line in lines if "answer" in line]


def replay(what, *more, code=0):
    done = amphi("replay", str(what), *more)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done.stdout


@promise
def replay__of_an_answer_is_the_same_until_the_policy_changes(folder):
    with ScriptedCloud(folder) as cloud:
        work = ["--endpoint", cloud.endpoint("work", "model=m", "prices=m=1/2")]
        answer = ask(folder, "Is this a canary-question?", *work)
    assert answer["route"] == "local", answer
    _, _, documents, records = records_of(folder)
    number = records[0]["answer"]
    assert records[0]["inputs"]["policy"] in documents
    assert replay(number, *data(folder)).startswith(f"answer {number}: the same plan, to the byte")
    same = replay(number, "--json", *data(folder))
    assert same == replay(number, "--json", *data(folder))
    shown = json.loads(same)["replayed"][0]
    assert shown["outcome"] == "same" and shown["decision"] == answer["decision"], shown
    kept = amphi("history", "canary-talk", "--why", *data(folder)).stdout
    bytes_of = re.search(r'"decision":(\[.*?\]),"tokens"', same)[1]
    assert f'"decision":{bytes_of},"inputs"' in kept, (bytes_of, kept)
    higher = ["--policy", write(folder, "higher.json", HIGHER)]
    words = replay(number, *higher, *data(folder), code=1)
    assert "another plan" in words and "battery.min_percent 20 -> 30: local now" in words, words
    assert "total_ms" not in words, words
    change = json.loads(replay(number, "--json", *higher, *data(folder), code=1))
    fields = {c["route"]: c["fields"] for c in change["replayed"][0]["changes"]}
    assert fields["local"] == [{"field": "battery.min_percent", "from": 20, "to": 30}], fields
    # The record that `ask --json` prints has no document: one is needed.
    alone = write(folder, "alone.json", answer)
    assert "policy document" in refused(amphi("replay", alone))
    replay(alone, "--policy", write(folder, "none.json", {}))
    with open(alone, encoding="utf-8") as file:
        assert amphi("replay", "-", *higher, stdin=file.read()).returncode == 1


@promise
def records__are_exported_without_a_word_and_with_the_private_ones(folder):
    with ScriptedCloud(folder) as cloud:
        cloud.answer = lambda request: (reply(500, {"error": {"message": "canary-failure"}})
                                        if request.json["model"] == "m1" else says("canary-fine"))
        both = ["--endpoint", cloud.endpoint("work", "model=m1", "priority=1", "prices=m1=1/2"),
                "--endpoint", cloud.endpoint("spare", "model=m2", "priority=2", "prices=m2=3/4"),
                "--mode", "only_cloud"]
        assert ask(folder, "canary-question", *both)["route"] == "spare"
    ask(folder, "canary-secret", "--private", "--mode", "only_local")
    path, text, _, records = records_of(folder)
    assert "canary" not in text, text
    assert [r["privacy"] for r in records] == ["none", "private"], records
    assert records[0]["takeovers"][0]["from"] == "work" and records[0]["route"] == "spare"
    assert records[0]["status"] == "ok" and records[0]["cost"]["usd"] is not None, records[0]
    assert "2 decisions: 2 the same" in replay(path, code=0)
    refused(amphi("history", "export", "--records", "--include-private", *data(folder)),
            "--include-private")
    history = amphi("history", "export", *data(folder)).stdout
    refused(amphi("history", "import", path, *data(folder)))
    refused(amphi("replay", write(folder, "history.jsonl", history)), "line 1")


@promise
def replay__says_what_it_cannot_read(folder):
    ask(folder, "Hi", "--mode", "only_local")
    old = [{"amphi_history": 1}, {"conversation": "old"},
           {"message": 900, "created_ms": 1000, "role": "assistant", "content": "a",
            "route": "local", "model": "m", "record": {"text": "", "decision": [
                {"route": "local", "kept": True, "reason": "ok", "why": "", "reasons": []}]}},
           {"message": 901, "created_ms": 1001, "role": "assistant", "content": "b"}]
    path = write(folder, "old.jsonl", "".join(json.dumps(line) + "\n" for line in old))
    assert amphi("history", "import", path, *data(folder)).returncode == 0
    assert "holds no inputs" in replay(900, *data(folder), code=1)
    refused(amphi("replay", "901", *data(folder)), "no record of its decision")
    refused(amphi("replay", "77", *data(folder)), "no answer of this id")
    refused(amphi("replay", "0", *data(folder)))
    refused(amphi("replay", os.path.join(folder, "nothing.json")))
    refused(amphi("replay"))
    refused(amphi("replay", "1", "2", *data(folder)))
    good, text, _, _ = records_of(folder)
    for bad, named in ((text[:-20], "line"), (text.replace('"device":', '"gadget":'), "gadget"),
                       (text.replace('"kind":"local"', '"kind":"magic"'), "kind"), ("\0\1", "line"),
                       ("", "no record")):
        refused(amphi("replay", write(folder, "bad.jsonl", bad)), named)
    refused(amphi("replay", good, "--policy", write(folder, "p.json", {"soul": 1})), "soul")


# ---- two policies over a trace ----


class Page(html.parser.HTMLParser):
    """What is open, and everything that a page could fetch."""

    def __init__(self, text):
        super().__init__()
        self.open, self.fetches, self.shapes = [], [], 0
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "p", "br"):
            self.open.append(tag)
        self.shapes += tag == "rect"
        self.fetches += [value for name, value in attrs if name in ("src", "href", "action")]
        if tag in ("script", "link", "img", "iframe"):
            self.fetches.append(tag)

    def handle_endtag(self, tag):
        if tag != "p":
            assert self.open.pop() == tag, tag


def compare(trace, *policies, report=None):
    words = [word for policy in policies for word in ("--policy", policy)]
    done = amphi("simulate", "--trace", trace, *words, *(["--report", report] if report else []))
    assert done.returncode == 0, done.stderr
    row = re.compile(r"^(.{30})((?: +(?:unknown|-?[\d.]+))+)  ")
    found = [match for match in map(row.match, done.stdout.splitlines()) if match]
    return {match[1].strip(): match[2].split() for match in found}, done.stdout


def base_record(folder):
    """A record of two clouds, of which "work" goes first; what is learnt of it is slow."""
    with ScriptedCloud(folder) as cloud:
        ends = ["--endpoint", cloud.endpoint("work", "model=m1", "priority=1"),
                "--endpoint", cloud.endpoint("spare", "model=m2", "priority=2")]
        ask(folder, "Hi", *ends, "--model", "/nowhere.gguf")
    record = records_of(folder)[3][0]
    for route in record["inputs"]["routes"]:
        if route["name"] == "work":
            route.update(answers=5, first_token_ms=300)
    return record


def made(record, number, tries, first_token_ms, usd, **more):
    one = json.loads(json.dumps(record))
    one.update(answer=number, created_ms=1000 * number, route=tries[-1], **more)
    one["takeovers"] = [{"from": a, "to": b, "reason": "provider", "mode": "restarted"}
                        for a, b in zip(tries, tries[1:])]
    one["timing"] = {"first_token_ms": first_token_ms, "total_ms": 2 * first_token_ms}
    one["cost"] = {"usd": usd, "source": "prices" if usd is not None else "unknown"}
    return one


def write_trace(folder, name, records):
    lines = [{"amphi_records": 1}, *records]
    return write(folder, name, "".join(json.dumps(line) + "\n" for line in lines))


@promise
def trace__is_decided_anew_and_estimated_from_what_the_routes_did(folder):
    record = base_record(folder)
    records = [made(record, i, ["work"], 100 * i, 0.001) for i in range(1, 5)]
    records += [made(record, i, ["work", "spare"], 900, 0.004) for i in (5, 6)]
    records += [made(record, 7, ["spare"], 50, 0.002)]
    trace = write_trace(folder, "trace.jsonl", records)
    now = write(folder, "now.json", {})
    quick = write(folder, "quick.json", {"latency": {"first_token_ms": 150}})
    off = write(folder, "off.json", {"cloud": {"enabled": False}})
    page = os.path.join(folder, "page.html")
    rows, text = compare(trace, now, quick, off, report=page)
    # Under "now" the first six are as recorded; of the seventh "work" would have answered 4 of 6,
    # 200 ms at the median, and "spare" the rest as it did. Under "quick" "spare" goes first: for
    # the seventh as recorded, else 50 ms at its median. Without clouds nothing may pass.
    assert rows["answered"] == ["100.0", "100.0", "0.0"], text
    assert rows["failed"] == ["0.0", "0.0", "100.0"] and rows["queued"] == ["0.0"] * 3, text
    assert rows["outcome as recorded"] == ["85.7", "14.3", "0.0"], text
    assert rows["first token, median"] == ["300.0", "50.0", "unknown"], text
    assert rows["first token, 95th percentile"] == ["900.0", "50.0", "unknown"], text
    assert rows["cloud cost"] == ["1904.8", "2000.0", "0.0"], text
    assert rows["by a cloud"] == ["100.0", "100.0", "0.0"], text
    assert "work: 4 of 6 tries answered, first token 200.0 ms" in text, text
    with open(page, encoding="utf-8") as file:
        html_text = file.read()
    parsed = Page(html_text)
    assert parsed.open == [] and parsed.fetches == [] and parsed.shapes > 40, parsed.open
    assert "http" not in html_text and "url(" not in html_text and "@import" not in html_text
    for title in ("answered", "first token, median", "cloud cost", "energy", "Routes over time"):
        assert title in html_text, title


@promise
def trace__what_no_record_shows_is_unknown_and_waiting_is_not_failing(folder):
    record = base_record(folder)
    quick = write(folder, "quick.json", {"latency": {"first_token_ms": 150}})
    metered = write(folder, "metered.json", {"network": {"metered_allowed": False}})
    # "spare" was never tried.
    rows, text = compare(write_trace(folder, "one.jsonl", [made(record, 1, ["work"], 100, None)]),
                         quick)
    assert rows["outcome unknown"] == ["100.0"] and rows["answered"] == ["unknown"], text
    assert rows["first token, median"] == ["unknown"] and rows["cloud cost"] == ["unknown"], text
    # A cost that is not known is not 0.
    now = write(folder, "now.json", {})
    rows, text = compare(os.path.join(folder, "one.jsonl"), now)
    assert rows["answered"] == ["100.0"] and rows["cloud cost"] == ["unknown"], text
    # Where no route is left on a metered network the message waits; a private one has failed. A
    # recorded failure stays what it was.
    away = json.loads(json.dumps(record))
    away["inputs"]["device"]["network"] = "metered"
    for route in away["inputs"]["routes"]:
        route.pop("needs_no_network", None)
    records = [made(away, 1, ["work"], 100, 0.001),
               made(away, 2, ["work"], 100, 0.001, privacy="private"),
               made(away, 3, ["outbox"], 0, None), made(away, 4, ["work"], 0, None, status="tls")]
    rows, text = compare(write_trace(folder, "away.jsonl", records), now, metered)
    assert rows["answered"] == ["50.0", "0.0"], text
    assert rows["queued"] == ["25.0", "75.0"] and rows["failed"] == ["25.0", "25.0"], text


@promise
def trace__energy_is_that_of_the_answers_that_have_it(folder):
    ask(folder, "Hi", "--mode", "only_local")
    record = records_of(folder)[3][0]
    record.pop("energy", None)
    now = write(folder, "now.json", {})
    trace = write_trace(folder, "none.jsonl", [made(record, 1, ["local"], 100, 0)])
    rows, text = compare(trace, now)
    assert rows["energy"] == ["unknown"] and rows["computing on the device"] == ["0.2"], text
    trace = write_trace(folder, "some.jsonl", [
        made(record, i, ["local"], 100, 0, energy={"joules": i, "source": "battery"})
        for i in (1, 2, 6)])
    rows, text = compare(trace, now)
    assert rows["energy"] == ["3.0"] and rows["cloud cost"] == ["0.0"], text


@promise
def trace__odd_flags_and_files_are_refused_by_name(folder):
    record = base_record(folder)
    trace = write_trace(folder, "trace.jsonl", [made(record, 1, ["work"], 100, 0.001)])
    policy = ["--policy", write(folder, "now.json", {})]
    for words, named in (([], "--policy"), ([*policy, "--seed", "3"], "--seed"),
                         ([*policy, "--seeds", "3"], "--seeds"), ([*policy, "--log"], "--log"),
                         ([*policy, "--scenario", "commuter"], "--scenario"),
                         (["--policy", "/none"], "/none"),
                         (["--policy", write(folder, "p.json", {"soul": 1})], "soul")):
        done = amphi("simulate", "--trace", trace, *words)
        assert done.returncode == 2 and named in done.stderr, (words, done.stderr)
    assert "--report" in amphi("simulate", "--report", "/tmp/x.html").stderr
    for text, named in (("", "no record"), ('{"amphi_records":1}\n', "no record"),
                        ("7\n", "line 1"), ('{"amphi_records":1}\n{"a":1}\n', "line 2"),
                        ('{"amphi_records":1}\n{"answer":', "line 2")):
        done = amphi("simulate", "--trace", write(folder, "bad.jsonl", text), *policy)
        assert done.returncode == 2 and named in done.stderr, (text, done.stderr)
    old = made(record, 1, ["work"], 100, 0.001)
    del old["inputs"]
    done = amphi("simulate", "--trace", write_trace(folder, "old.jsonl", [old]), *policy)
    assert done.returncode == 1 and "made from" in done.stderr, done.stderr


if __name__ == "__main__":
    if missing_openssl():
        faces.skip("openssl is not here")
    if not os.path.exists(os.path.join(os.path.dirname(AMPHI), "amphi-simulate")):
        faces.skip("amphi-simulate is not built")
    faces.main()
