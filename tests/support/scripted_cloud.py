# SPDX-License-Identifier: Apache-2.0
"""A cloud over TLS on this machine whose every answer a test writes itself.

    with ScriptedCloud(folder) as cloud:
        cloud.answer = lambda request: reply(400, {"error": {"message": "no"}})
        amphi("ask", "--endpoint", cloud.endpoint("work", "model=m"), ...)
        assert len(cloud.requests) == 1 and cloud.requests[0].json["model"] == "m"

`answer` gets a Request and returns a Reply; it runs on a thread per connection."""
import array
import base64
import http.server
import json
import os
import ssl
import threading
import time

import faces


class Request:
    def __init__(self, method, path, headers, body):
        self.method, self.path, self.headers, self.body = method, path, headers, body
        self.was_left = False  # its reader went away before the answer was whole
        try:
            self.json = json.loads(body) if body else None
        except ValueError:
            self.json = None


class Reply:
    """pieces: bytes, or a number of seconds to wait; cut: the connection breaks behind them."""

    def __init__(self, status, headers, pieces, cut=False):
        self.status, self.headers, self.pieces, self.cut = status, headers, pieces, cut


def reply(status, body, **headers):
    return Reply(status, {"Content-Type": "application/json", **named(headers)},
                 [json.dumps(body).encode()])


def events(*chunks, done=True, cut=False, **headers):
    """A stream. A chunk is an object, bytes as they are, or a pause in seconds."""
    pieces = [one if isinstance(one, (bytes, int, float)) else
              b"data: " + json.dumps(one).encode() + b"\n\n" for one in chunks]
    return Reply(200, {"Content-Type": "text/event-stream", **named(headers)},
                 pieces + ([b"data: [DONE]\n\n"] if done else []), cut)


def named(headers):
    return {name.replace("_", "-"): value for name, value in headers.items()}


def word(text, **more):
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}], **more}


def stop(reason="stop", **more):
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{"index": 0, "delta": {}, "finish_reason": reason}], **more}


def says(text):
    return events(word(text), stop())


def vector_of(text):
    """Numbers that belong to this text, or these tokens, and no other; exact as 32-bit floats."""
    codes = text.encode() if isinstance(text, str) else text
    return [sum(codes) / 1024, len(codes) / 64, -0.125]


def embeddings(request, **more):
    """What OpenAI's API answers."""
    asked = request.json
    given = asked["input"]
    texts = [given] if isinstance(given, str) or isinstance(given[0], int) else given
    data = []
    for i, text in enumerate(texts):
        vector = vector_of(text)[:asked.get("dimensions")]
        if asked.get("encoding_format") == "base64":
            vector = base64.b64encode(array.array("f", vector).tobytes()).decode()
        data.append({"object": "embedding", "index": i, "embedding": vector})
    return reply(200, {"object": "list", "data": data, "model": asked["model"],
                       "usage": {"prompt_tokens": 5 * len(texts), "total_tokens": 5 * len(texts)},
                       **more})


class ScriptedCloud:
    def __init__(self, folder, tls=True, host="localhost", port=0):
        self.requests = []
        self.answer = lambda request: says("Hello.")
        self.lock = threading.Lock()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), self.handler())
        self.server.daemon_threads = True
        self.ca = None
        if tls:
            self.ca, key = faces.make_certificate(
                folder, f"cloud-{self.server.server_port}", host)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.ca, key)
            self.server.socket = context.wrap_socket(
                self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self):
        scheme = "https" if self.ca else "http"
        return f"{scheme}://localhost:{self.server.server_port}/v1"

    def endpoint(self, name, *options):
        trust = [f"ca={self.ca}"] if self.ca else []
        return ",".join([f"{name}={self.url}", *trust, *options])

    def chats(self):
        """Requests that want an answer: not those that only warm a connection."""
        return [one for one in self.requests if one.method == "POST"]

    def handler(self):
        cloud = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def handle_one_request(self):
                try:
                    super().handle_one_request()
                except (OSError, ssl.SSLError):
                    self.close_connection = True

            def serve(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                request = Request(self.command, self.path, self.headers, body)
                with cloud.lock:
                    cloud.requests.append(request)
                is_warm_up = self.command == "HEAD"
                try:
                    self.send(reply(200, {}) if is_warm_up else cloud.answer(request))
                except (OSError, ssl.SSLError):
                    request.was_left = True
                    raise

            def send(self, answer):
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for piece in answer.pieces if self.command != "HEAD" else []:
                    if isinstance(piece, (int, float)):
                        self.wfile.flush()
                        time.sleep(piece)
                    elif piece:
                        self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                if answer.cut:
                    self.close_connection = True
                elif self.command != "HEAD":
                    self.wfile.write(b"0\r\n\r\n")

            do_GET = do_POST = do_HEAD = serve

        return Handler


def missing_openssl():
    return os.system("openssl version >/dev/null 2>&1") != 0
