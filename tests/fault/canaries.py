#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A day of use with 100 canaries: strings that stand in questions, answers, an API key. They are
asked locally and in the cloud, in private, cached, queued, cancelled, cut off by crashes of the
engine and of the app, deleted. Then each place is looked at where a string may not be: files as
they are, what the store's pages hold of deleted ones, the log, core dumps, the environment and
command line of processes, the cloud, and the memory of an app that has freed its client.

usage: canaries.py BUILD [--of BUILD]"""
import collections
import glob
import os
import re
import resource
import secrets
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
import cloud  # noqa: E402
import pages  # noqa: E402
import stage  # noqa: E402

# Role -> how many, and whether the string may reach the cloud.
ROLES = {"asked in the cloud": (12, True), "answered by the cloud": (12, True),
         "only local": (8, False), "private": (12, False), "private, then cloud": (8, False),
         "deleted question": (10, True), "deleted answer": (10, True),
         "queued, then deleted": (6, True), "queued, then sent": (5, True),
         "cancelled": (5, True), "engine crashed": (5, False), "app killed": (6, True),
         "API key": (1, True)}
GONE = {"deleted question", "deleted answer", "queued, then deleted"}


class EchoCloud(cloud.Cloud):
    """Answers with the words that a question was given beforehand, slowly where it says so."""

    def __init__(self):
        self.words, self.slow = {}, set()
        super().__init__()

    def reply(self, connection, headers, body):
        body = body.decode("utf-8", "replace")
        asked = max(self.words, key=body.rfind, default="")  # the others are history
        text = cloud.events(self.words[asked] if asked and asked in body else cloud.ANSWER)
        connection.sendall(cloud.head())
        for event in text.split(b"\n\n"):
            connection.sendall(event + b"\n\n")
            if any(question in body for question in self.slow):
                time.sleep(0.1)


def allow_cores():
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2)


class Day:
    def __init__(self, build):
        self.build = build
        self.stage = stage.Stage(build)
        self.cloud = EchoCloud()
        self.place = os.path.join(self.stage.folder, "day")
        self.temp, self.cores = (os.path.join(self.place, n) for n in ("tmp", "cores"))
        for folder in (self.place, self.temp, self.cores):
            os.makedirs(folder)
        self.strings = {role: [f"cnry{secrets.token_hex(10)}" for _ in range(count)]
                        for role, (count, _) in ROLES.items()}
        self.key_file = os.path.join(self.place, "key")
        with open(os.open(self.key_file, os.O_WRONLY | os.O_CREAT, 0o600), "w",
                  encoding="ascii") as file:
            file.write(self.strings["API key"][0])
        self.hits = collections.Counter()
        self.has_app_core = False
        self.log = open(os.path.join(self.place, "log"), "ab")
        flags = stage.shared_flags(self.stage.folder)
        self.endpoint = f"mock={self.cloud.url},key-file={self.key_file}"
        self.online = [*flags, "--mode", "only_cloud", "--allow-http-loopback", "--endpoint",
                       self.endpoint]
        self.offline = self.stage.offline
        self.local = [*flags, "--mode", "only_local", "--model",
                      os.path.join(self.stage.folder, "model.gguf")]

    def close(self):
        self.log.close()
        self.stage.close()

    def environment(self, **more):
        return self.build.environment(TMPDIR=self.temp, **more)

    # ---- Runs ----

    def start(self, *words, **more):
        return subprocess.Popen([self.build.amphi, *words, "--verbose"], cwd=self.place,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log,
                                preexec_fn=allow_cores, env=self.environment(), **more)

    def ask(self, flags, question, *more, expected=0):
        process = self.start("ask", *flags, *more, "-")
        out, _ = process.communicate(question.encode(), timeout=60)
        assert process.returncode == expected, (process.returncode, more, out)

    def command(self, *words):
        process = self.start(*words)
        out, _ = process.communicate(timeout=60)
        return process.returncode, out

    def interrupt(self, flags, question, number, *more):
        """Sends a signal when the answer has begun; what /proc says of it is looked at as well."""
        process = self.start("ask", *flags, *more, "-")
        process.stdin.write(question.encode())
        process.stdin.close()
        os.read(process.stdout.fileno(), 1)
        self.look_at_proc(process.pid)
        process.send_signal(number)
        process.stdout.read()
        process.wait(timeout=60)
        self.collect_cores()

    def collect_cores(self):
        for path in glob.glob(os.path.join(self.place, "core*")):
            if os.path.isfile(path):
                os.rename(path, os.path.join(self.cores, f"{len(os.listdir(self.cores))}"))

    # ---- The day ----

    def live(self):
        s = self.strings
        for i, (question, answer) in enumerate(zip(s["asked in the cloud"],
                                                   s["answered by the cloud"])):
            self.cloud.words[question] = f"I say {answer} to that"
            for _ in range(1 + i % 2):  # the second time from the cache
                self.ask(self.online, f"Tell me of {question}", "--conversation", f"open{i % 3}")
        for i, question in enumerate(s["only local"]):
            self.ask(self.local, f"Here: {question}", "--conversation", f"here{i % 2}")
        for i, question in enumerate(s["private"]):
            self.ask(self.local, f"My secret is {question}", "--private",
                     *(["--conversation", "secret"] if i % 2 else []))
        for i, question in enumerate(s["private, then cloud"]):
            self.ask(self.local, f"Diagnosis {question}", "--private", "--conversation", f"mix{i}")
            process = self.start("ask", *self.online, "--no-queue", "--conversation", f"mix{i}",
                                 "-")
            process.communicate(b"And what now?", timeout=60)
        self.queue_and_delete()
        self.break_things()

    def queue_and_delete(self):
        s = self.strings
        for i, (question, answer) in enumerate(zip(s["deleted question"], s["deleted answer"])):
            self.cloud.words[question] = f"I say {answer} to that"
            self.ask(self.online, f"Forget {question}", "--conversation", f"gone{i % 4}")
            if i < 4:  # the same request outside of a conversation: one answer in the cache
                self.ask(self.online, f"Forget {question}")
        for i, question in enumerate(s["queued, then deleted"]):
            self.ask(self.offline, f"Later {question}", "--conversation", f"gone{i % 4}",
                     expected=3)
        for question in s["queued, then sent"]:
            self.ask(self.offline, f"Send {question}", "--conversation", "sent", expected=3)
        for i in range(4):
            status, out = self.command("history", "--delete", f"gone{i}", "--data", "data")
            assert status == 0, out
        self.command("outbox", "send", *self.online)

    def break_things(self):
        s = self.strings
        for question in s["cancelled"]:
            self.cloud.slow.add(question)
            self.interrupt(self.online, f"Stop {question}", signal.SIGINT, "--conversation", "stop")
        for question in s["engine crashed"]:
            model = os.path.join(self.place, "crash.gguf")
            with open(model, "w", encoding="ascii") as file:
                file.write("SEGV@middle")
            process = self.start("ask", *self.local[:-1], model, "--no-queue", "-")
            process.communicate(f"Break {question}".encode(), timeout=60)
            self.collect_cores()
        for i, question in enumerate(s["app killed"]):
            self.cloud.slow.add(question)
            self.interrupt(self.online, f"Kill {question}",
                           signal.SIGKILL if i % 2 else signal.SIGABRT, "--conversation", "killed")

    # ---- Looking ----

    def every(self):
        for role, strings in self.strings.items():
            for string in strings:
                yield role, string.encode()

    def look(self, where, content, roles=ROLES):
        for role, string in self.every():
            if role in roles and string in content:
                self.hits[(where, role)] += 1

    def look_at_proc(self, pid):
        try:
            with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
                children = file.read().split()
        except OSError:
            children = []
        for each in (str(pid), *children):
            for name in ("environ", "cmdline"):
                self.look(f"/proc {name}", pages.read(f"/proc/{each}/{name}"))

    def look_at_files(self):
        for folder, _, names in os.walk(self.place):
            for name in names:
                path = os.path.join(folder, name)
                if path == self.key_file:
                    continue
                where = "core dump" if folder == self.cores else (
                    "log" if name == "log" else "temp" if folder == self.temp else "data folder")
                self.look(where, pages.read(path))

    def look_into_store(self):
        """Every page that the key opens, of the file and of all frames of the log, old ones too."""
        data = os.path.join(self.place, "data")
        key = pages.Key.of(data)
        file, wal = (pages.read(os.path.join(data, n)) for n in ("amphi.db", "amphi.db-wal"))
        plain = [pages.decrypt(file[i:i + pages.PAGE], i // pages.PAGE + 1, key)
                 for i in range(0, len(file), pages.PAGE)]
        assert all(plain), "the store is damaged"
        step = pages.FRAME_HEADER + pages.PAGE
        for at in range(pages.WAL_HEADER, len(wal) - step + 1, step):
            number = int.from_bytes(wal[at:at + 4], "big")
            plain.append(pages.decrypt(wal[at + pages.FRAME_HEADER:at + step], number, key) or b"")
        self.look("store's pages", b"".join(plain), GONE)
        kept = b"".join(plain)
        for role in ("asked in the cloud", "answered by the cloud", "only local"):
            missing = [string for string in self.strings[role] if string.encode() not in kept]
            assert not missing, f"this looks nowhere: {len(missing)} x {role}"

    def look_at_cloud(self):
        self.look("cloud", b"\n".join(self.cloud.received),
                  [role for role, (_, may) in ROLES.items() if not may])

    def look_at_memory(self):
        """An app that lives on. What it asked is in other canaries than the day's."""
        process = subprocess.Popen(
            [os.path.join(os.path.dirname(self.build.opener), "canary_app"), "data2", self.endpoint,
             os.path.join(self.stage.folder, "model.gguf"),
             os.path.join(self.stage.folder, "policy.json")],
            cwd=self.place, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log,
            preexec_fn=allow_cores, env=self.environment())
        asked = {}

        def order(line):
            process.stdin.write(line.encode() + b"\n")
            process.stdin.flush()
            return process.stdout.readline().strip()
        assert process.stdout.readline().strip() == b"ready"
        for i in range(12):
            question, answer = (f"mem{secrets.token_hex(10)}" for _ in range(2))
            mode = ("cloud open", "local open", "local private")[i % 3]
            self.cloud.words[question] = f"I say {answer} to that"
            assert order(f"{mode} talk{i % 3} Ask {question}") == b"done"
            asked[question] = "question"
            if i % 3 == 0:
                asked[answer] = "answer"
        assert order("free") == b"freed"
        memory = read_memory(process.pid)
        process.send_signal(signal.SIGABRT)
        process.wait(timeout=60)
        self.collect_cores()
        core = b"".join(pages.read(path) for path in glob.glob(os.path.join(self.cores, "*")))
        self.has_app_core = len(core) > 0
        asked[self.strings["API key"][0]] = "API key"
        asked[pages.Key.of(os.path.join(self.place, "data2")).raw.hex()] = "store key"
        sought = [(role, string.encode()) for string, role in asked.items()]
        sought.append(("store key, raw", pages.Key.of(os.path.join(self.place, "data2")).raw))
        for role, string in sought:
            self.hits[("memory after client_free", role)] += string in memory
            self.hits[("core dump after client_free", role)] += string in core


def read_memory(pid):
    """All that the process may write to."""
    found = []
    with open(f"/proc/{pid}/maps", encoding="ascii", errors="replace") as maps, \
            open(f"/proc/{pid}/mem", "rb") as memory:
        for line in maps:
            match = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
            if match is None:
                continue
            begin, end = (int(group, 16) for group in match.groups())
            try:
                memory.seek(begin)
                found.append(memory.read(end - begin))
            except OSError:
                pass  # a region that can't be read, like [vvar]
    return b"\n".join(found)


def main():
    build = sys.argv[1]
    of = sys.argv[sys.argv.index("--of") + 1] if "--of" in sys.argv else build
    began = time.monotonic()
    day = Day(stage.Build(of, build))
    try:
        day.live()
        day.log.flush()
        day.look_at_files()
        day.look_into_store()
        day.look_at_cloud()
        cores = len(os.listdir(day.cores))
        day.look_at_memory()
    finally:
        day.close()
    total = sum(len(strings) for strings in day.strings.values())
    hits = {place: count for place, count in sorted(day.hits.items()) if count}
    for (where, role), count in hits.items():
        print(f"canaries: FOUND in {where}: {count} x {role}")
    print(f"canaries: {total} strings through a day of use in {time.monotonic() - began:.0f} s, "
          f"{cores} core dumps of the command and its engine; "
          f"{sum(hits.values())} found where they may not be")
    if not day.has_app_core:
        with open("/proc/sys/kernel/core_pattern", encoding="utf-8") as file:
            print("canaries: SKIPPED the core dump of an app: this machine leaves none as a file "
                  f"(core_pattern: {file.read().strip()})")
    bad = len({role for _, role in hits})
    print(f"{len(ROLES) - min(bad, len(ROLES))} passed, {bad} failed")
    sys.exit(1 if hits else 0)


if __name__ == "__main__":
    main()
