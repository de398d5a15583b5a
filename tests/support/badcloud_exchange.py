# SPDX-License-Identifier: Apache-2.0
"""One HTTP exchange of badcloud.py as its scenarios see it: heads, events, answers, errors."""
import email.utils
import json
import socket
import ssl
import struct
import time

ANSWER = (
    "The harbour was quiet when the first boat left. Nobody waved, but a dog ran along the pier "
    "until the water ended its way, and there it sat down and waited for the evening. Größe: 7 €."
)
MODEL = "badcloud-1"
PORTS = {}  # of the listeners, for redirects
state = {"answer": ANSWER}


def tokens(text):
    """Words with the blank before them: joined they are the text again."""
    parts, word = [], ""
    for c in text:
        if c == " " and word:
            parts.append(word)
            word = ""
        word += c
    return parts + [word] if word else parts


class Gone(Exception):
    """The connection is over, on purpose or because the client went away."""


class Exchange:
    """One request and what is needed to answer it."""

    def __init__(self, connection, method, path, headers, body):
        self.connection, self.method, self.path = connection, method, path
        self.headers, self.body = headers, body
        self.chunked = False
        self.was_left = False  # by the client, in mid-answer
        self.responses = path.endswith("/responses")  # the Responses API's words
        try:
            self.json = json.loads(body) if body else {}
        except ValueError:
            self.json = {}

    # -- bytes ---------------------------------------------------------------------------------
    def send(self, data):
        try:
            self.connection.sendall(data)
        except (OSError, ValueError):
            self.was_left = True
            raise Gone()

    def head(self, status=200, length=None, close=False, kind="text/event-stream", extra=()):
        lines = ["HTTP/1.1 %d Whatever" % status, "Content-Type: " + kind,
                 "Date: " + email.utils.formatdate(usegmt=True)]
        self.chunked = length is None and not close
        if length is not None:
            lines.append("Content-Length: %d" % length)
        elif self.chunked:
            lines.append("Transfer-Encoding: chunked")
        if close:
            lines.append("Connection: close")
        self.send("\r\n".join(lines + list(extra) + ["", ""]).encode())

    def write(self, data):
        data = data.encode() if isinstance(data, str) else data
        self.send(b"%x\r\n%s\r\n" % (len(data), data) if self.chunked else data)

    def end(self):
        if self.chunked:
            self.send(b"0\r\n\r\n")

    def drop(self):
        """Closes without a word: no close_notify, no last chunk."""
        self.connection.close()
        raise Gone()

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.drop()

    def close_cleanly(self):
        if isinstance(self.connection, ssl.SSLSocket):
            try:
                self.connection.settimeout(0.5)
                self.connection.unwrap()
            except (OSError, ValueError):
                pass
        self.drop()

    # -- chat ----------------------------------------------------------------------------------
    def words(self):
        """The canned answer, or what follows the beginning that the request ends with."""
        text = state["answer"]
        messages = self.json.get("messages") or self.json.get("input") or [{}]
        given = messages[-1].get("content") if messages[-1].get("role") == "assistant" else None
        if isinstance(given, str) and text.startswith(given):
            text = text[len(given):]
        return tokens(text)

    def typed(self, kind, **more):
        data = json.dumps(dict({"type": kind, "sequence_number": 0}, **more), ensure_ascii=False)
        self.write("event: %s\ndata: %s\n\n" % (kind, data))

    def response(self, status, **more):
        return dict({"id": "resp_1", "object": "response", "status": status, "model": MODEL,
                     "error": None, "incomplete_details": None, "output": []}, **more)

    def event(self, delta=None, finish=None, **more):
        if self.responses:
            words = (delta or {}).get("content")
            if words == "":
                self.typed("response.created", response=self.response("in_progress"))
            elif words:
                self.typed("response.output_text.delta", item_id="msg_1", output_index=0,
                           content_index=0, delta=words)
            return
        chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1700000000,
                 "model": MODEL, "system_fingerprint": "fp_1"}
        if delta is not None:
            chunk["choices"] = [{"index": 0, "delta": delta, "logprobs": None,
                                 "finish_reason": finish}]
        chunk.update(more)
        self.write("data: %s\n\n" % json.dumps(chunk, ensure_ascii=False))

    def usage(self):
        self.event(choices=[], usage={"prompt_tokens": 11, "completion_tokens": 22,
                                      "total_tokens": 33,
                                      "prompt_tokens_details": {"cached_tokens": 5}})

    def say(self, count=None, pause=0.0):
        """The first `count` words of the answer (all of them without)."""
        words = self.words()
        for word in words if count is None else words[:count]:
            self.event({"content": word})
            if pause:
                time.sleep(pause)

    def finish(self, reason="stop", usage=True, done=True, end=True):
        if self.responses:
            cut = {"length": "max_output_tokens"}.get(reason, reason)
            self.typed(
                "response.completed" if reason == "stop" else "response.incomplete",
                response=self.response(
                    "completed" if reason == "stop" else "incomplete",
                    incomplete_details=None if reason == "stop" else {"reason": cut},
                    usage={"input_tokens": 11, "input_tokens_details": {"cached_tokens": 5},
                           "output_tokens": 22, "total_tokens": 33}))
            if end:
                self.end()
            return
        self.event({}, reason)
        if usage and (self.json.get("stream_options") or {}).get("include_usage"):
            self.usage()
        if done:
            self.write("data: [DONE]\n\n")
        if end:
            self.end()

    def error(self, http_status, code=None, message="Something went wrong.", extra=(), **more):
        kind = more.pop("type", "invalid_request_error")
        error = {"message": message, "type": kind, "param": None, "code": code}
        data = json.dumps({"error": dict(error, **more)}).encode()
        self.head(http_status, len(data), kind="application/json", extra=extra)
        self.send(data)
