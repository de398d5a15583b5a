# SPDX-License-Identifier: Apache-2.0
"""tests/support/badcloud.py as a child process, for tests in Python."""
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


class Cloud:
    """Its commands: see there."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "badcloud.py")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.info = json.loads(self.process.stdout.readline())

    def ask(self, *words):
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def attempts(self, name):
        return self.ask("attempts", name)["value"]

    def endpoint(self, name, *options):
        return ",".join([f"{name}=https://localhost:{self.info['port']}/{name}/v1",
                         f"ca={self.info['ca']}", *options])

    def stop(self):
        self.process.stdin.close()
        self.process.wait(10)
