# SPDX-License-Identifier: Apache-2.0
"""A chat cloud on loopback that answers every question with the same words, as a thread of the
test: cheap enough for tens of thousands of runs. It keeps what it was sent."""
import json
import socket
import threading

ANSWER = "The ferry leaves at noon from the second pier. " * 3


def events(answer=ANSWER):
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "mock"}
    pieces = [{**chunk, "choices": [{"index": 0, "delta": {"content": answer[i:i + 24]}}]}
              for i in range(0, len(answer), 24)]
    pieces.append({**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    usage = {"prompt_tokens": 9, "completion_tokens": 30, "total_tokens": 39}
    pieces.append({**chunk, "choices": [], "usage": usage})
    lines = [f"data: {json.dumps(piece)}\n\n" for piece in pieces] + ["data: [DONE]\n\n"]
    return "".join(lines).encode()


def head(length=None):
    lines = [b"HTTP/1.1 200 OK", b"Content-Type: text/event-stream", b"Connection: close"]
    if length is not None:
        lines.append(b"Content-Length: %d" % length)
    return b"\r\n".join(lines) + b"\r\n\r\n"


def reply_of(answer):
    body = events(answer)
    return head(len(body)) + body


REPLY = reply_of(ANSWER)
STALLS = "and the answer stops in the middle"  # in a question: it does


def read_headers(request):
    """By their names in lower case; None: the request was cut before their end."""
    headers = {}
    for line in request:
        if line in (b"\r\n", b"\n"):
            return headers
        name, _, value = line.decode().partition(":")
        headers[name.lower()] = value.strip()
    return None


class Cloud:
    """url: its base; received: the bodies of all requests, as bytes."""

    def __init__(self):
        self.received = []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/v1"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    def answer(self, connection):
        try:
            with connection, connection.makefile("rb") as request:
                connection.settimeout(20)
                headers = read_headers(request)
                if headers is None:
                    return
                size = int(headers.get("content-length", 0))
                body = request.read(size)
                if len(body) == size:
                    self.received.append(body)
                    self.reply(connection, headers, body)
        except (OSError, ValueError):
            pass  # the client was killed

    def reply(self, connection, headers, body):
        if STALLS.encode() not in body:
            connection.sendall(REPLY)
            return
        connection.sendall(REPLY[:len(REPLY) // 2])
        connection.settimeout(None)
        connection.recv(1)  # until the client is gone

    def close(self):
        self.listener.close()


def closed_port():
    """A port of this machine without a listener."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]
