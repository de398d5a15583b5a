#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`functions` and `function_call`, the form of tools before `tools`, through `amphi serve`: passed
to a cloud and answered in the same form. (A local model refuses it by name:
unit.local.engine.prompt.)"""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import faces  # noqa: E402
from faces import gateway, promise  # noqa: E402
from gateway_client import call, streamed  # noqa: E402
from scripted_cloud import ScriptedCloud, events, stop  # noqa: E402

FUNCTIONS = [{"name": "find", "parameters": {"type": "object"}}]
BODY = {"model": "m", "functions": FUNCTIONS, "function_call": "auto",
        "messages": [{"role": "user", "content": "Where is it?"}]}


def delta(**function):
    return {"choices": [{"index": 0, "delta": {"function_call": function}, "finish_reason": None}]}


def ask(url, body):
    status, _, text = call(url, "POST", "/v1/chat/completions", body,
                           {"Content-Type": "application/json"})
    return status, text


@promise
def functions__are_passed_on_and_answered_in_their_form(folder):
    with ScriptedCloud(folder) as cloud, gateway(
            folder, "--mode", "only_cloud", "--endpoint",
            cloud.endpoint("work", "model=m")) as (url, _):
        cloud.answer = lambda request: events(
            delta(name="find", arguments="{\"a\""), delta(arguments=":1}"), stop("function_call"))
        status, text = ask(url, BODY)
        choice = json.loads(text)["choices"][0]
        assert status == 200 and choice["finish_reason"] == "function_call", text
        assert choice["message"]["function_call"] == {
            "name": "find", "arguments": "{\"a\":1}"}, choice
        assert "tool_calls" not in choice["message"], choice
        sent = cloud.chats()[-1].json
        assert sent["functions"] == FUNCTIONS and sent["function_call"] == "auto", sent
        chunks = streamed(ask(url, dict(BODY, stream=True))[1])
        parts = [c["choices"][0] for c in chunks if c["choices"]]
        told = [p["delta"]["function_call"] for p in parts if "function_call" in p["delta"]]
        assert told[0]["name"] == "find" and not any("name" in t for t in told[1:]), told
        assert "".join(t.get("arguments", "") for t in told) == "{\"a\":1}", told
        assert parts[-1]["finish_reason"] == "function_call", parts
        assert not any("tool_calls" in p["delta"] for p in parts), parts


@promise
def functions__are_tools_for_the_plan(folder):
    """The help model has none."""
    with gateway(folder, "--mode", "only_local", "--help-model") as (url, _):
        status, text = ask(url, BODY)
        assert 400 <= status < 500 and "needs tools" in json.loads(text)["error"]["message"], text
        assert ask(url, dict(BODY, functions=[]))[0] == 200


if __name__ == "__main__":
    faces.main()
