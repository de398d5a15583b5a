#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The engine process's cage as other processes see it: what /proc shows of a worker at work, and
what the doctor says where the kernel or a container has no seccomp."""
import json
import os
import platform
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import faces  # noqa: E402
from faces import AMPHI, BUILD, amphi, environment, promise, write  # noqa: E402

QUESTION = "What happens when the battery is low?"
OPEN = {"memory": {"max_percent": 100, "unload_percent": 100},
        "local": {"tokens_per_second_max": 10}}
SECRET = "sk-not-for-the-worker"

# A worker on a system whose seccomp(2) and prctl(PR_SET_SECCOMP) fail: a filter that makes them so.
WITHOUT_SECCOMP = """
import ctypes, os, struct
libc = ctypes.CDLL(None, use_errno=True)
load, jump_if, give = 0x20, 0x15, 0x06
program = [(load, 0, 0, 0), (jump_if, 0, 1, 317), (give, 0, 0, 0x00050000 | 38),  # ENOSYS
           (jump_if, 0, 3, 157), (load, 0, 0, 16), (jump_if, 0, 1, 22),
           (give, 0, 0, 0x00050000 | 22), (give, 0, 0, 0x7fff0000)]  # EINVAL; allowed
code = b"".join(struct.pack("HBBI", *line) for line in program)
buffer = ctypes.create_string_buffer(code)
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]
filter = Program(len(program), ctypes.addressof(buffer))
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(filter), 0, 0) == 0
os.execv(%r, ["amphi-worker"])
"""


def children(pid):
    pids = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children", encoding="utf-8") as file:
            pids += [int(word) for word in file.read().split()]
    return pids


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


@promise
def cage__a_worker_at_work_has_given_up_everything(folder):
    key = write(folder, "key", SECRET)
    os.chmod(key, 0o600)
    process = subprocess.Popen(
        [AMPHI, "ask", "--events", "--no-cache", "--data", os.path.join(folder, "data"), "--mode",
         "prefer_local", "--policy", write(folder, "policy.json", OPEN), "--endpoint",
         f"cloud=https://localhost:9/v1,key-file={key}", QUESTION],
        stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=environment(OPENAI_API_KEY=SECRET))
    try:
        while '"content"' not in process.stdout.readline().decode():
            assert process.poll() is None
        worker, = children(process.pid)
        proc = f"/proc/{worker}"
        status = dict(line.split(":", 1) for line in read(f"{proc}/status").splitlines())
        status = {name: value.strip() for name, value in status.items()}
        assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2", status
        assert int(status["CapEff"], 16) == 0 and int(status["CapPrm"], 16) == 0, status
        assert int(status["SigBlk"], 16) == 0, status
        assert read(f"{proc}/oom_score_adj").strip() == "800"
        limits = {line[:25].strip(): line[26:].split()[:2] for line in
                  read(f"{proc}/limits").splitlines()}
        assert limits["Max core file size"] == ["0", "0"], limits
        assert faces.SANITIZED or "unlimited" not in limits["Max address space"], limits
        try:
            open_now = {int(fd) for fd in os.listdir(f"{proc}/fd")}
            assert open_now == {0, 1, 2, 4, 5, 6}, open_now
            assert SECRET not in read(f"{proc}/environ")
        except PermissionError:  # it is not dumpable, so only root may look
            print("        (not root: its descriptors and environment are not shown)")
        assert SECRET not in read(f"{proc}/cmdline")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    for _ in range(200):  # and it goes with its app
        if not os.path.exists(proc) or ") Z " in read(f"{proc}/stat"):
            return
        time.sleep(0.01)
    raise AssertionError("the worker outlived its app")


@promise
def cage__where_seccomp_is_missing_the_doctor_says_so_and_the_engine_answers(folder):
    if platform.machine() != "x86_64":
        print("        (skipped: the test's filter is for x86-64)")
        return
    program = write(folder, "without.py",
                    WITHOUT_SECCOMP % os.path.join(BUILD, "bin", "amphi-worker"))
    worker = write(folder, "worker.sh", f"#!/bin/bash\nexec python3 {program}\n")
    os.chmod(worker, 0o755)
    env = {"AMPHI_WORKER": worker}
    data = os.path.join(folder, "data")
    found = amphi("doctor", "--data", data, env=env).stdout
    cage, = [line for line in found.splitlines() if " cage " in line]
    assert cage.startswith("note") and "does not give: " in cage and "seccomp" in cage, found
    done = amphi("ask", "--json", "--no-cache", "--data", data, "--mode", "only_local", "--policy",
                 write(folder, "policy.json", {**OPEN, "local": {}}), QUESTION, env=env)
    result = json.loads(done.stdout)
    assert result["route"] == "local" and result["text"], result


if __name__ == "__main__":
    faces.main()
