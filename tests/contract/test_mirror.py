#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Unit tests mirror the sources: tests/unit/FOLDER/test_NAME.c tests FOLDER/NAME.c. A test that is
split by noun keeps the source's name in front: test_chat_takeover.c tests chat.c, unless there is a
chat_takeover.c. Fails with each test that has no source, prints the sources that have no test of
their own, and proves on a scratch tree that it can fail."""
import os
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ROOMS = ("sdk", "policy", "local", "remote", "storage")


def names_in(folder, prefix):
    """The .c files in a folder that begin with prefix, less prefix and extension."""
    if not os.path.isdir(folder):
        return set()
    return {name[len(prefix):-2] for name in os.listdir(folder)
            if name.startswith(prefix) and name.endswith(".c")}


def source_of(test, sources):
    """The source that a test is named after: the longest name in front of it, or None."""
    fits = [name for name in sources if test == name or test.startswith(name + "_")]
    return max(fits, key=len, default=None)


def compare(root):
    """(tests without a source, sources without a test), as paths from the root."""
    homeless, untested = [], []
    folders = set()
    for top in ROOMS:
        for base in (top, os.path.join("tests/unit", top)):
            for folder, _, _ in os.walk(os.path.join(root, base)):
                folders.add(os.path.relpath(folder, root).removeprefix("tests/unit/"))
    folders = {folder for folder in folders if not folder.startswith("sdk/docs")}
    for folder in sorted(folders):
        sources = names_in(os.path.join(root, folder), "")
        tests = names_in(os.path.join(root, "tests/unit", folder), "test_")
        tested = {source_of(test, sources) for test in tests}
        homeless += [f"tests/unit/{folder}/test_{test}.c" for test in sorted(tests)
                     if source_of(test, sources) is None]
        untested += [f"{folder}/{name}.c" for name in sorted(sources - tested)]
    return homeless, untested


def proves_that_it_can_fail():
    """One test of each kind in a scratch tree: only those without a source may be reported."""
    tree = ("policy/rules.c", "policy/rules_battery.c", "sdk/core/buf.c", "sdk/core/log.c",
            "tests/unit/policy/test_rules.c", "tests/unit/policy/test_rules_battery_edges.c",
            "tests/unit/sdk/core/test_buf.c", "tests/unit/policy/test_rule.c",
            "tests/unit/policy/test_buf.c", "tests/unit/remote/test_gone.c",
            "tests/unit/sdk/core/test_buffers.c")
    with tempfile.TemporaryDirectory() as root:
        for path in tree:
            os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8"):
                pass
        return compare(root) == (
            ["tests/unit/policy/test_buf.c", "tests/unit/policy/test_rule.c",
             "tests/unit/remote/test_gone.c", "tests/unit/sdk/core/test_buffers.c"],
            ["sdk/core/log.c"])


def main():
    if not proves_that_it_can_fail():
        print("mirror: the test itself does not find tests without a source")
        return 1
    homeless, untested = compare(ROOT)
    print(f"{len(untested)} sources have no unit test of their own:")
    for path in untested:
        print(f"  {path}")
    for path in homeless:
        print(f"{path}: no source of this name in the folder of the same name")
    print(f"{0 if homeless else 1} passed, {len(homeless)} failed")
    return 1 if homeless else 0


if __name__ == "__main__":
    sys.exit(main())
