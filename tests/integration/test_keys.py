#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`amphi keys`: where the key is, a new one at any moment of which the command may be killed, and
its end. Usage: test_keys.py BUILD_FOLDER [PART_OF_A_NAME]"""
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
sys.dont_write_bytecode = True
import faces  # noqa: E402
from faces import AMPHI, MODEL, amphi, environment, promise, refused, write  # noqa: E402

KILLS = 120
QUESTIONS = ("What is Amphi?", "What happens when the battery is low?")


def data_of(folder):
    return os.path.join(folder, "data")


def make_store(folder):
    """A store with two turns; its key file's content."""
    for question in QUESTIONS:
        done = amphi("ask", "--no-cache", "--mode", "only_local", "--model", MODEL, "--temperature",
                     "0", "--data", data_of(folder), "--conversation", "c", question)
        assert done.returncode == 0, done.stderr
    with open(os.path.join(data_of(folder), "store.key"), encoding="ascii") as file:
        return file.read().strip()


def history(folder, data=None):
    done = amphi("history", "--data", data or data_of(folder), "--conversation", "c")
    assert done.returncode == 0, done.stderr
    return done.stdout


def show(folder):
    done = amphi("keys", "show", "--json", "--data", data_of(folder))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stdout


@promise
def keys__show_says_where_the_key_is_and_never_the_key(folder):
    report, _ = show(folder)
    assert report["provider"] == "file" and not report["has_key"], report
    assert report["store_bytes"] == 0 and not report["wrapped"], report
    assert not os.path.exists(os.path.join(data_of(folder), "store.key"))
    key = make_store(folder)
    report, text = show(folder)
    assert report["has_key"] and report["store_bytes"] > 0, report
    assert report["place"] == os.path.join(data_of(folder), "store.key"), report
    assert key not in text
    assert key not in amphi("keys", "show", "--data", data_of(folder)).stdout


@promise
def keys__rekey_keeps_everything_and_the_old_key_opens_nothing_any_more(folder):
    make_store(folder)
    before = history(folder)
    first = open(os.path.join(data_of(folder), "amphi.db"), "rb").read()
    for _ in range(2):
        done = amphi("keys", "rekey", "--data", data_of(folder))
        assert done.returncode == 0, done.stderr
        assert history(folder) == before
        second = open(os.path.join(data_of(folder), "amphi.db"), "rb").read()
        assert first[:16] != second[:16]
        first = second
    assert show(folder)[0]["wrapped"]
    # The key file alone, which was the store's key before, does not open it any more.
    os.rename(os.path.join(data_of(folder), "store.wrap"), os.path.join(folder, "kept"))
    done = amphi("history", "--data", data_of(folder), "--conversation", "c")
    assert done.returncode != 0 and "key" in done.stderr, (done.stdout, done.stderr)


@promise
def keys__wrong_key_and_damaged_file_are_told_apart(folder):
    make_store(folder)
    assert amphi("keys", "rekey", "--data", data_of(folder)).returncode == 0
    key = os.path.join(data_of(folder), "store.key")
    wrap = os.path.join(data_of(folder), "store.wrap")
    whole = {path: open(path, "rb").read() for path in (key, wrap)}
    write(data_of(folder), "store.key", "ab" * 32 + "\n")
    os.chmod(key, 0o600)
    line = refused(amphi("keys", "rekey", "--data", data_of(folder)), "wrapped key")
    assert "not the one that wrapped it" in line, line
    write(data_of(folder), "store.key", whole[key])
    os.chmod(key, 0o600)
    for damaged in (b"", whole[wrap][:-1], whole[wrap].replace(b"1\n", b"2\n", 1),
                    whole[wrap][:40] + b"0" + whole[wrap][41:], whole[wrap] * 2):
        if damaged == whole[wrap]:
            continue
        write(data_of(folder), "store.wrap", damaged)
        line = refused(amphi("keys", "rekey", "--data", data_of(folder)), "wrapped key: damaged")
        assert "backup" in line, line
    write(data_of(folder), "store.wrap", whole[wrap])
    assert "user" in history(folder)


@promise
def keys__rekey_and_shred_are_refused_while_another_program_has_the_store_open(folder):
    make_store(folder)
    with faces.gateway(folder, "--data", data_of(folder), "--mode", "only_local"):
        for words in (("rekey",), ("shred", "--yes")):
            refused(amphi("keys", *words, "--data", data_of(folder)), "store")
    assert "user" in history(folder)


def kill_after(folder, data, seconds):
    """Starts a rekey and kills it; true when it was killed before its end."""
    process = subprocess.Popen([AMPHI, "keys", "rekey", "--data", data], env=environment(),
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE)
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    said = process.stderr.read().decode()
    assert process.wait() in (0, -signal.SIGKILL), (process.returncode, said)
    return process.returncode != 0


@promise
def keys__rekey_killed_at_any_moment_leaves_the_old_or_the_new_store(folder):
    make_store(folder)
    before = history(folder)
    begun = time.monotonic()
    assert amphi("keys", "rekey", "--data", data_of(folder)).returncode == 0
    whole_s = time.monotonic() - begun
    data = data_of(folder)
    rng = random.Random(11)
    killed, pending = 0, 0
    for _ in range(KILLS):
        killed += kill_after(folder, data, rng.uniform(0, whole_s * 1.1))
        pending += os.path.exists(os.path.join(data, "store.wrap.new"))
        assert history(folder) == before
    print(f"{killed} of {KILLS} killed before the end ({whole_s:.3f} s), {pending} with a key that "
          f"was not in use or not in place yet", flush=True)
    assert killed > KILLS // 4, killed
    assert pending > 0
    assert amphi("keys", "rekey", "--data", data).returncode == 0
    assert history(folder) == before
    left = sorted(os.listdir(data))
    assert not [name for name in left if "rekey" in name or name.endswith(".new")], left


@promise
def keys__rekey_cut_off_behind_the_new_store_is_finished_by_the_next_program(folder):
    """What a kill leaves between the new store's rename and the new key's."""
    make_store(folder)
    before = history(folder)
    wrap = os.path.join(data_of(folder), "store.wrap")
    for has_old in (False, True):
        old = open(wrap, "rb").read() if has_old else None
        assert amphi("keys", "rekey", "--data", data_of(folder)).returncode == 0
        os.rename(wrap, wrap + ".new")
        if has_old:
            write(data_of(folder), "store.wrap", old)
        assert history(folder) == before
        assert os.path.exists(wrap) and not os.path.exists(wrap + ".new")
        assert history(folder) == before


@promise
def keys__shred_makes_noise_of_every_copy(folder):
    key = make_store(folder)
    assert amphi("keys", "rekey", "--data", data_of(folder)).returncode == 0
    copy = os.path.join(folder, "copy")
    refused(amphi("keys", "shred", "--data", data_of(folder)), "--yes")
    shutil.copytree(data_of(folder), copy)
    done = amphi("keys", "shred", "--yes", "--json", "--data", data_of(folder))
    assert done.returncode == 0, done.stderr
    receipt = json.loads(done.stdout)
    assert receipt["gone"] and receipt["had_key"] and receipt["was_wrapped"], receipt
    assert key not in done.stdout
    assert os.listdir(data_of(folder)) == [], os.listdir(data_of(folder))
    for name in ("store.key", "store.wrap"):  # only the database was copied elsewhere
        os.remove(os.path.join(copy, name))
    line = refused(amphi("history", "--data", copy, "--conversation", "c"))
    assert "key" in line, line
    # A second time, and where there is nothing: gone is gone.
    done = amphi("keys", "shred", "--yes", "--json", "--data", data_of(folder))
    assert done.returncode == 0 and json.loads(done.stdout)["gone"], (done.stdout, done.stderr)
    make_store(folder)
    assert "user" in history(folder)


if __name__ == "__main__":
    faces.main()
