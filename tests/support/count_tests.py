#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Adds up what the test programs themselves report in ctest's log of a build folder, and prints the
line that ends `./dev test`: how many tests ran, not how many programs."""
import os
import re
import sys

PATTERNS = {  # cmocka's closing lines, and the plain line of our scripts
    "passed": [r"\[  PASSED  \] (\d+) test\(s\)\.", r"^(\d+) passed, \d+ failed"],
    "failed": [r"\[  FAILED  \] (\d+) test\(s\), listed below", r"^\d+ passed, (\d+) failed"],
    "skipped": [r"\[  SKIPPED \] (\d+) test\(s\), listed below",
                r"^\d+ passed, \d+ failed, (\d+) skipped"],
}


def main():
    folder = os.path.join(sys.argv[1], "Testing", "Temporary")
    with open(os.path.join(folder, "LastTest.log"), encoding="utf-8", errors="replace") as file:
        log = file.read()
    counts = {}
    for name, patterns in PATTERNS.items():
        counts[name] = sum(int(n) for p in patterns for n in re.findall(p, log, re.M))
    for reason in sorted(set(re.findall(r"^.*\bskipped?: .*$", log, re.M | re.I))):
        print(reason.strip())
    # A program that died, or that a sanitizer ended after its last test, has no failed test in its
    # closing line; ctest's own list knows it.
    failed_list = os.path.join(folder, "LastTestsFailed.log")
    if os.path.exists(failed_list):
        with open(failed_list, encoding="utf-8") as file:
            programs = sum(1 for line in file if line.strip())
        counts["failed"] = max(counts["failed"], programs)
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
