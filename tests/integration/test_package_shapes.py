#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The other shapes in which an app takes the library: as a part of its own CMake project
(FetchContent), and as a static library found by CMake or pkg-config. Built here from the sources,
as release builds without sanitizers, since an app's project has none either."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import faces  # noqa: E402
from faces import environment, promise, write  # noqa: E402

SOURCE = os.path.abspath(".")
HELLO = os.path.join(SOURCE, "sdk/docs/examples/hello.c")
SCRATCH = tempfile.mkdtemp(prefix="amphi-shapes-")  # the two builds, which several tests share
SHARED, STATIC, PREFIX = (os.path.join(SCRATCH, name) for name in ("shared", "static", "prefix"))


def run(*words, **more):
    done = subprocess.run(words, capture_output=True, text=True, timeout=900,
                          stdin=subprocess.DEVNULL, **more)
    assert done.returncode == 0, (words, done.stdout[-3000:], done.stderr[-3000:])
    return done.stdout


def answers(program, folder):
    """Without a variable that would help it to find its parts, from another folder."""
    out = run(program, env=environment(HOME=folder, XDG_DATA_HOME=folder + "/xdg"), cwd=folder)
    assert "cloud" in out.lower(), out


PARENT = """cmake_minimum_required(VERSION 3.25)
project(parent LANGUAGES C)
set(CMAKE_C_STANDARD 17)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/programs)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/libraries)
include(FetchContent)
FetchContent_Declare(amphi SOURCE_DIR %s)
FetchContent_MakeAvailable(amphi)
foreach(name C_STANDARD C_VISIBILITY_PRESET POSITION_INDEPENDENT_CODE RUNTIME_OUTPUT_DIRECTORY
        LIBRARY_OUTPUT_DIRECTORY ARCHIVE_OUTPUT_DIRECTORY EXPORT_COMPILE_COMMANDS)
    message(STATUS "kept ${name}=${CMAKE_${name}}")
endforeach()
message(STATUS "kept BUILD_SHARED_LIBS=$CACHE{BUILD_SHARED_LIBS}")
get_directory_property(tests DIRECTORY ${amphi_SOURCE_DIR} TESTS)
message(STATUS "kept tests=${tests}")
foreach(target amphi_cli amphi-bench-curl amphi_test_support)
    if(TARGET ${target})
        message(FATAL_ERROR "${target} is forced on the parent")
    endif()
endforeach()
add_executable(app hello.c)
target_link_libraries(app PRIVATE amphi::amphi)
"""


def parent_project(folder, *flags):
    """Builds the target app and no other; what the parent's settings are afterwards."""
    os.makedirs(folder, exist_ok=True)
    write(folder, "CMakeLists.txt", PARENT % SOURCE)
    shutil.copy(HELLO, os.path.join(folder, "hello.c"))
    out = run("cmake", "-G", "Ninja", "-S", folder, "-B", folder + "/b",
              "-DCMAKE_BUILD_TYPE=Release",
              "-DCMAKE_C_FLAGS_RELEASE=-O1", *flags)
    run("cmake", "--build", folder + "/b", "--target", "app")
    return dict(re.findall(r"kept (\w+)=(.*)", out))


@promise
def fetch_content__the_target_app_is_enough_and_the_parent_keeps_its_settings(folder):
    kept = parent_project(SHARED)
    answers(SHARED + "/b/programs/app", folder)
    expected = {"C_STANDARD": "17", "C_VISIBILITY_PRESET": "", "POSITION_INDEPENDENT_CODE": "",
                "RUNTIME_OUTPUT_DIRECTORY": SHARED + "/b/programs",
                "LIBRARY_OUTPUT_DIRECTORY": SHARED + "/b/libraries", "ARCHIVE_OUTPUT_DIRECTORY": "",
                "EXPORT_COMPILE_COMMANDS": "", "BUILD_SHARED_LIBS": "", "tests": ""}
    assert kept == expected, kept


@promise
def library__serves_an_app_under_address_sanitizer(folder):
    """The library itself is not sanitized: RTLD_DEEPBIND, with which it loads SQLCipher as a rule,
    would end the app."""
    library = os.path.join(SHARED, "b", "_deps", "amphi-build", "lib")
    run("gcc", "-std=c11", "-g", "-fsanitize=address", "-Isdk/include", HELLO, "-o",
        folder + "/hello", f"-L{library}", "-lamphi", f"-Wl,-rpath,{library}")
    answers(folder + "/hello", folder)


@promise
def fetch_content__static_answers_too(folder):
    parent_project(STATIC, "-DBUILD_SHARED_LIBS=OFF")
    answers(STATIC + "/b/programs/app", folder)
    assert "libamphi" not in run("ldd", STATIC + "/b/programs/app")


@promise
def static__installs_one_archive_whose_globals_are_all_ours(folder):
    parent_project(STATIC, "-DBUILD_SHARED_LIBS=OFF", "-DAMPHI_INSTALL=ON")
    run("cmake", "--install", STATIC + "/b", "--prefix", PREFIX)
    names = [name for _, _, files in os.walk(PREFIX) for name in files]
    assert "libamphi.a" in names and not any(".so" in name for name in names), names
    symbols = [line.split()[-1] for line in
               run("nm", "-g", "--defined-only", static_file("libamphi.a")).splitlines()
               if len(line.split()) == 3]
    foreign = [s for s in symbols if not s.startswith("amphi_")]
    assert len(symbols) > 100 and not foreign, foreign


def static_file(name):
    found = [os.path.join(at, name) for at, _, files in os.walk(PREFIX) if name in files]
    assert len(found) == 1, (name, found)
    return found[0]


@promise
def static__a_cmake_project_links_all_that_it_needs(folder):
    write(folder, "CMakeLists.txt", """cmake_minimum_required(VERSION 3.25)
project(stranger LANGUAGES C)
find_package(amphi 0.1 REQUIRED)
add_executable(hello hello.c)
target_link_libraries(hello PRIVATE amphi::amphi)
""")
    shutil.copy(HELLO, os.path.join(folder, "hello.c"))
    run("cmake", "-G", "Ninja", "-S", folder, "-B", folder + "/b",
        f"-DCMAKE_PREFIX_PATH={PREFIX}")
    run("cmake", "--build", folder + "/b")
    answers_with_worker(folder + "/b/hello", folder)


@promise
def static__a_pkg_config_project_links_all_that_it_needs(folder):
    env = environment(PKG_CONFIG_PATH=os.path.dirname(static_file("amphi.pc")))
    flags = run("pkg-config", "--cflags", "--libs", "amphi", env=env).split()
    run("gcc", "-std=c11", HELLO, "-o", folder + "/hello", *flags)
    answers_with_worker(folder + "/hello", folder)


def answers_with_worker(program, folder):
    """A static library knows no place of its own: the worker stands beside the app, as shipped."""
    shutil.copy(static_file("amphi-worker"), os.path.dirname(program))
    shutil.copy(static_file("amphi-help.gguf"), os.path.dirname(program))
    answers(program, folder)


if __name__ == "__main__":
    try:
        faces.main()
    finally:
        shutil.rmtree(SCRATCH, ignore_errors=True)
