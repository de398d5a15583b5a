#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The amphi command: help, flags, exit codes, odd arguments, and the commands that need no model.
Nothing here needs a network."""
import json
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import faces  # noqa: E402
from faces import AMPHI, amphi, environment, promise, refused, survived, write  # noqa: E402

MODEL = os.path.abspath("local/models/amphi-help.gguf")
COMMANDS = ["chat", "ask", "route", "history", "outbox", "cache", "policy", "rollout", "model",
            "replay", "serve", "bench", "doctor", "simulate"]
LOCAL = ["--mode", "only_local", "--seed", "1"]


def data(folder):
    return ["--data", os.path.join(folder, "data")]


def parsed(done):
    assert done.returncode == 0, (done.returncode, done.stderr)
    assert done.stdout.endswith("\n") and done.stdout.count("\n") == 1, done.stdout
    return json.loads(done.stdout)


@promise
def cli__every_command_has_help_with_an_example(folder):
    overview = amphi("--help")
    assert overview.returncode == 0 and "Example:" in overview.stdout
    for command in COMMANDS:
        assert re.search(rf"^  {command} ", overview.stdout, re.M), command
        for flag in ("--help", "-h"):
            done = amphi(command, flag)
            assert done.returncode == 0 and done.stderr == "", (command, done.stderr)
            assert f"usage: amphi {command}" in done.stdout, command
            assert "Example: amphi " + command in done.stdout, command
            assert "--data DIR" in done.stdout and "--json" in done.stdout, command


@promise
def cli__help_names_every_flag_and_fits_a_terminal(folder):
    """The flags as the sources declare them, and no line wraps in 100 columns."""
    cli = os.path.join(os.path.dirname(__file__), "..", "..", "bindings", "cli")

    def source(name):
        with open(os.path.join(cli, name + ".c"), encoding="utf-8") as file:
            return file.read()
    shared = set(re.findall(r'"(--[a-z-]+)"', source("options").split("/* ---- flags ---- */")[1]))
    assert {"--endpoint", "--verbose"} <= shared, shared
    for command in COMMANDS:
        own = re.search(r"own_flags\[\] = \{(.*?)\}", source(command), re.S)
        flags = set(re.findall(r'"(--[a-z-]+)=?"', own.group(1))) if own else set()
        page = amphi(command, "--help").stdout
        missing = [flag for flag in shared | flags if not re.search(rf"^  {flag}\b", page, re.M)]
        assert not missing, (command, missing)
        assert max(map(len, page.splitlines())) <= 100, command


@promise
def cli__help_and_policy_page_name_every_fact_of_the_device_and_its_words(folder):
    """As the parser itself names them when it refuses."""
    def refusal(text):
        done = amphi("route", *data(folder), "--explain", "--device",
                     write(folder, "facts.json", text), "Hi")
        assert done.returncode == 1 and done.stderr.count("\n") == 1, done
        return done.stderr
    header = os.path.join(os.path.dirname(__file__), "..", "..", "sdk/include/amphi/device.h")
    with open(header, encoding="utf-8") as file:
        form = re.search(r"The same from JSON: \{(.*?)\}", file.read(), re.S).group(1)
    words = re.findall(r'"([a-z_]+)":', form)
    assert len(words) == 20, words
    for word in words:
        wrong = refusal(f'{{"{word}": []}}')
        assert word in wrong and "there is no fact" not in wrong, wrong
    assert 'there is no fact "batery_percent"; did you mean battery_percent' in refusal(
        '{"batery_percent": 1}')
    for fact in ("thermal", "network"):
        said = re.search(rf"{fact}: (.+) is expected", refusal(f'{{"{fact}": "x"}}')).group(1)
        words += said.replace(",", "").replace(" or ", " ").split()
    assert "metered" in words and "serious" in words, words
    docs = os.path.join(os.path.dirname(__file__), "..", "..", "sdk", "docs", "policy.md")
    with open(docs, encoding="utf-8") as file:
        section = file.read().split("## Facts about the device")[1].split("\n## ")[0]
    page = amphi("route", "--help").stdout.split("  --device ")[1].split("\n  --")[0]
    for word in words:
        assert re.search(rf"\b{word}\b", page), (word, page)
        assert re.search(rf"`\"?{word}\"?`", section), (word, section)


@promise
def cli__no_command_shows_the_overview_and_is_a_usage_error(folder):
    done = amphi()
    assert done.returncode == 2 and done.stdout == "" and "usage: amphi" in done.stderr
    assert amphi("--version").stdout.startswith("amphi 0.")


@promise
def cli__unknown_things_are_usage_errors_in_one_line(folder):
    cases = [["fly"], ["ask", "--nope", "x"], ["ask", "--nope=1", "x"],
             ["ask", "--" + "a" * 500, "x"],
             ["history", "--port", "1"], ["model"], ["model", "fly"], ["bench"], ["bench", "cloud"],
             ["rollout"], ["rollout", "hide"], ["outbox", "burn"], ["outbox", "cancel"], ["cache"],
             ["cache", "fill"], ["ask", "--mode", "fast", "x"],
             ["ask", "--mode"], ["ask", "--data"], ["ask", "--threads", "-1", "x"],
             ["ask", "--threads", "257", "x"], ["ask", "--threads", "two", "x"],
             ["ask", "--seed", "99999999999999999999999", "x"], ["ask", "--max-tokens", "1e3", "x"],
             ["ask", "--temperature", "hot", "x"], ["ask", "--temperature", "-1", "x"],
             ["ask", "--temperature", "nan", "x"], ["ask", "--seed", "", "x"],
             ["ask", "--endpoint", "", "x"], ["ask", "--endpoint", "x", "x"],
             ["ask", "--endpoint", "=https://h/v1", "x"],
             ["ask", "--endpoint", "local=https://h/v1", "x"],
             ["ask", "--endpoint", "a=https://h/v1,wat=1", "x"],
             ["ask", "--endpoint", "a=ftp://h/v1", "x"],
             ["ask", "--endpoint", "a=https://h/v1,pin=md5//x", "x"],
             ["serve", "--port", "70000"], ["serve", "--port", "http"],
             ["serve", "--tls-cert", "x"],
             ["serve", "--host", "localhost:1"], ["serve", "--seed", "1"],
             ["serve", "--cache", "off"], ["serve", "--no-store"],
             ["serve", "--conversation", "c"], ["model", "logits", "--model", MODEL],
             ["model", "logits", "--model", MODEL, "--tokens", ""],
             ["model", "logits", "--model", MODEL, "--tokens", "1,,2"],
             ["model", "logits", "--model", MODEL, "--tokens", "1;2"],
             ["model", "logits", "--model", MODEL, "--tokens", "-1"],
             ["model", "logits", "--model", MODEL, "--tokens", "99999999999"],
             ["model", "logits", "--model", MODEL, "--tokens", "1", "--top", "many"],
             ["model", "logits", "--tokens", "1"], ["model", "render", "--model", MODEL],
             ["model", "head"], ["model", "head", "fly", "x"], ["model", "head", "train"],
             ["model", "head", "train", "/nonexistent"],
             ["model", "head", "train", "/nonexistent", "--model", MODEL],
             ["model", "head", "train", "x", "--model", MODEL, "--tokens", "33"],
             ["bench", "local", "--model", MODEL, "--gen", "0"], ["history", "--delete"]]
    for words in cases:
        done = amphi(words[0], *data(folder), *words[1:]) if words != ["fly"] else amphi("fly")
        line = refused(done)
        assert done.returncode in (1, 2), (words, done.returncode)
        assert len(line) < 400, (words, line)


@promise
def cli__a_token_outside_the_vocabulary_is_refused(folder):
    refused(amphi("model", "logits", "--model", MODEL, "--tokens", "2147483647"))


@promise
def cli__flags_take_their_value_after_a_blank_or_an_equals_sign(folder):
    for words in (["--mode=only_local", "--max-tokens=4"],
                  ["--mode", "only_local", "--max-tokens", "4"]):
        result = parsed(amphi("ask", *data(folder), "--no-cache", "--json", *words, "Who are you?"))
        assert result["usage"]["completion_tokens"] <= 4 and result["finish_reason"] == "length"


@promise
def cli__json_that_is_cut_by_the_token_limit_is_a_failure(folder):
    path = os.path.join(folder, "schema.json")
    with open(path, "w", encoding="utf-8") as file:
        file.write('{"type":"array","items":{"type":"integer"},"minItems":50}')
    done = amphi("ask", *data(folder), *LOCAL, "--no-cache", "--schema", path, "--max-tokens", "5",
                 "x")
    assert done.returncode == 1 and "--max-tokens" in done.stderr, done
    done = amphi("ask", *data(folder), *LOCAL, "--no-cache", "--schema", path, "--max-tokens",
                 "400", "x")
    assert done.returncode == 0 and len(json.loads(done.stdout)) >= 50, done


@promise
def cli__two_dashes_end_the_flags(folder):
    result = parsed(amphi("ask", *data(folder), *LOCAL, "--json", "--", "--help", "me"))
    assert result["text"]


@promise
def route__explain_gives_every_route_with_a_reason_and_sends_nothing(folder):
    done = amphi("route", *data(folder), "--explain", "--json", "--endpoint",
                 "c=https://127.0.0.1:9/v1",
                 "--private")
    result = parsed(done)
    routes = {r["route"]: r for r in result["routes"]}
    assert set(routes) == {"local", "c"} and result["private"] is True
    assert routes["local"]["kept"] and not routes["c"]["kept"]
    assert all(r["reason"] and r["why"] for r in routes.values())
    text = amphi("route", *data(folder), "--explain", "--endpoint", "c=https://127.0.0.1:9/v1")
    assert text.returncode == 0 and "1. " in text.stdout


@promise
def route__shows_prices_and_what_tools_cost(folder):
    tools = os.path.join(folder, "tools.json")
    with open(tools, "w") as file:
        json.dump([{"type": "function", "function": {"name": "f", "description": "x" * 300}}], file)
    flags = [*data(folder), "--tools", tools, "--endpoint",
             "c=https://127.0.0.1:9/v1,model=m|n,prices=m=0.15/0.60|2.5/10", "--endpoint",
             "d=https://127.0.0.1:9/v1", "--max-tokens", "100"]
    result = parsed(amphi("route", "--json", *flags))
    routes = {r["route"]: r for r in result["routes"]}
    assert routes["c"]["price"] == {"prompt": 0.15, "cached": 0.15, "completion": 0.6}, result
    assert routes["c"]["estimate_usd"] > 100 * 0.6e-6, result
    assert routes["d"]["price"] is None and routes["d"]["estimate_usd"] is None, result
    assert 100 < result["tokens"]["tools"] < result["tokens"]["prompt"], result
    assert result["today"]["spent_usd"] == 0 and result["today"]["max_usd"] is None, result
    text = amphi("route", *flags).stdout
    assert "$0.15 per million tokens of prompt, $0.60 of answer; this request about $0.0000" in text
    assert "price unknown: not counted" in text and "of them tool schemas" in text, text
    for bad in ("0.15", "m=x/y", "1/2|3/4", "", "zz=1/2"):
        refused(amphi("route", *data(folder), "--endpoint",
                      f"c=https://127.0.0.1:9/v1,model=m,prices={bad}"))


@promise
def route__says_every_reason_and_not_only_the_first(folder):
    device = os.path.join(folder, "offline.json")
    with open(device, "w") as file:
        json.dump({"network": "none"}, file)
    done = amphi("route", *data(folder), "--json", "--private", "--device", device, "--endpoint",
                 "c=https://api.example.com/v1")
    cloud = {r["route"]: r for r in parsed(done)["routes"]}["c"]
    assert cloud["reason"] == "private", cloud
    assert cloud["reasons"] == ["private", "network_none"], cloud
    assert "network_none: no network" in cloud["also"], cloud


@promise
def route__has_room_for_63_endpoints(folder):
    flags = []
    for i in range(63):
        flags += ["--endpoint", f"e{i}=https://127.0.0.1:9/v1,priority={i},prices={i}/1"]
    routes = parsed(amphi("route", *data(folder), "--json", *flags))["routes"]
    endpoints = [r for r in routes if r["route"] != "local"]
    assert [r["route"] for r in endpoints] == [f"e{i}" for i in range(63)], routes
    assert [r["price"]["prompt"] for r in endpoints] == list(range(63)), routes
    refused(amphi("route", *data(folder), *flags, "--endpoint", "more=https://127.0.0.1:9/v1"))


@promise
def route__device_facts_and_policy_files_change_the_plan(folder):
    facts = {"battery_percent": 8, "charging": False, "thermal": "nominal", "network": "free",
             "in_foreground": False}
    device = write(folder, "device.json", facts)
    done = amphi("route", *data(folder), "--explain", "--json", "--device", device, "--endpoint",
                 "c=https://127.0.0.1:9/v1")
    first = parsed(done)["routes"][0]
    assert first["route"] == "c" and first["kept"], first
    done = amphi("route", *data(folder), "--explain", "--json", "--device", "-", "--endpoint",
                 "c=https://127.0.0.1:9/v1", stdin=json.dumps(facts))
    assert parsed(done)["routes"][0]["route"] == "c"


@promise
def cli__bad_policy_and_device_files_are_one_clear_line(folder):
    for flag in ("--policy", "--device"):
        for name, content in (("missing", None), ("empty", ""), ("text", "hello"), ("array", "[1]"),
                              ("cut", '{"local": {"enab'), ("twice", '{"a":1} {"b":2}'),
                              ("deep", "[" * 100000), ("nan", '{"battery_percent": NaN}'),
                              ("random", random.Random(3).randbytes(3000)),
                              ("unknown", '{"no_such_field": 1}'),
                              ("type", '{"local": 7, "battery_percent": "full"}'),
                              ("front", '{"in_foreground": "yes"}')):
            path = (write(folder, "f.json", content) if content is not None
                    else os.path.join(folder, "none.json"))
            done = amphi("route", *data(folder), "--explain", flag, path)
            assert done.returncode != 0, (flag, name)
            refused(done)
        refused(amphi("route", *data(folder), flag, folder))
        refused(amphi("route", *data(folder), flag, "/dev/zero"))


@promise
def history__lists_shows_explains_and_deletes(folder):
    assert parsed(amphi("history", *data(folder), "--json"))["conversations"] == []
    assert "no conversations" in amphi("history", *data(folder)).stdout
    parsed(amphi("ask", *data(folder), *LOCAL, "--json", "--conversation", "one", "Who are you?"))
    parsed(amphi("ask", *data(folder), *LOCAL, "--json", "--conversation", "two", "Hello"))
    listed = parsed(amphi("history", *data(folder), "--json"))["conversations"]
    assert {c["id"] for c in listed} == {"one", "two"} and all(c["messages"] == 2 for c in listed)
    messages = parsed(amphi("history", *data(folder), "--json", "one"))["messages"]
    assert messages[1]["role"] == "assistant" and messages[1]["route"] == "local"
    assert messages[1]["record"]["decision"][0]["route"] == "local"
    shown = amphi("history", *data(folder), "one")
    assert "Who are you?" in shown.stdout and "decision" not in shown.stdout
    why = amphi("history", *data(folder), "--why", "one")
    assert "only_local" in why.stdout
    assert amphi("history", *data(folder), "--delete", "one").returncode == 0
    listed = parsed(amphi("history", *data(folder), "--json"))["conversations"]
    assert {c["id"] for c in listed} == {"two"}
    for words in (["one"], ["--delete", "one"], ["--json", "--delete", "one"], ["--json", "never"]):
        refused(amphi("history", *data(folder), *words))
    deleted = parsed(amphi("history", *data(folder), "--json", "--delete", "two"))
    assert deleted["deleted"] == "two" and deleted["messages"] == 2, deleted


@promise
def history__search_finds_words_and_shows_them(folder):
    for question in ("Who are you, Zeppelin?", "Zeppelins at noon", "你好吗，飞艇"):
        parsed(amphi("ask", *data(folder), *LOCAL, "--json", "--conversation",
                     f"c{len(question)}", question))
    def search(*words):
        return parsed(amphi("history", "search", *words, *data(folder), "--json"))["hits"]
    hits = search("zeppelin")
    assert len(hits) == 2 and hits[0]["id"] > hits[1]["id"], hits
    for hit in hits:
        match = hit["matches"][0]
        shown = hit["snippet"].encode()[match["offset"]:match["offset"] + match["size"]]
        assert shown.decode() == "Zeppelin" and hit["role"] == "user", hit
    assert len(search("zeppelin ")) == 1 and search("飞艇")[0]["snippet"] == "你好吗，飞艇"
    assert len(search("zeppelin", "--limit", "1")) == 1
    assert len(search("zeppelin", "--before", str(hits[0]["id"]))) == 1
    assert len(search("noon zeppelin", "--conversation", hits[0]["conversation_id"])) == 1
    assert "Zeppelin" in amphi("history", "search", "zeppelin", *data(folder)).stdout
    assert "nothing found" in amphi("history", "search", "quagga", *data(folder)).stdout
    refused(amphi("history", "search", "x", "--conversation", "none", *data(folder)))
    refused(amphi("history", "search", "x", "--limit", "many", *data(folder)))
    refused(amphi("history", "search", "x", "--limit", "1001", *data(folder)))
    nowhere = amphi("history", "search", "x", "--conversation", "none", "--json", *data(folder))
    refused(nowhere)
    assert nowhere.stdout == "", nowhere.stdout


@promise
def outbox__keeps_lists_and_says_what_still_waits(folder):
    policy = write(folder, "off.json", {"local": {"enabled": False}})
    endpoint = ["--endpoint", "c=https://127.0.0.1:9/v1"]
    done = amphi("ask", *data(folder), "--policy", policy, *endpoint, "--conversation", "later",
                 "--json", "Hello")
    assert done.returncode == 3 and json.loads(done.stdout)["route"] == "outbox", done.stderr
    entries = parsed(amphi("outbox", *data(folder), "list", "--json"))["entries"]
    assert len(entries) == 1 and entries[0]["conversation_id"] == "later"
    assert entries[0]["state"] == "queued" and entries[0]["text"] == "Hello", entries
    assert entries[0]["request"]["messages"][0]["content"] == "Hello", entries
    shown = amphi("outbox", *data(folder)).stdout
    assert "conversation later, queued" in shown and "    Hello\n" in shown, shown
    why = json.loads(done.stdout)["error"]["message"]  # why no route answered
    assert why and entries[0]["reason"] == why and f", 0 attempts: {why}\n" in shown, (why, shown)
    done = amphi("outbox", *data(folder), "--policy", policy, *endpoint, "send", "--json",
                 timeout=90)
    assert done.returncode == 3 and json.loads(done.stdout)["left"] == 1, done.stderr
    amphi("ask", *data(folder), "--policy", policy, *endpoint, "--conversation", "later", "Then")
    done = amphi("outbox", *data(folder), "--policy", policy, *endpoint, "send", timeout=90)
    first, second = parsed(amphi("outbox", *data(folder), "list", "--json"))["entries"]
    assert done.stdout == ("2 still wait: 1 could not be sent, 1 behind an earlier message of the "
                           f"same conversation\n    {first['id']}: {first['reason']}\n"), done
    assert first["attempts"] > 0 and first["reason"] and second["reason"], (first, second)
    done = amphi("outbox", *data(folder), "send", "--json")  # now the device may answer
    assert done.returncode == 0 and json.loads(done.stdout)["left"] == 0, (done.stdout, done.stderr)
    messages = parsed(amphi("history", *data(folder), "--json", "later"))["messages"]
    assert [m["role"] for m in messages] == ["user", "assistant"] * 2


@promise
def outbox__cancels_and_tells_expired_ones_apart(folder):
    """An entry that is older than the policy allows is tried once more, and keeps its text."""
    policy = write(folder, "old.json",
                   {"local": {"enabled": False}, "outbox": {"age_max_s": 1, "entries_max": 2}})
    flags = [*data(folder), "--policy", policy, "--endpoint", "c=https://127.0.0.1:9/v1"]
    for text in ("One", "Two"):
        assert amphi("ask", *flags, "--conversation", text, text).returncode == 3
    full = amphi("ask", *flags, "Three")
    assert full.returncode == 1 and "not queued: outbox: full (2 messages)" in full.stderr, full
    ids = [e["id"] for e in parsed(amphi("outbox", *flags, "--json"))["entries"]]
    refused(amphi("outbox", *flags, "collect", ids[0]))
    refused(amphi("outbox", *flags, "cancel", "nothing"))
    assert parsed(amphi("outbox", *flags, "cancel", ids[0], "--json")) == {"cancelled": ids[0]}
    time.sleep(1.1)
    done = amphi("outbox", *flags, "send", "--json", timeout=90)
    assert done.returncode == 3 and json.loads(done.stdout)["expired"] == 1, done.stdout
    assert json.loads(done.stdout)["left"] == 0, done.stdout
    entry, = parsed(amphi("outbox", *flags, "--json"))["entries"]
    assert entry["state"] == "expired" and entry["text"] == "Two", entry
    assert entry["reason"].startswith("not sent within 1 seconds; the last try: "), entry
    again = amphi("outbox", *flags, "send")
    assert again.returncode == 3 and "1 expired and will not be sent" in again.stdout, again.stdout
    assert amphi("outbox", *flags, "collect", ids[1]).stdout == f"collected {ids[1]}\n"
    assert amphi("outbox", *flags).stdout == "the outbox is empty\n"


@promise
def outbox__entry_of_a_killed_sender_is_sent_at_once(folder):
    """And while the sender lives, `send` says that the entry is being sent."""
    policy = write(folder, "off.json", {"local": {"enabled": False}})
    silent = socket.create_server(("127.0.0.1", 0))
    endpoint = ["--allow-http-loopback", "--endpoint",
                f"c=http://127.0.0.1:{silent.getsockname()[1]}/v1"]
    done = amphi("ask", *data(folder), "--policy", policy, "--endpoint", "c=https://127.0.0.1:9/v1",
                 "--conversation", "later", "--json", "Hello")
    assert done.returncode == 3, done.stderr
    amphi("ask", *data(folder), "--policy", policy, "--endpoint", "c=https://127.0.0.1:9/v1",
          "--conversation", "later", "Then")
    sender = subprocess.Popen([AMPHI, "outbox", *data(folder), "--policy", policy, *endpoint,
                               "send"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    silent.settimeout(20)
    silent.accept()  # it is sending, and will wait for an answer
    entries = parsed(amphi("outbox", *data(folder), "list", "--json"))["entries"]
    assert entries[0]["being_sent"] is True, entries
    done = amphi("outbox", *data(folder), "send")
    assert done.returncode == 3 and done.stdout == (
        "2 still wait: 1 being sent, 1 behind an earlier message of the same conversation\n"), \
        done.stdout
    sender.kill()
    sender.communicate()
    entries = parsed(amphi("outbox", *data(folder), "list", "--json"))["entries"]
    assert entries[0]["being_sent"] is False, entries
    done = amphi("outbox", *data(folder), "send", "--json")  # the device may answer
    assert done.returncode == 0 and json.loads(done.stdout)["left"] == 0, (done.stdout, done.stderr)
    silent.close()


@promise
def rollout__show_says_which_value_and_why(folder):
    payload = write(folder, "payload.json", {"features": {"amphi.policy": {
        "defaultValue": {}, "rules": [{"force": {"local": {"enabled": False}}, "coverage": 1.0,
                                       "hashAttribute": "id"}]}}})
    shown = parsed(amphi("rollout", *data(folder), "show", "--json", "--rollout", payload))
    assert shown["why"] and "false" in json.dumps(shown)
    for content in ("", "{", "[]", '{"features": 7}', "\x00"):
        bad = write(folder, "bad.json", content)
        done = amphi("rollout", *data(folder), "show", "--rollout", bad)
        survived(done)
        assert done.returncode != 0 or json.loads(done.stdout)["why"], (content, done.stdout)


@promise
def doctor__notes_a_key_file_that_others_may_read(folder):
    key = write(folder, "key", "sk-not-shown\n")
    endpoint = ["--endpoint", f"c=https://127.0.0.1:9/v1,key-file={key}"]
    for mode, level in ((0o644, "note"), (0o640, "note"), (0o600, "ok"), (0o400, "ok")):
        os.chmod(key, mode)
        done = amphi("doctor", *data(folder), *endpoint, "--json")
        finding = [f for f in parsed(done)["findings"] if f["part"] == "cloud c"][0]
        assert finding["level"] == level, finding
        assert ("chmod 600" in finding["remedy"]) == (level == "note"), finding
        assert "sk-not-shown" not in done.stdout
        for verbose in ([], ["--verbose"]):
            done = amphi("ask", *data(folder), *LOCAL, *endpoint, *verbose, "Hello")
            assert done.stderr.count("may read its key file") == (level == "note"), done.stderr
    # The store's own key, which nothing else has to read, is refused.
    os.chmod(os.path.join(folder, "data", "store.key"), 0o644)
    refused(amphi("ask", *data(folder), *LOCAL, "Hello"), "chmod 600")


@promise
def history__backup_is_a_store_of_its_own(folder):
    parsed(amphi("ask", *data(folder), *LOCAL, "--conversation", "c", "--json", "Hello"))
    copy = os.path.join(folder, "copy")
    os.mkdir(copy, 0o700)
    file = os.path.join(copy, "amphi.db")
    assert parsed(amphi("history", "backup", file, *data(folder), "--json"))["backup"] == file
    refused(amphi("history", "backup", file, *data(folder)), "file of that name")
    shutil.copy(os.path.join(folder, "data", "store.key"), copy)
    messages = parsed(amphi("history", "c", "--data", copy, "--json"))["messages"]
    assert [m["role"] for m in messages] == ["user", "assistant"], messages


@promise
def bench__storage_prints_every_figure(folder):
    figures = parsed(amphi("bench", "storage", "--large", "2", "--json"))
    for name in ("l1_hit_p50_us", "l2_hit_p50_us", "turn_commit_ratio", "turns_per_s_16",
                 "search_p50_ms", "open_ms"):
        assert figures[name] > 0, figures
    assert "turn_commit_ratio" in amphi("bench", "storage", "--large", "1").stdout
    refused(amphi("bench", "storage", "--large", "0"))


@promise
def doctor__reports_every_part_and_names_what_is_wrong(folder):
    result = parsed(amphi("doctor", *data(folder), "--json"))
    parts = {f["part"]: f for f in result["findings"]}
    assert {"store", "local", "cloud", "memory", "network"} <= set(parts), set(parts)
    done = amphi("doctor", *data(folder), "--json", "--model", os.path.join(folder, "no.gguf"))
    assert done.returncode == 1
    findings = {f["part"]: f for f in json.loads(done.stdout)["findings"]}
    assert findings["local"]["level"] == "fault" and findings["local"]["remedy"], findings["local"]
    text = amphi("doctor", *data(folder))
    assert text.returncode == 0 and "store" in text.stdout


@promise
def cli__without_a_usable_data_folder_answers_come_and_say_that_they_were_not_kept(folder):
    file = write(folder, "file", "x")
    refused(amphi("ask", "--data", "x" * 5000, *LOCAL, "Hello"), "data_dir")
    for path in (file, os.path.join(file, "below"), "/proc/nope", "x" * 3000):
        done = amphi("ask", "--data", path, *LOCAL, "Hello")
        assert done.returncode == 0 and "Amphi" in done.stdout, (path[:20], done)
        done = amphi("ask", "--data", path, *LOCAL, "--conversation", "c", "Hello")
        assert "Amphi" in done.stdout, (path[:20], done)
        assert done.returncode == 0, (path[:20], done)
        for word in ("could not be kept", "data folder"):
            assert word in done.stderr, (word, done.stderr)


@promise
def cli__a_damaged_database_is_one_clear_line(folder):
    parsed(amphi("ask", *data(folder), *LOCAL, "--json", "Hello"))
    database = os.path.join(folder, "data", "amphi.db")
    with open(database, "r+b") as file:
        file.seek(64)  # behind the salt, which says whose file it is
        file.write(os.urandom(4000))
    refused(amphi("history", *data(folder)))
    # What crashed is not known, so no local model is trusted.
    done = amphi("route", "explain", *data(folder), "--json", "Hello")
    local = [r for r in json.loads(done.stdout)["routes"] if r["route"] == "local"]
    assert local[0]["reason"] == "quarantine" and "amphi doctor" in local[0]["why"], local
    refused(amphi("ask", *data(folder), *LOCAL, "Hello"))
    done = amphi("doctor", *data(folder), "--json")
    findings = {f["part"]: f for f in json.loads(done.stdout)["findings"]}
    assert done.returncode == 1 and findings["store"]["level"] == "fault", findings
    assert "history repair" in findings["store"]["remedy"], findings["store"]


@promise
def cli__a_closed_standard_output_does_not_kill(folder):
    for words in (["ask", *data(folder), *LOCAL, "Who are you?"], ["--help"],
                  ["doctor", *data(folder)]):
        process = subprocess.Popen([AMPHI, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=environment())
        process.stdout.close()
        process.stdout = None
        process.communicate(timeout=30)
        assert process.returncode >= 0, (words, process.returncode)


@promise
def cli__very_long_and_very_many_arguments_are_survived(folder):
    survived(amphi("ask", *data(folder), *LOCAL, "x" * 100000))
    survived(amphi("ask", *data(folder), *LOCAL, *(["word"] * 2000)))
    survived(amphi("ask", *data(folder), *LOCAL, *(["--endpoint", "e=https://h/v1"] * 50), "x"))
    survived(amphi("ask", *data(folder), "--conversation", "c" * 100000, *LOCAL, "x"))
    survived(amphi("ask", *data(folder), "--endpoint", "e=https://" + "h" * 100000, *LOCAL, "x"))
    survived(amphi("history", *data(folder), "", "%s%n%x"))
    survived(amphi("history", *data(folder), "'; DROP TABLE messages; --"))


if __name__ == "__main__":
    faces.main()
