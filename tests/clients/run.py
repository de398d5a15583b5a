#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real clients of people, with their own exception types, in front of `amphi serve`: the packages
`openai`, `langchain-openai` and `litellm` of Python, and `openai`, `ai` with its OpenAI providers
of npm. `./dev test --clients` makes the environment that this runs in (environment.sh).

Usage: run.py BUILD_FOLDER ENVIRONMENT [PART_OF_A_NAME]

Each case has a gateway of its own; some wait for as long as a slow model thinks, so several run at
once. One line per case as it ends; the last line counts."""
import concurrent.futures
import os
import shutil
import subprocess
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "support")]
sys.dont_write_bytecode = True
# What litellm would ask of the outside: the prices of models.
os.environ.update(LITELLM_LOCAL_MODEL_COST_MAP="True", OPENAI_API_KEY="any",
                  AI_SDK_LOG_WARNINGS="false")
import faces  # noqa: E402
import questions  # noqa: E402
import cases_langchain  # noqa: E402,F401
import cases_litellm  # noqa: E402,F401
import cases_openai  # noqa: E402,F401
import cases_openai_embeddings  # noqa: E402,F401
import cases_openai_errors  # noqa: E402,F401
import cases_openai_odd  # noqa: E402,F401
import cases_openai_responses  # noqa: E402,F401
import cases_readme  # noqa: E402,F401
import cases_telemetry  # noqa: E402,F401
from lab import Control, Lab  # noqa: E402

AT_ONCE = 4
NODE_CASES = ("cases_openai.mjs", "cases_ai_sdk.mjs", "cases_ai_sdk_responses.mjs")
NODE_LIMIT_S = 600
WHY_MAX = 600
counts = {"ok": 0, "FAILED": 0, "skipped": 0}


def tell(verdict, name, seconds, reason=""):
    counts[verdict] += 1
    print(f"{verdict:8}{name} ({seconds:.1f} s)" + (f"\n{reason}" if reason else ""), flush=True)


def why(error):
    """Where in a case, and what; clients wrap errors ten frames deep."""
    lines = [f"  {os.path.basename(one.filename)}:{one.lineno}: {one.line}"
             for one in traceback.extract_tb(error.__traceback__) if one.filename.startswith(HERE)]
    return "\n".join(lines[1:] + [f"  {type(error).__name__}: {str(error)[:WHY_MAX]}"])


def run_case(lab, name, function):
    began = time.monotonic()
    try:
        function(lab)
        tell("ok", name, time.monotonic() - began)
    except faces.Skipped as reason:
        tell("skipped", f"{name}: {reason}", time.monotonic() - began)
    except Exception as error:  # a case may fail in any way; the others still run
        tell("FAILED", name, time.monotonic() - began, why(error))


def run_node(control, environment, script, only):
    """A script prints VERDICT, tab, NAME, tab, SECONDS, tab, WHY with its line ends escaped. It
    stands beside its packages, where node looks for them."""
    for name in (script, "lab.mjs"):
        shutil.copy(os.path.join(HERE, name), os.path.join(environment, "node", name))
    done = subprocess.run(
        ["node", os.path.join(environment, "node", script), control.url, only],
        capture_output=True, text=True, timeout=NODE_LIMIT_S, stdin=subprocess.DEVNULL)
    ran = 0
    for line in done.stdout.splitlines():
        words = line.split("\t")
        if len(words) == 4 and words[0] in counts:
            ran += 1
            tell(words[0], words[1], float(words[2]), words[3].replace("\\n", "\n")[:WHY_MAX])
    if done.returncode != 0 or (not ran and not only):
        tell("FAILED", f"{script}: exit status {done.returncode}", 0,
             done.stderr or done.stdout)


def main():
    environment = os.path.abspath(sys.argv[2])
    only = sys.argv[3] if len(sys.argv) > 3 else ""
    chosen = [one for one in questions.cases if only in one[0]]
    with Lab() as lab, concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        control = Control(lab)
        waiting = [pool.submit(run_node, control, environment, script, only)
                   for script in NODE_CASES]
        waiting += [pool.submit(run_case, lab, *one) for one in chosen]
        for one in waiting:
            one.result()
    print(f"{counts['ok']} passed, {counts['FAILED']} failed, {counts['skipped']} skipped")
    sys.stdout.flush()
    os._exit(1 if counts["FAILED"] or not counts["ok"] else 0)  # clients leave threads behind


if __name__ == "__main__":
    main()
