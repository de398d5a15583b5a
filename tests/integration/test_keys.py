#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`amphi keys`: where the key is, a new one at any moment of which the command may be killed, and
its end. Usage: test_keys.py BUILD_FOLDER [PART_OF_A_NAME]"""
import contextlib
import ctypes.util
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
from faces import (AMPHI, MODEL, Skipped, amphi, environment, promise, refused,  # noqa: E402
                   write)

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


def leftovers(data):
    return sorted(name for name in os.listdir(data)
                  if ".rekey" in name or ".repair" in name or name.endswith(".new"))


@promise
def keys__what_a_killed_rekey_left_goes_with_the_next_opening_or_deletion(folder):
    make_store(folder)
    data = data_of(folder)
    before = history(folder)
    names = ["amphi.db.rekey", "amphi.db.rekey-wal", "amphi.db.rekey-shm", "amphi.db.repair",
             "amphi.db.repair-wal", "store.wrap.new"]
    for words in (("history", "--conversation", "c"), ("history", "delete", "c")):
        for name in names:
            write(data, name, "left")
        key = os.path.join(folder, "pending")
        if not os.path.exists(key):
            os.link(os.path.join(data, "store.wrap.new"), key)
        done = amphi(*words, "--data", data)
        assert done.returncode == 0 and (words[1] == "delete" or done.stdout == before), done
        assert not leftovers(data), leftovers(data)
    assert b"left" not in open(key, "rb").read()  # noise, not only without a name


@promise
def keys__rekeys_at_once_with_openings_lose_no_key(folder):
    """Both remove what an interrupted rekey left, and neither what one at work needs."""
    make_store(folder)
    data = data_of(folder)
    before = history(folder)
    until = time.monotonic() + 12
    rekeyed = 0
    while time.monotonic() < until:
        many = [subprocess.Popen([AMPHI, *words, "--data", data], env=environment(),
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
                for words in [("keys", "rekey")] * 3 + [("history",)] * 3]
        rekeyed += [process.wait() for process in many][:3].count(0)
        assert history(folder) == before
    assert rekeyed > 0


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
        assert not leftovers(data), leftovers(data)  # a deletion would not reach them
    print(f"{killed} of {KILLS} killed before the end ({whole_s:.3f} s), {pending} with a key that "
          f"was not in use or not in place yet", flush=True)
    assert killed > KILLS // 4, killed
    assert pending > 0
    assert amphi("keys", "rekey", "--data", data).returncode == 0
    assert history(folder) == before
    assert not leftovers(data), leftovers(data)


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


# ---- places outside of the data folder ----

NO_BUS = {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent/bus"}


def placed(folder, place, *words, env=None):
    return amphi(*words, "--keys", place, "--data", data_of(folder), env=env)


def ask_placed(folder, place, env=None):
    done = placed(folder, place, "ask", "--no-cache", "--mode", "only_local", "--model", MODEL,
                  "--temperature", "0", "--conversation", "c", QUESTIONS[0], env=env)
    assert done.returncode == 0, done.stderr


def show_placed(folder, place, env=None):
    done = placed(folder, place, "keys", "show", "--json", env=env)
    if "refuses keyrings" in done.stderr:
        raise Skipped(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def lives_in(folder, place, env=None):
    """A store's whole life with its key in a place."""
    report = show_placed(folder, place, env)
    assert report["provider"] == place and not report["has_key"], report
    assert not os.path.exists(data_of(folder))
    ask_placed(folder, place, env)
    try:
        report = show_placed(folder, place, env)
        assert report["has_key"] and report["can_destroy"] and report["store_bytes"] > 0, report
        assert report["place"].endswith(os.path.realpath(data_of(folder))), report
        assert not os.path.exists(os.path.join(data_of(folder), "store.key"))
        done = placed(folder, place, "keys", "rekey", env=env)
        assert done.returncode == 0, done.stderr
        done = placed(folder, place, "history", "--conversation", "c", env=env)
        assert QUESTIONS[0] in done.stdout, (done.stdout, done.stderr)
        for other in {"file", "keyring", "libsecret"} - {place}:
            for words in (("history",), ("keys", "rekey"), ("keys", "shred", "--yes"),
                          ("ask", "--mode", "only_local", "--model", MODEL, "Hello")):
                line = refused(placed(folder, other, *words, env=env), f"--keys {place}")
                assert other in line, line
        # A copy elsewhere has no key, and gets none.
        copy = os.path.join(folder, "copy")
        shutil.copytree(data_of(folder), copy)
        line = refused(amphi("history", "--keys", place, "--data", copy, env=env), "amphi.db")
        assert "no key" in line, line
    finally:
        done = placed(folder, place, "keys", "shred", "--yes", "--json", env=env)
    assert done.returncode == 0, done.stderr
    receipt = json.loads(done.stdout)
    assert receipt["gone"] and receipt["had_key"] and receipt["provider"] == place, receipt
    assert os.listdir(data_of(folder)) == [], os.listdir(data_of(folder))
    assert not show_placed(folder, place, env)["has_key"]


@promise
def keys__a_store_lives_with_its_key_in_the_kernels_keyring(folder):
    lives_in(folder, "keyring")


@contextlib.contextmanager
def secret_service(folder):
    """The environment of a bus with an unlocked secret service of its own."""
    for name in ("dbus-run-session", "gnome-keyring-daemon"):
        if shutil.which(name) is None:
            raise Skipped(f"no {name} here")
    if ctypes.util.find_library("secret-1") is None:
        raise Skipped("no libsecret here")
    home = os.path.join(folder, "home")
    os.mkdir(home, 0o700)
    session = subprocess.Popen(
        ["dbus-run-session", "--", "sh", "-c",
         "printf unlock | gnome-keyring-daemon --unlock --components=secrets >/dev/null; "
         "echo $DBUS_SESSION_BUS_ADDRESS; cat"],
        env=environment(HOME=home, XDG_RUNTIME_DIR=home, XDG_DATA_HOME=os.path.join(home, "data")),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        yield {"DBUS_SESSION_BUS_ADDRESS": session.stdout.readline().decode().strip()}
    finally:
        session.stdin.close()
        session.wait()
        session.stdout.close()


@promise
def keys__a_store_lives_with_its_key_in_the_secret_service(folder):
    with secret_service(folder) as env:
        lives_in(folder, "libsecret", env)


@promise
def keys__without_a_secret_service_there_is_one_line_and_no_store(folder):
    for words in (("keys", "show"), ("history",), ("keys", "rekey"),
                  ("ask", "--mode", "only_local", "--model", MODEL, "Hello")):
        refused(placed(folder, "libsecret", *words, env=NO_BUS), "libsecret", "another place")
    assert not os.path.exists(data_of(folder))


@promise
def keys__a_store_made_with_a_file_is_refused_elsewhere_and_gets_no_new_key(folder):
    key = make_store(folder)
    before = history(folder)
    for place in ("keyring", "libsecret"):
        for words in (("history",), ("keys", "show"), ("keys", "rekey"),
                      ("keys", "shred", "--yes")):
            refused(placed(folder, place, *words, env=NO_BUS), "--keys file")
    with open(os.path.join(data_of(folder), "store.key"), encoding="ascii") as file:
        assert file.read().strip() == key
    assert placed(folder, "file", "history", "--conversation", "c").stdout == before
    # Without its key file as well: nothing is made beside the database.
    os.remove(os.path.join(data_of(folder), "store.key"))
    left = sorted(os.listdir(data_of(folder)))
    refused(placed(folder, "file", "history"), "store.key", "restore")
    line = placed(folder, "keyring", "history")
    if "refuses keyrings" not in line.stderr:
        refused(line, "amphi.db", "no key")
    refused(placed(folder, "libsecret", "history", env=NO_BUS), "libsecret")
    assert sorted(os.listdir(data_of(folder))) == left


@promise
def keys__a_place_that_does_not_exist_is_refused_by_name(folder):
    for place in ("kernel", "File", "keyring,file"):
        refused(placed(folder, place, "keys", "show"), "keys_place", place)
    assert not os.path.exists(data_of(folder))


if __name__ == "__main__":
    faces.main()
