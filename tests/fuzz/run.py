#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds the fuzz targets with clang, runs each over its corpus, and prints executions, findings and
the line coverage of the files that the target is about.

usage: run.py [--runs N] [--seconds S] [--build DIR] [--jobs N] [TARGET...]
"""
import argparse
import concurrent.futures
import glob
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HERE = os.path.join(ROOT, "tests", "fuzz")

# Target -> the parser's files, for coverage; and the longest input.
TARGETS = {
    "gguf": (["local/model/gguf.c"], 4096),
    "tokenizer": (["local/text/vocabulary.c", "local/text/bpe.c", "local/text/spm.c",
                   "local/text/special.c", "local/text/merge.c", "local/text/tokenizer.c"], 2048),
    "template": (["local/text/jinja_lexer.c", "local/text/jinja_parser.c",
                  "local/text/jinja_expression.c", "local/text/jinja_primary.c"], 1024),
    "schema": (["local/text/json_schema.c", "local/text/json_schema_parts.c",
                "local/text/json_schema_object.c", "local/text/grammar.c",
                "local/text/grammar_json.c", "local/text/grammar_number.c",
                "local/text/grammar_pattern.c", "local/text/matcher.c"], 2048),
    "json": (["sdk/core/json_check.c", "sdk/core/json_writer.c"], 1024),
    "tool_calls": (["local/text/tool_calls.c", "local/text/tool_call_body.c",
                    "local/text/reasoning.c"], 1024),
    "sse": (["remote/sse.c"], 1024),
}

SOURCES = ["local/text/*.c", "local/model/gguf*.c", "local/model/weight_type.c", "sdk/core/*.c",
           "remote/sse.c", "tests/support/gguf_builder.c"]
FLAGS = ["-g", "-O1", "-std=gnu11", "-D_GNU_SOURCE", "-I" + ROOT, "-I" + ROOT + "/sdk/include",
         "-fsanitize=fuzzer-no-link,address,undefined", "-fno-sanitize-recover=undefined",
         "-fprofile-instr-generate", "-fcoverage-mapping"]


def tool(name):
    for candidate in (name, name + "-14", name + "-15", name + "-16"):
        if shutil.which(candidate):
            return candidate
    sys.exit(f"run.py: {name} is missing (packages clang, llvm, libclang-rt-14-dev)")


def output(command):
    return subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.decode().split()


def compile_one(job):
    clang, source, target, flags = job
    newest = max(os.path.getmtime(p) for p in [source] + job_headers())
    if os.path.exists(target) and os.path.getmtime(target) > newest:
        return
    subprocess.run([clang, *flags, "-c", source, "-o", target], check=True)


HEADERS = []


def job_headers():
    if not HEADERS:
        for folder in ("local", "sdk", "remote", "tests"):
            HEADERS.extend(glob.glob(f"{ROOT}/{folder}/**/*.h", recursive=True))
    return HEADERS


def build(folder, targets, jobs):
    clang = tool("clang")
    os.makedirs(folder, exist_ok=True)
    packages = ["libpcre2-8", "libcjson"]
    flags = FLAGS + output(["pkg-config", "--cflags", *packages])
    libraries = output(["pkg-config", "--libs", *packages]) + ["-lmbedcrypto", "-lpthread", "-lm"]
    work, objects = [], []
    for pattern in SOURCES:
        for source in sorted(glob.glob(os.path.join(ROOT, pattern))):
            objects.append(os.path.join(folder, os.path.relpath(source, ROOT).replace("/", "_") + ".o"))
            work.append((clang, source, objects[-1], flags))
    mains = {}
    for target in targets:
        mains[target] = os.path.join(folder, f"fuzz_{target}.o")
        work.append((clang, os.path.join(HERE, f"fuzz_{target}.c"), mains[target], flags))
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        list(pool.map(compile_one, work))
    library = os.path.join(folder, "libfuzzed.a")
    if os.path.exists(library):
        os.remove(library)
    subprocess.run([tool("llvm-ar"), "rcs", library, *objects], check=True)
    for target in targets:
        subprocess.run([clang, "-fsanitize=fuzzer,address,undefined", "-fprofile-instr-generate",
                        mains[target], library, *libraries, "-o", os.path.join(folder, target)],
                       check=True)


def run(folder, target, runs, seconds):
    """(executions, findings, log)"""
    grown = os.path.join(folder, "corpus", target)
    found = os.path.join(folder, "findings", target) + os.sep
    os.makedirs(grown, exist_ok=True)
    os.makedirs(found, exist_ok=True)
    environment = dict(os.environ, LLVM_PROFILE_FILE=os.path.join(folder, target + ".profraw"),
                       ASAN_OPTIONS="detect_leaks=0:allocator_may_return_null=1")
    command = [os.path.join(folder, target), grown, os.path.join(HERE, "corpus", target),
               f"-runs={runs}", f"-max_total_time={seconds}", f"-max_len={TARGETS[target][1]}",
               f"-artifact_prefix={found}", "-timeout=20", "-rss_limit_mb=3000", "-print_final_stats=1",
               "-verbosity=1"]
    words = os.path.join(HERE, "corpus", target + ".dict")
    if os.path.exists(words):
        command.append("-dict=" + words)
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    log = done.stdout.decode(errors="replace")
    executions = re.search(r"number_of_executed_units: (\d+)", log)
    return int(executions.group(1)) if executions else 0, done.returncode != 0, log


def coverage(folder, target):
    profile = os.path.join(folder, target)
    subprocess.run([tool("llvm-profdata"), "merge", "-sparse", profile + ".profraw", "-o",
                    profile + ".profdata"], check=True)
    report = subprocess.run(
        [tool("llvm-cov"), "export", "-summary-only", profile, "-instr-profile=" + profile + ".profdata",
         *[os.path.join(ROOT, f) for f in TARGETS[target][0]]], check=True, stdout=subprocess.PIPE)
    import json
    lines = []
    for entry in json.loads(report.stdout)["data"][0]["files"]:
        lines.append((os.path.relpath(entry["filename"], ROOT), entry["summary"]["lines"]))
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=100000)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--build", default=os.path.join(ROOT, "build", "fuzz"))
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("targets", nargs="*", choices=[*TARGETS, []], default=[])
    options = parser.parse_args()
    targets = options.targets or list(TARGETS)
    build(options.build, targets, options.jobs)
    failed = False
    for target in targets:
        executions, finding, log = run(options.build, target, options.runs, options.seconds)
        failed |= finding
        print(f"{target:11} {executions:9} executions, {'FINDING' if finding else 'no finding'}", end="")
        if finding:
            print("\n" + log[-4000:])
            continue
        files = coverage(options.build, target)
        covered = sum(lines["covered"] for _, lines in files)
        count = sum(lines["count"] for _, lines in files)
        print(f", {100 * covered / max(count, 1):.1f} % of {count} lines")
        for name, lines in files:
            print(f"            {name:36} {lines['percent']:5.1f} %")
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
