#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An app that is frozen in mid-answer keeps the answer: stopped by a signal, alone or with its
engine process, or by its control group. The apps of one test run side by side, so that their
freezes take place at the same time. The slow engine process is tests/integration/slow_worker.c."""
import glob
import json
import os
import select
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
sys.dont_write_bytecode = True
import faces  # noqa: E402
from faces import AMPHI, BUILD, MODEL, environment, promise, write  # noqa: E402
from badcloud_exchange import ANSWER  # noqa: E402
from cloud_process import Cloud  # noqa: E402

SLOW_WORKER = os.path.join(BUILD, "tests", "slow_worker")
WORDS = "".join(f"word{i:02d} " for i in range(40))
OPEN = {"memory": {"max_percent": 100, "unload_percent": 100}}
FREEZES_S = (6, 20)


# ---- ways to freeze: each is a pair of functions of an App ----

def children(pid):
    """Pids of all that a process has started."""
    found = []
    for path in glob.glob(f"/proc/{pid}/task/*/children"):
        try:
            with open(path, encoding="utf-8") as file:
                found += [int(word) for word in file.read().split()]
        except FileNotFoundError:
            pass
    return found


def stop_app(app):
    os.kill(app.pid, signal.SIGSTOP)


def thaw_app(app):
    os.kill(app.pid, signal.SIGCONT)


def stop_both(app):
    app.workers = children(app.pid)
    for pid in [app.pid, *app.workers]:
        os.kill(pid, signal.SIGSTOP)


def thaw_both(app):
    """The app first: it may look before its engine process runs again."""
    for pid in [app.pid, *app.workers]:
        os.kill(pid, signal.SIGCONT)


def cgroup_root():
    """A control group (version 2) in which groups can be made, or None."""
    for root in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"):
        if os.path.exists(os.path.join(root, "cgroup.procs")) and \
                os.path.exists(os.path.join(root, "cgroup.controllers")) and \
                os.access(root, os.W_OK):
            return root
    return None


def freeze_group(app):
    write(app.group, "cgroup.freeze", "1")
    deadline = time.monotonic() + 5
    while "frozen 1" not in open(os.path.join(app.group, "cgroup.events"), encoding="utf-8").read():
        assert time.monotonic() < deadline, "the control group does not freeze"
        time.sleep(0.01)


def thaw_group(app):
    write(app.group, "cgroup.freeze", "0")


WAYS = {"app": (stop_app, thaw_app), "app and worker": (stop_both, thaw_both),
        "control group": (freeze_group, thaw_group)}


# ---- an app ----

class App:
    """amphi ask --events in a process of its own, read from a thread."""

    def __init__(self, folder, name, *flags, policy, env=None, way=None):
        self.name = name
        self.group = None
        home = os.path.join(folder, name.replace(" ", "-"))
        os.mkdir(home)
        self.process = subprocess.Popen(
            [AMPHI, "ask", "--events", "--no-cache", "--data", os.path.join(home, "data"),
             "--policy", write(home, "policy.json", policy), "--temperature", "0", *flags,
             "What happens when the battery is low?"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=environment(**(env or {})), start_new_session=True)
        self.pid = self.process.pid
        if way == "control group":
            self.group = os.path.join(cgroup_root(), f"amphi-test-{self.pid}")
            os.mkdir(self.group)
            write(self.group, "cgroup.procs", str(self.pid))
        self.lines = []
        self.changed = threading.Condition()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(json.loads(line))
                self.changed.notify_all()

    def wait(self, condition, seconds=60):
        """Until one of its events satisfies the condition."""
        with self.changed:
            assert self.changed.wait_for(lambda: any(map(condition, self.lines)), seconds), \
                (self.name, self.lines[-1:])

    def text(self):
        pieces = [c["delta"].get("content") or ""
                  for line in self.lines for c in line.get("choices", [])]
        return "".join(pieces)

    def events(self, kind):
        return [line for line in self.lines if line.get("amphi", {}).get("event") == kind]

    def end(self, seconds=120):
        """Exit status, after everything was read."""
        status = self.process.wait(seconds)
        self.reader.join(10)
        self.stderr = self.process.stderr.read().decode("utf-8", "replace")
        if self.group is not None:
            os.rmdir(self.group)
        return status


def freeze(app, way, seconds):
    WAYS[way][0](app)
    time.sleep(seconds)
    WAYS[way][1](app)


def all_at_once(jobs):
    """Runs functions in threads; fails with everything that failed."""
    failures = []

    def run(job):
        try:
            job()
        except Exception as failure:  # reported below
            failures.append(failure)
    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures


def is_whole(app, text, seconds):
    assert app.end() == 0, (app.name, app.stderr, app.lines[-2:])
    assert app.text() == text, (app.name, seconds, app.text())
    assert not app.events("takeover"), (app.name, app.events("takeover"))


def says(words):
    return lambda line: words in json.dumps(line)


BEGINS = {"load": says("loading the model"), "prefill": says("reading the prompt"),
          "decode": says("word05 ")}


def local_app_stays_whole(folder, phase, way, seconds):
    name = f"{phase} {way} {seconds}"
    app = App(folder, name, "--mode", "only_local", "--model",
              write(folder, name + ".gguf", phase), policy=OPEN,
              env={"AMPHI_WORKER": SLOW_WORKER}, way=way)
    app.wait(BEGINS[phase])
    freeze(app, way, seconds)
    is_whole(app, WORDS, seconds)


def ways_here():
    if cgroup_root() is not None:
        return list(WAYS)
    print("skipped: the control group: this user may make none (version 2)", flush=True)
    return [way for way in WAYS if way != "control group"]


@promise
def freeze__costs_no_local_answer_in_any_phase_and_by_any_way(folder):
    all_at_once([lambda p=phase, w=way, s=seconds: local_app_stays_whole(folder, p, w, s)
                 for phase in BEGINS for way in ways_here() for seconds in FREEZES_S])


@promise
def freeze__of_the_real_engine_changes_no_byte_of_its_answer(folder):
    policy = {**OPEN, "local": {"tokens_per_second_max": 12}}
    whole = App(folder, "not frozen", "--mode", "only_local", "--model", MODEL, policy=OPEN)
    assert whole.end() == 0, whole.stderr

    def one(way):
        app = App(folder, f"real {way}", "--mode", "only_local", "--model", MODEL, policy=policy,
                  way=way)
        app.wait(says('"content": " battery"'))
        freeze(app, way, 7)
        is_whole(app, whole.text(), 7)
    all_at_once([lambda w=way: one(w) for way in ways_here()])


# ---- the cloud ----

@promise
def freeze__while_a_cloud_goes_on_sending_costs_no_answer(folder):
    cloud = Cloud()
    try:
        def one(way, seconds):
            app = App(folder, f"cloud {way} {seconds}", "--mode", "only_cloud", "--endpoint",
                      cloud.endpoint("a"), "--endpoint", cloud.endpoint("b", "priority=1"),
                      policy={"total_ms": 9000, "cloud": {"budgets": {"idle_ms": 3000}}}, way=way)
            app.wait(says('"content": '))
            freeze(app, way, seconds)
            is_whole(app, ANSWER, seconds)
        assert cloud.ask("set", "a", "slow:300") is not None
        all_at_once([lambda s=seconds: one("app", s) for seconds in FREEZES_S])
        assert cloud.attempts("a") == len(FREEZES_S) and cloud.attempts("b") == 0
    finally:
        cloud.stop()


@promise
def freeze__before_the_first_token_starts_no_hedge_and_no_takeover(folder):
    """The first token comes after 2 s, which is less than the hedge's delay; the app is frozen
    before it and wakes up long after the delay."""
    cloud = Cloud()
    try:
        assert cloud.ask("set", "a", "late:2") is not None
        policy = {"cloud": {"hedge_ms": 4000, "budgets": {"first_token_ms": 5000}}}

        def one(seconds):
            before = time.monotonic()
            app = App(folder, f"hedge {seconds}", "--mode", "only_cloud", "--endpoint",
                      cloud.endpoint("a"), "--endpoint", cloud.endpoint("b", "priority=1"),
                      policy=policy)
            app.wait(says('"event": "route"'))
            time.sleep(0.5)
            if time.monotonic() - before > 1.8:
                print("the machine is too slow to freeze it before its first token", flush=True)
            freeze(app, "app", seconds)
            is_whole(app, ANSWER, seconds)
        all_at_once([lambda s=seconds: one(s) for seconds in FREEZES_S])
        assert cloud.attempts("b") == 0, cloud.attempts("b")
    finally:
        cloud.stop()


def answer_once(connection, certificate, key, hold):
    """Answers a handshake when `hold` is set, then one request."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    hold.wait(60)
    try:
        with context.wrap_socket(connection, server_side=True) as tls:
            request = b""
            while b"\r\n\r\n" not in request:
                request += tls.recv(65536)
            body = b""
            for words in ("Frozen and ", "well."):
                chunk = {"choices": [{"index": 0, "delta": {"content": words}}]}
                body += b"data: " + json.dumps(chunk).encode() + b"\n\n"
            body += b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n' \
                b"data: [DONE]\n\n"
            tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                        b"Content-Length: " + str(len(body)).encode() +
                        b"\r\nConnection: close\r\n\r\n" + body)
            select.select([tls], [], [], 5)
    except OSError:  # a connection that the app gave up
        pass


def frozen_while_connecting(folder, certificate, key, after_s):
    """Frozen some time after the connection came, so in any step of connecting."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        hold, seen = threading.Event(), threading.Event()

        def serve():
            try:
                while True:
                    connection, _ = listener.accept()
                    seen.set()
                    threading.Thread(target=answer_once, daemon=True,
                                     args=(connection, certificate, key, hold)).start()
            except OSError:  # the listener was closed
                pass
        threading.Thread(target=serve, daemon=True).start()
        app = App(folder, f"connecting {after_s}", "--mode", "only_cloud", "--endpoint",
                  f"a=https://localhost:{listener.getsockname()[1]}/v1,ca={certificate}",
                  policy={"cloud": {"budgets": {"connect_ms": 3000}}})
        assert seen.wait(60)
        time.sleep(after_s)
        stop_app(app)
        time.sleep(6)
        thaw_app(app)
        time.sleep(0.3)
        hold.set()
        is_whole(app, "Frozen and well.", 6)
        listener.shutdown(socket.SHUT_RDWR)


@promise
def freeze__while_connecting_is_not_charged_to_the_connect_time(folder):
    certificate, key = faces.make_certificate(folder)
    all_at_once([lambda s=after_s: frozen_while_connecting(folder, certificate, key, s)
                 for after_s in (0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.5)])


if __name__ == "__main__":
    if not os.path.exists(SLOW_WORKER):
        faces.skip(f"{SLOW_WORKER} is not there")
    faces.main()
