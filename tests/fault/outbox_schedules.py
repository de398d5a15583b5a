#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random schedules of what happens to an outbox: apps that are started, killed, frozen and started
again, up to three on one store; a cloud that is down, cuts off, or is slow; clocks that jump to
1970, by eight days, by an hour, over reboots; months of outage. Afterwards the cloud is up, one app
runs, and of each message that was acknowledged as queued is asked:

- it is in the history once, or it has expired: kept with its text, and the app heard it;
- those of one conversation are in the history, and were answered, in the order in which they were
  queued;
- the cloud answered it once, and once more at most for each app that was killed or frozen, always
  under the same idempotency key;
- the app heard "queued", and "sent" or "expired".

usage: outbox_schedules.py BUILD [COUNT [SEED]]   (1000 schedules; a failure prints its seed)"""
import collections
import json
import mmap
import os
import queue
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
import cloud  # noqa: E402

DAY_MS = 86400 * 1000
WAIT_S = 90
REPLY = cloud.reply_of("Yes.")
DOWN = b"HTTP/1.1 503 Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Cloud(cloud.Cloud):
    """answers: (key, text of the last message) of each whole answer, in their order; how: "up",
    "down", "cut" (within the answer), "slow"."""

    def __init__(self):
        self.how = "up"
        self.answers = []
        self.keys = collections.defaultdict(set)
        self.lock = threading.Lock()
        super().__init__()

    def reply(self, connection, headers, body):
        key, text = headers["idempotency-key"], json.loads(body)["messages"][-1]["content"]
        with self.lock:
            how = self.how
            self.keys[text].add(key)
        if how == "slow":
            time.sleep(random.uniform(0.01, 0.15))
        if how == "down":
            connection.sendall(DOWN)
        elif how == "cut":
            connection.sendall(REPLY[:len(REPLY) // 2])
        else:
            with self.lock:
                self.answers.append((key, text))
            connection.sendall(REPLY)


class Clock:
    """The offsets that the apps add to the system's clocks."""

    def __init__(self, path):
        with open(path, "wb") as file:
            file.write(bytes(16))
        self.file = open(path, "r+b")
        self.map = mmap.mmap(self.file.fileno(), 16)
        self.wall_ms = self.boot_us = 0

    def put(self):
        self.map[:] = struct.pack("qq", self.wall_ms, self.boot_us)

    def close(self):
        self.map.close()
        self.file.close()


class App:
    def __init__(self, world):
        self.world = world
        self.lines = queue.Queue()
        self.frozen = False
        self.process = subprocess.Popen(
            [world.program, world.data, world.cloud.url, world.clock_path], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        self.expect("ready")

    def read(self):
        for line in self.process.stdout:
            words = line.rstrip("\n").split(" ", 2)
            if words[0] == "event":
                self.world.heard[words[2].strip()].append(words[1])
            else:
                self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def send(self, line):
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except OSError:
            pass

    def expect(self, *words):
        """The next line that begins with one of the words; None: the app ended."""
        while True:
            line = self.lines.get(timeout=WAIT_S)
            if line is None or line.split(" ")[0] in words:
                return line

    def all_of(self, command):
        lines = []
        self.send(command)
        while True:
            line = self.expect("said", "entry", "end")
            assert line is not None, f"the app ended during: {command}"
            if line == "end":
                return lines
            lines.append(line.split(" ", 1)[1])

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)
        self.frozen = True

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)
        self.frozen = False

    def kill(self):
        self.process.kill()
        self.end()

    def quit(self):
        self.send("quit")
        self.end()

    def end(self):
        self.process.wait(WAIT_S)
        self.reader.join(WAIT_S)
        self.process.stdin.close()
        self.process.stdout.close()


class World:
    """One schedule."""

    def __init__(self, program, seed, folder):
        self.program = program
        self.random = random.Random(seed)
        self.data = os.path.join(folder, "data")
        self.clock_path = os.path.join(folder, "clock")
        self.clock = Clock(self.clock_path)
        self.cloud = Cloud()
        self.heard = collections.defaultdict(list)
        self.apps = []
        self.queued = []  # (conversation, text, id), in their order
        self.asked = 0
        self.disturbed = 0

    def awake(self):
        return [app for app in self.apps if not app.frozen]

    def start(self):
        if len(self.apps) < 3:
            self.apps.append(App(self))

    def ask(self):
        if not self.awake():
            self.start()
        if not self.awake():
            return
        app = self.random.choice(self.awake())
        self.asked += 1
        conversation, text = self.random.choice("abc"), f"message-{self.asked}"
        app.send(f"ask {conversation} {text}")
        line = app.expect("queued", "failed")
        if any(a.frozen for a in self.apps) and "another process is writing" in (line or ""):
            return  # one was frozen within a transaction: this is no acknowledgement
        assert line is not None and line.startswith("queued "), f"ask: {line}"
        self.queued.append((conversation, text, line.split(" ")[1]))

    def flush(self):
        if self.awake():
            self.random.choice(self.awake()).send("flush")

    def kill(self):
        if self.apps:
            self.disturbed += 1
            self.apps.pop(self.random.randrange(len(self.apps))).kill()

    def quit(self):
        if self.awake():
            app = self.random.choice(self.awake())
            self.apps.remove(app)
            self.disturbed += 1  # a delivery that takes longer than a second is broken off
            app.quit()

    def freeze(self):
        if self.awake():
            self.disturbed += 1
            self.random.choice(self.awake()).freeze()

    def thaw(self):
        for app in self.apps:
            if app.frozen:
                app.thaw()

    def change_cloud(self):
        self.cloud.how = self.random.choice(["up", "up", "down", "cut", "slow"])

    def jump(self):
        self.clock.wall_ms = self.random.choice(
            [0, -int(time.time() * 1000), 8 * DAY_MS, -8 * DAY_MS, -3600 * 1000, 400 * DAY_MS])
        self.clock.put()

    def pass_time(self):
        """Longer than a lease, or longer than an entry may wait."""
        weeks = self.random.random() < 0.5
        self.disturbed += 1  # a lease may run out meanwhile, as if its app had been frozen
        self.clock.boot_us += 8 * DAY_MS * 1000 if weeks else 600 * 1000 * 1000
        self.clock.put()

    def reboot(self):
        while self.apps:
            self.kill()
        self.clock.boot_us = -int(time.clock_gettime(time.CLOCK_BOOTTIME) * 1000000) + 5000000
        self.clock.put()

    def run(self):
        steps = [self.start] * 3 + [self.ask] * 8 + [self.flush] * 3 + [self.kill] * 2 + [
            self.quit, self.freeze, self.thaw, self.thaw] + [self.change_cloud] * 4 + [
                self.jump] * 3 + [self.pass_time] * 2 + [self.reboot]
        self.start()
        for _ in range(self.random.randint(8, 24)):
            self.random.choice(steps)()
            if self.random.random() < 0.5:
                time.sleep(self.random.uniform(0, 0.04))
        self.finish()

    def finish(self):
        """The cloud is up, the clock is right, all apps but one end by themselves or are killed."""
        self.thaw()
        while self.apps:
            app = self.apps.pop()
            if self.random.random() < 0.5:
                app.quit()
            else:
                self.disturbed += 1
                app.kill()
        self.cloud.how = "up"
        self.clock.wall_ms = 0
        self.clock.put()
        app = App(self)
        self.apps.append(app)
        until = time.monotonic() + WAIT_S
        left = None
        while left != "flushed 0" and time.monotonic() < until:
            app.send("flush")
            left = app.expect("flushed")
        said = {c: app.all_of(f"history {c}") for c in "abc"}
        entries = [line.split(" ") for line in app.all_of("list")]
        app.quit()
        self.apps.clear()
        assert left == "flushed 0", f"{left}: {entries}"
        self.judge(said, entries)

    def judge(self, said, entries):
        answered = collections.Counter(text for _, text in self.cloud.answers)
        kept = {entry_id: text for state, entry_id, text in entries if state == "expired"}
        assert len(kept) == len(entries), f"waiting: {entries}"
        for conversation, text, entry_id in self.queued:
            times = said[conversation].count(text)
            events = self.heard[entry_id]
            assert "queued" in events, f"{text}: told {events}"
            if entry_id in kept:
                assert times == 0 and kept[entry_id] == text and "expired" in events, \
                    f"{text}: {times} times, kept {kept[entry_id]}, heard {events}"
                continue
            assert times == 1, f"{text}: {times} times in the history"
            assert "sent" in events and "expired" not in events, f"{text}: told {events}"
            assert 1 <= answered[text] <= 1 + self.disturbed, f"{text}: {answered[text]} answers"
            assert self.cloud.keys[text] == {entry_id}, f"{text}: keys {self.cloud.keys[text]}"
        for conversation, texts in said.items():
            order = [t for c, t, _ in self.queued if c == conversation]
            assert texts == [t for t in order if t in texts], f"{conversation}: {texts}"
            first = list(dict.fromkeys(t for _, t in self.cloud.answers if t in texts))
            assert first == texts, f"{conversation}: answered in the order {first}, said {texts}"

    def close(self):
        for app in self.apps:
            app.process.kill()
            app.end()
        self.cloud.close()
        self.clock.close()


def run_one(program, seed):
    """What went wrong, or None; and the world, for its counts."""
    folder = tempfile.mkdtemp(prefix="outbox")
    world = World(program, seed, folder)
    try:
        world.run()
        return None, world
    except (AssertionError, queue.Empty, subprocess.TimeoutExpired) as error:
        return f"{type(error).__name__}: {error}", world
    finally:
        world.close()
        shutil.rmtree(folder, ignore_errors=True)


def run_all(build, count, seed, workers=4):
    """Prints the counts. Returns how many schedules failed."""
    program = os.path.join(build, "tests", "outbox_app")
    seeds = iter(range(seed, seed + count))
    lock = threading.Lock()
    failed = []
    total = collections.Counter()

    def work():
        while True:
            with lock:
                own = next(seeds, None)
            if own is None:
                return
            wrong, world = run_one(program, own)
            with lock:
                total["messages"] += len(world.queued)
                total["answers"] += len(world.cloud.answers)
                total["disturbances"] += world.disturbed
                total["expired"] += sum("expired" in e for e in world.heard.values())
                if wrong is not None:
                    failed.append(own)
                    print(f"outbox: schedule {own}: {wrong}", flush=True)

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"outbox: {count} schedules from seed {seed}: {total['messages']} messages queued,"
          f" {total['answers']} answers, {total['expired']} expired and the app heard it;"
          f" {total['disturbances']} kills, freezes and leaps in time")
    print(f"{count - len(failed)} passed, {len(failed)} failed", flush=True)
    return len(failed)


if __name__ == "__main__":
    sys.exit(run_all(os.path.abspath(sys.argv[1]),
                     int(sys.argv[2]) if len(sys.argv) > 2 else 1000,
                     int(sys.argv[3]) if len(sys.argv) > 3 else 1) != 0)
