# SPDX-License-Identifier: Apache-2.0
"""What an OTLP/HTTP client sends, kept byte for byte, and what is in it.

    with OtlpRecorder(onward=None) as recorder:      # or the URL of a real collector
        ...                                          # --telemetry recorder.url
        assert len(recorder.spans()) == 3

`answer` may be replaced: a function of a post that returns (status, headers, body), or None for a
post that is never answered."""
import http.client
import http.server
import json
import threading
from urllib.parse import urlparse

TAKEN = (200, {"Content-Type": "application/json"}, b'{"partialSuccess":{}}')


class Post:
    def __init__(self, path, headers, body):
        self.path, self.headers, self.body = path, headers, body
        self.status = None  # as it was answered


class OtlpRecorder:
    def __init__(self, onward=None, port=0):
        self.posts, self.onward = [], onward
        self.lock, self.ended = threading.Lock(), threading.Event()
        self.answer = self.forward if onward else lambda post: TAKEN
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), self.handler())
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()

    def forward(self, post):
        parts = urlparse(self.onward)
        line = http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
        line.request("POST", post.path, post.body,
                     {"Content-Type": post.headers.get("Content-Type", "")})
        answer = line.getresponse()
        body = answer.read()
        line.close()
        return answer.status, {"Content-Type": answer.headers.get("Content-Type", "")}, body

    def handler(self):
        recorder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def handle_one_request(self):
                try:
                    super().handle_one_request()
                except OSError:  # the client has gone
                    self.close_connection = True

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                post = Post(self.path, self.headers, body)
                with recorder.lock:
                    recorder.posts.append(post)
                answer = recorder.answer(post)
                if answer is None:
                    recorder.ended.wait(60)
                    self.close_connection = True
                    return
                post.status, headers, body = answer
                self.send_response(post.status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        return Handler

    def taken(self, path):
        """The bodies of the posts to a path that were answered with 200."""
        return [json.loads(post.body) for post in self.posts
                if post.path == path and post.status == 200]

    def spans(self):
        return spans_of(self.taken("/v1/traces"))

    def points(self, name):
        return points_of(self.taken("/v1/metrics"), name)

    def bytes(self):
        """All that was sent, headers too."""
        return b"\n".join(post.path.encode() + b"\n" + str(post.headers).encode() + post.body
                          for post in self.posts)


def spans_of(batches):
    return [span for batch in batches for of_one in batch["resourceSpans"]
            for scope in of_one["scopeSpans"] for span in scope["spans"]]


def points_of(batches, name):
    """The data points of one metric, from all the batches."""
    return [point for batch in batches for of_one in batch["resourceMetrics"]
            for scope in of_one["scopeMetrics"] for metric in scope["metrics"]
            if metric["name"] == name
            for point in (metric.get("histogram") or metric.get("sum"))["dataPoints"]]


def plain(value):
    """An AnyValue of OTLP as Python's own."""
    (kind, inside), = value.items()
    if kind == "arrayValue":
        return [plain(one) for one in inside.get("values", [])]
    return int(inside) if kind == "intValue" else inside


def attributes(of):
    return {one["key"]: plain(one["value"]) for one in of.get("attributes", [])}


def requests(spans):
    """The spans of whole requests: not those within another one of the same process."""
    ids = {span["spanId"] for span in spans}
    return [span for span in spans if span.get("parentSpanId", "") not in ids]
