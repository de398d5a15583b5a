#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The store's proving ground: scenarios of the command (scenarios.py), and in each every
allocation, every call on a file of the data folder and every moment fails, ends the process, or
loses the power. After each run judge.py looks at what is left.

usage: proving.py BUILD [PART...] [--of BUILD] [--every N | --reduced] [--jobs N] [--seed N]
                  [--keep DIR]

PART: memory, files, limits, kills, power (all). --of: the build that is looked at, when it is not
the one of the tools. --every: only each Nth run, for a look. --reduced: a few hundred runs of all
parts but limits, for `./dev test`. --keep: what runs that broke a promise left is copied to there.
Prints a row per scenario and fault."""
import argparse
import multiprocessing
import os
import random
import sys
import time

sys.dont_write_bytecode = True
import limits  # noqa: E402
import runs  # noqa: E402
import stage  # noqa: E402

# The start is the same in all scenarios that begin with the same folder: what comes before the log
# is opened, the opening of the store, libcrypto's start-up. In these all of it, else each 20th
# allocation, in each scenario another one. Other folders are opened in another way: all of that.
WHOLE_START = ("ask cloud", "history")
START_STRIDE = 20
KILLS, LOSSES = 5000, 1000
REDUCED = {"memory": 600, "files": 120, "kills": 60, "power": 25}  # each so manieth run
PROGRESS_S = 60


# ---- What is to be run ----

def chunks(numbers, size=40):
    return [numbers[i:i + size] for i in range(0, len(numbers), size)]


def is_start(number, scenario, measured):
    _, _, _, _, _, log, before, after = measured
    opening = range(log + 1, before + 1) if scenario.source == "full" else ()
    return number <= log or number in opening or before < number <= after


def plan_memory(scenarios, measured):
    for index, scenario in enumerate(scenarios):
        whole = scenario.name in WHOLE_START
        numbers = [n for n in range(1, measured[index][2] + 1)
                   if whole or n % START_STRIDE == index % START_STRIDE or
                   not is_start(n, scenario, measured[index])]
        for fault in ("each", "from on"):
            yield index, fault, numbers


def plan_files(runner, scenarios):
    for index in range(len(scenarios)):
        counts = {kinds: runner.measure(index, kinds)[3] for _, _, kinds, _, _ in runs.FILES}
        for fault, (_, _, kinds, _, _) in enumerate(runs.FILES):
            yield index, fault, list(range(1, counts[kinds] + 1))


def plan_kills(runner, scenarios, seed):
    chance = random.Random(seed)
    each = -(-KILLS // (2 * len(scenarios)))
    for index in range(len(scenarios)):
        began = time.monotonic()
        count = runner.measure(index, stage.ALL)[3]
        longest_us = int((time.monotonic() - began) * 1.1e6)
        yield index, "call", [chance.randint(1, count) for _ in range(each)]
        yield index, "moment", [chance.randint(1, longest_us) for _ in range(each)]


def plan_losses(runner, scenarios, seed):
    chance = random.Random(seed)
    each = -(-LOSSES // len(scenarios))
    for index in range(len(scenarios)):
        count = runner.measure(index, stage.CHANGES)[3]
        yield index, "", [chance.randint(1, count + 1) for _ in range(each)]


def rows_of(part, runner, seed):
    """(scenario, fault, numbers) of a part's rows."""
    scenarios = runner.scenarios
    if part == "memory":
        measured = [runner.measure(index, stage.ALL) for index in range(len(scenarios))]
        print("memory: allocations per scenario (of them before the log is opened, and in curl's "
              "start-up): " + ", ".join(f"{s.name} {m[2]} ({m[5]}, {m[7] - m[6]})"
                                        for s, m in zip(scenarios, measured)), flush=True)
        return plan_memory(scenarios, measured)
    if part == "limits":
        index = [scenario.name for scenario in scenarios].index("conversation")
        return [(index, "", list(range(limits.FIRST_KB, limits.LAST_KB + 1, limits.STEP_KB)))]
    if part == "files":
        return plan_files(runner, scenarios)
    if part == "kills":
        return plan_kills(runner, scenarios, seed)
    return plan_losses(runner, scenarios, seed)


def plan(part, runner, every, seed):
    """Tasks: some runs of one row each. Of all the part's runs, one after the other, each Nth."""
    at, tasks = 0, []
    for index, fault, numbers in rows_of(part, runner, seed):
        kept = [n for place, n in enumerate(numbers, at) if place % every == every // 2]
        at += len(numbers)
        tasks += [(part, index, fault, some) for some in chunks(kept, 5 if every > 1 else 40)]
    return tasks


# ---- What is printed ----

def print_counts(counts, order):
    rows = sorted(counts.runs, key=lambda row: (row[1], order.index(row[0])))
    print(f"{'fault':24} {'scenario':14} {'runs':>6} " + " ".join(f"{k:>8}" for k in runs.KINDS))
    for row in rows:
        figures = " ".join(f"{counts.broken[row + (kind,)]:8}" for kind in runs.KINDS)
        print(f"{row[1]:24} {row[0]:14} {counts.runs[row]:6} {figures}")
    totals = " ".join(f"{sum(v for k, v in counts.broken.items() if k[2] == kind):8}"
                      for kind in runs.KINDS)
    print(f"{'together':24} {'':14} {sum(counts.runs.values()):6} {totals}")
    for (fault, kind, detail), number in counts.details.most_common(40):
        print(f"  {number:6} x {fault}: {kind}: {detail} (one: "
              f"{counts.examples[(fault, kind, detail)]})")


def read_arguments():
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("build")
    parser.add_argument("parts", nargs="*")
    parser.add_argument("--of")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--reduced", action="store_true")
    parser.add_argument("--jobs", type=int, default=min(6, (os.cpu_count() or 2) + 2))
    parser.add_argument("--seed", type=int, default=20260101)
    parser.add_argument("--keep")
    parser.add_argument("--lines", action="store_true")
    options = parser.parse_intermixed_args()
    options.parts = options.parts or (list(REDUCED) if options.reduced else
                                      ["memory", "files", "limits", "kills", "power"])
    return options


def run_part(part, pool, runner, options):
    """Its counts, which are printed; once a minute how far it is."""
    began, some = time.monotonic(), runs.Counts()
    every = REDUCED[part] if options.reduced else options.every
    tasks = plan(part, runner, every, options.seed)
    planned, said = sum(len(task[3]) for task in tasks), began
    for done in pool.imap_unordered(runs.work, tasks):
        some.merge(done)
        if time.monotonic() - said > PROGRESS_S:
            said = time.monotonic()
            print(f"{part}: {sum(some.runs.values())} of {planned} runs after {said - began:.0f} s,"
                  f" {sum(some.bad_runs.values())} broke a promise", file=sys.stderr, flush=True)
    print_counts(some, [scenario.name for scenario in runner.scenarios])
    print(f"{part}: {sum(some.runs.values())} runs in {time.monotonic() - began:.0f} s, "
          f"{sum(some.bad_runs.values())} of them broke a promise", flush=True)
    return some


def main():
    options = read_arguments()
    counts = runs.Counts()
    built = options.of or options.build
    runner = runs.Worker(stage.Build(built, options.build), options.seed)
    # not by fork: a copy of this process would keep its servers' pipes open
    with multiprocessing.get_context("spawn").Pool(
            options.jobs, runs.begin,
            (built, options.build, options.seed, options.keep)) as pool:
        for part in options.parts:
            counts.merge(run_part(part, pool, runner, options))
        pool.close()
        pool.join()
    runner.close()
    if options.lines:
        for (fault, line), number in sorted(counts.lines.items()):
            print(f"  {number:6} x {fault}: {line}")
    done, broken = sum(counts.runs.values()), sum(counts.bad_runs.values())
    print(f"{done - broken} passed, {broken} failed")
    sys.exit(1 if broken or not done else 0)


if __name__ == "__main__":
    main()
