#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An app that dies while an answer comes has saved its question and the answer up to a second
before. The cloud here is a server of this test that says one word at a time."""
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import faces  # noqa: E402
from faces import AMPHI, amphi, environment, promise  # noqa: E402


class Cloud(http.server.ThreadingHTTPServer):
    """Says "w0 w1 w2 ..." until the other side is gone, or `words` of them."""
    daemon_threads = True

    def __init__(self, words=10 ** 6, pause_s=0.05):
        self.words, self.pause_s = words, pause_s
        self.said = []  # (time, word)
        self.fail = None  # an event: answer 503 when it is set
        self.asked = []  # bodies
        super().__init__(("127.0.0.1", 0), Answer)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def flags(self):
        return ["--mode", "only_cloud", "--allow-http-loopback", "--no-cache", "--endpoint",
                f"mock=http://127.0.0.1:{self.server_address[1]}/v1,model=m"]


class Answer(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append(json.loads(body))
        if self.server.fail is not None:
            self.server.fail.wait(60)
            self.send_error(503)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        try:
            for n in range(self.server.words):
                self.event({"content": f"w{n} "})
                self.server.said.append((time.monotonic(), f"w{n}"))
                time.sleep(self.server.pause_s)
            self.event({}, "stop")
            self.wfile.write(b"data: [DONE]\n\n")
        except OSError:
            pass

    def event(self, delta, finish=None):
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        self.wfile.write(b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n")
        self.wfile.flush()


def history(folder, *words):
    done = amphi("history", *words, "--json", "--data", os.path.join(folder, "data"))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def start(folder, cloud, question):
    return subprocess.Popen(
        [AMPHI, "ask", *cloud.flags(), "--data", os.path.join(folder, "data"), "--conversation",
         "c", question], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())


def wait_until(condition):
    until = time.monotonic() + 60
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)
    assert condition()


@promise
def killed__in_mid_stream_loses_a_second_at_most(folder):
    cloud = Cloud()
    app = start(folder, cloud, "what is it?")
    wait_until(lambda: len(cloud.said) > 60)
    before = time.monotonic()
    app.send_signal(signal.SIGKILL)
    app.wait()
    messages = history(folder, "show", "c")["messages"]
    assert [(m["role"], m["partial"]) for m in messages] == [
        ("user", False), ("assistant", True)], messages
    assert messages[0]["content"] == "what is it?"
    # An idle machine saves every half second; a loaded one gets three times the promise.
    needed = [word for at, word in cloud.said if at < before - 3.0]
    kept = messages[1]["content"].split()
    assert kept == [f"w{n}" for n in range(len(kept))], kept
    assert len(kept) >= len(needed) and kept, (len(kept), len(needed))
    conversation = history(folder, "list")["conversations"][0]
    assert (conversation["messages"], conversation["title"]) == (2, "what is it?"), conversation
    # The next turn takes along what the user saw.
    cloud.words = 3
    assert start(folder, cloud, "and?").wait() == 0
    sent = cloud.asked[-1]["messages"]
    assert [m["role"] for m in sent] == ["user", "assistant", "user"], sent
    assert sent[1]["content"].split() == kept
    assert len(history(folder, "show", "c")["messages"]) == 4


@promise
def whole__answers_leave_no_draft(folder):
    cloud = Cloud(words=40)
    assert start(folder, cloud, "short?").wait() == 0
    messages = history(folder, "show", "c")["messages"]
    assert [m["partial"] for m in messages] == [False, False], messages
    assert messages[1]["content"].split() == [f"w{n}" for n in range(40)]


@promise
def deleted__while_it_comes_it_stays_deleted(folder):
    cloud = Cloud(words=80)
    app = start(folder, cloud, "forget this")
    wait_until(lambda: len(cloud.said) > 40)
    receipt = history(folder, "delete", "c")
    assert receipt["messages"] == 2, receipt
    said = app.communicate()[1].decode()
    assert app.returncode == 0 and "deleted while it was answered" in said, said
    assert history(folder, "list", "--archived")["conversations"] == []


@promise
def deleted__before_it_fails_it_is_not_queued(folder):
    cloud = Cloud()
    for is_deleted in (False, True):
        cloud.fail = threading.Event()
        asked = len(cloud.asked)
        app = start(folder, cloud, "forget this too")
        wait_until(lambda: len(cloud.asked) > asked)
        if is_deleted:
            amphi("history", "delete", "c", "--data", os.path.join(folder, "data"))
        cloud.fail.set()
        app.communicate()
        assert (app.returncode == 3) == (not is_deleted), app.returncode
        amphi("history", "erase-all", "--yes", "--data", os.path.join(folder, "data"))
    done = amphi("outbox", "--json", "--data", os.path.join(folder, "data"))
    assert json.loads(done.stdout)["entries"] == [], done.stdout


@promise
def interrupted__by_its_user_nothing_is_kept(folder):
    cloud = Cloud()
    app = start(folder, cloud, "never mind")
    wait_until(lambda: len(cloud.said) > 40)
    app.send_signal(signal.SIGINT)
    app.wait()
    assert history(folder, "list", "--archived")["conversations"] == []


if __name__ == "__main__":
    sys.exit(faces.main())
