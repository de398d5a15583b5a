#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every path that the documents name exists. Reads the README, the changelog and sdk/docs, checks
`folder/file.ext` in code marks and at relative links, and fails with the line that names a file
which is not there. It also proves that it can fail."""
import os
import re
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDERS = ("sdk", "policy", "local", "remote", "storage", "bindings", "tests")
MARKED = re.compile(r"`((?:%s)/[\w./-]*)`?" % "|".join(FOLDERS))
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def documents(root):
    yield from (name for name in ("README.md", "CHANGELOG.md") if os.path.exists(f"{root}/{name}"))
    for folder, _, names in os.walk(os.path.join(root, "sdk", "docs")):
        for name in sorted(names):
            if name.endswith(".md"):
                yield os.path.relpath(os.path.join(folder, name), root)


def missing(root):
    """Lines that name a path which does not exist."""
    found = []
    for document in documents(root):
        beside = os.path.dirname(document)
        with open(os.path.join(root, document), encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                named = [path.rstrip(".") for path in MARKED.findall(line)]
                named += [os.path.join(beside, link) for link in LINK.findall(line)]
                found += [f"{document}:{number}: {path} is not there" for path in named
                          if not os.path.exists(os.path.join(root, path))]
    return found


def proves_that_it_can_fail():
    with tempfile.TemporaryDirectory() as root:
        os.makedirs(os.path.join(root, "sdk", "docs"))
        with open(os.path.join(root, "sdk/docs/A.md"), "w", encoding="utf-8") as file:
            file.write("`policy/gone.c`, [a](B.md) and [itself](A.md#part)\n")
        return len(missing(root)) == 2


def main():
    if not proves_that_it_can_fail():
        print("doc_paths: the test itself does not find missing paths")
        return 1
    found = missing(ROOT)
    for line in found:
        print(line)
    print(f"{0 if found else 1} passed, {len(found)} failed")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
