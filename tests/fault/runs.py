# SPDX-License-Identifier: Apache-2.0
"""One process of the proving ground: its stage, its servers, and runs of one kind of fault each."""
import collections
import multiprocessing
import multiprocessing.util
import os
import random

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

    def add(self, row, verdict):
        self.runs[row] += 1
        self.bad_runs[row] += bool(verdict.broken)
        for kind, detail in verdict.broken.items():
            self.broken[row + (kind,)] += 1
            self.details[(row[1], kind, detail)] += 1
        if verdict.line:
            self.lines[(row[1], verdict.line)] += 1

    def merge(self, other):
        for name in ("runs", "broken", "details", "lines", "bad_runs"):
            getattr(self, name).update(getattr(other, name))


# ---- A worker: its own stage, servers and opener ----

class Worker:
    def __init__(self, build, seed):
        self.stage = stage.Stage(build)
        self.build, self.random = build, random.Random(seed)
        self.opener = stage.Opener(build, os.path.join(self.stage.folder, "scratch"))
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
        return self.stage.place(f"{os.getpid()}-{index}", scenario.from_data)

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
        one = {"memory": self.run_memory, "files": self.run_files, "kills": self.run_kill,
               "power": self.run_loss, "limits": self.run_limit}[part]
        place = None
        for number in numbers:
            place = place or self.fresh(index)
            name, verdict, unchanged = one(index, fault, number, place)
            counts.add((self.scenarios[index].name, name), verdict)
            if not unchanged:
                place = None
        return counts

    def run_memory(self, index, fault, number, place):
        last = ONLY if fault == "from on" else number
        report = self.server(index).run(place, memory=(number, last))
        verdict = self.judge.judge(self.scenarios[index], place, report, "memory")
        return f"memory, {fault}", *verdict

    def run_files(self, index, fault, number, place):
        name, error, kinds, is_on, cause = FILES[fault]
        report = self.server(index).run(place, files=(number, ONLY if is_on else number),
                                        kinds=kinds, fault=error, timeout_ms=45000)
        verdict = self.judge.judge(self.scenarios[index], place, report, cause)
        return f"files, {name}", *verdict

    def run_kill(self, index, fault, number, place):
        if fault == "moment":
            report = self.server(index).run(place, kill_after_us=number)
        else:
            report = self.server(index).run(place, files=(number, number), kinds=stage.ALL,
                                            fault=stage.KILL)
        verdict = self.judge.judge(self.scenarios[index], place, report, "kill")
        return f"kill -9, {fault}", *verdict

    def run_loss(self, index, fault, number, place):
        before = disk.Disk(os.path.join(place, "data"))
        report = self.server(index).run(place, files=(number, number), kinds=stage.CHANGES,
                                        fault=stage.KILL, is_traced=True)
        before.replay(os.path.join(place, "trace"))
        before.write(os.path.join(place, "data"), self.random)
        verdict, _ = self.judge.judge(self.scenarios[index], place, report, "kill")
        return "power loss", verdict, False

    def run_limit(self, index, fault, limit_kb, place):
        return "address space", limits.ask_twice(self, place, limit_kb), False


here = []  # this process's worker


def begin(build_folder, tools, seed):
    here.append(Worker(stage.Build(build_folder, tools), seed + os.getpid()))
    multiprocessing.util.Finalize(here[0], here[0].close, exitpriority=10)


def work(task):
    return here[0].run(task)
