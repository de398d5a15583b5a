# SPDX-License-Identifier: Apache-2.0
"""Address-space limits: two questions of a conversation, local and real, in an address space of 50
to 80 MB in steps of 50 KB. Nothing is made to fail here: memory really ends."""
import json
import os
import resource
import subprocess

import judge
import scenarios

FIRST_KB, LAST_KB, STEP_KB = 50_000, 80_000, 50


def ask_twice(worker, place, limit_kb):
    """The first verdict that is not clean, else the last."""
    for number in range(2):
        question = f"{scenarios.CANARY} in a narrow room {number}"
        words = ["ask", "--json", "--data", "data", "--mode", "only_local", "--conversation", "old",
                 "--no-cache", "--max-tokens", "8", "--temperature", "0", question]
        report = start([worker.build.amphi, *words], place, worker.build, limit_kb)
        asked = scenarios.Scenario("limits", words)
        out = judge.text(place, "out")
        if judge.acknowledged(asked, report[0], out):
            answer = json.loads(out)["text"]  # the model's own
            asked.adds = scenarios.turn("old", question, answer)
        verdict, _, _ = worker.judge.judge(asked, place, report, "memory")
        if verdict.broken:
            break
    return verdict


def start(words, place, build, limit_kb):
    def limit():
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (limit_kb * 1024, limit_kb * 1024))
    environment = build.environment(AMPHI_WORKER=build.engine, LD_PRELOAD=build.preload)
    for name in ("out", "err", "crash"):
        with open(os.path.join(place, name), "wb"):
            pass
    with open(os.path.join(place, "out"), "wb") as out, \
            open(os.path.join(place, "err"), "wb") as err:
        process = subprocess.Popen(words, cwd=place, env=environment, stdout=out, stderr=err,
                                   stdin=subprocess.DEVNULL, preexec_fn=limit)
        try:
            code = process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return 9, True
    return (code << 8 if code >= 0 else -code), False
