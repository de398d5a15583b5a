# SPDX-License-Identifier: Apache-2.0
"""Where the proving ground's runs take place: a data folder with content, ten scenarios over copies
of it, and servers that run them (preload/preload.h) and open what they leave (opener.c)."""
import json
import os
import shutil
import struct
import subprocess
import tempfile

import cloud
import pages

HERE = os.path.dirname(os.path.abspath(__file__))
CANARY = "kingfisher"  # in every text that the stage stores: it may stand in no file as it is
PLAIN = [CANARY.encode(), b"SQLite format 3", b"CREATE TABLE", b"word07 word08", b"second pier"]
LOCAL_ANSWER = "".join(f"word{i:02d} " for i in range(24))
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


class Scenario:
    """One short run of the command. conversation, question, answer: the turn that it stores."""

    def __init__(self, name, words, conversation="", question="", answer="", from_data="data",
                 queued=False):
        self.name, self.words = name, words
        self.conversation, self.question, self.answer = conversation, question, answer
        self.from_data, self.queued = from_data, queued


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
        self.make_data()
        self.make_old_data()
        os.makedirs(os.path.join(self.folder, "empty", "data"), mode=0o700)
        self.kept = self.content(os.path.join(self.folder, "full", "data"))
        self.kept_old = self.content(os.path.join(self.folder, "old", "data"))

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

    def scenarios(self):
        ask = ["ask", "--json"]
        return [
            Scenario("first start", [*ask, *self.local, "--conversation", "new",
                                     f"{CANARY} first of all"],
                     "new", f"{CANARY} first of all", LOCAL_ANSWER, from_data="empty"),
            Scenario("ask local", [*ask, *self.local, f"{CANARY} on the device"],
                     answer=LOCAL_ANSWER),
            Scenario("ask cloud", [*ask, *self.online, f"{CANARY} in the cloud"],
                     answer=cloud.ANSWER),
            Scenario("conversation", [*ask, *self.local, "--conversation", "old",
                                      f"{CANARY} goes on"],
                     "old", f"{CANARY} goes on", LOCAL_ANSWER),
            Scenario("cached answer", [*ask, *self.online, "--conversation", "cached",
                                       f"{CANARY} that was asked before"],
                     "cached", f"{CANARY} that was asked before", cloud.ANSWER),
            Scenario("queue", [*ask, *self.offline, "--conversation", "queued",
                               f"{CANARY} while offline"],
                     "queued", f"{CANARY} while offline", queued=True),
            Scenario("outbox send", ["outbox", "send", *self.online]),
            Scenario("history", ["history", "old", "--json", *shared_flags(self.folder)]),
            Scenario("delete", ["history", "--delete", "doomed", *shared_flags(self.folder)]),
            Scenario("migrate", ["history", "old", "--json", *shared_flags(self.folder)],
                     from_data="old"),
        ]

    def place(self, name, from_data="data"):
        """A folder for a run, with a copy of the data that its scenario begins with."""
        place = os.path.join(self.folder, "runs", name)
        shutil.rmtree(place, ignore_errors=True)
        source = {"data": "full"}.get(from_data, from_data)
        shutil.copytree(os.path.join(self.folder, source, "data"), os.path.join(place, "data"))
        return place

    @staticmethod
    def content(data):
        """(conversation, role, content) of each message and (conversation, text) of the outbox."""
        return content_of(pages.Store(data))


def content_of(store):
    if store.is_empty():
        return [], []
    tables = {row[0] for row in store.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "messages" not in tables:
        return [], []
    messages = store.rows("SELECT c.id, m.role, m.content FROM messages m JOIN conversations c"
                          " ON c.seq = m.conversation ORDER BY m.id")
    return messages, store.rows("SELECT conversation, request_json FROM outbox ORDER BY seq")


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
    """Opens data folders through the C API, each in a fresh process."""

    def __init__(self, build, scratch):
        self.process = subprocess.Popen([build.opener, scratch], stdin=subprocess.PIPE, text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                        env=build.environment())

    def open(self, data):
        self.process.stdin.write(data + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=30)
