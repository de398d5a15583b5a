# SPDX-License-Identifier: Apache-2.0
"""One process of the proving ground: its stage, its servers, and runs of one kind of fault each."""
import collections
import multiprocessing
import multiprocessing.util
import os
import random
import shutil

import disk
import judge
import limits
import stage
from stage import ONLY

KINDS = ("corrupt", "plain", "lost", "crashed", "wrong")
EIO, EINTR, ENOSPC, ENOLCK = 5, 4, 28, 37
FILES = (("each EIO", EIO, stage.ALL & ~stage.LOCK, False, "io"),
         ("EIO from on", EIO, stage.ALL & ~stage.LOCK, True, "io"),
         ("each lock refused", ENOLCK, stage.LOCK, False, "lock"),
         ("each EINTR", EINTR, stage.OPEN | stage.READ | stage.WRITE | stage.TRUNCATE, False, "io"),
         ("each short", stage.SHORT, stage.READ | stage.WRITE, False, "io"),
         ("each full", ENOSPC, stage.WRITE | stage.TRUNCATE | stage.SYNC, False, "full"),
         ("full from on", ENOSPC, stage.WRITE | stage.TRUNCATE | stage.SYNC, True, "full"))


class Counts:
    """Per scenario and fault: runs, and broken promises with their details."""

    def __init__(self):
        self.runs = collections.Counter()
        self.broken = collections.Counter()
        self.details = collections.Counter()
        self.lines = collections.Counter()
        self.bad_runs = collections.Counter()
        self.examples = {}  # of each detail: the scenario and the number of the run

    def add(self, row, verdict, number):
        self.runs[row] += 1
        self.bad_runs[row] += bool(verdict.broken)
        for kind, detail in verdict.broken.items():
            self.broken[row + (kind,)] += 1
            self.details[(row[1], kind, detail)] += 1
            self.examples.setdefault((row[1], kind, detail), f"{row[0]}, {number}")
        if verdict.line:
            self.lines[(row[1], verdict.line)] += 1

    def merge(self, other):
        for name in ("runs", "broken", "details", "lines", "bad_runs"):
            getattr(self, name).update(getattr(other, name))
        self.examples = {**other.examples, **self.examples}


# ---- A worker: its own stage, servers and opener ----

class Worker:
    def __init__(self, build, seed, keep=None):
        self.stage, self.keep = stage.Stage(build), keep
        self.build, self.seed = build, seed
        self.opener = stage.Opener(build)
        self.judge = judge.Judge(self.stage, self.opener)
        self.scenarios = self.stage.scenarios()
        self.servers = {}

    def server(self, index):
        if index not in self.servers:
            self.servers[index] = stage.Server(self.build, self.scenarios[index].words,
                                               self.stage.folder)
        return self.servers[index]

    def fresh(self, index):
        scenario = self.scenarios[index]
        return self.stage.place(f"{os.getpid()}-{index}", scenario.source)

    def keep_place(self, place, name):
        """What a run that broke a promise left, for a look."""
        shutil.copytree(place, os.path.join(self.keep, name.replace(" ", "-")), dirs_exist_ok=True)

    def close(self):
        for server in self.servers.values():
            server.close()
        self.opener.close()
        self.stage.close()

    def measure(self, index, kinds):
        return self.server(index).run(self.fresh(index), kinds=kinds)

    def run(self, task):
        """One task is some runs of one row; returns its counts."""
        part, index, fault, numbers = task
        counts = Counts()
        if part == "limits":
            for limit_kb in numbers:
                counts.add((self.scenarios[index].name, "address space"),
                           limits.ask_twice(self, self.fresh(index), limit_kb), limit_kb)
            return counts
        one = {"memory": self.run_memory, "files": self.run_files, "kills": self.run_kill,
               "power": self.run_loss}[part]
        place = None
        for number in numbers:
            place = place or self.fresh(index)
            name, cause, report = one(index, fault, number, place)
            verdict, unchanged = self.verdict(index, place, cause, report)
            counts.add((self.scenarios[index].name, name), verdict, number)
            if verdict.broken and self.keep:
                self.keep_place(place, f"{part}-{fault}-{self.scenarios[index].name}-{number}")
            if not unchanged:
                place = None
        return counts

    def verdict(self, index, place, cause, report):
        """The verdict, and whether the place may be used again. What was cut off and can be done
        again is: undisturbed, it has to end well."""
        scenario = self.scenarios[index]
        verdict, told, unchanged = self.judge.judge(scenario, place, report, cause)
        if scenario.repeats and not told and not unchanged and not verdict.broken:
            report = self.server(index).run(place)
            verdict, told, _ = self.judge.judge(scenario, place, report, cause)
            if not told:
                verdict.add("wrong", "it can't be done again: " + verdict.line)
        return verdict, unchanged

    def run_memory(self, index, fault, number, place):
        last = ONLY if fault == "from on" else number
        return f"memory, {fault}", "memory", self.server(index).run(place, memory=(number, last))

    def run_files(self, index, fault, number, place):
        name, error, kinds, is_on, cause = FILES[fault]
        report = self.server(index).run(place, files=(number, ONLY if is_on else number),
                                        kinds=kinds, fault=error, timeout_ms=45000)
        return f"files, {name}", cause, report

    def run_kill(self, index, fault, number, place):
        if fault == "moment":
            report = self.server(index).run(place, kill_after_us=number)
        else:
            report = self.server(index).run(place, files=(number, number), kinds=stage.ALL,
                                            fault=stage.KILL)
        return f"kill -9, {fault}", "kill", report

    def run_loss(self, index, fault, number, place):
        before = disk.Disk(os.path.join(place, "data"))
        report = self.server(index).run(place, files=(number, number), kinds=stage.CHANGES,
                                        fault=stage.KILL, is_traced=True)
        before.replay(os.path.join(place, "trace"))
        chance = random.Random(f"{self.seed} {index} {number}")
        before.write(os.path.join(place, "data"), chance)
        return "power loss", "kill", report


here = []  # this process's worker


def begin(build_folder, tools, seed, keep):
    here.append(Worker(stage.Build(build_folder, tools), seed, keep))
    multiprocessing.util.Finalize(here[0], here[0].close, exitpriority=10)


def work(task):
    return here[0].run(task)
