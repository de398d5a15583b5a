# SPDX-License-Identifier: Apache-2.0
"""What the cases of every client work in: two mock providers over TLS, and on demand a fresh
`amphi serve` with its defaults in front of them, so that no case sees what another one taught.

    with lab.gateway("cuts", "anew") as g:        # scenarios of clouds.py: the endpoints in order
        client = OpenAI(base_url=g.url, api_key="any")
        ...
        assert g.asked() == [1, 1]                # requests that each provider got

Clients in other languages get the same over HTTP: see Control."""
import contextlib
import http.server
import json
import os
import shutil
import tempfile
import threading
import time

import faces
from clouds import SCENARIOS
from scripted_cloud import ScriptedCloud, reply

KEY = "sk-of-the-provider-0123456789"
NAMES = ("first", "second")
PATHS = ("/chat/completions", "/embeddings")


def nothing_set(**more):
    """The environment of a user who has set nothing: no model either, the embedded one stays what
    it is."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("AMPHI_")}
    return {**env, **more}


faces.environment = nothing_set  # what a gateway is started with


class Gateway:
    def __init__(self, lab, name, url):
        self.lab, self.name, self.origin = lab, name, url.removesuffix("/v1")
        self.url = self.origin + "/v1"

    def requests(self, endpoint=0):
        """The requests for an answer that an endpoint got."""
        return list(self.lab.seen.get((self.name, endpoint), []))

    def asked(self):
        return [len(self.requests(i)) for i in range(len(NAMES))]

    def was_left(self, seconds=5):
        """Whether a provider noticed in this time that its reader had gone."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            if any(one.was_left for i in range(len(NAMES)) for one in self.requests(i)):
                return True
            time.sleep(0.05)
        return False


class Lab:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="amphi-clients-")
        self.key_file = faces.write(self.folder, "key", KEY)
        self.gateway_key = faces.write(self.folder, "gateway-key", "sk-of-the-gateway")
        self.clouds = [ScriptedCloud(self.folder) for _ in NAMES]
        self.lock = threading.Lock()
        self.count = 0
        self.scenarios, self.seen = {}, {}
        for i, cloud in enumerate(self.clouds):
            cloud.answer = lambda request, i=i: self.answer(i, request)

    def __enter__(self):
        for cloud in self.clouds:
            cloud.__enter__()
        return self

    def __exit__(self, *_):
        for cloud in self.clouds:
            cloud.__exit__()
        shutil.rmtree(self.folder, ignore_errors=True)

    def answer(self, endpoint, request):
        name = request.path.split("/")[1]
        if request.method != "POST" or not request.path.endswith(PATHS):
            return reply(404, {"error": {"message": "no such path"}})
        with self.lock:
            seen = self.seen.setdefault((name, endpoint), [])
            seen.append(request)
            turn = len(seen)
        return SCENARIOS[self.scenarios[name][endpoint]](request, turn)

    def endpoint(self, name, i, *options):
        cloud = self.clouds[i]
        port = cloud.server.server_port
        return ",".join([f"{NAMES[i]}=https://localhost:{port}/{name}/v1", f"ca={cloud.ca}",
                         f"key-file={self.key_file}", *options])

    @contextlib.contextmanager
    def gateway(self, *scenarios, flags=(), mode="only_cloud", options=(), policy=None):
        with self.lock:
            self.count += 1
            name = f"case{self.count}"
            self.scenarios[name] = scenarios
        words = ["--mode", mode] if mode else []
        for i in range(len(scenarios)):
            words += ["--endpoint", self.endpoint(name, i, f"priority={i}", *options)]
        if policy:
            words += ["--policy", faces.write(self.folder, name + ".json", policy)]
        folder = os.path.join(self.folder, name)
        os.mkdir(folder)
        with faces.gateway(folder, *words, *flags) as (url, _):
            yield Gateway(self, name, url)


class Control:
    """The lab for other programs, on this machine only:

    POST /open {"scenarios": [...], "flags": [...], "mode": null or a mode}
               -> {"id", "url", "origin"}
    POST /seen {"id"} -> {"asked": [n, n], "requests": [[{"body", "headers"}, ...], [...]]}
    POST /left {"id"} -> {"left": bool}, after at most 5 s
    POST /close {"id"} -> {"error": what was wrong with the gateway's end, or null}"""

    def __init__(self, lab):
        self.lab, self.open, self.lock = lab, {}, threading.Lock()
        control = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                data = json.dumps(control.serve(self.path, body)).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def serve(self, path, body):
        if path == "/open":
            stack = contextlib.ExitStack()
            flags = [self.lab.gateway_key if one == "GATEWAY_KEY" else one
                     for one in body.get("flags", [])]
            gateway = stack.enter_context(self.lab.gateway(
                *body["scenarios"], flags=flags, mode=body.get("mode", "only_cloud")))
            with self.lock:
                self.open[gateway.name] = gateway, stack
            return {"id": gateway.name, "url": gateway.url, "origin": gateway.origin}
        gateway, stack = self.open[body["id"]]
        if path == "/seen":
            return {"asked": gateway.asked(), "requests": [
                [{"body": one.json, "headers": {k.lower(): v for k, v in one.headers.items()}}
                 for one in gateway.requests(i)] for i in range(len(NAMES))]}
        if path == "/left":
            return {"left": gateway.was_left()}
        try:
            stack.close()
            return {"error": None}
        except AssertionError as error:
            return {"error": str(error)}
