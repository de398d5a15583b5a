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


if __name__ == "__main__":
    own_mounts()
    faces.main()
