# SPDX-License-Identifier: Apache-2.0
"""Where the proving ground's runs take place: data folders with content for the scenarios
(scenarios.py) to begin with, and servers that run them (preload/preload.h) and open what they leave
(opener.c)."""
import json
import os
import shutil
import struct
import subprocess
import tempfile
import time

import cloud
import pages
import scenarios
from scenarios import CANARY

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCES = ("full", "old", "empty", "crashed", "damaged")
PLAIN = [CANARY.encode(), b"SQLite format 3", b"CREATE TABLE", b"word07 word08", b"second pier"]
POLICY = {"memory": {"max_percent": 100, "unload_percent": 100}}
DEVICE = {"memory_total_bytes": 8 << 30, "memory_available_bytes": 6 << 30, "memory_pressure": 0}
ONLY = 0xffffffff
OPEN, READ, WRITE, SYNC, TRUNCATE, LOCK, NAME, MAP = (1 << i for i in range(8))
CHANGES = WRITE | SYNC | TRUNCATE | NAME | OPEN
ALL = 255
SHORT, KILL = -1, -2
ORDER = struct.Struct("<5Ii3I220s")
REPORT = struct.Struct("<i7I")


class Build:
    """Where the programs of a build are. Another build may be looked at by the harness of this one:
    tools is where the preload library and the opener come from."""

    def __init__(self, folder, tools=None):
        folder, tools = os.path.abspath(folder), os.path.abspath(tools or folder)
        self.amphi = os.path.join(folder, "bin", "amphi")
        self.worker = os.path.join(folder, "tests", "fault_worker")
        self.engine = os.path.join(folder, "bin", "amphi-worker")
        self.preload = os.path.join(tools, "tests", "fault_preload.so")
        self.opener = os.path.join(tools, "tests", "fault_opener")
        self.libraries = os.path.join(folder, "lib")

    def environment(self, **more):
        kept = {k: v for k, v in os.environ.items()
                if not k.startswith(("AMPHI_", "XDG_", "LD_")) and not k.lower().endswith("proxy")}
        return {**kept, "AMPHI_WORKER": self.worker, "LD_LIBRARY_PATH": self.libraries, **more}


def shared_flags(folder):
    return ["--data", "data", "--policy", os.path.join(folder, "policy.json"),
            "--device", os.path.join(folder, "device.json")]


class Stage:
    """A folder with what runs need, in memory; closed, it is gone."""

    def __init__(self, build):
        base = "/dev/shm" if os.path.isdir("/dev/shm") else None
        self.folder = tempfile.mkdtemp(prefix="amphi-fault-", dir=base)
        self.build, self.cloud = build, cloud.Cloud()
        for name, content in (("policy.json", json.dumps(POLICY)), ("model.gguf", "none"),
                              ("device.json", json.dumps(DEVICE))):
            with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
                file.write(content)
        flags = shared_flags(self.folder)
        self.local = [*flags, "--mode", "only_local", "--model",
                      os.path.join(self.folder, "model.gguf")]
        self.online = [*flags, "--mode", "only_cloud", "--allow-http-loopback", "--endpoint",
                       f"mock={self.cloud.url}"]
        self.offline = [*flags, "--mode", "only_cloud", "--allow-http-loopback", "--endpoint",
                        f"mock=http://127.0.0.1:{cloud.closed_port()}/v1"]
        self.kept = {"empty": scenarios.Content()}
        self.brought = []
        self.brought_file = os.path.join(self.folder, "brought.jsonl")
        os.makedirs(os.path.join(self.folder, "empty", "data"), mode=0o700)
        for name, make in (("full", self.make_data), ("old", self.make_old_data),
                           ("crashed", self.make_crashed), ("damaged", self.make_damaged)):
            make()
            if name not in self.kept:
                self.kept[name] = self.content(name)
        self.make_brought()

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def command(self, *words, cwd, **more):
        return subprocess.run([self.build.amphi, *words], cwd=cwd, capture_output=True,
                              env=self.build.environment(), timeout=60, check=False, **more)

    def make_data(self):
        """The folder that most scenarios begin with: history, answers in the cache, an outbox."""
        place = os.path.join(self.folder, "full")
        os.makedirs(place)
        for turn in range(8):
            self.made(place, 0, *self.online, "--conversation", "old", "--no-cache",
                      f"{CANARY} question {turn} of the old conversation " + "and so on " * 60)
        self.made(place, 0, *self.online, "--conversation", "doomed", "--no-cache",
                  f"{CANARY} question to be deleted")
        self.made(place, 0, *self.online, f"{CANARY} that was asked before")
        for entry in range(3):
            self.made(place, 3, *self.offline, "--conversation", f"queue{entry}",
                      f"{CANARY} message {entry} that waits")

    def made(self, place, status, *words):
        done = self.command("ask", "--json", *words, cwd=place)
        assert done.returncode == status, (words, done)

    def make_old_data(self):
        """A store of the first schema."""
        with open(os.path.join(HERE, "schema_1.sql"), encoding="utf-8") as file:
            statements = file.read()
        statements += "INSERT INTO conversations VALUES (1, 'old', 1790000000000, 60, 'title');"
        for i in range(60):
            role = "assistant" if i % 2 else "user"
            statements += (
                "INSERT INTO messages (conversation, created_ms, role, content, content_is_json,"
                " extra_json, route, model, decision_json, prompt_tokens, completion_tokens,"
                f" cached_tokens) VALUES (1, 1790000000000, '{role}', '{CANARY} {i} "
                f"{'long ' * 100}', 0, '', 'mock', 'mock', '{{\"private\":false}}', 1, 1, 0);")
        pages.write_store(os.path.join(self.folder, "old", "data"), statements)

    def make_crashed(self):
        """An app that was killed in the middle of an answer: a draft of it is in the store."""
        place = self.copy("full", "crashed")
        process = subprocess.Popen(
            [self.build.amphi, "ask", *self.online, "--conversation", "cut off",
             f"{CANARY} {cloud.STALLS}"], cwd=place, env=self.build.environment(),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 60
        while not self.has_draft() and time.monotonic() < until:
            time.sleep(0.05)
        process.kill()
        process.wait()
        self.copy("crashed", "opened")
        drafts = self.content("crashed").drafts
        self.command("history", *shared_flags(self.folder), cwd=os.path.join(self.folder, "opened"))
        assert drafts and all(d in self.content("opened").messages for d in drafts), drafts

    def has_draft(self):
        try:
            drafts = self.content("crashed").drafts
        except (pages.sqlite3.Error, ValueError):
            return False  # it is being written
        return len(drafts) == 2 and drafts[1][2] != ""

    def make_damaged(self):
        """One page with messages is not what was written. What is to be kept is what a repair that
        nothing disturbs finds."""
        place = self.copy("full", "damaged")
        path = os.path.join(place, "data", "amphi.db")
        plain = pages.Store(os.path.join(place, "data")).pages
        number = max(n for n, page in plain.items() if b"question 3 of the old" in page)
        with open(path, "r+b") as file:
            file.seek((number - 1) * pages.PAGE + 1000)
            file.write(b"\xa5" * 8)
        self.copy("damaged", "repaired")
        done = self.command("history", "repair", *shared_flags(self.folder),
                            cwd=os.path.join(self.folder, "repaired"))
        assert done.returncode == 0, done
        self.kept["damaged"] = self.content("repaired")
        assert 0 < len(self.kept["damaged"].messages) < len(self.kept["full"].messages)

    def make_brought(self):
        """An export to import: what two conversations hold, under other names."""
        place = os.path.join(self.folder, "full")
        done = self.command("history", "export", *shared_flags(self.folder), cwd=place)
        assert done.returncode == 0, done
        rows, conversation = [], ""
        for row in map(json.loads, done.stdout.decode().splitlines()):
            if "conversation" in row:
                conversation = row["conversation"] = "brought " + row["conversation"]
            if row.get("message", 0) in range(5, 15):
                continue  # it is short
            if "message" in row:
                self.brought.append((conversation, row["role"], row["content"]))
            rows.append(json.dumps(row) + "\n")
        with open(self.brought_file, "w", encoding="utf-8") as file:
            file.writelines(rows)

    def entry_id(self, entry):
        """The outbox's id of one of Content.entries."""
        done = self.command("outbox", "--json", *shared_flags(self.folder),
                            cwd=os.path.join(self.folder, "full"))
        return next(each["id"] for each in json.loads(done.stdout)["entries"]
                    if each["conversation_id"] == entry[0])

    def scenarios(self):
        return scenarios.all_of(self, shared_flags(self.folder))

    def copy(self, source, name):
        place = os.path.join(self.folder, name)
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(os.path.join(self.folder, source, "data"), os.path.join(place, "data"))
        return place

    def place(self, name, source):
        """A folder for a run, with a copy of the data that its scenario begins with."""
        return self.copy(source, os.path.join("runs", name))

    def content(self, source):
        return scenarios.Content(pages.Store(os.path.join(self.folder, source, "data")))


class Server:
    """A process that stands before main() and runs copies of itself."""

    def __init__(self, build, words, cwd):
        orders, self.orders = os.pipe()
        self.reports, reports = os.pipe()

        def descriptors():
            os.dup2(orders, 198)
            os.dup2(reports, 199)
        self.process = subprocess.Popen(
            [build.amphi, *words], cwd=cwd, preexec_fn=descriptors, close_fds=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            env=build.environment(LD_PRELOAD=build.preload, AMPHI_FAULT="serve"))
        os.close(orders)
        os.close(reports)

    def run(self, place, memory=(0, 0), files=(0, 0), kinds=ALL, fault=0, kill_after_us=0,
            timeout_ms=20000, is_traced=False):
        """(wait status, hung, allocations, calls on files, calls that failed, allocations before
        the log is opened, before and after curl's start-up)"""
        order = ORDER.pack(*memory, *files, kinds, fault, kill_after_us, timeout_ms, is_traced,
                           place.encode())
        os.write(self.orders, order)
        data = os.read(self.reports, REPORT.size)
        if len(data) != REPORT.size:
            raise RuntimeError("the server is gone")
        return REPORT.unpack(data)

    def close(self):
        os.close(self.orders)
        os.close(self.reports)
        self.process.wait(timeout=30)


class Opener:
    """Opens data folders through the C API, in one process: another one after it crashed."""

    def __init__(self, build):
        self.build = build
        self.process = None

    def open(self, data):
        if self.process is None:
            self.process = subprocess.Popen(
                [self.build.opener], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                stderr=subprocess.DEVNULL, env=self.build.environment())
        self.process.stdin.write(data + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        return answer or f"it crashed: status {self.close()}"

    def close(self):
        """How it ended."""
        if self.process is None:
            return 0
        self.process.stdin.close()
        status = self.process.wait(timeout=30)
        self.process = None
        return status
