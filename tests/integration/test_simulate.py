#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`amphi simulate`: a seed gives the same bytes each time, alone or among others, in one process or
several; what it does not know is refused."""
import json
import os
import re
import subprocess
import sys
import tempfile

BIN = os.path.join(sys.argv[1], "bin")
SCENARIOS = ("commuter", "hot_phone", "flat_battery", "flapping_cloud", "crash_loop",
             "bad_rollout", "frozen_app", "jumping_clock")


def simulate(*flags):
    done = subprocess.run([os.path.join(BIN, "amphi"), "simulate", *flags], capture_output=True,
                          text=True, timeout=300)
    return done.returncode, done.stdout


def events(text):
    """The lines that have a time in front of them."""
    return [line for line in text.splitlines() if re.match(r" *\d+\.\d{6} ", line)]


def compare(folder):
    """Two documents over the same seeds: the figures differ as the documents do, and the page is
    whole by itself."""
    paths = [os.path.join(folder, name) for name in ("local.json", "cloud.json", "bad.json")]
    page = os.path.join(folder, "page.html")
    for path, text in zip(paths, ('{"mode":"prefer_local"}', '{"mode":"prefer_cloud"}',
                                  '{"no_such_field":1}')):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    code, text = simulate("--policy", paths[0], "--policy", paths[1], "--seeds", "48",
                          "--report", page)
    shares = re.search(r"^by a cloud +([\d.]+) +([\d.]+)  %$", text, re.M)
    failures = []
    if code != 0 or shares is None or float(shares[1]) + 5 > float(shares[2]):
        failures.append(f"policies: {text}")
    with open(page, encoding="utf-8") as file:
        html = file.read()
    if "http" in html or "<script" in html or html.count("<svg") != html.count("</svg>") \
            or html.count("<rect") < 40:
        failures.append("the report is not whole, or needs a network")
    if simulate("--policy", paths[2])[0] != 2 or simulate("--policy", folder + "/none")[0] != 2:
        failures.append("a bad document is not refused")
    return failures


def fleet():
    """A gray release: one that crashes is stopped early, a harmless one reaches all, and a device
    that has it never loses it as its share grows."""
    failures = []

    def run(*flags):
        code, text = simulate("--fleet", "20000", "--json", *flags)
        return json.loads(text) if code == 0 else {}

    for percent in ("3", "30", "100"):
        got = run("--crash", percent)
        if not got.get("stopped") or got["crashed_twice_percent"] >= 2 \
                or got["reached_percent"] > 5 or got["stages"][-1]["devices"] != 0:
            failures.append(f"--crash {percent}: {got}")
        if got != run("--crash", percent):
            failures.append(f"--crash {percent}: not the same twice")
    for seed in ("1", "2", "3"):
        got = run("--seed", seed)
        if got.get("stopped") is not False or got["reached_percent"] != 100:
            failures.append(f"harmless, seed {seed}: {got}")
        for stage in got.get("stages", []):
            share = stage["devices"] / 200
            if stage["left"] != 0 or abs(share - stage["percent"]) > 1:
                failures.append(f"{stage}: not the share that was asked for, or not the same ones")
    got = run("--seeds", "5")
    if got.get("stopped") != 0 or got["seeds"] != 5:
        failures.append(f"--seeds 5: {got}")
    for flags in (("--crash", "3"), ("--fleet", "0"), ("--fleet", "9e9"), ("--json",),
                  ("--fleet", "10", "--crash", "101"), ("--fleet", "10", "--log")):
        if simulate(*flags)[0] != 2:
            failures.append(f"{flags}: not refused")
    return failures


def main():
    if not os.path.exists(os.path.join(BIN, "amphi-simulate")):
        print("skipped: amphi-simulate is not built")
        return 77
    failures = []
    logs = []
    for i, name in enumerate(SCENARIOS):
        one = simulate("--scenario", name, "--seed", str(i + 1), "--log")
        again = simulate("--scenario", name, "--seed", str(i + 1), "--log")
        if one != again or one[0] != 0 or len(events(one[1])) < 20:
            failures.append(f"{name}: not the same bytes twice, or too few of them")
    for seed in range(1, 9):
        logs += events(simulate("--seed", str(seed), "--log")[1])
    if logs != events(simulate("--seed", "1", "--seeds", "8", "--log")[1]):
        failures.append("a seed among others is not what it is alone")
    digests = {re.search(r"digest (\w+)", simulate("--seeds", "16", "--jobs", jobs)[1])[1]
               for jobs in ("1", "3")}
    if len(digests) != 1:
        failures.append("in several processes it is not what it is in one")
    with tempfile.TemporaryDirectory() as folder:
        failures += compare(folder)
    failures += fleet()
    for flags in (("--scenario", "seaside"), ("--sabotage", "rain"), ("word",)):
        if simulate(*flags)[0] != 2:
            failures.append(f"{flags}: not refused")
    for failure in failures:
        print(failure)
    print(f"{len(SCENARIOS) + 15 - len(failures)} passed, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
