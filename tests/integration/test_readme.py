#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The README keeps its word: its C program is the example in the tree, short, clean, and answers;
its links lead somewhere."""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import faces  # noqa: E402
from faces import BUILD, environment, promise, write  # noqa: E402

EXAMPLE = "sdk/docs/examples/hello.c"


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        return file.read()


def c_block():
    blocks = re.findall(r"^```c\n(.*?)^```$", read("README.md"), re.M | re.S)
    assert len(blocks) == 1, f"{len(blocks)} C blocks in README.md"
    return blocks[0]


@promise
def readme__its_c_program_is_the_example_byte_for_byte(folder):
    assert c_block() == read(EXAMPLE)
    assert len(c_block().splitlines()) <= 40, len(c_block().splitlines())


def compiled(folder, compiler="gcc", standard="c11", suffix=".c"):
    """The README's program, built with every warning as an error; its path."""
    source, program = os.path.join(folder, "hello" + suffix), os.path.join(folder, "hello")
    with open(source, "w", encoding="utf-8", newline="") as file:
        file.write(c_block())
    flags = [f"-std={standard}", "-Wall", "-Wextra", "-Werror", "-Wpedantic", "-Isdk/include"]
    if faces.is_sanitized():  # the runtime must come first in the process
        flags += ["-fsanitize=address,undefined"]
    library = os.path.join(BUILD, "lib")
    subprocess.run([compiler, *flags, source, "-o", program, f"-L{library}", "-lamphi",
                    f"-Wl,-rpath,{library}"], check=True)
    return program


def run_program(folder, *words, **more):
    env = environment(HOME=folder, XDG_DATA_HOME=os.path.join(folder, "xdg"),
                      AMPHI_WORKER=os.path.join(BUILD, "bin", "amphi-worker"), **more)
    done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=60, cwd=folder,
                          stdin=subprocess.DEVNULL)
    assert "Sanitizer" not in done.stderr, done.stderr
    return done


@promise
def readme__its_c_program_compiles_without_a_warning_and_answers(folder):
    done = run_program(folder, compiled(folder))
    assert done.returncode == 0, (done.returncode, done.stderr)
    assert "battery" in done.stdout.lower() and "cloud" in done.stdout.lower(), done.stdout


@promise
def readme__its_c_program_is_cxx17_too(folder):
    done = run_program(folder, compiled(folder, "g++", "c++17", ".cc"))
    assert done.returncode == 0 and "cloud" in done.stdout.lower(), done


@promise
def readme__its_c_program_prints_the_error_that_it_got(folder):
    program = compiled(folder)
    data = os.path.join(folder, "damaged")
    os.mkdir(data, 0o700)
    key = write(data, "store.key", "no key\n")
    os.chmod(key, 0o600)
    no_client = run_program(folder, program, data)
    unusable = run_program(folder, program, "/proc/no/such/folder")  # it answers all the same
    assert unusable.returncode == 0 and "cloud" in unusable.stdout.lower(), unusable
    no_engine = run_program(folder, program, AMPHI_MODEL=os.path.join(folder, "no.gguf"))
    for done in (no_client, no_engine):
        assert done.returncode == 1 and len(done.stderr.splitlines()) == 1, done
        assert len(done.stderr) > 20, done.stderr
    assert no_client.stderr != no_engine.stderr


@promise
def readme__every_link_into_the_tree_leads_somewhere(folder):
    text = read("README.md")
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)
    local = [link for link in links if "://" not in link and not link.startswith("mailto:")]
    assert local, "the README links to nothing"
    missing = [link for link in local if not os.path.exists(link)]
    assert not missing, missing


@promise
def readme__every_folder_that_it_maps_exists(folder):
    named = set(re.findall(r"`((?:[a-z_]+/)+)`", read("README.md")))
    named |= {m + "/"
              for m in re.findall(r"^\s*([a-z_]+(?:/[a-z_]+)*)/\s", read("README.md"), re.M)}
    assert len(named) >= 6, named
    missing = [name for name in named if not os.path.isdir(name) and not name.startswith("build/")
               and not any(os.path.isdir(os.path.join(top, name)) for top in
                           ("sdk", "local", "tests", "bindings", "sdk/include/amphi"))]
    assert not missing, missing


@promise
def readme__the_commands_it_shows_exist(folder):
    text = read("README.md")
    commands = set(re.findall(r"^(?:\$ )?\./dev ([a-z]+)", text, re.M)) | set(
        re.findall(r"`\./dev ([a-z]+)", text))
    assert {"demo", "test"} <= commands, commands
    known = subprocess.run(["./dev", "help"], capture_output=True, text=True).stdout
    for command in commands:
        assert re.search(rf"^  {command}\b", known, re.M), command
    overview = faces.amphi("--help").stdout
    for command in set(re.findall(r"\bamphi ([a-z]+) ", "\n".join(
            re.findall(r"^```(?:sh|bash|console|)\n(.*?)^```$", text, re.M | re.S)))):
        assert re.search(rf"^  {command} ", overview, re.M), command


if __name__ == "__main__":
    faces.main()
