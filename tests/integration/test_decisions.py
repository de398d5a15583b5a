#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Decisions written by hand (decisions.txt), through `amphi route --request`; and that the command
is pure: the same bytes under another home, folder, time zone and language, and no file is made."""

import json
import os
import subprocess
import sys
import tempfile

AMPHI = os.path.abspath(
    os.path.join(sys.argv[1] if len(sys.argv) > 1 else "build/dev", "bin/amphi")
)
TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "decisions.txt")

MIB = 1 << 20
DEVICE = {
    "battery_percent": 90,
    "charging": False,
    "thermal": "nominal",
    "network": "free",
    "rtt_ms": 50,
    "memory_total_bytes": 8192 * MIB,
    "memory_available_bytes": 6144 * MIB,
    "memory_pressure": 0,
}
LOCAL = {
    "kind": "local",
    "weights_bytes": 400 * MIB,
    "kv_bytes_per_token": 102400,
    "scratch_bytes": 100 * MIB,
    "context_tokens_max": 32768,
}
GROUPS = {
    "battery": ("battery_percent", "charging"),
    "memory": ("memory_total_bytes", "memory_available_bytes"),
    "thermal": ("thermal",),
    "network": ("network",),
}


def value(text):
    try:
        return json.loads(text)
    except ValueError:
        return text


def pairs(text, between=None):
    for word in text.split(between):
        key, sign, rest = word.strip().partition("=")
        yield key, value(rest) if sign else None


def make_device(text):
    device = {} if text == "?" else dict(DEVICE)
    for key, given in pairs(text, ",") if text not in ("", "?") else ():
        if key.startswith("-"):
            for name in GROUPS[key[1:]]:
                device.pop(name)
        else:
            device[key] = given
    return device


def make_routes(text):
    routes = {"local": {"name": "local", **LOCAL}, "cloud": {"name": "cloud", "kind": "cloud"}}
    for key, given in pairs(text):
        if key.startswith("-"):
            del routes[key[1:]]
        elif key.startswith("+"):
            name, kind = key[1:].split(":")
            routes[name] = {"name": name, **(LOCAL if kind == "local" else {"kind": kind})}
        else:
            name, member = key.split(".")
            routes[name][member] = given
    return list(routes.values())


def make_request(text, routes):
    request = {"messages": [{"role": "user", "content": "Where is the door?"}], "routes": routes}
    for key, given in pairs(text):
        if key in ("mode", "private"):
            request.setdefault("amphi", {})[key] = given
        elif key == "tools":
            request["tools"] = [{"type": "function", "function": {"name": "look"}}]
        elif key == "fallbacks":
            request["fallbacks"] = given.split(",")
        elif "." in key and not key.startswith("model"):
            group, member = key.split(".")
            request.setdefault(group, {})[member] = given
        else:
            request[key] = given
    return request


def make_policy(text):
    policy = {}
    for key, given in pairs(text, ",") if text else ():
        at = policy
        *groups, last = key.split(".")
        for group in groups:
            at = at.setdefault(group, {})
        at[last] = given
    return policy


def route(folder, device, request, policy, env=None, cwd=None):
    paths = []
    for name, content in (("device", device), ("request", request), ("policy", policy)):
        path = os.path.join(folder, name + ".json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(content, f)
        paths += ["--" + name, path]
    done = subprocess.run(
        [AMPHI, "route", "--json", *paths],
        capture_output=True,
        text=True,
        env=env,
        cwd=cwd,
        timeout=60,
        check=False,
    )
    if done.returncode != 0:
        return None, done.stderr.strip()
    return done.stdout, None


def compare(answer, order, reasons):
    """What differs from the expectation, in words; empty: nothing."""
    is_order = (
        " ".join(s["route"] + ("?" if s["last_resort"] else "") for s in answer["steps"]) or "-"
    )
    found = [f"order {is_order}"] if is_order != order else []
    routes = {r["route"]: r for r in answer["routes"]}
    for word in reasons.split():
        name, sign, reason = word.partition("+") if "+" in word else word.partition("=")
        if name == "status":
            if answer.get("refusal", {}).get("status") != reason:
                found.append(f"status {answer.get('refusal', {}).get('status')}")
        elif sign == "+":
            if reason not in routes[name]["reasons"]:
                found.append(f"{name} has {routes[name]['reasons']}")
        elif routes[name]["reason"] != reason:
            found.append(f"{name} {routes[name]['reason']}: {routes[name]['why']}")
    for r in answer["routes"]:
        if not r["why"]:
            found.append(f"{r['route']} has no words")
    return found


def read_table():
    with open(TABLE, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            line = line.strip()
            if not line or line.startswith(("#", "==")):
                continue
            columns = [c.strip() for c in line.split("|")]
            if len(columns) == 8 and columns[7] == "":
                columns.pop()
            if len(columns) != 7:
                sys.exit(f"{TABLE}:{number}: {len(columns)} columns, not 7")
            yield number, columns


def check_table(folder):
    passed = failed = 0
    for number, (what, device, request, routes, policy, order, reasons) in read_table():
        output, error = route(
            folder,
            make_device(device),
            make_request(request, make_routes(routes)),
            make_policy(policy),
        )
        found = [error] if error else compare(json.loads(output), order, reasons)
        passed, failed = passed + (not found), failed + bool(found)
        if found:
            print(
                f"decisions.txt:{number}: {what}: expected {order}, {reasons};",
                f"found {'; '.join(found)}",
            )
    return passed, failed


def check_pure(folder):
    """The same files give the same bytes, wherever, and nothing is left behind."""
    case = (
        make_device("battery_percent=8"),
        make_request("mode=prefer_local facts.draw=7", make_routes("+work:cloud")),
        make_policy("battery.min_percent=30,battery.resume_percent=40"),
    )
    home = os.path.join(folder, "home")
    os.mkdir(home)
    first, _ = route(folder, *case)
    other, _ = route(
        folder,
        *case,
        cwd=home,
        env={
            "HOME": home,
            "TZ": "Asia/Tokyo",
            "LANG": "tr_TR.UTF-8",
            "XDG_DATA_HOME": home,
            "PATH": "",
        },
    )
    ok = first is not None and first == other and os.listdir(home) == []
    if not ok:
        print("the command is not pure")
    return (1, 0) if ok else (0, 1)


REFUSED = (
    ({"routes": [{"name": "a", "kind": "cloud", "held": 1}]}, "routes.held"),
    ({"routes": [{"name": "a", "kind": "cloud", "avialable": True}]}, "did you mean available"),
    ({"routes": [{"name": "a"}]}, "routes.kind"),
    ({"routes": [{"name": "a", "kind": "cloud"}, {"name": "a", "kind": "cloud"}]}, "two routes"),
    ({"routes": [], "max_token": 5}, "max_tokens"),
    ({"routes": [], "facts": {"prompt_tokens": -1}}, "prompt_tokens"),
    ({"routes": [], "facts": {"promt_tokens": 1}}, "did you mean prompt_tokens"),
    ({"routes": [], "spent": {"money": 1}}, "spent.money"),
    ({"routes": [], "amphi": {"privat": True}}, "privat"),
    ({"messages": []}, "routes"),
    ([], "object"),
)


def check_refused(folder):
    passed = failed = 0
    for request, named in REFUSED:
        if isinstance(request, dict) and "messages" not in request:
            request = {"messages": [{"role": "user", "content": "Hi"}], **request}
        output, error = route(folder, {}, request, {})
        ok = output is None and error is not None and named in error and "\n" not in error
        passed, failed = passed + ok, failed + (not ok)
        if not ok:
            print(f"{json.dumps(request)}: expected a line with {named}; found {error or output}")
    return passed, failed


def main():
    with tempfile.TemporaryDirectory() as folder:
        results = [check(folder) for check in (check_table, check_pure, check_refused)]
    print(f"{results[0][0] + results[0][1]} decisions")
    passed, failed = (sum(r[i] for r in results) for i in (0, 1))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
