#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Crashes of the engine process as the command's user meets them. The worker is the scripted one of
tests/fault, through $AMPHI_WORKER: its "model" is a file that holds KIND@PHASE."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import faces  # noqa: E402
from faces import BUILD, amphi, gateway, promise, write  # noqa: E402

FAULT_WORKER = os.path.join(BUILD, "tests", "fault_worker")
OPEN = {"memory": {"max_percent": 100, "unload_percent": 100}}


def counting_worker(folder, then=f"exec -a amphi-worker {FAULT_WORKER}"):
    """A worker that leaves a line in a file each time it is started."""
    starts = os.path.join(folder, "starts")
    script = write(folder, "worker.sh", f"#!/bin/bash\necho started >> {starts}\n{then}\n")
    os.chmod(script, 0o755)

    def count():
        return open(starts,
                    encoding="utf-8").read().count("started") if os.path.exists(starts) else 0
    return {"AMPHI_WORKER": script}, count


def ask(folder, url, env, *more):
    done = amphi("ask", "--json", "--no-cache", "--data", os.path.join(folder, "data"),
                 "--mode", "prefer_local", "--allow-http-loopback", "--endpoint", f"cloud={url}",
                 "--policy", write(folder, "policy.json", OPEN), *more,
                 "What happens when the battery is low?", env=env)
    assert done.returncode == 0, (done.returncode, done.stderr, done.stdout)
    return json.loads(done.stdout)


def local_of(result):
    return next(r for r in result["decision"] if r["route"] == "local")


def five_in_a_row(folder, url, script, **worker):
    env, starts = counting_worker(folder, **worker)
    model = write(folder, "crashing.gguf", script)
    for launch in range(1, 6):
        before = starts()
        result = ask(folder, url, env, "--model", model)
        assert result["route"] == "cloud" and result["text"], result
        local = local_of(result)
        if launch <= 3:
            assert starts() > before, launch
            assert len(result["takeovers"]) == 1, (launch, result)
            assert result["takeovers"][0]["from"] == "local", result["takeovers"]
        else:
            assert starts() == before, (launch, starts() - before)
            assert result["takeovers"] == [] and not local["kept"], result
            assert local["reason"] == "quarantine" and "crashed 3 times" in local["why"], local
            assert "loading" in local["why"], local
    return model, env


@promise
def crash__a_model_that_crashes_on_load_is_not_tried_a_fourth_time(folder):
    with gateway(folder, "--mode", "only_local") as (url, _):
        model, env = five_in_a_row(folder, url, "SEGV@load")
        # A new file of the same name starts clean.
        write(folder, "crashing.gguf", "none")
        result = ask(folder, url, env, "--model", model)
        assert result["route"] == "local" and result["text"].startswith("word00 "), result


@promise
def crash__nor_one_that_crashes_while_its_header_is_read(folder):
    with gateway(folder, "--mode", "only_local") as (url, _):
        five_in_a_row(folder, url, "ABRT@spawn")


def fresh(folder, name):
    path = os.path.join(folder, name)
    os.mkdir(path)
    return path


@promise
def crash__of_a_worker_that_never_gets_to_say_anything_is_a_crash(folder):
    """It ends of its own before any handler is installed: a fault, an abort, an exit, or never."""
    ends = {"fault": "exec python3 -c 'import ctypes; ctypes.string_at(0)'",
            "abort": "exec python3 -c 'import os; os.abort()'",
            "exit": "exit 1",
            "hang": "exec sleep 1000"}
    with gateway(folder, "--mode", "only_local") as (url, _):
        for name, end in ends.items():
            five_in_a_row(fresh(folder, name), url, name, then=end)


@promise
def crash__a_worker_that_cannot_be_started_is_no_crash_and_the_cloud_answers(folder):
    model = write(folder, "model.gguf", "none")
    worker = write(folder, "worker.sh", "#!/bin/bash\n")  # not executable
    with gateway(folder, "--mode", "only_local") as (url, _):
        for _ in range(5):
            result = ask(folder, url, {"AMPHI_WORKER": worker}, "--model", model)
            assert result["route"] == "cloud" and result["text"], result
            assert "can't start the engine process" in local_of(result)["why"], result


@promise
def crash__kills_from_outside_never_lead_to_the_quarantine(folder):
    """Each worker is killed at once; each time one is started, and the cloud answers."""
    env, starts = counting_worker(folder, then="kill -KILL $$")
    model = write(folder, "model.gguf", "none")
    with gateway(folder, "--mode", "only_local") as (url, _):
        for launch in range(1, 9):
            result = ask(folder, url, env, "--model", model)
            assert result["route"] == "cloud" and result["text"], result
            assert len(result["takeovers"]) == 1, result
            assert "killed from outside (SIGKILL)" in result["takeovers"][0]["why"], result
            assert starts() == launch, (launch, starts())
    found = amphi("doctor", "--json", "--data", os.path.join(folder, "data"), "--model", model,
                  env=env).stdout
    assert "killed or stopped from outside 9 times" in found, found  # the doctor's own start too


@promise
def crash__without_a_cloud_the_engine_is_started_once_more_and_not_for_ever(folder):
    """A watchdog that kills at each start, then one that does so once."""
    env, starts = counting_worker(folder, then="kill -KILL $$")
    words = ["ask", "--json", "--no-cache", "--data", os.path.join(folder, "data"), "--mode",
             "only_local", "--policy", write(folder, "policy.json", OPEN), "--model",
             write(folder, "model.gguf", "none"), "hello"]
    done = amphi(*words, env=env)
    assert done.returncode not in (0, 2) and starts() == 2, (done, starts())
    error = json.loads(done.stdout)["error"]
    assert "killed from outside (SIGKILL)" in error["message"], error
    once = os.path.join(folder, "once")
    env, starts = counting_worker(fresh(folder, "second"), then=(
        f"[ -e {once} ] || {{ touch {once}; kill -KILL $$; }}\n"
        f"exec -a amphi-worker {FAULT_WORKER}"))
    result = json.loads(amphi(*words, env=env).stdout)
    assert result["route"] == "local" and result["text"].startswith("word00 "), result
    assert starts() == 2 and len(result["takeovers"]) == 1, (starts(), result)


@promise
def crash__in_mid_answer_steps_down_to_plain_kernels_first(folder):
    env, starts = counting_worker(folder)
    model = write(folder, "crashing.gguf", "SEGV@middle")
    with gateway(folder, "--mode", "only_local") as (url, _):
        for launch in range(1, 8):
            result = ask(folder, url, env, "--model", model)
            assert result["route"] == "cloud", result
            local = local_of(result)
            if launch <= 6:
                assert len(result["takeovers"]) == 1 and local["kept"], (launch, result)
                assert ("plain kernels" in local["why"]) == (launch > 3), (launch, local)
                assert "word00" not in result["text"], result["text"]  # not shown: begun anew
            else:
                assert local["reason"] == "quarantine", local
                assert "with plain kernels too" in local["why"], local


if __name__ == "__main__":
    if not os.path.exists(FAULT_WORKER):
        faces.skip(f"{FAULT_WORKER} is not there")
    faces.main()
