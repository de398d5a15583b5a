#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A damaged store through the command: doctor names it, `amphi history check` finds it, `amphi
history repair` saves what can be read and keeps the old file, and the rest goes on as before."""
import json
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
from damaged_store import amphi, at, check, messages, read, run, say  # noqa: E402

PAGE = 4096


def ruin(folder, number):
    with open(os.path.join(folder, "amphi.db"), "r+b") as file:
        file.seek((number - 1) * PAGE + 1000)
        file.write(b"ruined bytes")


def page_of_the_last(folder):
    """The page that holds the last message of c, and nothing that is needed to find the others:
    tried on copies, since an encrypted page does not say what it is."""
    pages = os.path.getsize(os.path.join(folder, "amphi.db")) // PAGE
    for number in range(pages, 1, -1):
        copy = folder + ".copy"
        shutil.copytree(folder, copy)
        ruin(copy, number)
        _, shown, _ = amphi(copy, "history", "show", "c")
        _, exported, _ = amphi(copy, "history", "export")
        shutil.rmtree(copy)
        if ("message 0" in shown and "the last one" not in shown and "message 0" in exported and
                "of another conversation, 2" in exported):
            return number
    check(False, f"none of {pages} pages is the last message's")
    return pages


def database(folder):
    return read(at(folder, "amphi.db"))


def whole_store(folder):
    rc, out, _ = amphi(folder, "history", "check", "--json")
    found = json.loads(out)
    check(rc == 0 and found["whole"] and found["pages"] > 5, f"a whole store: {out}")
    rc, out, _ = amphi(folder, "history", "check")
    check(rc == 0 and "is whole" in out, f"a whole store in words: {out}")


def damaged_store(folder, number):
    ruin(folder, number)
    rc, out, _ = amphi(folder, "history", "check", "--json")
    found = json.loads(out)
    check(rc == 1 and not found["whole"] and found["pages_bad"] == 1, f"check: {rc} {out}")
    rc, out, _ = amphi(folder, "doctor")
    check(rc == 1 and "damaged: 1 of" in out and "amphi history repair" in out, f"doctor: {out}")
    for words in (("show", "c"), ("export",)):
        rc, out, err = amphi(folder, "history", *words)
        check(rc == 1 and "message 0" in out and "the last one" not in out and
              err.strip().endswith("the database is damaged: run `amphi history repair`"),
              f"what stands before the bad page is printed by {words}: {rc} {out[:100]} {err}")
    check("of another conversation, 2" in out, "the export goes on behind the bad page")
    rc, out, err = amphi(folder, "history", "repair", "--json")
    done = json.loads(out) if rc == 0 else {}
    check(rc == 0 and done["pages_bad"] == 1, f"repair: {rc} {out} {err}")
    check(os.path.exists(done.get("kept", "")), f"the old file is kept: {done}")
    check(amphi(folder, "history", "check")[0] == 0, "whole after the repair")
    rc, out, _ = amphi(folder, "doctor", "--json")
    check(out.count("damaged: ") == 0, "doctor after the repair")
    check("damaged kept aside" in out and ".damaged-" in out, f"doctor on what is kept: {out}")
    return done


def first_page(folder, said):
    """Nothing of the first page is needed: no message is lost with it."""
    ruin(folder, 1)
    rc, out, _ = amphi(folder, "doctor")
    check(rc == 1 and "damaged" in out, f"doctor without page 1: {out}")
    rc, out, err = amphi(folder, "history", "repair")
    check(rc == 0 and "the old one is kept as " in out, f"repair without page 1: {out} {err}")
    check(messages(folder) == said, "every message is there without page 1")


def nothing_there(folder):
    empty = os.path.join(folder, "none")
    for words in (("history", "check"), ("history", "repair")):
        rc, _, err = amphi(empty, *words)
        check(rc == 1 and "there is none" in err, f"{words}: {rc} {err}")
    check(not os.path.exists(os.path.join(empty, "amphi.db")), "nothing was made")


def deletions(folder):
    """What is kept aside is as it was: a deletion says so, and erase-all takes it away."""
    aside = [name for name in os.listdir(folder) if ".damaged-" in name]
    check(len(aside) >= 2, f"kept: {aside}")
    say(folder, "to be deleted")
    number = json.loads(amphi(folder, "history", "show", "c", "--json")[1])["messages"][-1]["id"]
    rc, out, err = amphi(folder, "history", "delete", "c", "--message", str(number))
    check(rc == 0 and "kept aside may still hold it: " in err and "delete it" in err,
          f"delete says what is kept: {rc} {err}")
    check(os.path.exists(err.split("hold it: ")[1].split("; delete")[0]), f"the path: {err}")
    rc, out, err = amphi(folder, "history", "delete", "c", "--json")
    told = json.loads(out)
    check(told["damaged"] == len(aside) and os.path.exists(told["damaged_path"]), f"JSON: {out}")
    for name in ("amphi.db.damaged-x-wal", "amphi.db.damaged-x-journal"):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write("log")
    rc, out, err = amphi(folder, "history", "erase-all", "--yes")
    check(rc == 0 and f"gone: {len(aside)} damaged stores" in out and err == "",
          f"erase-all: {rc} {out} {err}")
    check(not [name for name in os.listdir(folder) if ".damaged-" in name], "nothing is kept")
    rc, out, _ = amphi(folder, "doctor")
    check("kept aside" not in out, f"doctor after erase-all: {out}")
    rc, out, _ = amphi(folder, "history", "erase-all", "--yes", "--json")
    check(rc == 0 and json.loads(out)["damaged"] == 0, f"erase-all again: {out}")


def other_key(folder):
    shutil.move(os.path.join(folder, "store.key"), os.path.join(folder, "kept.key"))
    with open(os.path.join(folder, "store.key"), "w", encoding="utf-8") as file:
        os.chmod(file.fileno(), 0o600)
        file.write("5a" * 32 + "\n")
    before = database(folder)
    for words in (("history", "check"), ("history", "repair")):
        rc, _, err = amphi(folder, *words)
        check(rc == 1 and "key does not open" in err, f"another key, {words}: {rc} {err}")
    check(database(folder) == before, "another key changes nothing")
    shutil.move(os.path.join(folder, "kept.key"), os.path.join(folder, "store.key"))


def tests(folder):
    for i in range(6):
        say(folder, f"message {i} " + "words " * 300)
    say(folder, "the last one " + "words " * 300)
    said = messages(folder)
    check(len(said) == 14, f"messages: {len(said)}")
    for i in range(3): # on pages of their own, the last ones
        say(folder, f"of another conversation, {i} " + "words " * 300, conversation="d")
    whole_store(folder)
    first_page(folder, said)
    done = damaged_store(folder, page_of_the_last(folder))
    kept = messages(folder)
    both = len(kept) + len(messages(folder, "d"))
    check(both == done.get("messages") and all(text in said for text in kept),
          "what is left is as it was")
    say(folder, "after the repair")
    check("after the repair" in messages(folder), "the store goes on")
    other_key(folder)
    deletions(folder)
    nothing_there(folder)


if __name__ == "__main__":
    sys.exit(run(tests))
