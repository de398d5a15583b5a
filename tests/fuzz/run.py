#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds the fuzz targets with clang (ASan, UBSan, coverage), runs each from its corpus, several at
a time, and prints executions, findings and the line coverage of every file that reads the input.

It fails, with a line for each reason, when there is a finding, when a file's coverage is below
90 %, or when time ran out before the executions were done. Inputs that reached new code stay in
BUILD/corpus, where the next run begins; a finding's input is in BUILD/findings.

usage: run.py [--runs N] [--seconds S] [--build DIR] [--jobs N] [TARGET...]
"""
import argparse
import concurrent.futures
import glob
import json
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HERE = os.path.join(ROOT, "tests", "fuzz")
COVERAGE_LEAST = 90.0

# Target -> the longest input, and the files that read it. What only the finished value meets (the
# kernels, the sampler) is not listed.
TARGETS = {
    "gguf": (4096, ["local/model/gguf.c", "local/model/gguf_lookup.c", "local/model/gguf_write.c",
                    "local/model/quantize_mixture.c", "local/compute/weight_type.c",
                    "local/graph/hparams.c", "local/graph/family*.c", "local/graph/weights.c"]),
    "tokenizer": (1024, ["local/tokens/vocabulary.c", "local/tokens/bpe.c", "local/tokens/spm.c",
                         "local/tokens/special_tokens.c", "local/tokens/merge.c",
                         "local/tokens/tokenizer.c", "local/tokens/pretokenizer.c"]),
    "template": (1024, ["local/jinja/*.c"]),
    "schema": (1024, ["local/constraint/answer_grammar.c", "local/constraint/json_schema*.c",
                      "local/constraint/grammar*.c", "local/constraint/regex.c",
                      "local/constraint/matcher.c"]),
    "json": (1024, ["sdk/core/json.c", "sdk/core/json_check.c", "sdk/core/json_writer.c",
                    "sdk/core/json_span.c", "remote/plain_chunk.c"]),
    "gateway_json": (1024, ["bindings/gateway/json_reader.c", "bindings/gateway/json_writer.c"]),
    "tool_calls": (512, ["local/text/tool_call_parser.c", "local/text/tool_call_body.c",
                         "local/text/reasoning.c"]),
    "sse": (1024, ["remote/sse.c"]),
    "policy": (1024, ["policy/policy_document_read.c", "policy/policy_document_bounds.c",
                      "sdk/core/unknown_name.c"]),
    "regex": (256, ["policy/growthbook_regex.c"]),
}

# Small quarantine and short stacks: fuzzing is mostly malloc, and memory that stays in the cache
# makes it half as fast again. Leaks are counted by the targets themselves.
ASAN_OPTIONS = ("detect_leaks=0:allocator_may_return_null=1:quarantine_size_mb=8:"
                "malloc_context_size=8")


# ---- building ------------------------------------------------------------------------------------

def tool(name):
    for candidate in (name, name + "-14", name + "-15", name + "-16"):
        if shutil.which(candidate):
            return candidate
    sys.exit(f"run.py: {name} is missing (packages-fuzz.txt)")


def expand(patterns):
    """Paths, absolute and sorted."""
    return sorted(path for p in patterns for path in glob.glob(os.path.join(ROOT, p)))


def build(folder, targets, jobs):
    """By CMake: what the programs consist of is in CMakeLists.txt beside this file."""
    compiler = "-DCMAKE_C_COMPILER=" + tool("clang")
    for words in (["cmake", "--preset", "fuzz", "-B", folder, compiler],
                  ["cmake", "--build", folder, "-j", str(jobs), "--target",
                   *("fuzz_" + target for target in targets)]):
        done = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            sys.exit(done.stdout.decode(errors="replace")[-4000:] + "\nrun.py: the build failed")


# ---- one target ----------------------------------------------------------------------------------

def program(folder, target):
    return os.path.join(folder, "bin", "fuzz_" + target)


def unpack_lines(target, folder):
    """The seeds of corpus/TARGET.lines, one per line, as files."""
    shutil.rmtree(folder)
    os.makedirs(folder)
    lines = os.path.join(HERE, "corpus", target + ".lines")
    if os.path.exists(lines):
        with open(lines, "rb") as file:
            for number, line in enumerate(file.read().splitlines()):
                with open(os.path.join(folder, f"line_{number + 1:03}"), "wb") as seed:
                    seed.write(line)


def fuzz(folder, target, runs, seconds):
    """(executions, the log's end when there was a finding)"""
    grown, lines, found = (os.path.join(folder, kind, target)
                           for kind in ("corpus", "lines", "findings"))
    for path in (grown, lines, found):
        os.makedirs(path, exist_ok=True)
    unpack_lines(target, lines)
    # The timeout is for what never ends; what is slow the targets find themselves (fuzz.c). The
    # entropic schedule would take a quarter of the time.
    command = [program(folder, target), grown, os.path.join(HERE, "corpus", target), lines,
               f"-runs={runs}", f"-max_total_time={seconds}", f"-max_len={TARGETS[target][0]}",
               f"-artifact_prefix={found}/", "-timeout=1200", "-rss_limit_mb=3000",
               "-detect_leaks=0", "-entropic=0", "-print_final_stats=1"]
    words = os.path.join(HERE, "corpus", target + ".dict")
    if os.path.exists(words):
        command.append("-dict=" + words)
    environment = dict(os.environ, ASAN_OPTIONS=ASAN_OPTIONS,
                       LLVM_PROFILE_FILE=os.path.join(folder, target + ".profraw"))
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    log = done.stdout.decode(errors="replace")
    executions = re.search(r"number_of_executed_units: (\d+)", log)
    return int(executions.group(1)) if executions else 0, log[-4000:] if done.returncode else ""


def coverage(folder, target):
    """[(file, lines, lines that were reached)]"""
    profile = os.path.join(folder, target)
    subprocess.run([tool("llvm-profdata"), "merge", "-sparse", profile + ".profraw", "-o",
                    profile + ".profdata"], check=True)
    report = subprocess.run(
        [tool("llvm-cov"), "export", "-summary-only", program(folder, target),
         "-instr-profile=" + profile + ".profdata"], check=True, stdout=subprocess.PIPE)
    read = expand(TARGETS[target][1])
    return [(os.path.relpath(entry["filename"], ROOT), entry["summary"]["lines"]["count"],
             entry["summary"]["lines"]["covered"])
            for entry in json.loads(report.stdout)["data"][0]["files"]
            if os.path.realpath(entry["filename"]) in read]


def examine(folder, target, runs, seconds):
    """Runs it; (what is to be printed, reasons to fail)"""
    executions, finding = fuzz(folder, target, runs, seconds)
    text = f"{target:11} {executions:9,} executions, {'FINDING' if finding else 'no finding'}"
    if finding:
        where = os.path.relpath(os.path.join(folder, "findings", target))
        return text + "\n" + finding, [f"{target}: a finding; its input is in {where}"]
    reasons = []
    if executions < runs:
        reasons.append(f"{target}: {executions:,} of {runs:,} executions in {seconds} s")
    files = coverage(folder, target)
    count = sum(lines for _, lines, _ in files)
    text += f", {100 * sum(reached for _, _, reached in files) / count:.1f} % of {count:,} lines"
    for name, lines, reached in files:
        percent = 100 * reached / max(lines, 1)
        text += f"\n            {name:40} {percent:5.1f} % of {lines:4}"
        if lines > 0 and percent < COVERAGE_LEAST:
            reasons.append(f"{target}: {name}: {percent:.1f} % of its lines, below "
                           f"{COVERAGE_LEAST:.0f} %")
    return text, reasons


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--runs", type=int, default=2000000, help="executions of each target")
    parser.add_argument("--seconds", type=int, default=7200, help="at most, for each target")
    parser.add_argument("--build", default=os.path.join(ROOT, "build", "fuzz"))
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="targets at a time")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=" ".join(TARGETS))
    options = parser.parse_args()
    unknown = [target for target in options.targets if target not in TARGETS]
    if unknown:
        parser.error(f"no target {unknown[0]}; there are {', '.join(TARGETS)}")
    targets = options.targets or list(TARGETS)
    build(options.build, targets, options.jobs)
    failures = []
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        examined = [pool.submit(examine, options.build, target, options.runs, options.seconds)
                    for target in targets]
        for result in concurrent.futures.as_completed(examined):
            text, reasons = result.result()
            print(text, flush=True)
            failures += reasons
    for reason in failures:
        print("run.py: " + reason, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
