# SPDX-License-Identifier: Apache-2.0
"""What the tests of lost and damaged stores share: the command on a data folder, files to be
damaged, a host that is killed, and the count of failures."""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

BUILD = os.path.abspath(sys.argv[1])
AMPHI = os.path.join(BUILD, "bin", "amphi")
ENV = {k: v for k, v in os.environ.items() if not k.startswith("AMPHI_")}
ENV["AMPHI_WORKER"] = os.path.join(BUILD, "bin", "amphi-worker")
failures = 0


def check(ok, what):
    global failures
    if not ok:
        failures += 1
        print(f"failed: {what}")


def amphi(folder, *words):
    done = subprocess.run([AMPHI, *words, "--data", folder], env=ENV, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=200)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def say(folder, words, conversation="c"):
    rc, _, err = amphi(folder, "ask", "--conversation", conversation, "--max-tokens", "4", words)
    check(rc == 0 and "history" not in err, f"ask: {rc} {err}")


def messages(folder, conversation="c", damaged=False):
    """damaged: so the command says, and prints them all the same."""
    rc, out, err = amphi(folder, "history", "--json", "--conversation", conversation)
    check(rc == int(damaged) and ("history is damaged" in err) == damaged, f"history: {rc} {err}")
    return [m["content"] for m in json.loads(out)["messages"]] if out.strip() else []


def at(folder, name):
    return os.path.join(folder, name)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, data):
    with open(path, "r+b") as file:
        file.write(data)


def answered_by_a_killed_host(folder, turns, *flags):
    """Turns of conversation c whose commits stand in the log alone."""
    host = subprocess.Popen([AMPHI, "chat", "--conversation", "c", "--max-tokens", "4", "--data",
                             folder, *flags], env=ENV, stdin=subprocess.PIPE,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    log, size, until = at(folder, "amphi.db-wal"), 0, time.monotonic() + 100
    for i in range(turns):
        host.stdin.write(f"question {i}\n".encode())
        host.stdin.flush()
        while time.monotonic() < until:  # the turn's messages are there
            rc, out, _ = amphi(folder, "history", "--json", "--conversation", "c")
            if rc == 0 and len(json.loads(out).get("messages", [])) >= 2 * (i + 1):
                break
    size = os.path.getsize(log) if os.path.exists(log) else 0
    host.send_signal(signal.SIGKILL)
    host.wait()
    check(size > 4096 * 4, f"a hot log: {size}")


def run(tests):
    """tests(folder). Returns the exit status."""
    if not os.path.exists(AMPHI):
        print("skipped: this build has no amphi command")
        return 77
    with open(os.path.join(BUILD, "CMakeCache.txt"), encoding="utf-8") as cache:
        if "AMPHI_STORE:STRING=sqlcipher" not in cache.read():
            print("skipped: this build has no SQLCipher")
            return 77
    with tempfile.TemporaryDirectory() as folder:
        tests(folder)
    print(f"{0 if failures else 1} passed, {failures} failed")
    return 1 if failures else 0
