#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The figures of `amphi serve` under strangers, against the bounds that it is built for: 1,000 idle
connections, 300 headers and 300 bodies that come a byte a second, 50 bodies of 15 MB, and /healthz
all the while. Not a ctest: on a busy machine the bounds say more about the machine.

Usage: gateway_strangers.py BUILD_FOLDER     ends with 1 when a bound was missed
"""
import asyncio
import os
import resource
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
sys.dont_write_bytecode = True
from faces import gateway  # noqa: E402
from gateway_client import CHAT, QUESTION, call  # noqa: E402
from gateway_load import besiege, grown_kib, percentile, resident_kib, show  # noqa: E402
from scripted_cloud import ScriptedCloud  # noqa: E402

IDLE, HEADERS, BODIES, LARGE, BODY_BYTES = 1000, 300, 300, 50, 15 << 20
HEALTH_MS = 100
BODIES_AT_ONCE = 256 << 20  # what the gateway takes of all bodies together


def passed_on_kib():
    """What a valid body that goes to an endpoint takes."""
    body = {"messages": [{"role": "user", "content": "x" * BODY_BYTES}]}
    with tempfile.TemporaryDirectory(prefix="amphi-strangers-") as folder:
        with ScriptedCloud(folder, tls=False) as cloud, \
                gateway(folder, "--allow-http-loopback", "--mode", "only_cloud", "--endpoint",
                        cloud.endpoint("work", "model=m")) as (url, process):
            assert call(url, "POST", CHAT, {"messages": QUESTION})[0] == 200
            return grown_kib(process, lambda: call(url, "POST", CHAT, body))


def main():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory(prefix="amphi-strangers-") as folder:
        with gateway(folder, "--model", "/nowhere.gguf") as (url, process):
            before = resident_kib(process)
            found = asyncio.run(besiege(url, process, IDLE, HEADERS, BODIES, LARGE, 20, BODY_BYTES))
    show(f"GET /healthz beside {IDLE} idle, {HEADERS} dripping headers, {BODIES} dripping bodies, "
         f"{LARGE} bodies of {BODY_BYTES >> 20} MiB", found["health_ms"])
    late = sum(ms > HEALTH_MS for ms in found["health_ms"])
    print(f"later than {HEALTH_MS} ms: {late} of {len(found['health_ms'])}")
    print(f"the large bodies: {found['large']}")
    print(f"memory: {before} KiB before, {found['peak_kib']} KiB at most")
    grown = passed_on_kib()
    print(f"a valid body of {BODY_BYTES >> 20} MiB, passed on: {grown} KiB, "
          f"{(grown << 10) / BODY_BYTES:.2f} times its size")
    good = percentile(found["health_ms"], 1) < HEALTH_MS and grown << 10 < 4 * BODY_BYTES
    good = good and found["grown_kib"] << 10 < 4 * BODIES_AT_ONCE
    good = good and set(found["large"]) <= {400, 503}
    print("all within bounds" if good else "a bound was missed")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
