#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A database that was removed or emptied, and a log with one bit wrong, through the command: each
is said by name before anything is overwritten, and what there is to save is saved."""
import json
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
from damaged_store import (amphi, answered_by_a_killed_host, at, check, messages,  # noqa: E402
                           read, run, say, write)


def fresh_ones_are_silent(folder):
    """As a kill between the key and the first commit leaves it."""
    say(folder, "hello")
    key = read(at(folder, "store.key"))
    other = at(folder, "fresh")
    os.mkdir(other, 0o700)
    with open(at(other, "store.key"), "wb") as file:
        os.chmod(file.fileno(), 0o600)
        file.write(key)
    open(at(other, "amphi.db"), "wb").close()
    rc, out, _ = amphi(other, "doctor")
    check("removed or emptied" not in out, f"doctor of a fresh one: {out}")
    rc, out, _ = amphi(other, "history", "check")
    check(rc == 0 and "is whole" in out, f"check of a fresh one: {out}")


LINE = "amphi: the store is lost: "


def each_command_says_it(folder):
    """Also in the new store's time; what would overwrite a good copy is refused."""
    kept = at(folder, "kept.jsonl")
    with open(kept, "w", encoding="utf-8") as file:
        file.write("a good export\n")
    rc, _, err = amphi(folder, "history", "export", "--out", kept)
    check(rc == 1 and "nothing was exported" in err and err.count("store is lost") == 1,
          f"export: {rc} {err}")
    check(read(kept) == b"a good export\n", "the good export is there")
    rc, _, err = amphi(folder, "history", "backup", at(folder, "empty.db"))
    check(rc == 1 and "nothing was copied" in err and err.count("store is lost") == 1,
          f"backup: {rc} {err}")
    check(not os.path.exists(at(folder, "empty.db")), "no backup of the empty one")
    for words in (["history"], ["history", "search", "lost"], ["outbox"],
                  ["ask", "--max-tokens", "2", "hello"]):
        rc, _, err = amphi(folder, *words)
        check(rc == 0 and err.count(LINE) == 1 and len(err.splitlines()) == 1,
              f"{words}: {rc} {err}")


def what_ends_it(folder, backup):
    """A backup that is restored, a deletion of everything, a new key."""
    for name, words in (("restored", None), ("erased", ["history", "erase-all", "--yes"]),
                        ("rekeyed", ["keys", "rekey"])):
        other = folder + "-" + name
        shutil.copytree(folder, other)
        check(amphi(other, "doctor")[0] == 1, f"{name}: lost before")
        if words is None:
            os.unlink(at(other, "amphi.db"))
            shutil.copy(backup, at(other, "amphi.db"))
        else:
            rc, _, err = amphi(other, *words)
            check(rc == 0, f"{name}: {rc} {err}")
        for command in (["doctor"], ["history", "check"], ["history"]):
            rc, out, err = amphi(other, *command)
            check(rc == 0 and "removed or emptied" not in out + err,
                  f"{name}: {command} {rc} {out} {err}")
        rc, _, err = amphi(other, "history", "backup", at(other, "whole.db"))
        check(rc == 0 and not err, f"{name}: backup {rc} {err}")
        check(not os.path.exists(at(other, "store.lost")), f"{name}: store.lost is there")


def lost_and_mended(folder):
    os.mkdir(folder, 0o700)
    say(folder, "to be restored")
    backup = folder + ".backup"
    rc, _, err = amphi(folder, "history", "backup", backup)
    check(rc == 0 and not err, f"backup of a whole one: {err}")
    os.unlink(at(folder, "amphi.db"))
    rc, _, err = amphi(folder, "history", "repair")
    check(rc == 1 and "restore it from a backup" in err, f"repair: {rc} {err}")
    each_command_says_it(folder)
    say(folder, "the new one")
    each_command_says_it(folder)
    what_ends_it(folder, backup)
    # It went on with the new one, and loses that as well: its backup is one like any other.
    os.unlink(at(folder, "store.lost"))
    check(amphi(folder, "history", "backup", folder + ".second")[0] == 0, "known: a backup")
    os.unlink(at(folder, "amphi.db"))
    say(folder, "the third")
    shutil.copy(folder + ".second", at(folder, "amphi.db"))
    rc, _, err = amphi(folder, "history")
    check(rc == 0 and not err, f"the second one, restored: {rc} {err}")


def lost(folder, is_removed):
    say(folder, "to be lost")
    if is_removed:
        os.unlink(at(folder, "amphi.db"))
    else:
        os.truncate(at(folder, "amphi.db"), 0)
    rc, out, err = amphi(folder, "history", "check")
    check(rc == 1 and "the store is lost: amphi.db was removed or emptied: restore it" in out,
          f"check of a lost one: {rc} {out} {err}")
    rc, out, _ = amphi(folder, "doctor")
    check(rc == 1 and "amphi.db was removed or emptied" in out, f"doctor: {out}")
    say(folder, "the new one")
    rc, out, _ = amphi(folder, "history", "--json", "--conversation", "c")
    check(rc == 0 and len(json.loads(out)["messages"]) == 2, f"the new one works: {out}")
    rc, out, _ = amphi(folder, "doctor")
    check(rc == 1 and "earlier amphi.db was removed" in out and "store.lost" in out,
          f"doctor later: {out}")
    rc, out, _ = amphi(folder, "history", "check", "--json")
    found = json.loads(out)
    check(rc == 1 and found["lost"] and found["pages_bad"] == 0, f"check later: {out}")
    os.unlink(at(folder, "store.lost"))
    check(amphi(folder, "history", "check")[0] == 0, "silent once it is known")


def shredded(folder):
    rc, _, err = amphi(folder, "keys", "shred", "--yes")
    left = [name for name in os.listdir(folder) if name.startswith(("amphi.db", "store."))]
    check(rc == 0 and not left, f"shred: {err} {left}")
    rc, _, err = amphi(folder, "history", "check")
    check(rc == 1 and "there is none" in err, f"after the shred: {err}")


def log_with_one_bit_wrong(folder):
    os.mkdir(folder, 0o700)
    answered_by_a_killed_host(folder, 4)
    log = at(folder, "amphi.db-wal")
    before = bytearray(read(log))
    before[len(before) // 3] ^= 1
    write(log, before)
    database = read(at(folder, "amphi.db"))
    rc, out, _ = amphi(folder, "history", "check")
    check(rc == 1 and "log (amphi.db-wal) is damaged" in out, f"check: {out}")
    rc, out, _ = amphi(folder, "doctor")
    check(rc == 1 and "log (amphi.db-wal) is damaged" in out, f"doctor: {out}")
    rc, out, err = amphi(folder, "ask", "--max-tokens", "4", "--conversation", "d", "hello")
    check(rc == 0 and out.strip() and "log (amphi.db-wal) is damaged" in err and
          "run `amphi history repair`" in err, f"ask: {rc} {out} {err}")
    rc, out, err = amphi(folder, "ask", "--json", "--max-tokens", "4", "--conversation", "c", "hi")
    result = json.loads(out) if rc == 0 else {}
    check(result.get("route") == "local" and result["error"] is None and
          "run `amphi history repair`" in result["history_error"]["message"], f"ask: {out} {err}")
    check(len(messages(folder, damaged=True)) == 8, "every commit is read before the repair")
    check(read(log) == bytes(before) and read(at(folder, "amphi.db")) == database,
          "nothing was overwritten")
    rc, out, err = amphi(folder, "history", "repair", "--json")
    kept = json.loads(out)["kept"] if rc == 0 else ""
    check(rc == 0 and read(kept + "-wal") == bytes(before) and read(kept) == database,
          f"repair: {out} {err}")
    check(len(messages(folder)) == 8, "every commit is there")
    check(amphi(folder, "history", "check")[0] == 0, "whole after it")


def a_bad_page_is_named_wherever_it_is(folder):
    """Not as what SQLCipher says of it, which is "SQL logic error" (page 21, before)."""
    os.mkdir(folder, 0o700)
    lines = ['{"amphi_history":1}']
    for i in range(200):
        lines += [json.dumps({"conversation": f"k{i % 8}"})] if i % 25 == 0 else []
        lines.append(json.dumps({"message": i + 1, "created_ms": 1796064207904 + i, "role": "user",
                                 "content": f"word{i} some text " * 40}))
    with open(at(folder, "in.jsonl"), "w", encoding="utf-8") as file:
        file.write("\n".join(lines))
    rc, _, err = amphi(folder, "history", "import", at(folder, "in.jsonl"))
    check(rc == 0, f"import: {err}")
    whole = read(at(folder, "amphi.db"))
    export = at(folder, "kept.jsonl")
    rc, _, err = amphi(folder, "history", "export", "--out", export)
    check(rc == 0, f"export: {err}")
    os.chmod(export, 0o600)
    exported, refused = read(export), 0
    named = 0
    for number in range(3, 40, 6):
        page = bytearray(whole)
        page[(number - 1) * 4096 + 1000] ^= 4
        with open(at(folder, "amphi.db"), "wb") as file:
            file.write(page)
        rc, _, err = amphi(folder, "history", "export", "--out", export)
        refused += rc != 0
        check(read(export) == exported and os.stat(export).st_mode & 0o777 == 0o600 and
              not os.path.exists(export + ".part"), f"page {number}: the earlier export: {err}")
        _, _, err = amphi(folder, "ask", "--conversation", "k5", "--max-tokens", "2", "hi")
        check("SQL" not in err, f"page {number}: {err}")
        named += "the database is damaged: run `amphi history repair`" in err
        rc, out, _ = amphi(folder, "history", "check")
        check(rc == 1 and f"page {number} is the first that can't be read" in out and
              "***" not in out, f"check, page {number}: {out}")
    check(named >= 1 and refused >= 1, f"damage was met: {named}, {refused}")


def tests(folder):
    fresh_ones_are_silent(folder)
    lost(folder, True)
    lost(folder, False)
    lost_and_mended(at(folder, "mended"))
    shredded(folder)
    log_with_one_bit_wrong(at(folder, "killed"))
    a_bad_page_is_named_wherever_it_is(at(folder, "pages"))


if __name__ == "__main__":
    sys.exit(run(tests))
