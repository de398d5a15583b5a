#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A damaged log of the store, and a cloud behind real sockets: what can be read is read, and rules
as ever; what can't be read lets nothing of its conversation go to a cloud, and trusts no local
model."""
import json
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
from cloud_process import Cloud  # noqa: E402
from damaged_store import (amphi, answered_by_a_killed_host, at, check, read, run,  # noqa: E402
                           write)

REPAIR = "run `amphi history repair`"
ENDPOINT = []  # set by tests()


def ask(folder, *words):
    return amphi(folder, "ask", "--max-tokens", "4", *ENDPOINT, *words)


def history_says_so(folder, is_read):
    """Each command that reads: what can be read is printed, and one line says what to do."""
    words = [("history",), ("history", "list", "--json"), ("history", "show", "c"),
             ("history", "show", "c", "--json"), ("history", "search", "question"),
             ("history", "search", "question", "--json"), ("outbox",), ("outbox", "--json")]
    for one in words:
        rc, out, err = amphi(folder, *one)
        check(rc == 1 and err.count("\n") == 1 and REPAIR in err and "damaged" in err,
              f"{one}: {rc} {err}")
        check(not is_read or out.strip(), f"{one}: what can be read is printed")
        if is_read and "--json" in one:
            json.loads(out)
    rc, out, err = amphi(folder, "history", "export", "--include-private")
    check(rc == 1 and REPAIR in err, f"export: {rc} {err}")
    check(not is_read or "question 2" in out, f"export of what can be read: {out}")
    rc, out, err = amphi(folder, "history", "show", "none")
    check(rc == 1 and REPAIR in err, f"what is missing may be in what is damaged: {err}")


def private_turns_that_can_be_read(folder, cloud):
    log = bytearray(read(at(folder, "amphi.db-wal")))
    log[len(log) // 3] ^= 1
    write(at(folder, "amphi.db-wal"), log)
    history_says_so(folder, True)
    cloud.ask("reset")
    rc, out, err = ask(folder, "--conversation", "c", "--mode", "only_cloud", "And now?")
    check(rc == 1 and "private" in err, f"only_cloud: {rc} {out} {err}")
    rc, out, err = ask(folder, "--json", "--conversation", "c", "--mode", "prefer_cloud", "Now?")
    result = json.loads(out)
    check(rc == 0 and result["route"] == "local" and result["privacy"] == "private",
          f"prefer_cloud: {rc} {out} {err}")
    check(REPAIR in result["history_error"]["message"] and REPAIR in err, f"history: {out} {err}")
    check(cloud.attempts("*") == 0, "nothing of it reached the cloud")
    rc, out, err = ask(folder, "--json", "--conversation", "d", "--mode", "only_cloud", "Hello")
    check(rc == 0 and json.loads(out)["route"] == "a" and REPAIR in err, f"another: {out} {err}")


def a_log_that_can_not_be_read(folder, cloud):
    log = bytearray(read(at(folder, "amphi.db-wal")))
    for i in range(len(log) // 3, len(log) // 3 + 64):
        log[i] ^= 0x5a
    write(at(folder, "amphi.db-wal"), log)
    history_says_so(folder, False)
    cloud.ask("reset")
    for mode in ("auto", "only_cloud", "prefer_cloud", "only_local"):
        rc, out, err = ask(folder, "--conversation", "c", "--mode", mode, "And now?")
        check(rc == 1 and REPAIR in err and not out.strip(), f"{mode}: {rc} {out} {err}")
    check(cloud.attempts("*") == 0, "nothing of it reached the cloud")
    rc, out, err = ask(folder, "--json", "What is it?")
    check(rc == 0 and json.loads(out)["route"] == "a", f"without a conversation: {rc} {out} {err}")
    rc, _, err = ask(folder, "--mode", "only_local", "What is it?")
    check(rc == 1 and "record of crashes can't be read" in err, f"only_local: {rc} {err}")
    check(read(at(folder, "amphi.db-wal")) == bytes(log), "nothing was overwritten")


def tests(folder):
    cloud = Cloud()
    cloud.ask("set", "a", "ok")
    ENDPOINT[:] = ["--endpoint", cloud.endpoint("a", "model=m-a")]
    try:
        killed, other = at(folder, "killed"), at(folder, "other")
        os.mkdir(killed, 0o700)
        answered_by_a_killed_host(killed, 3, "--private")
        shutil.copytree(killed, other)
        private_turns_that_can_be_read(killed, cloud)
        a_log_that_can_not_be_read(other, cloud)
    finally:
        cloud.stop()


if __name__ == "__main__":
    sys.exit(run(tests))
