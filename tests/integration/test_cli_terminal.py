#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a person sees on a terminal: the screen of a pseudo-terminal, drawn as a terminal draws it.

Usage: test_cli_terminal.py BUILD_FOLDER [PART_OF_A_NAME]
"""
import os
import pty
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
sys.dont_write_bytecode = True
import faces  # noqa: E402
from faces import AMPHI, promise  # noqa: E402
from scripted_cloud import ScriptedCloud, events, missing_openssl, word  # noqa: E402

HALF = "The brass lantern of the harbour is"


def draw(output):
    """The lines that are left on the screen: carriage returns, line feeds, erased ends of lines."""
    lines, row, column = [[]], 0, 0
    for part in re.findall(r"\033\[[0-9;]*[A-Za-z]|.", output, re.S):
        if part == "\r":
            column = 0
        elif part == "\n":
            row += 1
            while len(lines) <= row:
                lines.append([])
        elif part == "\033[K":
            del lines[row][column:]
        elif not part.startswith("\033"):
            lines[row] += [" "] * (column + 1 - len(lines[row]))
            lines[row][column] = part
            column += 1
    return ["".join(line).rstrip() for line in lines]


def on_a_terminal(*words, stdout=None):
    """All that the command writes to its terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([AMPHI, *words], stdin=subprocess.DEVNULL, stderr=theirs,
                               stdout=stdout or theirs, env=faces.environment())
    os.close(theirs)
    output = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other side is closed
            break
        if not part:
            break
        output += part
    os.close(ours)
    assert process.wait(60) == 0, output
    return output.decode("utf-8", "replace")


def ask(folder, cloud, **more):
    cloud.answer = lambda request: events(word(HALF), 0.3, done=False, cut=True)
    return on_a_terminal("ask", "--mode", "prefer_cloud", "--no-cache", "--data",
                         os.path.join(folder, "data"), "--endpoint",
                         cloud.endpoint("work", "model=m"), "What happens when it is low?", **more)


@promise
def terminal__takeover_by_a_cold_model_erases_no_word(folder):
    with ScriptedCloud(folder) as cloud:
        output = ask(folder, cloud)
    assert re.search(r"\[#* *\] +\d+ %", output), repr(output)  # the bar was drawn
    lines = draw(output)
    assert HALF in lines[0], lines
    assert any("took over from work" in line for line in lines), lines


@promise
def terminal__notes_put_nothing_into_an_answer_in_a_file(folder):
    path = os.path.join(folder, "answer.txt")
    with ScriptedCloud(folder) as cloud, open(path, "wb") as file:
        output = ask(folder, cloud, stdout=file)
    with open(path, encoding="utf-8") as file:
        answer = file.read()
    assert "took over" in output and "took over" not in answer, (output, answer)
    if "starts again" not in output:
        assert answer.startswith(HALF) and not answer[len(HALF):].startswith("\n"), answer


if __name__ == "__main__":
    if missing_openssl():
        faces.skip("there is no openssl command")
    faces.main()
