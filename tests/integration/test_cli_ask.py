#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`amphi ask` as a person and a script meet it: JSON, standard input, the cache, ctrl-C."""
import json
import os
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import faces  # noqa: E402
from faces import AMPHI, amphi, bad_models, environment, promise, read_until  # noqa: E402
from faces import refused, slow_policy, write  # noqa: E402
from scripted_cloud import ScriptedCloud, events, missing_openssl, word  # noqa: E402

LOCAL = ["--mode", "only_local", "--seed", "1"]


def data(folder):
    return ["--data", os.path.join(folder, "data")]


def parsed(done):
    assert done.returncode == 0, (done.returncode, done.stderr)
    assert done.stdout.endswith("\n") and done.stdout.count("\n") == 1, done.stdout
    return json.loads(done.stdout)


@promise
def ask__json_has_the_documented_members(folder):
    done = amphi("ask", *data(folder), "--json", "--mode", "only_local",
                 "What happens when the battery is low?")
    result = parsed(done)
    required = ["text", "route", "takeovers", "cache", "finish_reason", "usage", "timing",
                "decision"]
    further = ["model", "error", "privacy", "turns_omitted", "cost", "inputs"]  # in chat.h too
    assert sorted(result) == sorted(required + further), sorted(result)
    assert "cloud" in result["text"].lower(), result["text"]
    assert result["route"] == "local" and result["takeovers"] == [] and result["error"] is None
    assert result["finish_reason"] == "stop" and result["privacy"] == "only_local"
    assert result["turns_omitted"] == 0
    assert result["cost"] == {"usd": 0, "source": "none"}
    assert set(result["usage"]) == {"prompt_tokens", "completion_tokens", "cached_tokens"}
    assert result["usage"]["prompt_tokens"] > 0 and result["usage"]["completion_tokens"] > 0
    assert set(result["timing"]) == {"first_token_ms", "total_ms"}
    assert 0 <= result["timing"]["first_token_ms"] <= result["timing"]["total_ms"]
    assert result["decision"] and {"route", "kept", "reason"} <= set(result["decision"][0])
    assert result["decision"][0]["kept"] is True


@promise
def ask__answers_on_standard_output_and_keeps_quiet_on_standard_error(folder):
    done = amphi("ask", *data(folder), *LOCAL, "Who are you?")
    assert done.returncode == 0 and done.stderr == "" and "Amphi" in done.stdout
    assert done.stdout.endswith("\n") and not done.stdout.endswith("\n\n")


@promise
def ask__the_question_may_come_on_standard_input(folder):
    for words in ([], ["-"]):
        done = amphi("ask", *data(folder), *LOCAL, "--json", *words, stdin="Who are you?\n")
        assert "Amphi" in parsed(done)["text"]
    for nothing in ("", "\n", "\r\n\r\n"):
        refused(amphi("ask", *data(folder), *LOCAL, stdin=nothing))


@promise
def ask__questions_in_any_language_come_through(folder):
    for question in ("Qu'est-ce que la batterie ? Éteint à 8 %", "什么是电池?", "🔋🙂 e\u0301 \u202e",
                     "tab\tand \"quotes\" and \\ backslash", "a\nb\r\nc", "<|im_end|><|im_start|>"):
        result = parsed(amphi("ask", *data(folder), *LOCAL, "--json", question))
        assert result["text"], question


@promise
def ask__bytes_that_are_no_utf8_do_not_break_it(folder):
    for raw in (b"\xff\xfe battery", b"\xc3", b"ok \xed\xa0\x80", b"nul \x00 byte"):
        done = amphi("ask", *data(folder), *LOCAL, "--json", stdin=raw)
        if done.returncode != 0:
            refused(done)
        else:
            json.loads(done.stdout)


@promise
def ask__a_question_longer_than_the_context_is_refused_with_the_reason(folder):
    done = amphi("ask", *data(folder), *LOCAL, "--json", stdin="battery and network " * 40000)
    refused(done)
    result = json.loads(done.stdout)
    assert result["error"] is not None and result["text"] == ""


@promise
def ask__the_same_seed_gives_the_same_text(folder):
    words = ["ask", *data(folder), *LOCAL, "--no-cache", "--json", "--temperature", "0.9"]
    texts = [parsed(amphi(*words, "--seed", "7", "Tell me about heat"))["text"] for _ in range(2)]
    assert texts[0] == texts[1] and texts[0]


@promise
def ask__events_are_json_lines_that_end_once(folder):
    done = amphi("ask", *data(folder), *LOCAL, "--events", "Who are you?")
    assert done.returncode == 0, done.stderr
    chunks = [json.loads(line) for line in done.stdout.splitlines()]
    kinds = [chunk["amphi"]["event"] for chunk in chunks]
    assert kinds[0] == "route" and kinds[-1] == "done" and kinds.count("done") == 1, kinds
    text = "".join(o["delta"].get("content", "") for c in chunks for o in c["choices"])
    assert "Amphi" in text, text
    usages = [c for c in chunks if "usage" in c]
    assert len(usages) == 1 and usages[0]["choices"] == [] and kinds[-2] == "usage", usages
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    spoken = [c["model"] for c in chunks if c["amphi"]["event"] == "delta"]
    assert set(spoken) == {"Amphi Help"}, set(spoken)  # the model that answers


@promise
def ask__the_second_time_comes_from_the_cache_unless_told_not_to(folder):
    words = ["ask", *data(folder), *LOCAL, "--json", "What is the outbox?"]
    greedy = [*words, "--temperature", "0"]
    first, second = parsed(amphi(*greedy)), parsed(amphi(*greedy))
    assert first["cache"] == "miss" and second["cache"] == "hit" and second["route"] == "cache"
    assert first["text"] == second["text"] and second["cache_match"]["kind"] == "exact"
    for flags in (["--no-cache"], ["--cache", "off"]):
        assert parsed(amphi(*greedy, *flags))["route"] == "local"
    # Without temperature 0 an answer is another one each time, unless the same is asked for.
    for flags, routes in (([], ["local", "local"]), (["--cache", "exact"], ["local", "cache"])):
        assert [parsed(amphi(*words, *flags))["route"] for _ in range(2)] == routes


@promise
def ask__the_same_in_other_words_is_found_when_asked_for(folder):
    words = ["ask", *data(folder), *LOCAL, "--json", "--cache", "near"]
    question = "What is the outbox?"
    assert parsed(amphi(*words, question))["route"] == "local"
    near = parsed(amphi(*words, "Please tell me, what's the outbox?"))
    assert near["route"] == "cache", near
    match = near["cache_match"]
    assert match["kind"] == "near" and match["question"] == question, match
    assert 0 < match["score"] < 1 and match["stale"] is False, match
    assert parsed(amphi(*words, "What isn't the outbox?"))["route"] == "local"
    stats = parsed(amphi("cache", "stats", *data(folder), "--json"))
    assert stats["hits_near"] == 1 and stats["misses"] == 2 and stats["tokens_saved"] > 0, stats
    assert "in other words" in amphi("cache", "stats", *data(folder)).stdout
    refused(amphi("ask", *data(folder), "--cache", "maybe", "Hi"), "near")


@promise
def cache__clear_forgets_answers_and_nothing_else(folder):
    ask = ["ask", *data(folder), *LOCAL, "--json", "--temperature", "0", "What is the outbox?"]
    assert parsed(amphi(*ask, "--conversation", "c1"))["route"] == "local"
    assert parsed(amphi(*ask))["route"] == "cache"
    assert parsed(amphi("cache", *data(folder), "clear", "--json")) == {"cleared": True}
    assert parsed(amphi(*ask))["route"] == "local"
    assert "empty" in amphi("cache", *data(folder), "clear").stdout
    messages = parsed(amphi("history", *data(folder), "--json", "c1"))["messages"]
    assert [m["role"] for m in messages] == ["user", "assistant"], messages


@promise
def ask__no_route_says_why_and_private_is_never_queued(folder):
    policy = write(folder, "off.json", {"local": {"enabled": False}})
    done = amphi("ask", *data(folder), "--policy", policy, "--private", "--json", "secret")
    refused(done)
    assert json.loads(done.stdout)["error"] is not None
    done = amphi("ask", *data(folder), "--policy", policy, "--no-queue", "hello")
    refused(done)
    entries = parsed(amphi("outbox", *data(folder), "--json"))["entries"]
    assert entries == [], entries


@promise
def ask__what_goes_to_the_outbox_says_why(folder):
    ask = ["ask", *data(folder), *LOCAL, "--mode", "only_cloud", "--endpoint",
           "a=https://127.0.0.1:1/v1,model=m"]
    why = amphi(*ask, "--no-queue", "hello").stderr.strip().removeprefix("amphi: ")
    kept = amphi(*ask, "hello")
    assert kept.returncode == 3 and "kept in the outbox as" in kept.stderr, kept
    assert "could not be reached" in why and why.split("\n")[0] in kept.stderr, (why, kept.stderr)


@promise
def ask__an_answer_cut_in_mid_stream_says_why_it_was_queued_or_failed(folder):
    if missing_openssl():
        raise faces.Skipped("openssl makes the certificate")
    with ScriptedCloud(folder) as cloud:
        cloud.answer = lambda request: events(word("It is half"), done=False, cut=True)
        ask = ["ask", *data(folder), "--mode", "only_cloud", "--endpoint",
               cloud.endpoint("a", "model=m")]
        failed = amphi(*ask, "--no-queue", "hello")
        kept = amphi(*ask, "hello")
        as_json = amphi(*ask, "--json", "hello")
    why = failed.stderr.strip().removeprefix("amphi: ").split("\n")[0]
    assert failed.returncode == 1 and "half" in failed.stdout, failed
    assert kept.returncode == 3 and "kept in the outbox as" in kept.stderr, kept
    assert why in kept.stderr and len(why) > 20, (why, kept.stderr)
    assert as_json.returncode == 3 and json.loads(as_json.stdout)["error"]["message"] == why


@promise
def ask__a_bad_model_is_one_clear_line_and_the_next_ask_works(folder):
    for name, path in bad_models(folder):
        done = amphi("ask", *data(folder), *LOCAL, "--model", path, "Who are you?")
        assert done.stdout == "", (name, done.stdout)
        refused(done)
    result = parsed(amphi("ask", *data(folder), *LOCAL, "--json", "Who are you?"))
    assert result["route"] == "local" and "Amphi" in result["text"]


@promise
def ask__ctrl_c_cancels_and_is_no_success(folder):
    process = subprocess.Popen(
        [AMPHI, "ask", *data(folder), *LOCAL, "--policy", slow_policy(folder), "--conversation",
         "x",
         "What happens when the battery is low?"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
    assert read_until(process.stdout, lambda text: len(text) > 5)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=20)
    assert process.returncode in (1, 130), process.returncode
    assert time.monotonic() - began < 5 and b"cancelled" in stderr, stderr
    assert b"Sanitizer" not in stderr, stderr
    done = amphi("history", *data(folder), "--json")
    assert parsed(done)["conversations"] == [], done.stdout  # half an answer is not kept


@promise
def ask__ctrl_c_while_it_starts_ends_it(folder):
    for delay in (0.0, 0.01, 0.03, 0.1):
        process = subprocess.Popen(
            [AMPHI, "ask", *data(folder), *LOCAL, "--policy", slow_policy(folder), "Who are you?"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
        assert process.returncode != 0, process.returncode


@promise
def ask__another_model_does_not_answer_from_the_old_ones_cache(folder):
    """The same for a cloud model. After a change back the first one's answers are found."""
    embedded = os.path.join(os.path.dirname(__file__), "..", "..", "local", "models",
                            "amphi-help.gguf")
    first, second = os.path.join(folder, "first.gguf"), os.path.join(folder, "second.gguf")
    shutil.copy(embedded, first)
    shutil.copy(embedded, second)
    words = ["ask", *data(folder), *LOCAL, "--json", "--temperature", "0", "What is the outbox?"]
    for model, route in ((first, "local"), (first, "cache"), (second, "local"), (second, "cache"),
                         (None, "local"), (None, "cache")):
        named = ["--model", model] if model else []
        assert parsed(amphi(*words, *named))["route"] == route, model
    for model, route in ((first, "local"), (second, "local"), (second, "cache")):
        done = parsed(amphi(*words, env={"AMPHI_MODEL": model}))
        assert done["route"] == route, model
    os.unlink(second)  # a model whose file is gone still has its answers
    parsed(amphi(*words, "--model", first))
    os.unlink(first)
    assert parsed(amphi(*words, "--model", first))["route"] == "cache"


if __name__ == "__main__":
    faces.main()
