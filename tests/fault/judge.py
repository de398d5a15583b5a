# SPDX-License-Identifier: Apache-2.0
"""What a run has to leave: a store whose every page is authentic, that is whole, opens, and holds
all that was acknowledged; no text as it is in any file; an exit with one line that names the
cause."""
import json
import os
import re

import pages
import scenarios
import stage

# What a message may not say when this is what was wrong. A cloud that could not be reached is a
# reason of its own, which the scenario "queue" has; without it, what kept the message out of the
# outbox has to be named as well.
KEY = r"the key|wrong key|key file: not|plain, unencrypted|not encrypted|does not encrypt|is gone"
DAMAGE = r"corrupt|malformed|not a database|restore|from a backup|damaged"
UNREACHED = r"could not be reached$"
OTHER = {
    "memory": re.compile(rf"{KEY}|{DAMAGE}|{UNREACHED}|disk|make room|is missing|install |vanished|"
                         r"not a SQLCipher|newer Amphi|does not follow", re.I),
    "full": re.compile(rf"{KEY}|{DAMAGE}|{UNREACHED}|out of memory|is missing|newer Amphi", re.I),
    "io": re.compile(rf"{KEY}|{DAMAGE}|{UNREACHED}|out of memory|make room|is missing", re.I),
    "lock": re.compile(rf"{KEY}|{DAMAGE}|{UNREACHED}|out of memory|make room|is missing", re.I),
    "kill": re.compile("(?!)"),
}
NAMED = {"full": re.compile(r"full|room|space", re.I)}


class Verdict:
    """Which promises were broken, each with its detail, and what the run said."""

    def __init__(self):
        self.broken = {}
        self.line = ""

    def add(self, kind, detail):
        self.broken.setdefault(kind, detail)


def files_of(data):
    """The content of each file; shared memory and an empty log say nothing."""
    found = {}
    for folder, _, names in os.walk(data):
        for name in names:
            content = pages.read(os.path.join(folder, name))
            if not name.endswith("-shm") and not (name.endswith("-wal") and not content):
                found[os.path.relpath(os.path.join(folder, name), data)] = content
    return found


def text(place, name):
    return pages.read(os.path.join(place, name)).decode("utf-8", "replace")


def acknowledged(scenario, status, out):
    """Whether the run said that it is done. A process that was killed may have said so before."""
    if scenario.words[:2] == ["ask", "--json"]:
        try:
            record = json.loads(out)
        except ValueError:
            return False
        if scenario.queued:
            return record["route"] == "outbox" and (status == 3 << 8 or status & 127 != 0)
        return record["error"] is None and record.get("history_error") is None
    return status == 0


class Judge:
    def __init__(self, place_stage, opener, always_open=False):
        self.stage, self.opener = place_stage, opener
        self.always_open = always_open
        self.before = {name: files_of(os.path.join(place_stage.folder, name, "data"))
                       for name in stage.SOURCES}

    def judge(self, scenario, place, report, fault):
        """fault: a key of OTHER. The verdict, whether the run said that it was done, and whether
        the data folder is as it was."""
        verdict = Verdict()
        status, is_hung = report[0], report[1]
        out = text(place, "out")
        self.judge_end(verdict, place, status, is_hung, fault)
        told = acknowledged(scenario, status, out)
        if told and scenario.answer and json.loads(out)["text"] != scenario.answer:
            verdict.add("wrong", "another answer than the route gave")
        files = files_of(os.path.join(place, "data"))
        unchanged = files == self.before[scenario.source]
        is_damaged = scenario.source == "damaged" and self.is_the_damaged(files)
        if told and scenario.source == "damaged":
            self.judge_aside(verdict, files)
        if (not unchanged and not is_damaged) or told:
            self.judge_files(verdict, scenario, place, files, told, out)
        elif is_damaged:
            self.judge_plain(verdict, files)
        if (not unchanged or self.always_open) and not is_damaged and \
                "corrupt" not in verdict.broken:
            self.judge_opening(verdict, place)
        return verdict, told, unchanged

    def is_the_damaged(self, files):
        """Whether the store is still the one that is to be repaired."""
        return files.get("amphi.db") == self.before["damaged"]["amphi.db"] and \
            "amphi.db-wal" not in files

    def judge_aside(self, verdict, files):
        kept = [content for name, content in files.items() if name.startswith("amphi.db.damaged-")]
        if self.before["damaged"]["amphi.db"] not in kept:
            verdict.add("lost", "the damaged store was not kept aside")

    def judge_end(self, verdict, place, status, is_hung, fault):
        line = text(place, "err").strip()
        verdict.line = re.sub(r"\d+", "N", line.split("\n")[-1])[:200]
        if is_hung:
            verdict.add("crashed", "it hung")
        elif status & 127 and fault != "kill":
            verdict.add("crashed", f"signal {status & 127}: " + crash_site(text(place, "crash")))
        elif status not in (0, 3 << 8) and not status & 127:
            if not line:
                verdict.add("wrong", f"exit status {status >> 8} without a word")
            elif OTHER[fault].search(line):
                verdict.add("wrong", verdict.line)
            elif fault in NAMED and not NAMED[fault].search(line):
                verdict.add("wrong", verdict.line)

    @staticmethod
    def judge_plain(verdict, files):
        for name, content in files.items():
            for words in stage.PLAIN:
                if words in content:
                    verdict.add("plain", f"{words.decode()!r} in {name}")

    def judge_files(self, verdict, scenario, place, files, told, out):
        self.judge_plain(verdict, files)
        if not files.get("amphi.db"):
            if scenario.source != "empty" or told:
                verdict.add("lost", "the store is empty")
            return
        try:
            store = pages.Store(os.path.join(place, "data"))
            store.check()
        except (OSError, ValueError) as error:
            verdict.add("corrupt", f"the key can't be read: {error}")
            return
        if store.broken:
            detail = "; ".join(re.sub(r"\d+", "N", each) for each in store.broken[:2])
            verdict.add("corrupt", detail)
            return
        try:
            content = scenarios.Content(store)
        except pages.sqlite3.Error as error:
            verdict.add("corrupt", str(error))
            return
        self.judge_kept(verdict, scenario, content)
        if told:
            self.judge_done(verdict, scenario, content)
            complaint = scenario.shows(place, out, content) if scenario.shows else None
            if complaint:
                verdict.add("wrong", complaint)

    def judge_kept(self, verdict, scenario, content):
        """What was there before and was not to go; what was to go went whole or not at all."""
        kept = self.stage.kept[scenario.source]
        there = set(content.messages)
        left = [m for m in scenario.removes if m in there]
        if left and left != scenario.removes:
            verdict.add("lost", "half of what was to go was deleted")
        missing = [m for m in kept.messages if m not in there and m not in scenario.removes]
        if missing:
            verdict.add("lost", f"{len(missing)} messages that were there before")
        if [d for d in kept.drafts if d not in content.drafts and d not in there]:
            verdict.add("lost", "an answer that was under way")
        turns = {m[:2] for m in content.messages}
        for entry in kept.entries:
            if entry not in content.entries and entry not in scenario.cancels and \
                    (entry[0], "assistant") not in turns:
                verdict.add("lost", "an entry of the outbox")

    @staticmethod
    def judge_done(verdict, scenario, content):
        """What the run said that it had done."""
        if any(m not in content.messages for m in scenario.adds):
            verdict.add("lost", "what was said to be added")
        if any(m in content.messages for m in scenario.removes):
            verdict.add("lost", "what was deleted is there")
        if any(entry in content.entries for entry in scenario.cancels):
            verdict.add("lost", "what was cancelled still waits")
        if scenario.queued and scenario.queued not in {e[0] for e in content.entries}:
            verdict.add("lost", "the message that was queued")

    def judge_opening(self, verdict, place):
        answer = self.opener.open(os.path.join(place, "data"))
        if not answer.startswith("ok "):
            verdict.add("corrupt", "a fresh process: " + re.sub(r"\d+", "N", answer))


def crash_site(frames):
    """The innermost frames that a person would look at, without addresses of the run."""
    named = []
    for frame in frames.splitlines():
        match = re.match(r"(?:.*/)?([^/(]+)\(([^)]*)\)", frame)
        if not match or match.group(1).startswith(("fault_preload", "libc.so", "linux-vdso")):
            continue
        library = match.group(1).split(".so")[0]
        where = match.group(2)
        named.append(f"{library}:{where.split('+')[0] or where}")
    return " < ".join(named[:4]) or "no frames"
