#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The confidence handoff from end to end: a head is trained for a copy of the help model on what is
inside and outside its job; then questions that it has not seen stay on the device or move to the
cloud, before anything was shown, and the record says so.

Usage: test_handoff.py BUILD_FOLDER [PART_OF_A_NAME]
"""
import json
import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
sys.dont_write_bytecode = True
import faces  # noqa: E402
from faces import MODEL, amphi, promise, write  # noqa: E402
from scripted_cloud import ScriptedCloud, missing_openssl, reply, says  # noqa: E402

QUESTIONS = os.path.join(HERE, "..", "handoff", "questions.jsonl")
INSIDE = "How do I clear the cache?"
OUTSIDE = "Who was the first king of Spain?"
FACTS = {"battery_percent": 90, "charging": True, "thermal": "nominal",
         "memory_total_bytes": 8 << 30, "memory_available_bytes": 6 << 30}
# As long as it takes: a slow machine must not judge by fewer tokens.
POLICY = {"handoff": {"right_min_percent": 50, "hold_ms": 60000}, "total_ms": 600000,
          "local": {"budgets": {"first_token_ms": 300000, "idle_ms": 300000}},
          "battery": {"critical_percent": 0, "min_percent": 0},
          "memory": {"max_percent": 100, "unload_percent": 100}, "thermal": {"max": "critical"}}


head = None  # the bytes of the one that all tests use


def train_head(folder, model):
    """On every third question of the project's."""
    global head
    with open(QUESTIONS, encoding="utf-8") as file:
        rows = [json.loads(line) for line in list(file)[::3]]
    path = write(folder, "rows.jsonl", "\n".join(
        json.dumps({"prompt": row["prompt"], "right": row["topic"] is not None}) for row in rows))
    done = amphi("model", "head", "train", "--model", model, "--threads", "1", path, timeout=3000)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["rows"] == len(rows) and report["auc"] > 0.8, report
    assert "scores" not in report, report
    with open(model + ".head", "rb") as file:
        head = file.read()


def trained_model(folder):
    """A copy of the help model with a head."""
    model = shutil.copy(MODEL, os.path.join(folder, "help.gguf"))
    if head is None:
        train_head(folder, model)
    with open(model + ".head", "wb") as file:
        file.write(head)
    return model


def ask(folder, cloud, model, question, *more, policy=POLICY):
    done = amphi("ask", "--json", "--data", os.path.join(folder, "data"), "--model", model,
                 "--endpoint", cloud.endpoint("work", "model=m"), "--no-cache", "--no-queue",
                 "--device", write(folder, "device.json", json.dumps(FACTS)),
                 "--policy", write(folder, "policy.json", json.dumps(policy)), *more, question,
                 timeout=600)
    return json.loads(done.stdout)


@promise
def handoff__doubtful_answers_move_and_sure_ones_stay(folder):
    model = trained_model(folder)
    with ScriptedCloud(folder) as cloud:
        cloud.answer = lambda request: says("Someone else.")
        inside = ask(folder, cloud, model, INSIDE)
        assert inside["route"] == "local" and inside["takeovers"] == [], inside
        said = inside["confidence"]
        assert said["judge"] == "head" and not said["moved"] and said["right"] >= 0.5, said
        assert said["right_min"] == 0.5 and 1 <= said["tokens"] <= 8, said
        assert cloud.requests == []
        outside = ask(folder, cloud, model, OUTSIDE)
        assert outside["text"] == "Someone else." and outside["route"] == "work", outside
        assert outside["confidence"]["moved"] and outside["confidence"]["right"] < 0.5, outside
        [takeover] = outside["takeovers"]
        assert takeover["reason"] == "uncertain" and takeover["byte_offset"] == 0, takeover
        assert "too uncertain" in takeover["why"], takeover


@promise
def handoff__what_must_stay_is_not_judged(folder):
    model = trained_model(folder)
    with ScriptedCloud(folder) as cloud:
        for more in (["--private"], ["--mode", "only_local"]):
            stays = ask(folder, cloud, model, OUTSIDE, *more)
            assert stays["route"] == "local" and "confidence" not in stays, stays
        off = {**POLICY, "handoff": {"judge": "off"}}
        stays = ask(folder, cloud, model, OUTSIDE, policy=off)
        assert stays["route"] == "local" and "confidence" not in stays, stays
        assert cloud.requests == []


@promise
def handoff__doubtful_words_are_shown_when_the_cloud_fails(folder):
    model = trained_model(folder)
    with ScriptedCloud(folder) as cloud:
        cloud.answer = lambda request: reply(401, {"error": {"message": "no"}})
        shown = ask(folder, cloud, model, OUTSIDE)
        assert shown["route"] == "local" and shown["text"] != "", shown
        assert shown["error"] is None and shown["confidence"]["moved"], shown
        assert [one["to"] for one in shown["takeovers"]] == ["work", "local"], shown


@promise
def handoff__a_models_own_doubt_counts_when_the_policy_says_any(folder):
    model = shutil.copy(MODEL, os.path.join(folder, "help.gguf"))
    with ScriptedCloud(folder) as cloud:
        anyone = {**POLICY, "handoff": {**POLICY["handoff"], "judge": "any"}}
        assert ask(folder, cloud, model, INSIDE, policy=anyone)["confidence"]["judge"] == "logits"
        assert "confidence" not in ask(folder, cloud, model, INSIDE)


if __name__ == "__main__":
    if missing_openssl():
        faces.skip("openssl is not here")
    faces.main()
