#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The README's `amphi serve` line, run as it stands there, and a plain `openai` client. It runs in
name spaces of its own (cases_readme.py): there, api.example.com is a provider on this machine with
a certificate that the system trusts, and port 8080 is free.

Usage: unshare --mount --net python3 readme_line.py BUILD_FOLDER"""
import os
import re
import shlex
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "support")]
import faces  # noqa: E402
import openai  # noqa: E402
from clouds import ANSWER, SCENARIOS  # noqa: E402
from questions import QUESTION, raises  # noqa: E402
from scripted_cloud import ScriptedCloud  # noqa: E402

HOST = "api.example.com"
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"


def network_up():
    """Loopback, and a way out that leads nowhere: without one, this machine has no network."""
    for words in ("link set lo up", "link add out0 type veth peer name out1", "link set out1 up",
                  "link set out0 up", "addr add 192.0.2.1/24 dev out0",
                  "route add default dev out0"):
        subprocess.run(["ip", *words.split()], check=True)


def put_over(path, content, folder):
    mine = faces.write(folder, os.path.basename(path), content)
    subprocess.run(["mount", "--bind", mine, path], check=True)


def serve_line():
    with open(os.path.join(HERE, "..", "..", "README.md"), encoding="utf-8") as file:
        found = re.search(r"^(amphi serve [^#\n]*)", file.read(), re.M)
    assert found, "the README has no line that begins with `amphi serve`"
    return shlex.split(found.group(1))


def reader(home):
    """The environment of a reader who has set nothing."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("AMPHI_")}
    path = os.path.join(faces.BUILD, "bin") + ":" + env["PATH"]
    return {**env, "PATH": path, "HOME": home, "XDG_DATA_HOME": home}


def ask(stream=False, shown=None):
    """The answer; `shown` gets its words as they come."""
    client = openai.OpenAI(base_url="http://127.0.0.1:8080/v1", api_key="any")
    answer = client.chat.completions.create(model="gpt-4o", messages=QUESTION, stream=stream)
    if not stream:
        return answer.choices[0].message.content
    shown = [] if shown is None else shown
    shown.extend(one.choices[0].delta.content or "" for one in answer if one.choices)
    return "".join(shown)


def check(cloud):
    for stream in (False, True):
        said = ask(stream)
        assert said == ANSWER, f"not the cloud's answer: {said}"
    assert len(cloud.chats()) == 2, cloud.chats()
    cloud.answer = lambda request: SCENARIOS["wrong_key"](request, 1)
    for stream in (False, True):
        before = len(cloud.chats())
        raises(openai.AuthenticationError, lambda stream=stream: ask(stream))
        assert len(cloud.chats()) == before + 1, "a wrong key was sent more than once"
    cloud.answer = lambda request: SCENARIOS["cuts"](request, 1)
    for stream in (False, True):
        shown = []
        try:
            said = ask(stream, shown)
            assert said == ANSWER, said
        except openai.APIError:
            said = "".join(shown)
            assert ANSWER.startswith(said), f"words of another subject: {said}"


def wait_for_gateway(process):
    for _ in range(200):
        assert process.poll() is None, "the README's line ended by itself"
        try:
            return socket.create_connection(("127.0.0.1", 8080)).close()
        except OSError:
            time.sleep(0.05)
    raise AssertionError("nothing listens on port 8080")


def main():
    network_up()
    with tempfile.TemporaryDirectory() as folder:
        with ScriptedCloud(folder, host=HOST, port=443) as cloud:
            with open(AUTHORITIES, "rb") as system, open(cloud.ca, "rb") as own:
                put_over(AUTHORITIES, system.read() + own.read(), folder)
            put_over("/etc/hosts", f"127.0.0.1 localhost {HOST}\n", folder)
            cloud.answer = lambda request: SCENARIOS["plain"](request, 1)
            process = subprocess.Popen(serve_line(), env=reader(folder), stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL)
            try:
                wait_for_gateway(process)
                check(cloud)
            finally:
                process.terminate()
                process.wait(20)


if __name__ == "__main__":
    main()
