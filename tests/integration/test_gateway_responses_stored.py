#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""GET and DELETE /v1/responses/ID of `amphi serve`: what was kept, in the Responses API's form."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import faces  # noqa: E402
from faces import gateway, promise  # noqa: E402
from gateway_client import call  # noqa: E402
from scripted_cloud import ScriptedCloud, events, says, stop, word  # noqa: E402

PATH = "/v1/responses"
CALL = {"index": 0, "id": "call_1", "type": "function",
        "function": {"name": "find", "arguments": "{\"a\":1}"}}
USAGE = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10,
                                  "prompt_tokens_details": {"cached_tokens": 2}}}


class Lab(ScriptedCloud):
    """A cloud and a gateway before it that keeps what it answers."""

    def __init__(self, folder):
        super().__init__(folder)
        self.gateway = gateway(folder, "--mode", "only_cloud", "--endpoint",
                               self.endpoint("work", "model=m"))

    def __enter__(self):
        super().__enter__()
        self.at, _ = self.gateway.__enter__()
        return self

    def __exit__(self, *what):
        self.gateway.__exit__(*what)
        super().__exit__(*what)

    def ask(self, text, **more):
        status, _, body = call(self.at, "POST", PATH, {"input": text, "model": "m", **more},
                               {"Content-Type": "application/json"})
        assert status == 200, body
        return json.loads(body)

    def get(self, rest, method="GET"):
        status, _, body = call(self.at, method, PATH + "/" + rest)
        return status, json.loads(body)


@promise
def stored__a_response_comes_back(folder):
    with Lab(folder) as lab:
        lab.answer = lambda request: events(word("Hello there."), stop(), USAGE)
        first = lab.ask("Hi")
        status, again = lab.get(first["id"])
        assert status == 200, again
        for member in ("id", "object", "status", "model", "error", "incomplete_details"):
            assert again[member] == first[member], (member, again)
        assert again["output"] == first["output"], (again["output"], first["output"])
        assert again["usage"] == first["usage"], again["usage"]
        assert set(again) | {"amphi", "service_tier"} >= set(first), (again, first)
        assert abs(again["created_at"] - first["created_at"]) < 60
        assert call(lab.at, "HEAD", PATH + "/" + first["id"])[0] == 200


@promise
def stored__calls_and_cut_answers_come_back(folder):
    with Lab(folder) as lab:
        tools = [{"type": "function", "name": "find", "parameters": {"type": "object"}}]
        lab.answer = lambda request: events(
            {"choices": [{"index": 0, "delta": {"tool_calls": [CALL]}, "finish_reason": None}]},
            stop("tool_calls"))
        first = lab.ask("Find it", tools=tools)
        again = lab.get(first["id"])[1]
        assert [i["type"] for i in again["output"]] == ["function_call"], again
        assert again["output"] == first["output"], again
        lab.answer = lambda request: events(word("It is "), stop("length"))
        said = [{"type": "function_call_output", "call_id": "call_1", "output": "there"}]
        second = lab.ask(said, previous_response_id=first["id"], tools=tools)
        again = lab.get(second["id"])[1]
        assert again["status"] == "incomplete" == second["status"], again
        assert again["incomplete_details"] == {"reason": "max_output_tokens"}, again
        status, items = lab.get(second["id"] + "/input_items")
        assert status == 200 and [i["type"] for i in items["data"]] == ["function_call_output"]
        assert items["data"][0]["call_id"] == "call_1" and items["data"][0]["output"] == "there"


@promise
def stored__a_custom_tool_is_called_and_answered(folder):
    """In chat's terms to the endpoint, in Responses' terms to the caller; from the history, too."""
    tool = {"type": "custom", "name": "run", "description": "Runs it", "format": {
        "type": "grammar", "syntax": "lark", "definition": "start: /a+/"}}

    def piece(**more):
        return {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, **more}]},
                             "finish_reason": None}]}
    with Lab(folder) as lab:
        lab.answer = lambda request: events(
            piece(id="call_9", type="custom", custom={"name": "run", "input": "a"}),
            piece(custom={"input": "aa\n"}), stop("tool_calls"))
        first = lab.ask("Run it", tools=[tool], tool_choice={"type": "custom", "name": "run"})
        sent = lab.chats()[-1].json
        assert sent["tools"] == [{"type": "custom", "custom": {
            "name": "run", "description": "Runs it", "format": {"type": "grammar", "grammar": {
                "syntax": "lark", "definition": "start: /a+/"}}}}], sent
        assert sent["tool_choice"] == {"type": "custom", "custom": {"name": "run"}}, sent
        made, = first["output"]
        assert made["type"] == "custom_tool_call" and made["id"].startswith("ctc_"), made
        assert (made["name"], made["call_id"], made["input"]) == ("run", "call_9", "aaa\n"), made
        assert lab.get(first["id"])[1]["output"] == first["output"]
        status, _, text = call(lab.at, "POST", PATH, {
            "input": "Again", "model": "m", "tools": [tool], "stream": True,
            "amphi": {"no_cache": True}})
        told = [line[7:] for line in text.split("\n") if line.startswith("event: ")]
        assert status == 200 and "response.custom_tool_call_input.delta" in told, told
        assert "response.custom_tool_call_input.done" in told, told
        lab.answer = lambda request: says("Done.")
        said = [{"type": "custom_tool_call_output", "call_id": "call_9", "output": "ran"}]
        for more in ({"previous_response_id": first["id"], "input": said},
                     {"store": False, "input": ["Run it", made, *said]},
                     {"store": False, "input": [
                         {"type": "item_reference", "id": made["id"]}, *said]}):
            items = [i if isinstance(i, dict) else {"role": "user", "content": i}
                     for i in more.pop("input")]
            lab.ask(items, tools=[tool], **more)
            turns = lab.chats()[-1].json["messages"][-2:]
            assert turns[0]["tool_calls"] == [{"id": "call_9", "type": "custom", "custom": {
                "name": "run", "input": "aaa\n"}}], turns
            assert turns[1] == {"role": "tool", "tool_call_id": "call_9", "content": "ran"}, turns
        status, _, text = call(lab.at, "POST", PATH, {"input": "x", "tools": [
            {"type": "web_search"}]})
        assert status == 400 and json.loads(text)["error"]["param"] == "tools[0].type", text


@promise
def stored__the_input_is_listed_in_pages(folder):
    with Lab(folder) as lab:
        lab.answer = lambda request: says("Yes.")
        first = lab.ask([{"role": "user", "content": f"part {i}"} for i in range(5)])
        rest = first["id"] + "/input_items"
        told = lab.get(rest)[1]
        texts = [i["content"][0]["text"] for i in told["data"]]
        assert texts == [f"part {i}" for i in (4, 3, 2, 1, 0)], told
        assert told["object"] == "list" and told["has_more"] is False, told
        page = lab.get(rest + "?order=asc&limit=2")[1]
        assert [i["content"][0]["text"] for i in page["data"]] == ["part 0", "part 1"], page
        assert page["has_more"] is True and page["last_id"] == page["data"][1]["id"], page
        page = lab.get(rest + f"?order=asc&limit=9&after={page['last_id']}")[1]
        assert [i["content"][0]["text"] for i in page["data"]] == ["part 2", "part 3", "part 4"]
        assert page["has_more"] is False, page


@promise
def stored__what_is_deleted_is_gone(folder):
    with Lab(folder) as lab:
        lab.answer = lambda request: says("Yes.")
        first = lab.ask("one")
        second = lab.ask("two", previous_response_id=first["id"])
        status, failure = lab.get(first["id"], "DELETE")
        assert status == 409 and failure["error"]["code"] == "response_in_use", failure
        status, told = lab.get(second["id"], "DELETE")
        assert status == 200, told
        assert told == {"id": second["id"], "object": "response", "deleted": True}
        assert lab.get(second["id"])[0] == 404 == lab.get(second["id"], "DELETE")[0]
        assert lab.get(first["id"])[0] == 200
        assert lab.get(first["id"], "DELETE")[0] == 200 and lab.get(first["id"])[0] == 404
        status, failure = lab.get(first["id"] + "/input_items")
        assert status == 404 and failure["error"]["code"] == "response_not_found", failure


@promise
def stored__ids_from_elsewhere_and_what_was_not_kept_are_not_found(folder):
    with Lab(folder) as lab:
        lab.answer = lambda request: says("Yes.")
        unkept = lab.ask("one", store=False)["id"]
        for rest in (unkept, "resp_1", "resp_" + "0" * 24 + "_0", "x", "resp_" + "a" * 600, ""):
            assert lab.get(rest)[0] == 404, rest
            assert lab.get(rest, "DELETE")[0] == 404, rest
        # A conversation of its own name: a guess gets nothing.
        diary = lab.ask("dear diary", amphi={"conversation_id": "diary"})["id"]
        assert diary.startswith("resp_c" + b"diary".hex()), diary
        for rest in (diary, diary + "/input_items"):
            assert lab.get(rest)[0] == 404, rest
        assert lab.get(diary, "DELETE")[0] == 404
        assert call(lab.at, "PUT", PATH + "/" + unkept)[0] == 405
        assert call(lab.at, "DELETE", PATH + "/" + unkept + "/input_items")[0] == 405
        status, headers, _ = call(lab.at, "OPTIONS", PATH + "/" + unkept)
        assert status == 204 and "DELETE" in headers["Access-Control-Allow-Methods"], headers


if __name__ == "__main__":
    faces.main()
