#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A store that can't be written now: the disk is full, the medium is read-only, another process
holds the lock. Answers come all the same, and what makes room on a full disk works there."""
import contextlib
import ctypes
import fcntl
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import faces  # noqa: E402
from faces import AMPHI, amphi, environment, promise, read_until, skip  # noqa: E402

LOCAL = ["--mode", "only_local", "--seed", "1"]
CLONE_NEWNS = 0x20000
WRITE_LOCK, INDEX_LOCK = 120, 128  # bytes of amphi.db-shm (SQLite's os_unix.c)
DISK = 6 << 20


def own_mounts():
    """From here on mounts are this process's and its children's alone."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0 or subprocess.run(
            ["mount", "--make-rprivate", "/"], capture_output=True).returncode != 0:
        skip("mounts are not allowed here")


@contextlib.contextmanager
def disk(folder, size=DISK):
    path = os.path.join(folder, "disk")
    os.mkdir(path)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "x", path], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", path], check=True)


def remount(path, how):
    subprocess.run(["mount", "-o", f"remount,{how}", path], check=True)


def fill(path):
    """No byte is left."""
    with open(os.path.join(path, "ballast"), "wb", buffering=0) as file:
        for size in (1 << 16, 4096, 1):
            with contextlib.suppress(OSError):
                while file.write(b"x" * size):
                    pass


def data(path):
    return ["--data", os.path.join(path, "data")]


def ask(path, conversation, words, *flags):
    return amphi("ask", *data(path), *LOCAL, "--conversation", conversation, *flags, words)


def answered_without_history(path, why):
    """Each way to ask says the answer, and on standard error what is wrong."""
    plain = ask(path, "c", "Who are you?")
    assert plain.returncode == 0 and "Amphi" in plain.stdout, (plain.returncode, plain.stderr)
    assert why in plain.stderr and "history" in plain.stderr, plain.stderr
    record = ask(path, "c", "Who are you?", "--json")
    assert record.returncode == 0 and why in record.stderr, (record.returncode, record.stderr)
    result = json.loads(record.stdout)
    assert "Amphi" in result["text"] and result["error"] is None
    assert why in result["history_error"]["message"], result
    events = ask(path, "c", "Who are you?", "--events")
    assert events.returncode == 0 and why in events.stderr, (events.returncode, events.stderr)
    chat = amphi("chat", *data(path), *LOCAL, stdin="Who are you?\nWho are you?\n")
    assert chat.returncode == 0 and chat.stdout.count("Amphi") >= 2, chat
    assert chat.stderr.count(why) == 2, chat.stderr
    nameless = amphi("ask", *data(path), *LOCAL, "Who are you?")  # has nothing to keep
    assert nameless.returncode == 0 and nameless.stderr == "", nameless.stderr


@promise
def ask__answers_on_a_full_disk_and_on_a_read_only_medium(folder):
    with disk(folder) as path:
        assert ask(path, "c", "Who are you?").returncode == 0
        fill(path)
        answered_without_history(path, "the disk is full")
        os.unlink(os.path.join(path, "ballast"))
        remount(path, "ro")
        answered_without_history(path, "read-only")


def imported(path, conversations):
    """{name: (messages, bytes of each)} as a history; no two texts are alike."""
    lines = [json.dumps({"amphi_history": 1})]
    for name, (count, size) in conversations.items():
        lines.append(json.dumps({"conversation": name}))
        for i in range(count):
            text = " ".join(f"{name}{i}w{k}" for k in range(size // 6))
            lines.append(json.dumps({"message": len(lines) + 1, "created_ms": 1700000000000,
                                     "role": "user", "content": text[:size]}))
    file = os.path.join(os.path.dirname(path), "import.jsonl")
    with open(file, "w", encoding="utf-8") as out:
        out.write("\n".join(lines) + "\n")
    done = amphi("history", "import", *data(path), file)
    assert done.returncode == 0, done.stderr
    os.unlink(file)


def listed(path):
    done = amphi("history", "list", *data(path), "--json")
    assert done.returncode == 0, done.stderr
    return {row["id"]: row["messages"] for row in json.loads(done.stdout)["conversations"]}


def whole(path):
    done = amphi("history", "check", *data(path))
    assert done.returncode == 0, (done.stdout, done.stderr)


def deleted(path, *words):
    done = amphi("history", *words, *data(path), "--json")
    assert done.returncode == 0, (words, done.stderr)
    return json.loads(done.stdout)


@promise
def full__what_makes_room_works(folder):
    with disk(folder) as path:
        imported(path, {"large": (150, 9000), "small": (3, 40), "old": (60, 9000)})
        assert ask(path, "cached", "Who are you?", "--temperature", "0").returncode == 0
        fill(path)
        first = json.loads(amphi("history", "show", *data(path), "--json", "small").stdout)
        deleted(path, "delete", "small", "--message", str(first["messages"][0]["id"]))
        assert listed(path)["small"] == 2, listed(path)
        receipt = deleted(path, "delete", "large")
        assert receipt["messages"] == 150 and receipt["conversations"] == 1, receipt
        assert receipt["text_bytes"] == 150 * 9000, receipt
        receipt = deleted(path, "prune", "--max-bytes", "3000")
        assert receipt["messages"] == 62, receipt
        assert listed(path).keys() == {"cached"}, listed(path)
        kept = ask(path, "next", "Who are you?")  # in the room that this left
        assert kept.returncode == 0 and kept.stderr == "", kept.stderr
        assert listed(path)["next"] == 2, listed(path)
        done = amphi("cache", "clear", *data(path))
        assert done.returncode == 0, done.stderr
        receipt = deleted(path, "erase-all", "--yes")
        assert receipt["conversations"] == 2 and receipt["messages"] == 4, receipt
        assert listed(path) == {}, listed(path)
        os.unlink(os.path.join(path, "ballast"))
        whole(path)


@promise
def full__everything_goes_however_much_it_is_and_the_disk_has_room_again(folder):
    with disk(folder, 16 << 20) as path:
        imported(path, {"a": (200, 9000), "b": (100, 9000)})
        size = os.path.getsize(os.path.join(path, "data", "amphi.db"))
        assert size > 5 << 19, size
        fill(path)
        receipt = deleted(path, "erase-all", "--yes")
        assert receipt["messages"] == 300 and receipt["conversations"] == 2, receipt
        assert listed(path) == {}, listed(path)
        assert os.path.getsize(os.path.join(path, "data", "amphi.db")) < size / 8
        assert ask(path, "next", "Who are you?").stderr == ""
        whole(path)


@promise
def full__what_can_not_be_deleted_is_named_with_what_to_do(folder):
    with disk(folder, 12 << 20) as path:
        imported(path, {"a": (1, 2 << 20), "b": (2, 100)})
        fill(path)
        done = amphi("history", "delete", *data(path), "a")
        assert done.returncode == 1 and "the disk is full" in done.stderr, done
        assert "amphi keys shred" in done.stderr, done.stderr
        assert listed(path)["a"] == 1
        deleted(path, "delete", "b")
        done = amphi("keys", "shred", *data(path), "--yes")
        assert done.returncode == 0, done.stderr
        assert os.listdir(os.path.join(path, "data")) == []


if __name__ == "__main__":
    own_mounts()
    faces.main()
