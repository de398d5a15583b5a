#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The amphi command as a person and a script meet it: help, JSON, exit codes, hostile files, odd
arguments, ctrl-C. Nothing here needs a network."""
import json
import os
import pty
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import faces  # noqa: E402
from faces import AMPHI, amphi, environment, promise, refused, survived, write  # noqa: E402

MODEL = os.path.abspath("local/models/amphi-help.gguf")
COMMANDS = ["chat", "ask", "route", "history", "outbox", "rollout", "model", "serve", "bench",
            "doctor"]
LOCAL = ["--mode", "only_local", "--seed", "1"]


def data(folder):
    return ["--data", os.path.join(folder, "data")]


def parsed(done):
    assert done.returncode == 0, (done.returncode, done.stderr)
    assert done.stdout.endswith("\n") and done.stdout.count("\n") == 1, done.stdout
    return json.loads(done.stdout)


# ---- help, flags, exit codes ----

@promise
def cli__every_command_has_help_with_an_example(folder):
    overview = amphi("--help")
    assert overview.returncode == 0 and "Example:" in overview.stdout
    for command in COMMANDS:
        assert re.search(rf"^  {command} ", overview.stdout, re.M), command
        for flag in ("--help", "-h"):
            done = amphi(command, flag)
            assert done.returncode == 0 and done.stderr == "", (command, done.stderr)
            assert f"usage: amphi {command}" in done.stdout, command
            assert "Example: amphi " + command in done.stdout, command
            assert "--data DIR" in done.stdout and "--json" in done.stdout, command


@promise
def cli__no_command_shows_the_overview_and_is_a_usage_error(folder):
    done = amphi()
    assert done.returncode == 2 and done.stdout == "" and "usage: amphi" in done.stderr
    assert amphi("--version").stdout.startswith("amphi 0.")


@promise
def cli__unknown_things_are_usage_errors_in_one_line(folder):
    cases = [["fly"], ["ask", "--nope", "x"], ["ask", "--nope=1", "x"], ["ask", "--" + "a" * 500, "x"],
             ["history", "--port", "1"], ["model"], ["model", "fly"], ["bench"], ["bench", "cloud"],
             ["rollout"], ["rollout", "hide"], ["outbox", "burn"], ["ask", "--mode", "fast", "x"],
             ["ask", "--mode"], ["ask", "--data"], ["ask", "--threads", "-1", "x"],
             ["ask", "--threads", "257", "x"], ["ask", "--threads", "two", "x"],
             ["ask", "--seed", "99999999999999999999999", "x"], ["ask", "--max-tokens", "1e3", "x"],
             ["ask", "--temperature", "hot", "x"], ["ask", "--temperature", "-1", "x"],
             ["ask", "--temperature", "nan", "x"], ["ask", "--seed", "", "x"],
             ["ask", "--endpoint", "", "x"], ["ask", "--endpoint", "x", "x"],
             ["ask", "--endpoint", "=https://h/v1", "x"], ["ask", "--endpoint", "local=https://h/v1", "x"],
             ["ask", "--endpoint", "a=https://h/v1,wat=1", "x"],
             ["ask", "--endpoint", "a=ftp://h/v1", "x"],
             ["ask", "--endpoint", "a=https://h/v1,pin=md5//x", "x"],
             ["serve", "--port", "70000"], ["serve", "--port", "http"], ["serve", "--tls-cert", "x"],
             ["serve", "--host", "localhost:1"], ["serve", "--seed", "1"],
             ["serve", "--conversation", "c"], ["model", "logits", "--model", MODEL],
             ["model", "logits", "--model", MODEL, "--tokens", ""],
             ["model", "logits", "--model", MODEL, "--tokens", "1,,2"],
             ["model", "logits", "--model", MODEL, "--tokens", "1;2"],
             ["model", "logits", "--model", MODEL, "--tokens", "-1"],
             ["model", "logits", "--model", MODEL, "--tokens", "99999999999"],
             ["model", "logits", "--model", MODEL, "--tokens", "1", "--top", "many"],
             ["model", "logits", "--tokens", "1"], ["model", "render", "--model", MODEL],
             ["bench", "local", "--model", MODEL, "--gen", "0"], ["history", "--delete"]]
    for words in cases:
        done = amphi(words[0], *data(folder), *words[1:]) if words != ["fly"] else amphi("fly")
        line = refused(done)
        assert done.returncode in (1, 2), (words, done.returncode)
        assert len(line) < 400, (words, line)


@promise
def cli__a_token_outside_the_vocabulary_is_refused(folder):
    refused(amphi("model", "logits", "--model", MODEL, "--tokens", "2147483647"))


@promise
def cli__flags_take_their_value_after_a_blank_or_an_equals_sign(folder):
    for words in (["--mode=only_local", "--max-tokens=4"], ["--mode", "only_local", "--max-tokens", "4"]):
        result = parsed(amphi("ask", *data(folder), "--no-cache", "--json", *words, "Who are you?"))
        assert result["usage"]["completion_tokens"] <= 4 and result["finish_reason"] == "length"


@promise
def cli__json_that_is_cut_by_the_token_limit_is_a_failure(folder):
    path = os.path.join(folder, "schema.json")
    with open(path, "w", encoding="utf-8") as file:
        file.write('{"type":"array","items":{"type":"integer"},"minItems":50}')
    done = amphi("ask", *data(folder), *LOCAL, "--no-cache", "--schema", path, "--max-tokens", "5", "x")
    assert done.returncode == 1 and "--max-tokens" in done.stderr, done
    done = amphi("ask", *data(folder), *LOCAL, "--no-cache", "--schema", path, "--max-tokens", "400", "x")
    assert done.returncode == 0 and len(json.loads(done.stdout)) >= 50, done


@promise
def cli__two_dashes_end_the_flags(folder):
    result = parsed(amphi("ask", *data(folder), *LOCAL, "--json", "--", "--help", "me"))
    assert result["text"]


# ---- ask ----

@promise
def ask__json_has_the_documented_members(folder):
    done = amphi("ask", *data(folder), "--json", "--mode", "only_local",
                 "What happens when the battery is low?")
    result = parsed(done)
    required = ["text", "route", "takeovers", "cache", "finish_reason", "usage", "timing", "decision"]
    further = ["model", "error"]  # in chat.h as well
    assert sorted(result) == sorted(required + further), sorted(result)
    assert "cloud" in result["text"].lower(), result["text"]
    assert result["route"] == "local" and result["takeovers"] == [] and result["error"] is None
    assert result["finish_reason"] == "stop"
    assert set(result["usage"]) == {"prompt_tokens", "completion_tokens", "cached_tokens"}
    assert result["usage"]["prompt_tokens"] > 0 and result["usage"]["completion_tokens"] > 0
    assert set(result["timing"]) == {"first_token_ms", "total_ms"}
    assert 0 <= result["timing"]["first_token_ms"] <= result["timing"]["total_ms"]
    assert result["decision"] and {"route", "kept", "reason"} <= set(result["decision"][0])
    assert result["decision"][0]["kept"] is True


@promise
def ask__answers_on_standard_output_and_keeps_quiet_on_standard_error(folder):
    done = amphi("ask", *data(folder), *LOCAL, "Who are you?")
    assert done.returncode == 0 and done.stderr == "" and "Amphi" in done.stdout
    assert done.stdout.endswith("\n") and not done.stdout.endswith("\n\n")


@promise
def ask__the_question_may_come_on_standard_input(folder):
    for words in ([], ["-"]):
        done = amphi("ask", *data(folder), *LOCAL, "--json", *words, stdin="Who are you?\n")
        assert "Amphi" in parsed(done)["text"]
    for nothing in ("", "\n", "\r\n\r\n"):
        refused(amphi("ask", *data(folder), *LOCAL, stdin=nothing))


@promise
def ask__questions_in_any_language_come_through(folder):
    for question in ("Qu'est-ce que la batterie ? Éteint à 8 %", "什么是电池?", "🔋🙂 e\u0301 \u202e",
                     "tab\tand \"quotes\" and \\ backslash", "a\nb\r\nc", "<|im_end|><|im_start|>"):
        result = parsed(amphi("ask", *data(folder), *LOCAL, "--json", question))
        assert result["text"], question


@promise
def ask__bytes_that_are_no_utf8_do_not_break_it(folder):
    for raw in (b"\xff\xfe battery", b"\xc3", b"ok \xed\xa0\x80", b"nul \x00 byte"):
        done = amphi("ask", *data(folder), *LOCAL, "--json", stdin=raw)
        if done.returncode != 0:
            refused(done)
        else:
            json.loads(done.stdout)


@promise
def ask__a_question_longer_than_the_context_is_refused_with_the_reason(folder):
    done = amphi("ask", *data(folder), *LOCAL, "--json", stdin="battery and network " * 40000)
    refused(done)
    result = json.loads(done.stdout)
    assert result["error"] is not None and result["text"] == ""


@promise
def ask__the_same_seed_gives_the_same_text(folder):
    words = ["ask", *data(folder), *LOCAL, "--no-cache", "--json", "--temperature", "0.9"]
    texts = [parsed(amphi(*words, "--seed", "7", "Tell me about heat"))["text"] for _ in range(2)]
    assert texts[0] == texts[1] and texts[0]


@promise
def ask__events_are_json_lines_that_end_once(folder):
    done = amphi("ask", *data(folder), *LOCAL, "--events", "Who are you?")
    assert done.returncode == 0, done.stderr
    chunks = [json.loads(line) for line in done.stdout.splitlines()]
    kinds = [chunk["amphi"]["event"] for chunk in chunks]
    assert kinds[0] == "route" and kinds[-1] == "done" and kinds.count("done") == 1, kinds
    text = "".join(o["delta"].get("content", "") for c in chunks for o in c["choices"])
    assert "Amphi" in text, text
    usages = [c for c in chunks if "usage" in c]
    assert len(usages) == 1 and usages[0]["choices"] == [] and kinds[-2] == "usage", usages
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    spoken = [c["model"] for c in chunks if c["amphi"]["event"] == "delta"]
    assert set(spoken) == {"Amphi Help"}, set(spoken)  # the model that answers


@promise
def ask__the_second_time_comes_from_the_cache_unless_told_not_to(folder):
    words = ["ask", *data(folder), *LOCAL, "--json", "What is the outbox?"]
    first, second = parsed(amphi(*words)), parsed(amphi(*words))
    assert first["cache"] == "miss" and second["cache"] != "miss" and second["route"] == "cache"
    assert first["text"] == second["text"]
    assert parsed(amphi(*words, "--no-cache"))["route"] == "local"


@promise
def ask__no_route_says_why_and_private_is_never_queued(folder):
    policy = write(folder, "off.json", {"local": {"enabled": False}})
    done = amphi("ask", *data(folder), "--policy", policy, "--private", "--json", "secret")
    refused(done)
    assert json.loads(done.stdout)["error"] is not None
    done = amphi("ask", *data(folder), "--policy", policy, "--no-queue", "hello")
    refused(done)
    entries = parsed(amphi("outbox", *data(folder), "--json"))["entries"]
    assert entries == [], entries


# ---- files that are no models ----

def bad_models(folder):
    """Files that must be refused; each with the model's bytes at hand, so that cuts are real."""
    with open(MODEL, "rb") as file:
        good = file.read()
    yield "missing", os.path.join(folder, "missing.gguf")
    yield "a folder", folder
    yield "empty", write(folder, "empty.gguf", b"")
    for size in (1, 4, 8, 23, 24, 100, 5000, len(good) // 4, len(good) // 2, len(good) - 1):
        yield f"cut at {size}", write(folder, f"cut{size}.gguf", good[:size])
    rng = random.Random(7)
    yield "random", write(folder, "random.gguf", rng.randbytes(100000))
    yield "random after the magic", write(folder, "magic.gguf", good[:8] + rng.randbytes(100000))
    yield "huge counts", write(folder, "counts.gguf", good[:8] + b"\xff" * 16 + good[24:9000])
    yield "a text", write(folder, "text.gguf", "This is no model.\n" * 100)
    unreadable = write(folder, "noperm.gguf", good[:5000])
    os.chmod(unreadable, 0)
    if os.geteuid() != 0:
        yield "unreadable", unreadable


@promise
def ask__a_bad_model_is_one_clear_line_and_the_next_ask_works(folder):
    for name, path in bad_models(folder):
        done = amphi("ask", *data(folder), *LOCAL, "--model", path, "Who are you?")
        assert done.stdout == "", (name, done.stdout)
        refused(done)
    result = parsed(amphi("ask", *data(folder), *LOCAL, "--json", "Who are you?"))
    assert result["route"] == "local" and "Amphi" in result["text"]


@promise
def model__a_bad_model_is_one_clear_line_for_every_verb(folder):
    messages = write(folder, "messages.json", [{"role": "user", "content": "hi"}])
    for name, path in bad_models(folder):
        for words in (["logits", "--tokens", "1,2"], ["tokenize", "hello"],
                      ["render", "--messages", messages], ["inspect"]):
            done = amphi("model", *words, "--model", path)
            if done.returncode == 0 and name.startswith("cut at") and words[0] != "logits":
                # Only the tensors are cut: the vocabulary is whole, and says so.
                assert int(name[7:]) > 100000, (name, words)
                continue
            refused(done)


@promise
def model__a_flipped_byte_never_kills(folder):
    with open(MODEL, "rb") as file:
        good = bytearray(file.read())
    rng = random.Random(11)
    for i in range(12 if faces.SANITIZED else 40):
        bad = bytearray(good)
        for _ in range(1 + i % 4):
            bad[rng.randrange(60000)] = rng.randrange(256)
        path = write(folder, "flip.gguf", bytes(bad))
        survived(amphi("model", "logits", "--model", path, "--tokens", "1,2,3", "--top", "1"))


# ---- chat without a terminal ----

@promise
def chat__answers_each_line_of_standard_input_and_keeps_the_conversation(folder):
    done = amphi("chat", *data(folder), *LOCAL, "--conversation", "c1",
                 stdin="Who are you?\n\nWhat happens when the battery is low?\nAnd on a hot phone?")
    assert done.returncode == 0, done.stderr
    assert len([line for line in done.stdout.splitlines() if line]) >= 3, done.stdout
    messages = parsed(amphi("history", *data(folder), "--json", "c1"))["messages"]
    assert [m["role"] for m in messages] == ["user", "assistant"] * 3


@promise
def chat__json_is_one_object_a_line(folder):
    done = amphi("chat", *data(folder), *LOCAL, "--json", stdin="Who are you?\nWhat is Amphi?\n")
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(results) == 2 and all(r["text"] for r in results), done.stdout


@promise
def chat__a_failed_turn_does_not_end_it_but_shows_in_the_exit_code(folder):
    done = amphi("chat", *data(folder), *LOCAL, "--model", os.path.join(folder, "no.gguf"),
                 stdin="one\ntwo\n")
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 2, done.stderr


# ---- ctrl-C ----

def slow_policy(folder):
    return write(folder, "slow.json", {"local": {"tokens_per_second_max": 5}})


def read_until(stream, condition, seconds=30):
    """Bytes from a pipe until condition(text); None when it ended or took too long."""
    text = b""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if select.select([stream], [], [], 0.2)[0]:
            more = os.read(stream.fileno(), 4096)
            if not more:
                return None
            text += more
            if condition(text.decode("utf-8", "replace")):
                return text.decode("utf-8", "replace")
    return None


@promise
def ask__ctrl_c_cancels_and_is_no_success(folder):
    process = subprocess.Popen(
        [AMPHI, "ask", *data(folder), *LOCAL, "--policy", slow_policy(folder), "--conversation", "x",
         "What happens when the battery is low?"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
    assert read_until(process.stdout, lambda text: len(text) > 5)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=20)
    assert process.returncode in (1, 130), process.returncode
    assert time.monotonic() - began < 5 and b"cancelled" in stderr, stderr
    assert b"Sanitizer" not in stderr, stderr
    done = amphi("history", *data(folder), "--json")
    assert parsed(done)["conversations"] == [], done.stdout  # half an answer is not kept


@promise
def ask__ctrl_c_while_it_starts_ends_it(folder):
    for delay in (0.0, 0.01, 0.03, 0.1):
        process = subprocess.Popen(
            [AMPHI, "ask", *data(folder), *LOCAL, "--policy", slow_policy(folder), "Who are you?"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
        assert process.returncode != 0, process.returncode


@promise
def chat__ctrl_c_cancels_the_answer_and_the_program_goes_on(folder):
    process = subprocess.Popen(
        [AMPHI, "chat", *data(folder), *LOCAL, "--policy", slow_policy(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
    process.stdin.write(b"What happens when the battery is low?\n")
    process.stdin.flush()
    assert read_until(process.stdout, lambda text: len(text) > 5)
    process.send_signal(signal.SIGINT)
    time.sleep(0.7)
    assert process.poll() is None
    process.stdin.write(b"Who are you?\n")
    process.stdin.flush()
    assert read_until(process.stdout, lambda text: "I am" in text or "Amphi" in text)
    process.send_signal(signal.SIGINT)
    process.stdin.close()
    process.stdin = None
    _, stderr = process.communicate(timeout=30)
    assert process.returncode >= 0 and b"cancelled" in stderr, (process.returncode, stderr)


# ---- chat in a terminal ----

class Terminal:
    """`amphi chat` behind a pseudo terminal; what it wrote is in .text."""

    def __init__(self, *words):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                os.execve(AMPHI, [AMPHI, *words], environment(TERM="xterm", COLUMNS="200", LC_ALL="C.UTF-8"))
            finally:
                os._exit(127)
        self.text = ""
        self.status = None

    def expect(self, pattern, seconds=30):
        """Waits for a match after everything that was expected before."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            match = re.search(pattern, self.text, re.S)
            if match:
                self.text = self.text[match.end():]
                return match
            if select.select([self.fd], [], [], 0.2)[0]:
                try:
                    self.text += os.read(self.fd, 65536).decode("utf-8", "replace")
                except OSError:
                    break
        raise AssertionError(f"no {pattern!r} in {self.text!r}")

    def type(self, text):
        os.write(self.fd, text.encode())

    def end(self):
        """Ends the input; the exit code, after reading the rest."""
        rest = ""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                self.type("\x04")  # again and again: between two prompts the terminal may swallow it
            except OSError:
                pass
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                os.close(self.fd)
                code = os.waitstatus_to_exitcode(status)
                assert "Sanitizer" not in rest and code >= 0, rest
                return code
            time.sleep(0.1)
            if select.select([self.fd], [], [], 0.1)[0]:
                try:
                    rest += os.read(self.fd, 65536).decode("utf-8", "replace")
                except OSError:
                    pass
        os.kill(self.pid, signal.SIGKILL)
        raise AssertionError(f"it did not end: {self.text + rest!r}")


@promise
def chat__in_a_terminal_shows_the_id_the_route_and_why(folder):
    terminal = Terminal("chat", *data(folder), *LOCAL)
    conversation = terminal.expect(r"conversation (chat-[0-9-]+)").group(1)
    terminal.expect(r"\+ local: ")
    terminal.expect("> ")
    terminal.type("Who are you?\r")
    terminal.expect("Amphi")
    terminal.expect(r"\[local\] only_local: local first.*tokens")
    terminal.expect("> ")
    assert terminal.end() == 0
    messages = parsed(amphi("history", *data(folder), "--json", conversation))["messages"]
    assert len(messages) == 2


@promise
def ask__in_a_terminal_a_bar_shows_the_model_loading_and_goes_away(folder):
    terminal = Terminal("ask", *data(folder), *LOCAL, "Who are you?")
    terminal.expect(r"\r[^\r\n]*loading the model \[#* *\] +\d+ %")
    terminal.expect(r"\r\x1b\[K")
    terminal.expect(r"\[local\] only_local")
    assert terminal.end() == 0


@promise
def history__escape_sequences_of_an_answer_do_not_reach_the_terminal(folder):
    question = "a\x1b]52;c;aGk=\x07b\x9b31mc\x7f"
    parsed(amphi("ask", *data(folder), *LOCAL, "--json", "--conversation", "esc", question))
    terminal = Terminal("history", *data(folder), "esc")
    shown = terminal.expect(r"user.*?\n(.*?)\r\n").group(1)
    assert shown == "a]52;c;aGk=b31mc", shown
    assert terminal.end() == 0
    assert question in amphi("history", *data(folder), "esc").stdout  # a file gets it as it is


@promise
def chat__text_beyond_ascii_can_be_typed_and_edited(folder):
    terminal = Terminal("chat", *data(folder), *LOCAL, "--json", "--conversation", "u")
    terminal.expect("> ")
    terminal.type("Größe 你好?\x1b[D\x7f们\r")  # left, backspace: the character before the mark
    terminal.expect(r'"error":null\}')
    assert terminal.end() == 0
    messages = parsed(amphi("history", *data(folder), "--json", "u"))["messages"]
    assert messages[0]["content"] == "Größe 你们?", messages[0]


@promise
def chat__arrow_up_brings_the_last_line_back_and_it_can_be_edited(folder):
    terminal = Terminal("chat", *data(folder), *LOCAL, "--json")
    terminal.expect("> ")
    terminal.type("Who are yoo?\r")
    terminal.expect(r'"error":null\}')
    terminal.expect("> ")
    terminal.type("\x1b[A\x1b[D\x7fu\r")  # up, left, backspace, u
    terminal.expect(r'"error":null\}')
    terminal.expect("> ")
    assert terminal.end() == 0
    listed = parsed(amphi("history", *data(folder), "--json"))["conversations"]
    messages = parsed(amphi("history", *data(folder), "--json", listed[0]["id"]))["messages"]
    assert [m["content"] for m in messages if m["role"] == "user"] == ["Who are yoo?", "Who are you?"]


@promise
def chat__in_a_terminal_ctrl_c_cancels_the_answer_and_ctrl_d_ends(folder):
    terminal = Terminal("chat", *data(folder), *LOCAL, "--policy", slow_policy(folder))
    terminal.expect("> ")
    terminal.type("What happens when the battery is low?\r")
    terminal.expect(r"When the")
    terminal.type("\x03")
    terminal.expect("cancelled")
    terminal.expect("> ")
    terminal.type("half a line\x03")  # at the prompt it drops the line
    terminal.expect("> ")
    terminal.type("Who are you?\r")
    terminal.expect("Amphi")
    terminal.type("\x03")
    terminal.expect("cancelled")
    terminal.expect("> ")
    assert terminal.end() == 0


@promise
def chat__a_pasted_block_of_lines_is_one_message(folder):
    terminal = Terminal("chat", *data(folder), *LOCAL, "--json", "--conversation", "p")
    terminal.expect("> ")
    terminal.type("Who are you?\rIs the battery low?\rThank you\r")
    terminal.expect(r'"error":null\}')
    terminal.expect("> ")
    assert terminal.end() == 0
    messages = parsed(amphi("history", *data(folder), "--json", "p"))["messages"]
    asked = [m["content"] for m in messages if m["role"] == "user"]
    assert asked == ["Who are you?\nIs the battery low?\nThank you"], asked


# ---- the other commands ----

@promise
def route__explain_gives_every_route_with_a_reason_and_sends_nothing(folder):
    done = amphi("route", *data(folder), "--explain", "--json", "--endpoint", "c=https://127.0.0.1:9/v1",
                 "--private")
    result = parsed(done)
    routes = {r["route"]: r for r in result["routes"]}
    assert set(routes) == {"local", "c"} and result["private"] is True
    assert routes["local"]["kept"] and not routes["c"]["kept"]
    assert all(r["reason"] and r["why"] for r in routes.values())
    text = amphi("route", *data(folder), "--explain", "--endpoint", "c=https://127.0.0.1:9/v1")
    assert text.returncode == 0 and "1. " in text.stdout


@promise
def route__device_facts_and_policy_files_change_the_plan(folder):
    facts = {"battery_percent": 8, "charging": False, "thermal": "nominal", "network": "free"}
    device = write(folder, "device.json", facts)
    done = amphi("route", *data(folder), "--explain", "--json", "--device", device, "--endpoint",
                 "c=https://127.0.0.1:9/v1")
    first = parsed(done)["routes"][0]
    assert first["route"] == "c" and first["kept"], first
    done = amphi("route", *data(folder), "--explain", "--json", "--device", "-", "--endpoint",
                 "c=https://127.0.0.1:9/v1", stdin=json.dumps(facts))
    assert parsed(done)["routes"][0]["route"] == "c"


@promise
def cli__bad_policy_and_device_files_are_one_clear_line(folder):
    for flag in ("--policy", "--device"):
        for name, content in (("missing", None), ("empty", ""), ("text", "hello"), ("array", "[1]"),
                              ("cut", '{"local": {"enab'), ("twice", '{"a":1} {"b":2}'),
                              ("deep", "[" * 100000), ("nan", '{"battery_percent": NaN}'),
                              ("random", random.Random(3).randbytes(3000)),
                              ("unknown", '{"no_such_field": 1}'),
                              ("type", '{"local": 7, "battery_percent": "full"}')):
            path = (write(folder, "f.json", content) if content is not None
                    else os.path.join(folder, "none.json"))
            done = amphi("route", *data(folder), "--explain", flag, path)
            assert done.returncode != 0, (flag, name)
            refused(done)
        refused(amphi("route", *data(folder), flag, folder))
        refused(amphi("route", *data(folder), flag, "/dev/zero"))


@promise
def history__lists_shows_explains_and_deletes(folder):
    assert parsed(amphi("history", *data(folder), "--json"))["conversations"] == []
    assert "no conversations" in amphi("history", *data(folder)).stdout
    parsed(amphi("ask", *data(folder), *LOCAL, "--json", "--conversation", "one", "Who are you?"))
    parsed(amphi("ask", *data(folder), *LOCAL, "--json", "--conversation", "two", "Hello"))
    listed = parsed(amphi("history", *data(folder), "--json"))["conversations"]
    assert {c["id"] for c in listed} == {"one", "two"} and all(c["messages"] == 2 for c in listed)
    messages = parsed(amphi("history", *data(folder), "--json", "one"))["messages"]
    assert messages[1]["role"] == "assistant" and messages[1]["route"] == "local"
    assert messages[1]["record"]["decision"][0]["route"] == "local"
    shown = amphi("history", *data(folder), "one")
    assert "Who are you?" in shown.stdout and "decision" not in shown.stdout
    why = amphi("history", *data(folder), "--why", "one")
    assert "only_local" in why.stdout
    assert amphi("history", *data(folder), "--delete", "one").returncode == 0
    listed = parsed(amphi("history", *data(folder), "--json"))["conversations"]
    assert {c["id"] for c in listed} == {"two"}
    for words in (["one"], ["--delete", "one"], ["--json", "--delete", "one"], ["--json", "never"]):
        refused(amphi("history", *data(folder), *words))
    deleted = parsed(amphi("history", *data(folder), "--json", "--delete", "two"))
    assert deleted == {"deleted": "two"}, deleted


@promise
def ask__another_model_does_not_answer_from_the_old_ones_cache(folder):
    """The same for a cloud model; and who comes back finds its own answers or asks again."""
    embedded = os.path.join(os.path.dirname(__file__), "..", "..", "local", "models",
                            "amphi-help.gguf")
    first, second = os.path.join(folder, "first.gguf"), os.path.join(folder, "second.gguf")
    shutil.copy(embedded, first)
    shutil.copy(embedded, second)
    words = ["ask", *data(folder), *LOCAL, "--json", "What is the outbox?"]
    for model, route in ((first, "local"), (first, "cache"), (second, "local"), (second, "cache"),
                         (None, "local"), (None, "cache")):
        named = ["--model", model] if model else []
        assert parsed(amphi(*words, *named))["route"] == route, model
    for model, route in ((first, "local"), (second, "local"), (second, "cache")):
        done = parsed(amphi(*words, env={"AMPHI_MODEL": model}))
        assert done["route"] == route, model
    os.unlink(second)  # whoever has no model any more still has its answers
    parsed(amphi(*words, "--model", first))
    os.unlink(first)
    assert parsed(amphi(*words, "--model", first))["route"] == "cache"


@promise
def outbox__keeps_lists_and_says_what_still_waits(folder):
    policy = write(folder, "off.json", {"local": {"enabled": False}})
    endpoint = ["--endpoint", "c=https://127.0.0.1:9/v1"]
    done = amphi("ask", *data(folder), "--policy", policy, *endpoint, "--conversation", "later",
                 "--json", "Hello")
    assert done.returncode == 3 and json.loads(done.stdout)["route"] == "outbox", done.stderr
    entries = parsed(amphi("outbox", *data(folder), "list", "--json"))["entries"]
    assert len(entries) == 1 and entries[0]["conversation_id"] == "later"
    assert "later" in amphi("outbox", *data(folder)).stdout
    done = amphi("outbox", *data(folder), "--policy", policy, *endpoint, "send", "--json", timeout=90)
    assert done.returncode == 3 and json.loads(done.stdout)["left"] == 1, done.stderr
    done = amphi("outbox", *data(folder), "send", "--json")  # now the device may answer
    assert done.returncode == 0 and json.loads(done.stdout)["left"] == 0, (done.stdout, done.stderr)
    messages = parsed(amphi("history", *data(folder), "--json", "later"))["messages"]
    assert [m["role"] for m in messages] == ["user", "assistant"]


@promise
def outbox__entry_of_a_killed_sender_is_sent_at_once(folder):
    """And while the sender lives, `send` says that somebody is at it."""
    policy = write(folder, "off.json", {"local": {"enabled": False}})
    silent = socket.create_server(("127.0.0.1", 0))
    endpoint = ["--allow-http-loopback", "--endpoint",
                f"c=http://127.0.0.1:{silent.getsockname()[1]}/v1"]
    done = amphi("ask", *data(folder), "--policy", policy, "--endpoint", "c=https://127.0.0.1:9/v1",
                 "--conversation", "later", "--json", "Hello")
    assert done.returncode == 3, done.stderr
    sender = subprocess.Popen([AMPHI, "outbox", *data(folder), "--policy", policy, *endpoint, "send"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    silent.settimeout(20)
    silent.accept()  # it is sending, and will wait for an answer
    entries = parsed(amphi("outbox", *data(folder), "list", "--json"))["entries"]
    assert entries[0]["being_sent"] is True, entries
    done = amphi("outbox", *data(folder), "send")
    assert done.returncode == 3 and "1 still wait: 1 being sent\n" in done.stdout, done.stdout
    sender.kill()
    sender.communicate()
    entries = parsed(amphi("outbox", *data(folder), "list", "--json"))["entries"]
    assert entries[0]["being_sent"] is False, entries
    done = amphi("outbox", *data(folder), "send", "--json")  # the device may answer
    assert done.returncode == 0 and json.loads(done.stdout)["left"] == 0, (done.stdout, done.stderr)
    silent.close()


@promise
def rollout__show_says_which_value_and_why(folder):
    payload = write(folder, "payload.json", {"features": {"amphi.policy": {
        "defaultValue": {}, "rules": [{"force": {"local": {"enabled": False}}, "coverage": 1.0,
                                       "hashAttribute": "id"}]}}})
    shown = parsed(amphi("rollout", *data(folder), "show", "--json", "--rollout", payload))
    assert shown["why"] and "false" in json.dumps(shown)
    for content in ("", "{", "[]", '{"features": 7}', "\x00"):
        bad = write(folder, "bad.json", content)
        done = amphi("rollout", *data(folder), "show", "--rollout", bad)
        survived(done)
        assert done.returncode != 0 or json.loads(done.stdout)["why"], (content, done.stdout)


@promise
def model__verbs_speak_json(folder):
    shown = parsed(amphi("model", "inspect", "--json", "--model", MODEL))
    assert shown, shown
    tokens = parsed(amphi("model", "tokenize", "--json", "--model", MODEL, "What is Amphi?"))["tokens"]
    plain = amphi("model", "tokenize", "--model", MODEL, "What is Amphi?").stdout
    assert tokens and plain == " ".join(map(str, tokens)) + "\n"
    text = write(folder, "text.txt", "What is Amphi?")
    assert amphi("model", "tokenize", "--model", MODEL, "--file", text).stdout == plain
    out = os.path.join(folder, "all.f32")
    result = parsed(amphi("model", "logits", "--json", "--model", MODEL, "--tokens",
                          ",".join(map(str, tokens)), "--top", "3", "--greedy", "5", "--all", "--out", out))
    assert list(result) == ["tokens", "top", "greedy"]
    assert result["tokens"] == tokens and len(result["top"]) == 3 and len(result["greedy"]) == 5
    assert result["top"][0]["id"] == result["greedy"][0]
    assert result["top"][0]["logit"] >= result["top"][1]["logit"]
    assert os.path.getsize(out) % (4 * len(tokens)) == 0
    messages = write(folder, "messages.json", [{"role": "user", "content": "Grüße \"x\"\n"}])
    rendered = amphi("model", "render", "--model", MODEL, "--messages", messages)
    assert rendered.returncode == 0 and "Grüße" in rendered.stdout
    as_json = parsed(amphi("model", "render", "--json", "--model", MODEL, "--messages", messages))
    assert as_json == {"text": rendered.stdout}
    template = write(folder, "t.jinja", "{{ bos_token }}{{ a }}{{ b|tojson }}{{ messages[0].n|tojson }}")
    messages = write(folder, "n.json", '[{"role": "user", "content": "x", "n": [1.0, 1, 9007199254740993]}]')
    rendered = amphi("model", "render", "--template", template, "--messages", messages,
                     "--set", 'bos_token="<s>"', "--set", "a=1.0", "--set", '{"b": {"c": null}}', "--set", "{ }")
    assert rendered.stdout == '<s>1.0{"c": null}[1.0, 1, 9007199254740993]', rendered
    for wrong in ("=1", "a", "}", "{"):
        refused(amphi("model", "render", "--template", template, "--messages", messages, "--set", wrong))


@promise
def model__text_that_looks_special_is_plain_unless_asked(folder):
    words = ["model", "tokenize", "--json", "--model", MODEL]
    plain = parsed(amphi(*words, "<|im_start|>"))["tokens"]
    special = parsed(amphi(*words, "--special", "<|im_start|>"))["tokens"]
    assert len(plain) > len(special), (plain, special)


@promise
def bench__local_measures(folder):
    result = parsed(amphi("bench", "local", "--json", "--model", MODEL, "--threads", "1", "--prompt",
                          "16", "--gen", "4", timeout=120))
    assert set(result) == {"prefill_tps", "decode_tps", "load_ms", "first_token_ms", "rss_peak_bytes"}
    assert all(value > 0 for value in result.values())


@promise
def doctor__notes_a_key_file_that_others_may_read(folder):
    key = write(folder, "key", "sk-not-shown\n")
    endpoint = ["--endpoint", f"c=https://127.0.0.1:9/v1,key-file={key}"]
    for mode, level in ((0o644, "note"), (0o640, "note"), (0o600, "ok"), (0o400, "ok")):
        os.chmod(key, mode)
        done = amphi("doctor", *data(folder), *endpoint, "--json")
        finding = [f for f in parsed(done)["findings"] if f["part"] == "cloud c"][0]
        assert finding["level"] == level, finding
        assert ("chmod 600" in finding["remedy"]) == (level == "note"), finding
        assert "sk-not-shown" not in done.stdout
        done = amphi("ask", *data(folder), *LOCAL, *endpoint, "--verbose", "Hello")
        assert ("may read its key file" in done.stderr) == (level == "note"), done.stderr


@promise
def doctor__reports_every_part_and_names_what_is_wrong(folder):
    result = parsed(amphi("doctor", *data(folder), "--json"))
    parts = {f["part"]: f for f in result["findings"]}
    assert {"store", "local", "cloud", "memory", "network"} <= set(parts), set(parts)
    done = amphi("doctor", *data(folder), "--json", "--model", os.path.join(folder, "no.gguf"))
    assert done.returncode == 1
    findings = {f["part"]: f for f in json.loads(done.stdout)["findings"]}
    assert findings["local"]["level"] == "fault" and findings["local"]["remedy"], findings["local"]
    text = amphi("doctor", *data(folder))
    assert text.returncode == 0 and "store" in text.stdout


@promise
def cli__a_data_folder_that_cannot_be_used_is_one_clear_line(folder):
    file = write(folder, "file", "x")
    for path in (file, os.path.join(file, "below"), "/proc/nope", "x" * 5000):
        refused(amphi("ask", "--data", path, *LOCAL, "Hello"))


@promise
def cli__a_stopped_quantizer_leaves_nothing_behind(folder):
    """When it wins the race, OUT is whole."""
    for number in (signal.SIGINT, signal.SIGTERM):
        place = os.path.join(folder, f"quantized-{number}")
        os.mkdir(place)
        out = os.path.join(place, "out.gguf")
        process = subprocess.Popen([AMPHI, "model", "quantize", MODEL, out, "--type", "IQ4_XS"],
                                   env=environment(), stderr=subprocess.PIPE, text=True)
        while process.poll() is None and not os.listdir(place):
            time.sleep(0.001)
        process.send_signal(number)
        errors = process.communicate(timeout=60)[1]
        assert process.returncode in (0, 1), (number, process.returncode)
        if process.returncode == 0:
            assert os.listdir(place) == ["out.gguf"], os.listdir(place)
        else:
            assert errors == "amphi: the quantizer was stopped\n", errors
            assert os.listdir(place) == [], os.listdir(place)


@promise
def cli__a_damaged_database_is_one_clear_line(folder):
    parsed(amphi("ask", *data(folder), *LOCAL, "--json", "Hello"))
    database = os.path.join(folder, "data", "amphi.db")
    with open(database, "r+b") as file:
        file.write(os.urandom(4096))
    refused(amphi("history", *data(folder)))
    survived(amphi("ask", *data(folder), *LOCAL, "Hello"))


@promise
def cli__a_closed_standard_output_does_not_kill(folder):
    for words in (["ask", *data(folder), *LOCAL, "Who are you?"], ["--help"], ["doctor", *data(folder)]):
        process = subprocess.Popen([AMPHI, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=environment())
        process.stdout.close()
        process.stdout = None
        process.communicate(timeout=30)
        assert process.returncode >= 0, (words, process.returncode)


@promise
def cli__very_long_and_very_many_arguments_are_survived(folder):
    survived(amphi("ask", *data(folder), *LOCAL, "x" * 100000))
    survived(amphi("ask", *data(folder), *LOCAL, *(["word"] * 2000)))
    survived(amphi("ask", *data(folder), *LOCAL, *(["--endpoint", "e=https://h/v1"] * 50), "x"))
    survived(amphi("ask", *data(folder), "--conversation", "c" * 100000, *LOCAL, "x"))
    survived(amphi("ask", *data(folder), "--endpoint", "e=https://" + "h" * 100000, *LOCAL, "x"))
    survived(amphi("history", *data(folder), "", "%s%n%x"))
    survived(amphi("history", *data(folder), "'; DROP TABLE messages; --"))


if __name__ == "__main__":
    faces.main()
