#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a client of `amphi serve` gets when an answer is cut and the next server goes on in one of
the ways that servers have: continues exactly, repeats, refuses, answers anew, talks about it. Each
kind with prose, JSON, code and a tool call; streamed to a client that knows Amphi and to one that
does not, and not streamed. What arrives is one coherent answer, or one replace, or (a plain client)
an error; never two answers in one. Prints how often which.

Usage: test_takeover_kinds.py BUILD_FOLDER [PART_OF_A_NAME]
"""
import collections
import http.server
import json
import os
import socketserver
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
sys.dont_write_bytecode = True
import faces  # noqa: E402
from faces import promise  # noqa: E402
from gateway_client import call, streamed  # noqa: E402

CALL = {"id": "call_1", "type": "function",
        "function": {"name": "get_tide", "arguments": '{"place":"Husum"}'}}
# Form -> (the answer that is cut, where, another answer to the same question, its tool calls)
FORMS = {
    "prose": ("Tides are caused by the Moon. Its gravity pulls the water on the near side more "
              "strongly, so two bulges form, and the coast turns through both each day.", 74,
              "The sea rises and falls because of gravity. The Moon and the Sun attract the "
              "oceans, and twice a day the water is high.", []),
    "json": ('{"place": "Husum", "highs": ["03:12", "15:40"], "range_m": 3.5, "safe": true}', 46,
             '{"town": "Husum", "tides": {"high": "03:12", "low": "09:30"}}', []),
    "code": ("```python\ndef highs(place):\n    times = load(place)\n    return [t for t in times "
             "if t.is_high]\n\nprint(highs(\"Husum\"))\n```\n", 63,
             "```python\nimport tides\n\nfor high in tides.today(\"Husum\"):\n"
             "    print(high)\n```\n", []),
    "tools": ("I will look up the tide table of Husum for you now.", 24,
              "One moment, the tide table has to be read first.", [CALL]),
}
MIMES = {"stream": "text/event-stream", "whole": "application/json"}


def last_sentence(text, at):
    begin = max(text.rfind(end, 0, at - 1) for end in (". ", "\n", ", "))
    return text[begin + 1:].lstrip() if begin > 0 else text


def last_words(text, at):
    begin = at
    for _ in range(3):
        begin = text.rfind(" ", 0, begin)
    return text[begin + 1:] if begin > 0 else text


# Kind -> what the server says after a beginning, of (answer, offset, other answer). None: 400.
KINDS = {
    "exact": lambda a, at, other: a[at:],
    "exact-in-one": lambda a, at, other: a[at:],
    "blank-first": lambda a, at, other: a[at:].lstrip(" "),
    "repeats-all": lambda a, at, other: a,
    "repeats-sentence": lambda a, at, other: last_sentence(a, at),
    "repeats-words": lambda a, at, other: last_words(a, at),
    "refuses": lambda a, at, other: None,
    "anew": lambda a, at, other: other,
    "anew-in-one": lambda a, at, other: other,
    "anew-greeting": lambda a, at, other: "Sure! " + other,
    "anew-question": lambda a, at, other: "Great question! " + other,
    "anew-fence": lambda a, at, other: "```\n" + other.strip("`\n") + "\n```\n",
    "anew-whole-object": lambda a, at, other: other,
    "meta": lambda a, at, other: "Here is the continuation:\n\n" + a[at:],
    "apology": lambda a, at, other: "I'm sorry, but I can't continue this text.",
    "asks-back": lambda a, at, other: "Your message was cut off. What would you like to know?",
    "nothing": lambda a, at, other: "",
    "vllm": lambda a, at, other: other,
    "responses": lambda a, at, other: other,
}


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that has heard enough hangs up."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class Mock(http.server.BaseHTTPRequestHandler):
    """/cut/v1 says the beginning and hangs up; /KIND/v1 goes on in its way; /strict/v1 goes on
    by an instruction, and refuses a beginning. The user's message is the form's name."""
    protocol_version = "HTTP/1.1"
    seen = collections.Counter()

    def log_message(self, *args):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        kind = self.path.split("/")[1]
        messages = body.get("messages") or body.get("input")
        form = next((m["content"] for m in messages if m["content"] in list(FORMS)), None)
        if form is None:  # not from this test
            self.whole(404, {"error": {"message": "There is no such form."}})
            return
        answer, at, other, calls = FORMS[form]
        begun = any(m["role"] == "assistant" for m in messages)
        self.seen[kind, begun] += 1
        if kind == "cut":
            self.say(answer[:at], [], finish=None)
            return
        if kind == "strict":
            self.be_strict(messages, answer, at)
            return
        text = KINDS[kind](answer, at, other)
        if kind == "vllm" and body.get("continue_final_message"):
            text = answer[at:]
        if not begun:
            text = answer if kind.startswith(("exact", "blank", "repeats")) else other
        if text is None:
            self.whole(400, {"error": {"message": "The last message must be the user's."}})
        elif kind == "responses":
            self.say_responses(text)
        elif kind == "anew-whole-object":
            message = dict({"role": "assistant", "content": text}, **(
                {"tool_calls": calls} if calls else {}))
            finish = "tool_calls" if calls else "stop"
            self.whole(200, {"object": "chat.completion", "model": "mock", "choices": [
                {"index": 0, "message": message, "finish_reason": finish}]})
        else:
            self.say(text, calls, "tool_calls" if calls else "stop", kind.endswith("-in-one"))

    def be_strict(self, messages, answer, at):
        if messages[-1]["role"] == "assistant":
            self.seen["strict", "refused", messages[-1].get("prefix")] += 1
            self.whole(400, {"error": {"message": "Expected last role User or Tool."}})
        else:
            begun = any(m["role"] == "assistant" for m in messages)
            self.say(answer[at:] if begun else answer, [], "stop")

    def whole(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", MIMES["whole"])
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def begin(self):
        self.send_response(200)
        self.send_header("Content-Type", MIMES["stream"])
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def event(self, event):
        self.wfile.write(b"data: " + json.dumps(event).encode() + b"\n\n")

    def say(self, text, calls, finish, in_one=False):
        self.begin()
        size = max(1, len(text)) if in_one else 5
        deltas = [{"content": text[i:i + size]} for i in range(0, len(text), size)]
        deltas += [{"tool_calls": [dict(call, index=i)]} for i, call in enumerate(calls)]
        for delta in deltas:
            self.event({"model": "mock", "choices": [{"index": 0, "delta": delta}]})
        if finish is not None:
            self.event({"model": "mock", "choices": [
                {"index": 0, "delta": {}, "finish_reason": finish}]})
            self.wfile.write(b"data: [DONE]\n\n")

    def say_responses(self, text):
        self.begin()
        for i in range(0, len(text), 5):
            self.event({"type": "response.output_text.delta", "delta": text[i:i + 5]})
        self.event({"type": "response.completed", "response": {
            "status": "completed", "output": [{"type": "message", "content": [
                {"type": "output_text", "text": text}]}]}})


def events_of(text):
    """The chunks of a stream; behind an error there is no end marker."""
    if '"error":' not in text.rstrip().rsplit("\n\n", 1)[-1]:
        return streamed(text)
    return [json.loads(event[6:]) for event in text.split("\n\n") if event.startswith("data: ")]


class Got:
    """What a client has in the end."""

    def __init__(self):
        self.text, self.calls, self.error, self.finish, self.replaces = "", 0, None, None, 0
        self.takeovers = []


def ask(url, form, kind, stream, knows_amphi):
    body = {"model": "cut", "fallbacks": [kind], "stream": stream,
            "messages": [{"role": "user", "content": form}]}
    if knows_amphi:
        body["amphi"] = {"no_cache": True, "no_queue": True}
    status, _, text = call(url, "POST", "/v1/chat/completions", body,
                           {"Content-Type": "application/json"})
    got = Got()
    if not stream:
        whole = json.loads(text)
        got.error = whole.get("error")
        if status == 200:
            message = whole["choices"][0]["message"]
            got.text, got.calls = message["content"] or "", len(message.get("tool_calls") or [])
            got.finish = whole["choices"][0]["finish_reason"]
            got.takeovers = whole["amphi"]["takeovers"]
        return got
    for chunk in events_of(text):
        if "error" in chunk:
            got.error = chunk["error"]
            continue
        choice = (chunk["choices"] or [{"delta": {}, "finish_reason": None}])[0]
        ours = chunk.get("amphi", {})
        if ours.get("event") == "replace" and knows_amphi:
            got.text, got.replaces = ours["text"], got.replaces + 1
        else:
            got.text += choice["delta"].get("content") or ""
        if ours.get("event") == "takeover":
            got.takeovers.append(ours)
        got.calls += len(choice["delta"].get("tool_calls") or [])
        got.finish = choice["finish_reason"] or got.finish
    return got


def judge(got, form, kind, stream, knows_amphi):
    """The name of the outcome; fails when it is none that may be."""
    answer, at, other, calls = FORMS[form]
    where = (form, kind, stream, knows_amphi, got.text, got.error, got.replaces, got.takeovers)
    if got.error is not None:
        assert stream and not knows_amphi, where
        assert got.text == answer[:at] and got.error["code"] == "truncated", where
        return "an error"
    whole = {answer: "the answer", other: "another answer"}
    if kind == "anew-fence":
        whole["```\n" + other.strip("`\n") + "\n```\n"] = "another answer"
    if kind == "nothing" and calls:
        whole[answer[:at]] = "the call alone"
    assert got.text in whole, where
    assert got.finish == ("tool_calls" if got.calls else "stop"), where
    assert got.calls == (0 if kind == "responses" else len(calls)), where
    assert got.replaces <= (1 if stream and knows_amphi else 0), where
    assert knows_amphi or not stream or got.text in (answer, answer[:at]), where
    return whole[got.text] + (", one replace" if got.replaces else "")


def play(folder, kinds):
    server = Server(("127.0.0.1", 0), Mock)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    flags = ["--model", "/nowhere/model.gguf", "--allow-http-loopback", "--policy", faces.write(
        folder, "policy.json", {"breaker": {"failures": 1000, "failure_percent": 0}})]
    for name in ["cut"] + kinds:
        more = ",dialect=responses,continue=native" if name == "responses" else ",continue=native"
        more = ",continue=vllm" if name == "vllm" else more
        flags += ["--endpoint", f"{name}={base}/{name}/v1,model=m-{name}{more}"]
    counts = collections.Counter()
    with faces.gateway(folder, *flags) as (url, _):
        for kind in kinds:
            for form in FORMS:
                for stream, knows_amphi in ((True, True), (True, False), (False, True)):
                    got = ask(url, form, kind, stream, knows_amphi)
                    counts[judge(got, form, kind, stream, knows_amphi)] += 1
                    begun = Mock.seen.pop((kind, True), 0)
                    assert begun <= (1 if stream else 0), (kind, form, stream, begun)
    server.shutdown()
    server.server_close()
    print("        " + "; ".join(f"{n} {name}" for name, n in sorted(counts.items())))


@promise
def takeover__to_servers_that_go_on_or_refuse_gives_one_answer(folder):
    play(folder, list(KINDS)[:10])


@promise
def takeover__to_servers_that_do_something_else_gives_one_answer(folder):
    play(folder, list(KINDS)[10:])


@promise
def takeover__learns_how_a_server_continues(folder):
    """auto: one that continues with vLLM's flags is asked so again; one that answers anew is asked
    once, and after a restart of the gateway not again."""
    server = Server(("127.0.0.1", 0), Mock)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    flags = ["--model", "/nowhere/model.gguf", "--allow-http-loopback", "--policy", faces.write(
        folder, "policy.json", {"breaker": {"failures": 1000, "failure_percent": 0}})]
    for name in ("cut", "vllm", "anew"):
        flags += ["--endpoint", f"{name}={base}/{name}/v1,model=m-{name}"]
    for begun in (1, 0):
        with faces.gateway(folder, *flags) as (url, _):
            Mock.seen.clear()
            for _ in range(2):
                assert ask(url, "prose", "anew", True, True).replaces == 1
                got = ask(url, "prose", "vllm", True, False)
                assert got.text == FORMS["prose"][0] and got.error is None, (got.text, got.error)
            assert Mock.seen["anew", True] == begun, Mock.seen
            assert Mock.seen["vllm", True] == 2 and not Mock.seen["vllm", False], Mock.seen
    server.shutdown()
    server.server_close()


@promise
def takeover__wrong_guess_costs_one_refused_request_and_is_learnt(folder):
    """auto: a server whose model's name promises "prefix" refuses it. The same request gets the
    instruction instead, and from then on every one, also after a restart of the gateway; per
    endpoint and model."""
    server = Server(("127.0.0.1", 0), Mock)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    flags = ["--model", "/nowhere/model.gguf", "--allow-http-loopback", "--policy", faces.write(
        folder, "policy.json", {"breaker": {"failures": 1000, "failure_percent": 0}})]
    flags += ["--endpoint", f"cut={base}/cut/v1,model=m-cut"]
    flags += ["--endpoint", f"strict={base}/strict/v1,model=mistral-large-latest"]
    flags += ["--endpoint", f"open={base}/strict/v1,model=m-open"]
    for refused in (1, 0):
        with faces.gateway(folder, *flags) as (url, _):
            Mock.seen.clear()
            for _ in range(3):
                got = ask(url, "prose", "strict", True, False)
                assert got.text == FORMS["prose"][0] and got.error is None, (got.text, got.error)
                assert [t["mode"] for t in got.takeovers] == ["continued"], got.takeovers
            assert Mock.seen["strict", "refused", True] == refused, Mock.seen
            assert Mock.seen["strict", True] == 3 + refused, Mock.seen
            assert Mock.seen["strict", "refused", None] == 0, Mock.seen
            got = ask(url, "prose", "open", True, False)  # nothing was learnt of this one
            assert got.text == FORMS["prose"][0] and got.error is None, (got.text, got.error)
            assert Mock.seen["strict", "refused", None] == refused, Mock.seen
    server.shutdown()
    server.server_close()


@promise
def takeover__command_that_prints_a_record_has_shown_nothing(folder):
    """`amphi ask --json` starts again, also under a schema; without --json the words were seen, and
    the next server goes on with them."""
    server = Server(("127.0.0.1", 0), Mock)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    schema = faces.write(folder, "schema.json", {"type": "object"})
    words = ["ask", "--data", os.path.join(folder, "data"), "--mode", "only_cloud", "--no-cache",
             "--allow-http-loopback", "--endpoint", f"cut={base}/cut/v1,model=m-cut,priority=0",
             "--endpoint", f"exact={base}/exact/v1,model=m-exact,priority=1,continue=native"]
    for more, begun in (([], 1), (["--json"], 0), (["--json", "--schema", schema], 0),
                        (["--schema", schema], 1), (["--json", "--events"], 1)):
        Mock.seen.clear()
        done = faces.amphi(*words, *more, "json")
        assert done.returncode == 0, (more, done.stdout, done.stderr)
        assert Mock.seen["exact", True] == begun, (more, Mock.seen)
        if more[:1] == ["--json"] and not begun:
            record = json.loads(done.stdout)
            assert record["text"] == FORMS["json"][0], record
            assert [t["mode"] for t in record["takeovers"]] == ["restarted"], record
    server.shutdown()
    server.server_close()


if __name__ == "__main__":
    faces.main()
