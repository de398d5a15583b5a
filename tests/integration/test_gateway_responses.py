#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""POST /v1/responses of `amphi serve`: the request in chat's terms, the response object, and the
typed events in OpenAI's order."""
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import faces  # noqa: E402
from faces import amphi, gateway, promise  # noqa: E402
from gateway_client import at_once, call, connect  # noqa: E402
from scripted_cloud import ScriptedCloud, events, reply, says, stop, word  # noqa: E402

PATH = "/v1/responses"


def ask(url, body, **more):
    status, headers, text = call(url, "POST", PATH, body, {"Content-Type": "application/json"},
                                 **more)
    assert headers["Content-Type"] == "application/json", headers
    return status, json.loads(text)


def stream(url, body):
    """The events: numbered without a gap, each named as its type says."""
    status, headers, text = call(url, "POST", PATH, {**body, "stream": True})
    assert status == 200 and headers["Content-Type"].startswith("text/event-stream"), text
    told = []
    for block in text.split("\n\n"):
        if not block or block.startswith(":"):
            continue
        name, data = block.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == "event: " + event["type"], block
        assert event["sequence_number"] == len(told), block
        told.append(event)
    return told


def delta(**members):
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m-2",
            "choices": [{"index": 0, "delta": members, "finish_reason": None}]}


def usage(**more):
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m-2",
            "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10,
                                     **more}}


def tool(index, **function):
    more = {"id": function.pop("id"), "type": "function"} if "id" in function else {}
    return delta(tool_calls=[{"index": index, **more, "function": function}])


class Cloud(ScriptedCloud):
    """With a gateway before it that knows nothing else."""

    def __init__(self, folder, *flags):
        super().__init__(folder)
        self.gateway = gateway(folder, "--mode", "only_cloud", "--endpoint",
                               self.endpoint("work", "model=m"), *flags)

    def __enter__(self):
        super().__enter__()
        self.at, _ = self.gateway.__enter__()
        return self

    def __exit__(self, *what):
        self.gateway.__exit__(*what)
        super().__exit__(*what)

    def last(self):
        return self.chats()[-1].json


def text_of(response):
    return "".join(part["text"] for item in response["output"] if item["type"] == "message"
                   for part in item["content"])


@promise
def responses__a_whole_answer_is_openais_object(folder):
    with Cloud(folder) as cloud:
        cloud.answer = lambda request: events(
            word("Hello ", service_tier="flex"), word("there."), stop(),
            usage(prompt_tokens_details={"cached_tokens": 2}))
        status, r = ask(cloud.at, {
            "model": "gpt-4o", "input": "Say \"hello\"\n", "instructions": "Be brief.",
            "max_output_tokens": 77, "temperature": 0.25, "metadata": {"a": "b"}, "seed": 5})
        sent = cloud.last()
    assert status == 200 and r["object"] == "response" and r["status"] == "completed", r
    assert r["id"].startswith("resp_") and r["error"] is None and r["incomplete_details"] is None
    message, = r["output"]
    assert message["type"] == "message" and message["role"] == "assistant"
    assert message["status"] == "completed" and message["id"].startswith("msg_"), message
    assert message["content"] == [{"type": "output_text", "text": "Hello there.",
                                   "annotations": [], "logprobs": []}], message
    assert r["usage"] == {
        "input_tokens": 7, "input_tokens_details": {"cached_tokens": 2}, "output_tokens": 3,
        "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 10}, r["usage"]
    assert r["instructions"] == "Be brief." and r["max_output_tokens"] == 77
    assert r["metadata"] == {"a": "b"} and r["temperature"] == 0.25 and r["tools"] == []
    assert r["store"] is True and r["parallel_tool_calls"] is True and r["tool_choice"] == "auto"
    assert r["service_tier"] == "flex", r
    assert r["amphi"]["route"] == "work" and isinstance(r["created_at"], int)
    assert sent["messages"] == [{"role": "system", "content": "Be brief."},
                                {"role": "user", "content": "Say \"hello\"\n"}], sent
    assert sent["temperature"] == 0.25 and sent["seed"] == 5 and sent["stream"] is True
    assert 77 in (sent.get("max_tokens"), sent.get("max_completion_tokens")), sent
    assert not {"metadata", "store", "input", "instructions"} & set(sent), sent


@promise
def responses__events_come_in_openais_order(folder):
    with Cloud(folder) as cloud:
        cloud.answer = lambda request: events(word("Hel"), word("lo \"x\"\n"), stop(), usage())
        told = stream(cloud.at, {"model": "gpt-4o", "input": "x",
                                 "text": {"format": {"type": "text"}}})
    assert [e["type"] for e in told] == [
        "response.created", "response.in_progress", "response.output_item.added",
        "response.content_part.added", "response.output_text.delta", "response.output_text.delta",
        "response.output_text.done", "response.content_part.done", "response.output_item.done",
        "response.completed"], told
    assert told[0]["response"]["status"] == "in_progress" and told[0]["response"]["output"] == []
    added, done = told[2]["item"], told[8]["item"]
    assert added["content"] == [] and added["status"] == "in_progress", added
    assert told[3]["part"]["text"] == "" and told[7]["part"]["text"] == "Hello \"x\"\n"
    assert {e["item_id"] for e in told[3:8]} == {added["id"]} == {done["id"]}
    assert all(e["output_index"] == 0 and e.get("content_index", 0) == 0 for e in told[2:9])
    assert told[4]["delta"] + told[5]["delta"] == told[6]["text"] == text_of(told[9]["response"])
    last = told[9]["response"]
    assert last["output"] == [done] and last["usage"]["total_tokens"] == 10, last
    assert last["id"] == told[0]["response"]["id"]


@promise
def responses__line_ends_of_the_request_do_not_break_an_event(folder):
    with Cloud(folder) as cloud:
        body = json.dumps({"input": "x", "stream": True, "metadata": {"a": "b\n"}}, indent=2)
        _, _, text = call(cloud.at, "POST", PATH, body.replace("\n", "\r\n"))
    blocks = [b for b in text.split("\n\n") if b]
    assert all(len(b.splitlines()) == 2 for b in blocks), text
    last = json.loads(blocks[-1].split("\n")[1].removeprefix("data: "))
    assert last["response"]["metadata"] == {"a": "b\n"}, last


@promise
def responses__thoughts_and_calls_are_items_of_their_own(folder):
    with Cloud(folder) as cloud:
        cloud.answer = lambda request: events(
            delta(reasoning_content="Let me "), delta(reasoning_content="see."), word("I look."),
            tool(0, id="call_1", name="find", arguments=""), tool(0, arguments='{"q":'),
            tool(0, arguments='"a\\"b"}'), tool(1, id="call_2", name="stop", arguments="{}"),
            stop("tool_calls"), usage())
        body = {"input": [{"type": "message", "role": "user", "content": [
                    {"type": "input_text", "text": "a"},
                    {"type": "input_image", "image_url": "data:image/png;base64,AA=="}]}],
                "tools": [{"type": "function", "name": "find", "strict": True,
                           "parameters": {"type": "object", "properties": {}}}],
                "tool_choice": {"type": "function", "name": "find"},
                "parallel_tool_calls": False, "reasoning": {"effort": "low"}, "store": False}
        _, whole = ask(cloud.at, body)
        sent = cloud.last()
        told = stream(cloud.at, body)
        assert ask(cloud.at, body | {"tool_choice": {
            "type": "allowed_tools", "mode": "required",
            "tools": [{"type": "function", "name": "find"}]}})[0] == 200
        allowed = cloud.last()["tool_choice"]
    assert sent["tools"] == [{"type": "function", "function": {
        "name": "find", "strict": True, "parameters": {"type": "object", "properties": {}}}}], sent
    assert sent["tool_choice"] == {"type": "function", "function": {"name": "find"}}, sent
    assert allowed == {"type": "allowed_tools", "allowed_tools": {
        "mode": "required", "tools": [{"type": "function", "function": {"name": "find"}}]}}, allowed
    assert sent["parallel_tool_calls"] is False and sent["reasoning_effort"] == "low"
    assert sent["messages"][0]["content"] == [
        {"type": "text", "text": "a"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}], sent
    thought, message, find, end = whole["output"]
    assert [i["type"] for i in whole["output"]] == ["reasoning", "message", "function_call",
                                                   "function_call"]
    assert thought["summary"] == [{"type": "summary_text", "text": "Let me see."}], thought
    assert message["content"][0]["text"] == "I look."
    assert (find["call_id"], find["name"], json.loads(find["arguments"])) == (
        "call_1", "find", {"q": "a\"b"}), find
    assert (end["call_id"], end["arguments"], end["status"]) == ("call_2", "{}", "completed")
    kinds = [e["type"].removeprefix("response.") for e in told]
    assert kinds == [
        "created", "in_progress", "output_item.added", "reasoning_summary_part.added",
        "reasoning_summary_text.delta", "reasoning_summary_text.delta",
        "reasoning_summary_text.done", "reasoning_summary_part.done", "output_item.done",
        "output_item.added", "content_part.added", "output_text.delta", "output_text.done",
        "content_part.done", "output_item.done", "output_item.added",
        "function_call_arguments.delta", "function_call_arguments.delta", "output_item.added",
        "function_call_arguments.delta", "function_call_arguments.done", "output_item.done",
        "function_call_arguments.done", "output_item.done", "completed"], kinds
    last = told[-1]["response"]
    for ours, theirs in zip(last["output"], whole["output"]):
        assert {**ours, "id": 0} == {**theirs, "id": 0}, (ours, theirs)
    assert [e["item"] for e in told if e["type"] == "response.output_item.done"] == last["output"]


@promise
def responses__a_turn_with_a_tool_goes_on_from_items(folder):
    with Cloud(folder) as cloud:
        call_item = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "find",
                     "arguments": "{\"q\":1}"}
        own = {"type": "reasoning", "id": "rs_amphi_1", "summary": [
            {"type": "summary_text", "text": "I \"must\" look."}]}
        foreign = {**own, "id": "rs_1", "encrypted_content": "secret"}
        output = {"type": "function_call_output", "call_id": "call_1", "output": "42"}
        for thought in (own, foreign):
            status, r = ask(cloud.at, {"store": False, "input": [
                {"role": "user", "content": "a"}, thought, call_item,
                {**call_item, "call_id": "call_2"}, output, {**output, "call_id": "call_2"},
                {"role": "assistant", "content": [{"type": "output_text", "text": "b"}]},
                {"role": "developer", "content": "c"}]})
            assert status == 200, r
            messages = cloud.last()["messages"]
            assert [m["role"] for m in messages] == [
                "user", "assistant", "tool", "tool", "assistant", "developer"], messages
            calls = messages[1]
            assert [c["id"] for c in calls["tool_calls"]] == ["call_1", "call_2"], calls
            assert calls["tool_calls"][0]["function"] == {"name": "find", "arguments": "{\"q\":1}"}
            assert calls.get("reasoning_content") == (
                "I \"must\" look." if thought is own else None), calls
            assert messages[2]["tool_call_id"] == "call_1" and messages[2]["content"] == "42"
            assert messages[4]["content"] == "b", messages


@promise
def responses__a_schema_and_an_answer_that_was_cut_short(folder):
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    with Cloud(folder) as cloud:
        cloud.answer = lambda request: events(word("{}"), stop("length"), usage())
        body = {"input": "x", "text": {"format": {"type": "json_schema", "name": "n",
                                                  "strict": True, "schema": schema}}}
        _, whole = ask(cloud.at, body)
        assert cloud.last()["response_format"] == {"type": "json_schema", "json_schema": {
            "name": "n", "strict": True, "schema": schema}}, cloud.last()
        told = stream(cloud.at, body)
        for r in (whole, told[-1]["response"]):
            assert r["status"] == "incomplete", r
            assert r["incomplete_details"] == {"reason": "max_output_tokens"}, r
            assert r["output"][0]["status"] == "incomplete" and text_of(r) == "{}", r
        assert told[-1]["type"] == "response.incomplete"


@promise
def responses__a_failure_is_a_status_before_the_first_words_and_an_event_behind_them(folder):
    with Cloud(folder) as cloud:
        cloud.answer = lambda request: reply(401, {"error": {"message": "wrong key",
                                                             "code": "invalid_api_key"}})
        for streamed in (False, True):
            status, r = ask(cloud.at, {"input": "x", "stream": streamed})
            assert status == 401 and r["error"]["code"] == "invalid_api_key", r
        cloud.answer = lambda request: events(word("Half of an "), 0.2, done=False, cut=True)
        told = stream(cloud.at, {"input": "x"})
        assert [e["type"] for e in told][-2:] == ["error", "response.failed"], told
        assert told[-2]["message"] and told[-2]["code"], told[-2]
        failed = told[-1]["response"]
        assert failed["status"] == "failed" and failed["error"]["message"], failed
        assert failed["output"][0]["status"] == "incomplete", failed
        assert ask(cloud.at, {"input": "x"})[0] >= 500


@promise
def responses__words_that_were_shown_are_replaced_or_the_answer_fails(folder):
    """The second route answers anew. Nothing shown: the whole new answer. Shown to a client that
    knows Amphi: its text is replaced. Shown to another one: never two answers in one."""
    half, anew = "The capital of France is Par", "Great question! Of Spain it is Madrid, of course."
    with ScriptedCloud(folder) as breaks, ScriptedCloud(folder) as other:
        breaks.answer = lambda request: events(word(half), 0.2, done=False, cut=True)
        other.answer = lambda request: says(anew)
        with gateway(folder, "--mode", "only_cloud", "--endpoint",
                     breaks.endpoint("breaks", "model=m", "prefix=no"), "--endpoint",
                     other.endpoint("other", "model=m", "priority=1", "prefix=no")) as (url, _):
            _, whole = ask(url, {"input": "a", "store": False})
            assert text_of(whole) == anew, whole
            told = stream(url, {"input": "b", "store": False})
            assert told[-1]["type"] == "response.failed", told
            assert text_of(told[-1]["response"]) == half, told
            told = stream(url, {"input": "c", "store": False, "amphi": {}})
            replaced, = [e for e in told if e["type"] == "response.amphi.replace"]
            last = told[-1]
            assert last["type"] == "response.completed" and text_of(last["response"]) == anew, told
            behind = [e["delta"] for e in told if e["type"] == "response.output_text.delta"
                      and e["sequence_number"] > replaced["sequence_number"]]
            assert replaced["text"] + "".join(behind) == anew, told


@promise
def responses__a_client_that_hangs_up_ends_its_request(folder):
    with Cloud(folder) as cloud:
        cloud.answer = lambda request: (events(*[x for i in range(600) for x in (
            word(f"word {i} "), 0.1)], stop()) if request.json else says(""))
        line = connect(cloud.at)
        for count, (path, body) in enumerate((
                (PATH, {"input": "x"}), ("/v1/completions", {"prompt": "x"}),
                ("/v1/chat/completions", {"messages": [{"role": "user", "content": "x"}]})), 1):
            line = connect(cloud.at)
            line.request("POST", path, json.dumps({**body, "stream": True}))
            answer = line.getresponse()
            assert answer.status == 200 and answer.read(20)
            answer.close()
            line.close()
            until = time.monotonic() + 60
            while f'outcome="cancelled"}} {count}\n' not in call(cloud.at, "GET", "/metrics")[2]:
                assert time.monotonic() < until, call(cloud.at, "GET", "/metrics")[2]
                time.sleep(0.1)


@promise
def responses__previous_response_id_goes_on_from_the_history(folder):
    with Cloud(folder) as cloud:
        cloud.answer = lambda request: (
            says("To: " + request.json["messages"][-1]["content"]) if request.json else says(""))
        _, first = ask(cloud.at, {"input": "one", "instructions": "A"})
        _, second = ask(cloud.at, {"input": "two", "instructions": "B",
                                   "previous_response_id": first["id"]})
        assert cloud.last()["messages"] == [
            {"role": "system", "content": "B"}, {"role": "user", "content": "one"},
            {"role": "assistant", "content": "To: one"}, {"role": "user", "content": "two"}]
        assert second["previous_response_id"] == first["id"] != second["id"]
        _, third = ask(cloud.at, {"input": "three", "previous_response_id": second["id"]})
        said = [m["content"] for m in cloud.last()["messages"]]
        assert said == ["one", "To: one", "two", "To: two", "three"], said
        # Another way on from the first: what came behind it is not said.
        _, other = ask(cloud.at, {"input": "2b", "previous_response_id": first["id"]})
        said = [m["content"] for m in cloud.last()["messages"]]
        assert said == ["one", "To: one", "2b"], said
        ask(cloud.at, {"input": "3b", "previous_response_id": other["id"], "store": False})
        said = [m["content"] for m in cloud.last()["messages"]]
        assert said == ["one", "To: one", "2b", "To: 2b", "3b"], said
        ask(cloud.at, {"input": "four", "previous_response_id": third["id"]})
        said = [m["content"] for m in cloud.last()["messages"]]
        assert said[-3:] == ["three", "To: three", "four"] and len(said) == 7, said
        _, not_kept = ask(cloud.at, {"input": "x", "store": False})
        for unknown in (not_kept["id"], "resp_1", "resp_", "x", "resp_" + "0" * 24 + "_0",
                        first["id"] + "00000000000000000", first["id"][:-1] + "fffff",
                        "resp_czz_1", "resp_c00_0", "resp_" + "c" + "61" * 300 + "_0"):
            status, r = ask(cloud.at, {"input": "y", "previous_response_id": unknown})
            assert status == 404 and r["error"]["code"] == "previous_response_not_found", r
            assert r["error"]["param"] == "previous_response_id", r
    listed = json.loads(amphi("history", "--data", os.path.join(folder, "gateway"),
                              "--json").stdout)["conversations"]
    assert sorted(c["messages"] for c in listed) == [4, 8], listed


@promise
def responses__two_at_once_from_one_place_do_not_mix(folder):
    with Cloud(folder) as cloud:
        cloud.answer = lambda request: events(0.3, word(
            "/".join(m["content"] for m in (request.json or {}).get("messages", []))), stop())
        _, first = ask(cloud.at, {"input": "one"})
        answers = {}

        def go_on(text):
            answers[text] = ask(cloud.at, {"input": text, "previous_response_id": first["id"]})[1]
        at_once(go_on, ["a", "b", "c"])
        for text, answer in answers.items():
            assert text_of(answer) == f"one/one/{text}", answer
            _, next_one = ask(cloud.at, {"input": "n", "previous_response_id": answer["id"]})
            assert text_of(next_one) == f"one/one/{text}/one/one/{text}/n", next_one


@promise
def responses__a_tools_turn_goes_on_from_the_history(folder):
    """Also as a copy: the calls are there, and their ids."""
    with Cloud(folder) as cloud:
        cloud.answer = lambda request: events(
            tool(0, id="call_1", name="find", arguments="{}"), stop("tool_calls"))
        _, first = ask(cloud.at, {"input": "one", "tools": [
            {"type": "function", "name": "find", "parameters": {"type": "object"}}]})
        cloud.answer = lambda request: says("Found.")
        for store in (False, True, True):
            status, r = ask(cloud.at, {
                "previous_response_id": first["id"], "store": store, "input": [
                    {"type": "function_call_output", "call_id": "call_1", "output": "42"}]})
            assert status == 200 and text_of(r) == "Found.", r
            sent = cloud.last()["messages"]
            assert [m["role"] for m in sent] == ["user", "assistant", "tool"], sent
            assert sent[1]["tool_calls"][0]["id"] == sent[2]["tool_call_id"] == "call_1", sent


@promise
def responses__items_can_be_named_instead_of_sent(folder):
    """As the AI SDK does where an answer is stored."""
    with Cloud(folder) as cloud:
        cloud.answer = lambda request: events(
            delta(reasoning_content="Hm."), word("I look."),
            tool(0, id="call_1", name="find", arguments="{}"),
            tool(1, id="call_2", name="stop", arguments="{}"), stop("tool_calls"))
        _, first = ask(cloud.at, {"input": "one"})
        named = [{"type": "item_reference", "id": item["id"]} for item in first["output"]]
        outputs = [{"type": "function_call_output", "call_id": f"call_{i}", "output": "42"}
                   for i in (1, 2)]
        body = {"store": False, "input": [{"role": "user", "content": "one"}, *named, *outputs]}
        assert ask(cloud.at, body)[0] == 200
        sent = cloud.last()["messages"]
        assert [m["role"] for m in sent] == ["user", "assistant", "tool", "tool"], sent
        assert sent[1]["content"] == "I look.", sent
        assert [c["id"] for c in sent[1]["tool_calls"]] == ["call_1", "call_2"], sent
        for unknown in ("", "msg_", "fc_", "msg_x_0_0", named[1]["id"][:-3],
                        named[3]["id"][:-1] + "7"):
            status, r = ask(cloud.at, {"input": [{"type": "item_reference", "id": unknown}]})
            assert status == 400 and r["error"]["param"] == "input[0].id", (unknown, r)
        _, secret = ask(cloud.at, {"input": "What happens when the battery is low?",
                                   "amphi": {"private": True, "mode": "auto"}})
        before = len(cloud.chats())
        _, r = ask(cloud.at, {"amphi": {"mode": "auto"}, "store": False, "input": [
            {"type": "item_reference", "id": secret["output"][0]["id"]},
            {"role": "user", "content": "And on a hot phone?"}]})
        assert r["amphi"]["route"] == "local" and len(cloud.chats()) == before, r


@promise
def responses__what_was_private_stays_so_in_a_copy(folder):
    with Cloud(folder) as cloud:
        status, first = ask(cloud.at, {"input": "What happens when the battery is low?",
                                       "amphi": {"private": True, "mode": "auto"}})
        assert status == 200 and first["amphi"]["route"] == "local", first
        assert not cloud.chats()
        status, r = ask(cloud.at, {"input": "And on a hot phone?", "store": False,
                                   "amphi": {"mode": "auto"}, "previous_response_id": first["id"]})
        assert status == 200 and r["amphi"]["route"] == "local", r
        assert not cloud.chats()


@promise
def responses__what_is_not_possible_is_refused_by_name(folder):
    with Cloud(folder) as cloud:
        for body, param in (
                ({"input": "x", "background": True}, "background"),
                ({"input": "x", "tools": [{"type": "web_search"}]}, "tools[0].type"),
                ({"input": "x", "tools": [{"type": "function", "name": "f"},
                                          {"type": "mcp"}]}, "tools[1].type"),
                ({"input": "x", "conversation": "conv_1"}, "conversation"),
                ({"input": "x", "prompt": {"id": "pmpt_1"}}, "prompt"),
                ({"input": "x", "include": ["web_search_call.results"]}, "include"),
                ({"input": "x", "tool_choice": {"type": "file_search"}}, "tool_choice"),
                ({"input": "x", "amphi": None}, "amphi"),
                ({"input": "x", "tool_choice": {"type": "allowed_tools", "mode": "auto",
                                                "tools": [{"type": "mcp"}]}},
                 "tool_choice.tools[0].type"),
                ({"input": "x", "messages": []}, "messages"),
                ({"input": "x", "max_tokens": 3}, "max_tokens"),
                ({"input": "x", "stream": 1}, "stream"),
                ({"input": 7}, "input"), ({}, "input"),
                ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input[0].id"),
                ({"input": [{"role": "user", "content": [{"type": "input_image",
                                                          "file_id": "f"}]}]}, "input[0].content"),
                ({"input": [{"role": "robot", "content": "x"}]}, "input[0].role"),
                ({"input": "x", "store": False, "amphi": {"conversation_id": "c"}}, "store")):
            status, r = ask(cloud.at, body)
            assert status == 400 and r["error"]["type"] == "invalid_request_error", (body, r)
            assert r["error"]["param"] == param and param in r["error"]["message"], (body, r)
        for body in ("", "{", "[]", '{"input":"x"} x', '{"input":"x","a":01}', '{"input":"\t"}',
                     '{"input":"x","input":"y"}', b'{"input":"\xff"}', "[" * 100000):
            status, r = ask(cloud.at, body)
            assert status == 400, (body[:40], r)
        status, r = ask(cloud.at, {"input": "x", "amphi": {"privat": True}})
        assert status == 400 and "privat" in r["error"]["message"], r
        status, r = ask(cloud.at, {"input": "x", "temperature": 77})
        assert status == 400 and "temperature" in r["error"]["message"], r
        assert not cloud.chats()
        for method in ("GET", "PUT"):
            assert call(cloud.at, method, PATH)[0] == 405


@promise
def responses__the_same_comes_back_through_a_second_amphi(folder):
    """Amphi as a client of Amphi, over the Responses API."""
    with Cloud(folder) as cloud:
        cloud.answer = lambda request: events(
            delta(reasoning_content="Hm."), word("I \u00e4m "), word("here."),
            tool(0, id="call_1", name="find", arguments="{\"a\":"), tool(0, arguments="1}"),
            stop("tool_calls"), usage())
        with gateway(folder, "--mode", "only_cloud", "--allow-http-loopback", "--endpoint",
                     f"far={cloud.at.removesuffix('/v1')}/v1,model=gpt,dialect=responses",
                     name="near") as (near, _):
            body = {"input": "x", "store": False, "tools": [
                {"type": "function", "name": "find", "parameters": {"type": "object"}}]}
            for r in (ask(near, body)[1], stream(near, body)[-1]["response"]):
                assert [i["type"] for i in r["output"]] == [
                    "reasoning", "message", "function_call"], r
                assert text_of(r) == "I \u00e4m here." and r["usage"]["total_tokens"] == 10, r
                assert r["output"][0]["summary"][0]["text"] == "Hm."
                assert r["output"][2]["arguments"] == "{\"a\":1}", r
            cloud.answer = lambda request: reply(400, {"error": {"message": "no", "code": "bad"}})
            status, r = ask(near, {"input": "y", "store": False})
            assert status == 400 and r["error"]["code"] == "bad", r


if __name__ == "__main__":
    faces.main()
