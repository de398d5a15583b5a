#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Some of the schedules of tests/fault/outbox_schedules.py, each time others; all thousand of them
are for `./dev test --fault`. The seed is printed."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "fault"))
import outbox_schedules  # noqa: E402

COUNT = 24

if __name__ == "__main__":
    build = os.path.abspath(sys.argv[1])
    if not os.path.exists(os.path.join(build, "tests", "outbox_app")):
        print("skipped: no outbox_app in this build")
        sys.exit(77)
    sys.exit(outbox_schedules.run_all(build, COUNT, int(time.time()) % 1000000) != 0)
