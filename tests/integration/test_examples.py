#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The examples that apps copy compile without a warning, stand on the public headers alone, and do
what they say. (The README's own program: test_readme.py.)"""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import faces  # noqa: E402
from faces import BUILD, environment, promise, write  # noqa: E402

EXAMPLES = os.path.abspath("sdk/docs/examples")
FLAGS = ["-Wall", "-Wextra", "-Werror", "-Wpedantic", "-Wshadow", "-I" + EXAMPLES,
         "-I" + os.path.abspath("sdk/include")]
if faces.is_sanitized():  # the runtime must come first in the process
    FLAGS += ["-fsanitize=address,undefined"]


def compiled(folder, *names):
    program, library = os.path.join(folder, "app"), os.path.join(BUILD, "lib")
    sources = [os.path.join(EXAMPLES, name) for name in names]
    subprocess.run(["gcc", "-std=c11", *FLAGS, *sources, "-o", program, f"-L{library}", "-lamphi",
                    "-pthread", f"-Wl,-rpath,{library}"], check=True)
    return program


@promise
def examples__an_app_with_the_systems_model_answers_and_meets_its_quota(folder):
    env = environment(HOME=folder, AMPHI_MODEL="",
                      AMPHI_WORKER=os.path.join(BUILD, "bin", "amphi-worker"))
    done = subprocess.run([compiled(folder, "system_app.c", "system_engine.c"), folder + "/data"],
                          env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "Sanitizer" not in done.stderr, (done.returncode, done.stderr)
    lines = done.stdout.splitlines()
    assert len(lines) == 3, lines
    assert lines[0] == "Hello from the system. (system)", lines
    assert lines[1] == ("quota: system: the system's quota for this app is used up; "
                        "again in 600 s"), lines
    assert lines[2].startswith("quota: only_local; "), lines  # not asked: its pause is not over
    assert "system: the system takes no more requests of this app; asked again" in lines[2], lines


@promise
def examples__the_adapters_header_is_for_swift_and_kotlins_bridges_as_well(folder):
    source = write(folder, "bridge.cpp", '#include "system_engine.h"\nint main() { return 0; }\n')
    subprocess.run(["g++", "-std=c++17", *FLAGS, source, "-o", folder + "/bridge"], check=True)


if __name__ == "__main__":
    faces.main()
