#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`amphi chat`, and the terminal: lines of standard input, ctrl-C, editing, what is shown."""
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import faces  # noqa: E402
from faces import AMPHI, amphi, environment, promise, read_until  # noqa: E402
from faces import slow_policy, write  # noqa: E402

LOCAL = ["--mode", "only_local", "--seed", "1"]


def data(folder):
    return ["--data", os.path.join(folder, "data")]


def parsed(done):
    assert done.returncode == 0, (done.returncode, done.stderr)
    assert done.stdout.endswith("\n") and done.stdout.count("\n") == 1, done.stdout
    return json.loads(done.stdout)


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


class Terminal:
    """`amphi chat` behind a pseudo terminal; what it wrote is in .text."""

    def __init__(self, *words):
        try:
            self.pid, self.fd = pty.fork()
        except OSError as error:  # a bare root without /dev/pts
            raise faces.Skipped(f"no pseudo terminal here ({error})") from error
        if self.pid == 0:
            try:
                os.execve(AMPHI, [AMPHI, *words],
                          environment(TERM="xterm", COLUMNS="200", LC_ALL="C.UTF-8"))
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
                self.type("\x04")  # repeated: between two prompts the terminal may swallow it
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
    assert [m["content"] for m in messages if m["role"] == "user"] == ["Who are yoo?",
                                                                       "Who are you?"]


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


if __name__ == "__main__":
    faces.main()
