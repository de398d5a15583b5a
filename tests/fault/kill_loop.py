#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""From outside, on a release build: `amphi ask --json` with a cloud configured (`amphi serve` plays
it), and its engine process killed at a random moment with SEGV, KILL or STOP in turn. Every answer
must be whole and say that it was taken over. A kill that came after the answer was complete, or
before there was a process to kill, is no run. All of it happens on one data folder and with the
default policy: a signal from outside is not the model's crash, so a hundred of them in ten minutes
do not lead to the quarantine.

usage: kill_loop.py BUILD [RUNS]"""
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

BUILD = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "build/release")
RUNS = int(sys.argv[2]) if len(sys.argv) > 2 else 100
AMPHI = os.path.join(BUILD, "bin", "amphi")
STORIES = "../shared/vectors/models/stories260K-f32.gguf"
SIGNALS = [signal.SIGSEGV, signal.SIGKILL, signal.SIGSTOP]
# No more than a pace, so that there is a middle to be hit. What else runs on this machine is not
# what this is about, so the device's state is pushed.
PACED = {"local": {"tokens_per_second_max": 60}}
DEVICE = {"memory_total_bytes": 8 << 30, "memory_available_bytes": 6 << 30, "memory_pressure": 0}
ENV = {k: v for k, v in os.environ.items() if not k.startswith("AMPHI_")}


def written(folder, name, content):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(content, file)
    return path


def children(pid):
    try:
        pids = []
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", encoding="utf-8") as file:
                pids += [int(word) for word in file.read().split()]
        return pids
    except OSError:
        return []


class Answers:
    """How the requests of one half are sent."""

    def __init__(self, folder, url, name, policy, model, words):
        self.command = [AMPHI, "ask", "--json", "--no-cache", "--no-queue", "--mode",
                        "prefer_local",
                        "--data", os.path.join(folder, "data"), "--temperature", "0",
                        "--device", written(folder, "device.json", DEVICE),
                        "--allow-http-loopback", "--endpoint", f"cloud={url}", "--max-tokens",
                        "200",
                        *(["--policy", written(folder, name + ".json", policy)] if policy else []),
                        *model, words]
        self.seconds = 0.0
        self.usual = None

    def start(self):
        return subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                stdin=subprocess.DEVNULL, env=ENV)

    def learn(self):
        """An answer without a kill: how long it takes, and what it says."""
        started = time.monotonic()
        out, err = self.start().communicate(timeout=120)
        self.seconds = time.monotonic() - started
        self.usual = json.loads(out)
        assert self.usual["route"] == "local" and self.usual["takeovers"] == [], (out, err)


def strike(process, answers, number):
    """Kills the engine at a random moment; false when there was none to kill."""
    time.sleep(random.uniform(0, answers.seconds))
    workers = children(process.pid)
    for pid in workers:
        try:
            os.kill(pid, SIGNALS[number % len(SIGNALS)])
        except ProcessLookupError:
            workers = []
    return bool(workers)


def judge(result, code):
    if code != 0 or result.get("error") is not None:
        return f"exit status {code}, {result.get('error')}"
    if result["finish_reason"] not in ("stop", "length") or not result["text"]:
        return "not a whole answer"
    return ""


def main():
    folder = tempfile.mkdtemp(prefix="amphi-kill-")
    random.seed(20260101)
    gateway = subprocess.Popen(
        [AMPHI, "serve", "--port", "0", "--json", "--mode", "only_local", "--data",
         os.path.join(folder, "cloud")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=ENV)
    passed, failed, idle, same = 0, [], 0, 0
    per_signal = dict.fromkeys((s.name for s in SIGNALS), 0)
    try:
        url = json.loads(gateway.stdout.readline())["url"]
        halves = [Answers(folder, url, "paced", PACED, ["--help-model"],
                          "What happens when the battery is low?")]
        if os.path.exists(STORIES):
            halves.append(Answers(folder, url, "fast", {}, ["--model", STORIES],
                                  "Once upon a time there was a little boat"))
        for half in halves:
            half.learn()
        started = time.monotonic()
        number = 0
        while passed + len(failed) < RUNS and number < 20 * RUNS:
            half = halves[number % len(halves)]
            process = half.start()
            struck = strike(process, half, number)
            out, err = process.communicate(timeout=60)
            result = json.loads(out) if out.strip() else {"error": err.decode()}
            broken = judge(result, process.returncode)
            number += 1
            if not broken and (not struck or result["takeovers"] == []):
                if result["route"] == "local" and result["text"] == half.usual["text"]:
                    idle += 1  # the answer was complete, or there was no process yet
                    continue
                broken = "it does not say that it was taken over"
            if broken:
                failed.append(f"{SIGNALS[(number - 1) % 3].name}: {broken}")
                continue
            passed += 1
            per_signal[SIGNALS[(number - 1) % 3].name] += 1
            same += result["text"] == half.usual["text"]
        took = time.monotonic() - started
    finally:
        gateway.terminate()
        gateway.wait()
        shutil.rmtree(folder, ignore_errors=True)
    for line in failed[:10]:
        print("FAILED", line)
    signals = ", ".join(f"{k} {v}" for k, v in per_signal.items())
    print(f"kill loop: {passed} answers were taken over in {took:.0f} s ({signals}); "
          f"{idle} kills came too late or too early to count; {same} answers read as they "
          "would have without the kill")
    print(f"{passed} passed, {len(failed)} failed")
    sys.exit(0 if passed >= RUNS and not failed else 1)


if __name__ == "__main__":
    main()
