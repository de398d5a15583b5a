# SPDX-License-Identifier: Apache-2.0
"""The README's line, as it stands: readme_line.py in name spaces of its own."""
import os
import subprocess
import sys

import faces
from questions import case

CLIENT = "openai"
HERE = os.path.dirname(os.path.abspath(__file__))


@case
def the_serve_line_of_the_readme_does_what_a_reader_expects(_):
    spaces = ["unshare", "--mount", "--net"]
    if os.geteuid() != 0:
        spaces += ["--user", "--map-root-user"]
    try:
        can = subprocess.run([*spaces, "ip", "link", "set", "lo", "up"],
                             capture_output=True).returncode == 0
    except FileNotFoundError:
        can = False
    if not can:
        raise faces.Skipped("no name spaces, or no `ip`, on this machine")
    done = subprocess.run([*spaces, sys.executable, os.path.join(HERE, "readme_line.py"),
                           faces.BUILD], capture_output=True, text=True, timeout=120,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr.strip().splitlines()[-1:]
