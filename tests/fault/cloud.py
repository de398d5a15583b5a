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


BODY = events()
REPLY = (b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n"
         b"Content-Length: " + str(len(BODY)).encode() + b"\r\n\r\n" + BODY)


STALLS = "and the answer stops in the middle"  # in a question: it does


class Cloud:
    """url: its base; received: the bodies of all requests, as bytes."""

    def __init__(self):
        self.received = []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/v1"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    def answer(self, connection):
        data = b""
        try:
            with connection:
                connection.settimeout(20)
                while b"\r\n\r\n" not in data:
                    piece = connection.recv(65536)
                    if not piece:
                        return
                    data += piece
                head, _, body = data.partition(b"\r\n\r\n")
                sizes = [line.split(b":")[1] for line in head.lower().split(b"\r\n")
                         if line.startswith(b"content-length:")]
                size = int(sizes[0]) if sizes else 0
                while len(body) < size:
                    piece = connection.recv(65536)
                    if not piece:
                        return
                    body += piece
                self.received.append(body)
                self.reply(connection, body)
        except OSError:
            pass

    def reply(self, connection, body):
        if STALLS.encode() not in body:
            connection.sendall(REPLY)
            return
        connection.sendall(REPLY[:len(REPLY) // 2])
        connection.settimeout(None)
        connection.recv(1)  # until the client is gone


def closed_port():
    """A port of this machine without a listener."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]
