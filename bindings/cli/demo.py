#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""./dev demo: the whole story on this machine, with real parts. A second amphi plays the cloud,
over TLS; a wire in between can be unplugged and counts its bytes. Every act checks itself; the demo
exits non-zero when one fails."""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

BUILD = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "build/release")
AMPHI = os.path.join(BUILD, "bin", "amphi")
TTY = sys.stdout.isatty()
DIM, BOLD, RED, GREEN, PLAIN = (
    ("\033[2m", "\033[1m", "\033[31m", "\033[32m", "\033[0m") if TTY else ("",) * 5)
failures = []


class Wire:
    """A TCP relay to the cloud that can be pulled out, and that counts what goes through."""

    def __init__(self, target_port):
        self.target_port = target_port
        self.bytes_up = 0
        self.listener = None
        self.port = 0
        self.sockets = set()
        self.lock = threading.Lock()
        self.plug()

    def plug(self):
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def unplug(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            for end in self.sockets:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def accept(self, listener):
        while True:
            try:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", self.target_port))
            except OSError:
                return
            with self.lock:
                self.sockets |= {near, far}
            threading.Thread(target=self.pump, args=(near, far, True), daemon=True).start()
            threading.Thread(target=self.pump, args=(far, near, False), daemon=True).start()

    def pump(self, source, sink, up):
        try:
            while data := source.recv(65536):
                if up:
                    self.bytes_up += len(data)
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def act(number, title):
    print(f"\n{BOLD}{number}. {title}{PLAIN}")


def say(text):
    print(f"   {text}", flush=True)


def check(condition, promise):
    mark = f"{GREEN}ok{PLAIN}" if condition else f"{RED}FAILED{PLAIN}"
    print(f"   {mark} {DIM}{promise}{PLAIN}", flush=True)
    if not condition:
        failures.append(promise)
    return condition


class Stage:
    """Files, the cloud and the wire; and one way to call amphi."""

    def __init__(self, folder):
        self.folder = folder
        self.data = os.path.join(folder, "data")
        self.cert = os.path.join(folder, "cert.pem")
        self.key = os.path.join(folder, "key.pem")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
             "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
             "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", self.key, "-out", self.cert],
            check=True, capture_output=True)
        self.cloud = subprocess.Popen(
            [AMPHI, "serve", "--json", "--port", "0", "--tls-cert", self.cert,
             "--tls-key", self.key, "--data", os.path.join(folder, "cloud")],
            stdout=subprocess.PIPE, text=True)
        url = json.loads(self.cloud.stdout.readline())["url"]
        self.wire = Wire(int(url.split(":")[2].split("/")[0]))
        self.endpoint = f"cloud=https://localhost:{self.wire.port}/v1,ca={self.cert}"
        self.good_device = self.write("device.json", {
            "battery_percent": 80, "charging": False, "thermal": "nominal", "network": "free"})

    def write(self, name, value):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(value, file)
        return path

    def command(self, *words):
        return [AMPHI, words[0], "--help-model", "--data", self.data, "--endpoint", self.endpoint,
                *words[1:]]

    def run(self, *words):
        return subprocess.run(self.command(*words), capture_output=True, text=True, timeout=60)

    def ask(self, question, *flags, device=None):
        """The result object of `amphi ask --json`, with its exit code and error line."""
        done = self.run("ask", "--json", "--device", device or self.good_device, *flags, question)
        try:
            result = json.loads(done.stdout)
        except json.JSONDecodeError:
            result = {"text": "", "route": "", "decision": [], "takeovers": []}
        result["exit"] = done.returncode
        result["stderr"] = done.stderr.strip()
        return result

    def close(self):
        self.cloud.terminate()
        self.cloud.wait(10)


def why(result, route):
    return next((r["why"] for r in result["decision"] if r["route"] == route), "")


def show(question, result):
    say(f"{DIM}>{PLAIN} {question}")
    say(result["text"] or result["stderr"])
    if result["route"]:
        say(f"{DIM}[{result['route']}] {why(result, result['route'])}{PLAIN}")


def act_local(stage):
    act(1, "A question, answered on the device")
    say(f"{DIM}on the device: the embedded help model, asked by name (--help-model);{PLAIN}")
    say(f"{DIM}in the cloud: a second amphi with the same model{PLAIN}")
    question = "What happens when the battery is low?"
    result = stage.ask(question)
    show(question, result)
    check(result["exit"] == 0 and result["route"] == "local" and "cloud" in result["text"].lower(),
          "the local model answered, and right")


def act_battery(stage):
    act(2, "The battery falls to 8 %: the cloud answers")
    low = stage.write("low.json", {
        "battery_percent": 8, "charging": False, "thermal": "nominal", "network": "free"})
    question = "How is my history kept safe?"
    result = stage.ask(question, device=low)
    show(question, result)
    say(f"{DIM}local: {why(result, 'local')}{PLAIN}")
    check(result["exit"] == 0 and result["route"] == "cloud", "the cloud answered")
    check("8 %" in why(result, "local"), "the record says why, in words")


def act_unplugged(stage):
    act(3, "The network is pulled out: the device answers after all")
    stage.wire.unplug()
    question = "What is the outbox?"
    result = stage.ask(question, "--mode", "prefer_cloud")
    stage.wire.plug()
    show(question, result)
    check(result["exit"] == 0 and result["route"] == "local" and result["takeovers"],
          "the local model took over from the cloud that was not there")


def find_worker(parent):
    """The engine process: a child of the asking process."""
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                stat = file.read()
        except OSError:
            continue
        comm, rest = stat[stat.index("(") + 1:stat.rindex(")")], stat[stat.rindex(")") + 2:].split()
        if int(rest[1]) == parent and comm.startswith("amphi-worker"):
            return int(name)
    return None


def act_killed(stage, question):
    act(4, "The engine is shot in mid-sentence, and the sentence ends well")
    slow = stage.write("reading-speed.json", {"local": {"tokens_per_second_max": 25}})
    process = subprocess.Popen(
        stage.command("ask", "--events", "--mode", "prefer_local", "--policy", slow, "--device",
                      stage.good_device, "--conversation", "demo", question),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    say(f"{DIM}>{PLAIN} {question}")
    sys.stdout.write("   ")
    text, shot, takeover, last = "", None, None, {}
    for line in process.stdout:
        last = json.loads(line)
        amphi = last.get("amphi", {})
        if amphi.get("event") == "takeover":
            takeover = amphi
        delta = "".join(c["delta"].get("content", "") for c in last.get("choices", []))
        text += delta
        sys.stdout.write(delta)
        sys.stdout.flush()
        if shot is None and len(text) > 50 and text[-1].isalpha():
            shot = find_worker(process.pid)
            if shot:
                os.kill(shot, signal.SIGSEGV)
                sys.stdout.write(f"{RED} [engine {shot}: SIGSEGV] {PLAIN}")
                sys.stdout.flush()
    process.wait(30)
    print()
    if takeover:
        say(f"{DIM}{takeover['from']} -> {takeover['to']} at byte {takeover['byte_offset']}, "
            f"{takeover['mode']}: {takeover['why']}{PLAIN}")
    check(shot is not None, "the engine process was killed while it spoke")
    check(takeover is not None and takeover["to"] == "cloud" and takeover["mode"] == "continued",
          "the cloud continued on the same stream")
    finish = last["choices"][0]["finish_reason"] if "choices" in last else None
    check(process.returncode == 0 and finish == "stop" and text.rstrip().endswith((".", "!")),
          "one whole answer, ended once")
    return text


def act_cache(stage, question):
    act(5, "The same question again: from the cache, once one route alone has answered it")
    first = stage.ask(question, "--mode", "prefer_local", "--temperature", "0",
                      "--conversation", "demo-again")
    check(first["route"] == "local", "an answer of two models is not kept for others")
    fresh = stage.ask(question, "--mode", "prefer_local", "--temperature", "0",
                      "--conversation", "demo-cached")
    show(question, fresh)
    check(fresh["route"] == "cache" and fresh["text"] == first["text"],
          "the same answer, byte for byte")
    say(f"{DIM}after {fresh.get('timing', {}).get('total_ms')} ms{PLAIN}")


def act_private(stage):
    act(6, "A private question, and no engine: refused, and nothing leaves")
    before = stage.wire.bytes_up
    question = "My secret is 4711. What do you advise?"
    result = stage.ask(question, "--private", "--model", os.path.join(stage.folder, "gone.gguf"))
    show(question, result)
    check(result["exit"] != 0 and not result["text"] and "private" in result["stderr"],
          "refused, with the reason")
    check(stage.wire.bytes_up == before, "not one byte on the network")


def act_outbox(stage):
    act(7, "Everything is down: the message waits, and is sent once the cloud is back")
    off = stage.write("no-local.json", {"local": {"enabled": False}})
    stage.wire.unplug()
    question = "How do I add a pin?"
    result = stage.ask(question, "--policy", off, "--conversation", "later")
    say(f"{DIM}>{PLAIN} {question}")
    say(f"{DIM}[{result['route']}] {result['stderr'] or 'kept'}{PLAIN}")
    check(result["exit"] == 3 and result["route"] == "outbox", "queued, encrypted, with its key")
    stage.wire.plug()
    sent = stage.run("outbox", "send", "--policy", off)
    again = stage.run("outbox", "send", "--policy", off)
    say(sent.stdout.strip())
    messages = json.loads(stage.run("history", "--json", "later").stdout)["messages"]
    answers = [m for m in messages if m["role"] == "assistant"]
    for answer in answers:
        say(answer["content"])
    check(sent.returncode == 0 and again.returncode == 0 and len(messages) == 2
          and len(answers) == 1 and answers[0]["route"] == "cloud", "delivered, once")


def act_rollout(stage):
    act(8, "A server moves this install from local to cloud, and back")
    payload = {"features": {"amphi.policy": {
        "defaultValue": {}, "rules": [{"force": {"local": {"enabled": False}}, "coverage": 1.0,
                                       "hashAttribute": "id"}]}}}
    path = stage.write("payload.json", payload)
    moved = stage.ask("Who are you?", "--no-cache", "--rollout", path)
    shown = json.loads(stage.run("rollout", "show", "--rollout", path).stdout)
    say(f"{DIM}rollout: {shown.get('why')}{PLAIN}")
    show("Who are you?", moved)
    payload["features"]["amphi.policy"]["rules"] = []
    stage.write("payload.json", payload)
    back = stage.ask("Who are you?", "--no-cache", "--rollout", path)
    show("Who are you?", back)
    check(moved["route"] == "cloud" and "kill" in json.dumps(moved["decision"]),
          "one line of JSON switched the local engine off")
    check(back["route"] == "local", "and on again")


def act_restart(stage, words):
    act(9, "After a restart the history is whole, and unreadable on disk")
    listed = json.loads(stage.run("history", "--json").stdout)["conversations"]
    for conversation in listed:
        say(f"{conversation['id']:12} {conversation['messages']:2} messages  "
            f"{conversation['title']}")
    check({"demo", "later"} <= {c["id"] for c in listed}, "every conversation is there")
    content = b""
    for name in sorted(os.listdir(stage.data)):
        if name.startswith("amphi.db"):
            with open(os.path.join(stage.data, name), "rb") as file:
                content += file.read()
    found = [w for w in words if w.encode() in content]
    check(len(content) > 0 and not found and b"SQLite format" not in content,
          f"{len(content)} bytes of database hold none of its words")


def main():
    started = time.monotonic()
    folder = tempfile.mkdtemp(prefix="amphi-demo-")
    stage = Stage(folder)
    question = "What happens when the engine crashes?"
    try:
        act_local(stage)
        act_battery(stage)
        act_unplugged(stage)
        act_killed(stage, question)
        act_cache(stage, question)
        act_private(stage)
        act_outbox(stage)
        act_rollout(stage)
        act_restart(stage, ["battery", "engine", "outbox", "crashes", "cloud", "amphi.policy"])
    finally:
        stage.close()
        shutil.rmtree(folder, ignore_errors=True)
    seconds = time.monotonic() - started
    if failures:
        print(f"\n{RED}{len(failures)} promises were broken{PLAIN} after {seconds:.0f} s")
        return 1
    print(f"\n{GREEN}All of it held.{PLAIN} {seconds:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
