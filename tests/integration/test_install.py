#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `cmake --install` leaves is enough: an app's project finds it through CMake and through
pkg-config, compiles, runs and gets an answer; the headers stand alone; nothing foreign is
exported."""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import faces  # noqa: E402
from faces import BUILD, environment, promise, write  # noqa: E402

HELLO = os.path.abspath("sdk/docs/examples/hello.c")
PREFIX = tempfile.mkdtemp(prefix="amphi-prefix-")


def run(*words, **more):
    done = subprocess.run(words, capture_output=True, text=True, timeout=120,
                          stdin=subprocess.DEVNULL, **more)
    assert done.returncode == 0, (words, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout


def find(name):
    found = [os.path.join(folder, name) for folder, _, files in os.walk(PREFIX) if name in files]
    assert len(found) == 1, (name, found)
    return found[0]


def sanitizer():
    return ["-fsanitize=address,undefined"] if faces.is_sanitized() else []


def answers(program, folder, *words):
    """Without a variable that would help it to find its parts, from another folder."""
    env = environment(HOME=folder, XDG_DATA_HOME=os.path.join(folder, "xdg"))
    out = run(program, *words, env=env, cwd=folder)
    assert "cloud" in out.lower(), out


@promise
def install__puts_every_part_under_the_prefix(folder):
    run("cmake", "--install", BUILD, "--prefix", PREFIX)
    for name in ("amphi.pc", "amphi-config.cmake", "amphi.h", "libamphi.so", "amphi",
                 "amphi-worker"):
        find(name)
    for root, _, files in os.walk(PREFIX):
        for name in files:
            path = os.path.join(root, name)
            if name.endswith((".pc", ".cmake")):
                with open(path, encoding="utf-8") as file:
                    assert os.path.abspath(".") not in file.read(), f"{path} names the source tree"


@promise
def install__the_installed_command_answers(folder):
    answers(find("amphi"), folder, "ask", "--mode", "only_local",
            "What happens when the battery is low?")
    # The build tree must not be what it runs from.
    linked = run("ldd", find("amphi"))
    assert PREFIX in re.search(r"libamphi\.so\S* => (\S+)", linked).group(1), linked


@promise
def install__a_cmake_project_finds_it(folder):
    write(folder, "CMakeLists.txt", """cmake_minimum_required(VERSION 3.25)
project(stranger LANGUAGES C)
find_package(amphi 0.1 REQUIRED)
add_executable(hello hello.c)
target_link_libraries(hello PRIVATE amphi::amphi)
""")
    shutil.copy(HELLO, os.path.join(folder, "hello.c"))
    flags = " ".join(["-std=c11 -Wall -Wextra -Werror"] + sanitizer())
    run("cmake", "-G", "Ninja", "-S", folder, "-B", folder + "/b", f"-DCMAKE_PREFIX_PATH={PREFIX}",
        f"-DCMAKE_C_FLAGS={flags}")
    run("cmake", "--build", folder + "/b")
    answers(folder + "/b/hello", folder)


@promise
def install__a_cmake_project_that_wants_another_version_is_refused(folder):
    write(folder, "CMakeLists.txt", """cmake_minimum_required(VERSION 3.25)
project(stranger LANGUAGES C)
find_package(amphi ${WANTED} QUIET)
message(STATUS "found: ${amphi_FOUND}, considered: ${amphi_CONSIDERED_VERSIONS}")
""")
    for wanted, found in (("0.1", "1"), ("0.1.0", "1"), ("0.2", "0"), ("1.0", "0")):
        out = run("cmake", "-G", "Ninja", "-S", folder, "-B", folder + "/b-" + wanted,
                  f"-DCMAKE_PREFIX_PATH={PREFIX}", f"-DWANTED={wanted}")
        assert f"found: {found}, considered: 0.1.0" in out, (wanted, out)


@promise
def install__a_pkg_config_project_finds_it(folder):
    env = environment(PKG_CONFIG_PATH=os.path.dirname(find("amphi.pc")))
    assert run("pkg-config", "--modversion", "amphi", env=env).startswith("0.")
    flags = run("pkg-config", "--cflags", "--libs", "amphi", env=env).split()
    library = os.path.dirname(find("libamphi.so"))
    run("gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", *sanitizer(), HELLO, "-o", folder
        + "/hello",
        *flags, f"-Wl,-rpath,{library}")
    answers(folder + "/hello", folder)


@promise
def install__an_app_of_another_minor_version_is_refused_by_the_loader(folder):
    """FROZEN structs may change with it, and such an app would be written past its own."""
    names = run("readelf", "-d", os.path.realpath(find("libamphi.so")))
    major, minor, _ = run("pkg-config", "--modversion", "amphi", env=environment(
        PKG_CONFIG_PATH=os.path.dirname(find("amphi.pc")))).strip().split(".")
    wanted = f"libamphi.so.{major}" + (f".{minor}" if major == "0" else "")
    assert f"Library soname: [{wanted}]" in names, names


@promise
def install__it_works_after_being_moved(folder):
    moved = os.path.join(folder, "elsewhere")
    shutil.copytree(PREFIX, moved, symlinks=True)
    program = find("amphi").replace(PREFIX, moved)
    answers(program, folder, "ask", "--mode", "only_local", "What happens when the battery is low?")


@promise
def install__the_installed_bench_finds_its_other_half(folder):
    program = find("amphi-bench-curl")
    assert os.path.basename(os.path.dirname(program)) == "amphi", program
    env = environment(HOME=folder, XDG_DATA_HOME=os.path.join(folder, "xdg"), TMPDIR=folder)
    # The bench itself runs for a minute: what it starts first is enough, then it is ended.
    bench = subprocess.Popen([find("amphi"), "bench", "remote"], env=env, cwd=folder,
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        children = f"/proc/{bench.pid}/task/{bench.pid}/children"
        started = []
        for _ in range(200):
            time.sleep(0.05)
            if bench.poll() is not None:
                break
            with open(children, encoding="utf-8") as file:
                started = [os.path.realpath(f"/proc/{pid}/exe") for pid in file.read().split()]
            if program in started:
                break
        assert program in started, (started, bench.poll())
    finally:
        os.killpg(bench.pid, signal.SIGKILL)  # with the server and the gateway that it started
        bench.wait()


@promise
def headers__each_compiles_alone_as_c11_and_as_cxx17(folder):
    headers = []
    for root, _, files in os.walk("sdk/include"):
        headers += [os.path.relpath(os.path.join(root, f), "sdk/include") for f in files]
    assert len(headers) > 12, headers
    for header in sorted(headers):
        for compiler, standard, name in (("gcc", "c11", "x.c"), ("g++", "c++17", "x.cc")):
            if shutil.which(compiler) is None:
                raise AssertionError(f"{compiler} is missing")
            source = write(folder, name, f"#include <{header}>\n#include <{header}>\n")
            run(compiler, f"-std={standard}", "-Wall", "-Wextra", "-Wpedantic", "-Werror",
                "-fsyntax-only", "-Isdk/include", source)


@promise
def library__exports_only_amphi_symbols_and_each_is_declared(folder):
    library = os.path.realpath(os.path.join(BUILD, "lib", "libamphi.so"))
    symbols = [line.split()[-1].split("@")[0] for line in
               run("nm", "-D", "--defined-only", library).splitlines()]
    foreign = [s for s in symbols if not s.startswith("amphi_") or s.startswith("amphi__")]
    assert symbols and not foreign, foreign
    declared = set()
    for root, _, files in os.walk("sdk/include"):
        for name in files:
            with open(os.path.join(root, name), encoding="utf-8") as file:
                declared |= set(re.findall(r"\b(amphi_[a-z0-9_]+)\(", file.read()))
    undeclared = sorted(set(symbols) - declared)
    assert not undeclared, undeclared
    for root, _, files in os.walk("sdk/include"):
        for name in files:
            with open(os.path.join(root, name), encoding="utf-8") as file:
                text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
            for function in re.findall(r"AMPHI_API[^;]*?\b(amphi_[a-z0-9_]+)\(", text):
                assert function in symbols, f"{name} promises {function}, which is not exported"


if __name__ == "__main__":
    try:
        faces.main()
    finally:
        shutil.rmtree(PREFIX, ignore_errors=True)
