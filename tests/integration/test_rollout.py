#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Remote config by the command: GrowthBook's own cases, signing and what other tools make of it,
what a start costs, what leaves the device, a static file server, what the features steer."""
import base64
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import faces  # noqa: E402
from faces import SHARED, Skipped, amphi, promise, refused, write  # noqa: E402

NGINX = "/usr/sbin/nginx"
KILL = {"features": {"amphi.policy": {"defaultValue": {"local": {"enabled": False}}}}}
OPEN = {"features": {"amphi.policy": {"defaultValue": {"total_ms": 50999}}}}


def data(folder):
    return ["--data", os.path.join(folder, "data")]


def parsed(done):
    assert done.returncode == 0, (done.returncode, done.stderr)
    return json.loads(done.stdout)


def show(folder, *flags):
    return parsed(amphi("rollout", "show", *data(folder), *flags))


def evaluated(folder, payload, attributes, feature):
    return parsed(amphi("rollout", "eval", "--payload", write(folder, "p.json", payload),
                        "--attributes", write(folder, "a.json", attributes),
                        "--feature", feature, "--json"))


# ---- GrowthBook's cases ----

def cases():
    path = os.path.join(SHARED, "conformance", "growthbook-cases.json")
    if not os.path.exists(path):
        raise Skipped(f"{path} is not there")
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def same(got, expected):
    """As the SDK's own test compares: what is expected is there; numbers to six digits."""
    if isinstance(expected, dict):
        return isinstance(got, dict) and all(same(got.get(k), v) for k, v in expected.items())
    if isinstance(expected, float):
        return isinstance(got, (int, float)) and abs(got - expected) < 1e-6
    return got == expected


def of_feature(name):
    """Without what needs a page's URL or a tester's switches; "experiment" is the rule itself, and
    a bandit's own members are for its reports."""
    return [case for case in cases()[name]
            if not {"url", "qaMode", "enabled"} & set(case[1])]


@promise
def eval__gives_what_growthbooks_cases_expect_of_features(folder):
    passed = 0
    for name in ("feature", "contextualBandit"):
        for title, context, feature, expected in of_feature(name):
            payload = {"features": {}, **context}
            got = evaluated(folder, payload, context.get("attributes", {}), feature)
            expected = {k: v for k, v in expected.items() if k != "experiment"}
            for member in ("leafId", "variationWeights", "banditVersion"):
                expected.get("experimentResult", {}).pop(member, None)
            assert same(got, expected), (title, got, expected)
            passed += 1
    print(f"{passed} features")
    assert passed >= 86


@promise
def eval__gives_what_growthbooks_cases_expect_of_conditions(folder):
    """A process each, so a part of them; test_growthbook.c has them all."""
    step = int(os.environ.get("AMPHI_CASES_STEP", "8"))
    for title, condition, attributes, expected, *groups in cases()["evalCondition"][::step]:
        payload = {"features": {"f": {"defaultValue": False,
                                      "rules": [{"condition": condition, "force": True}]}},
                   "savedGroups": groups[0] if groups else {}}
        got = evaluated(folder, payload, attributes, "f")
        assert got["value"] is expected, (title, got)


@promise
def eval__is_pure_and_says_what_is_wrong(folder):
    payload = write(folder, "p.json", KILL)
    first = amphi("rollout", "eval", "--payload", payload)
    assert first.stdout == amphi("rollout", "eval", "--payload", payload).stdout
    assert os.listdir(folder) == ["p.json"], os.listdir(folder)
    for content, words in (("{", "JSON"), ("[]", "features"), ('{"features":{},'
                           '"encryptedFeatures":"x.y"}', "encrypted")):
        refused(amphi("rollout", "eval", "--payload", write(folder, "bad.json", content)), words)
    refused(amphi("rollout", "eval", "--payload", payload, "--attributes",
                  write(folder, "bad.json", "[]")), "attributes")
    refused(amphi("rollout", "eval", "--payload", os.path.join(folder, "nope")), "nope")


@promise
def eval_and_sign__warn_of_values_that_no_client_understands(folder):
    payload = write(folder, "p.json",
                    '{"features":{"amphi.endpoints":{"defaultValue":{"a":{"weigth":3}},"rules":'
                    '[{"force":{}},{"force":7},{"key":"x","variations":[{},[]]}]},'
                    '"amphi.cache":{"defaultValue":{"flush":"all"}},"amphi.model":{"defaultValue":'
                    '"m"},"other":{"defaultValue":5}}}')
    key, _ = keygen(folder, "key.jwk")
    for done in (amphi("rollout", "eval", "--payload", payload),
                 amphi("rollout", "sign", "--key", key, "--version", "1", payload)):
        assert done.returncode == 0, done.stderr
        lines = done.stderr.splitlines()
        assert len(lines) == 4, done.stderr
        for line, words in zip(lines, ("endpoints, the default value", "endpoints, rule 1:",
                                       "a variation of rule 2:", "cache, the default value")):
            assert "warning" in line and words in line, line
    good = write(folder, "good.json", KILL)
    assert amphi("rollout", "eval", "--payload", good).stderr == ""


# ---- signing ----

def keygen(folder, name):
    path = os.path.join(folder, name)
    public = amphi("rollout", "keygen", "--out", path)
    assert public.returncode == 0, public.stderr
    return path, public.stdout.strip()


def sign(path, key, version, *flags):
    done = amphi("rollout", "sign", "--key", key, "--version", str(version), *flags, path)
    assert done.returncode == 0, done.stderr


def from_b64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def to_b64(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@promise
def keygen__writes_a_private_key_for_the_user_alone_and_never_over_another(folder):
    path, public = keygen(folder, "k")
    assert os.stat(path).st_mode & 0o777 == 0o600
    with open(path, encoding="utf-8") as file:
        jwk = json.load(file)
    point = from_b64(public)
    assert point[0] == 4 and len(point) == 65
    assert point[1:] == from_b64(jwk["x"]) + from_b64(jwk["y"])
    thumb = json.dumps({k: jwk[k] for k in ("crv", "kty", "x", "y")}, separators=(",", ":"))
    assert jwk["kid"] == to_b64(hashlib.sha256(thumb.encode()).digest())
    assert jwk["d"] not in amphi("rollout", "keygen", "--out", path + "2", "--json").stdout
    refused(amphi("rollout", "keygen", "--out", path), "there already")


def der(number):
    raw = number.lstrip(b"\0") or b"\0"
    raw = b"\0" + raw if raw[0] & 0x80 else raw
    return bytes([2, len(raw)]) + raw


def openssl(*words, stdin=None):
    done = subprocess.run(["openssl", *words], input=stdin, capture_output=True, timeout=60)
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout


def pem(folder, point):
    spki = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200") + point
    return write(folder, "public.pem", "-----BEGIN PUBLIC KEY-----\n" +
                 base64.encodebytes(spki).decode() + "-----END PUBLIC KEY-----\n")


@promise
def sign__is_checked_by_openssl_and_checks_what_openssl_signs(folder):
    if shutil.which("openssl") is None:
        raise Skipped("openssl is not there")
    key, public = keygen(folder, "k")
    payload = write(folder, "p.json", KILL)
    sign(payload, key, 3)
    with open(payload, "rb") as file:
        body = file.read()
    with open(payload + ".jws", encoding="utf-8") as file:
        header, signature = file.read().rstrip("\n").split("..")
    said = json.loads(from_b64(header))
    assert said["alg"] == "ES256" and said["b64"] is False and said["ver"] == 3
    raw = from_b64(signature)
    points = der(raw[:32]) + der(raw[32:])
    for name, content in (("signature", bytes([0x30, len(points)]) + points),
                          ("signed", header.encode() + b"." + body)):
        with open(os.path.join(folder, name), "wb") as file:
            file.write(content)
    openssl("dgst", "-sha256", "-verify", pem(folder, from_b64(public)), "-signature",
            os.path.join(folder, "signature"), os.path.join(folder, "signed"))

    other = os.path.join(folder, "other.pem")
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", other)
    point = openssl("ec", "-in", other, "-pubout", "-outform", "DER")[-65:]
    thumb = json.dumps({"crv": "P-256", "kty": "EC", "x": to_b64(point[1:33]),
                        "y": to_b64(point[33:])}, separators=(",", ":"))
    now = int(time.time())
    header = to_b64(json.dumps({  # in another order, with blanks: any tool may sign
        "kid": to_b64(hashlib.sha256(thumb.encode()).digest()), "ver": 9, "iat": now,
        "exp": now + 3600, "crit": ["b64", "exp", "ver"], "b64": False, "alg": "ES256"}).encode())
    content = openssl("dgst", "-sha256", "-sign", other, stdin=header.encode() + b"." + body)
    size = content[3]
    r, s = content[4:4 + size], content[6 + size:]
    raw = b"".join(n.lstrip(b"\0").rjust(32, b"\0") for n in (r, s))
    write(folder, "p.json.jws", f"{header}..{to_b64(raw)}\n")
    shown = show(folder, "--rollout", payload, "--rollout-key", to_b64(point))
    assert shown["payload"] == "fresh" and shown["signature"]["version"] == 9, shown


@promise
def sign__refuses_what_no_client_would_take(folder):
    key, _ = keygen(folder, "k")
    payload = write(folder, "p.json", KILL)
    for words in (["--version", "0"], ["--version", "1", "--days", "0"],
                  ["--version", "1", "--days", "181"], ["--version", "x"], []):
        done = amphi("rollout", "sign", "--key", key, *words, payload)
        assert done.returncode == 2 and done.stderr.count("\n") == 1, done
    for content in ("{", '{"features":5}', '{"features":{"amphi.policy":{"rules":{}}}}'):
        refused(amphi("rollout", "sign", "--key", key, "--version", "1",
                      write(folder, "bad.json", content)))
        assert not os.path.exists(os.path.join(folder, "bad.json.jws"))
    refused(amphi("rollout", "sign", "--key", payload, "--version", "1", payload), "private key")


@promise
def signed__an_older_or_unsigned_payload_leaves_the_kill_switch_on(folder):
    key, public = keygen(folder, "k")
    flags = ["--rollout", os.path.join(folder, "p.json"), "--rollout-key", public]
    write(folder, "p.json", KILL)
    sign(flags[1], key, 5)
    assert show(folder, *flags)["policy"]["local"]["enabled"] is False
    write(folder, "p.json", OPEN)
    for version, words in ((4, "older than 5"), (5, "another payload")):
        sign(flags[1], key, version)
        shown = show(folder, *flags)
        assert shown["policy"]["local"]["enabled"] is False and words in shown["why"], shown
    os.remove(flags[1] + ".jws")
    shown = show(folder, *flags)
    assert shown["policy"]["local"]["enabled"] is False and "not signed" in shown["why"], shown
    sign(flags[1], key, 6)
    assert show(folder, *flags)["policy"]["total_ms"] == 50999


# ---- traffic ----

class Server:
    """On a port of this machine; counts connections, and answers with a payload or not at all."""

    def __init__(self, body=None):
        self.body, self.count, self.open = body, 0, []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/f.json"
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.count += 1
            self.open.append(connection)
            if self.body is not None:
                connection.recv(65536)
                text = json.dumps(self.body).encode()
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                   b"Connection: close\r\nContent-Length: %d\r\n\r\n%s"
                                   % (len(text), text))
                connection.close()

    def close(self):
        self.socket.close()
        for connection in self.open:
            connection.close()


@promise
def traffic__nothing_is_asked_where_nothing_may_leave(folder):
    server = Server(KILL)
    flags = ["--rollout", server.url, "--allow-http-loopback"]
    off = write(folder, "off.json", {"cloud": {"enabled": False}})
    unmetered = write(folder, "unmetered.json", {"network": {"metered_allowed": False}})
    metered = write(folder, "facts.json", {"network": "metered"})
    for more in (["--private"], ["--policy", off], ["--policy", unmetered, "--device", metered]):
        for words in (["rollout", "show"], ["outbox", "list"],
                      ["ask", "--mode", "only_local", "--max-tokens", "8", "Hi"]):
            amphi(words[0], *data(folder), *flags, *more, *words[1:])
        assert server.count == 0, more
    assert show(folder, *flags)["payload"] == "fresh" and server.count >= 1
    server.close()


@promise
def start__is_not_delayed_by_a_server_that_hangs(folder):
    """No clock: a start that waits says so behind its wait, with --verbose."""
    hanging = Server()
    flags = ["--rollout", hanging.url, "--allow-http-loopback", "--verbose"]
    first = amphi("outbox", *data(folder), *flags, "list")
    said = [line for line in first.stderr.splitlines() if line.startswith("amphi: ")]
    # The transport's words or the client's own, whichever clock was first.
    assert len(said) == 1 and ("time" in said[0] or "no answer" in said[0]), first.stderr
    show(folder, "--rollout", write(folder, "p.json", KILL))
    later = amphi("outbox", *data(folder), *flags, "list")
    assert not any(line.startswith("amphi: ") for line in later.stderr.splitlines()), later.stderr
    hanging.close()


@promise
def source__is_known_by_its_scheme_in_any_case(folder):
    server = Server(KILL)
    shown = show(folder, "--rollout", server.url.replace("http", "HTTP"), "--allow-http-loopback")
    assert shown["payload"] == "fresh" and server.count > 0, shown
    server.close()
    odd = write(folder, "https-rollout.json", OPEN)
    done = amphi("rollout", "show", *data(folder), "--rollout", os.path.relpath(odd))
    assert json.loads(done.stdout)["policy"]["total_ms"] == 50999


@promise
def static__any_file_server_will_do(folder):
    if not os.path.exists(NGINX):
        raise Skipped("nginx is not there")
    key, public = keygen(folder, "k")
    os.mkdir(os.path.join(folder, "www"))
    payload = write(os.path.join(folder, "www"), "f.json", KILL)
    sign(payload, key, 1)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = os.path.join(folder, "access.log")
    root = "user root;\n" if os.geteuid() == 0 else ""
    conf = write(folder, "nginx.conf", f"""{root}daemon off; worker_processes 1; pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{ access_log {log}; client_body_temp_path {folder}/t; proxy_temp_path {folder}/t;
fastcgi_temp_path {folder}/t; uwsgi_temp_path {folder}/t; scgi_temp_path {folder}/t;
server {{ listen 127.0.0.1:{port}; root {folder}/www; }} }}
""")
    nginx = subprocess.Popen([NGINX, "-e", os.path.join(folder, "error.log"), "-p", folder,
                              "-c", conf], stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        flags = ["--rollout", f"http://127.0.0.1:{port}/f.json", "--allow-http-loopback",
                 "--rollout-key", public]
        assert show(folder, *flags)["payload"] == "fresh"
        assert show(folder, *flags)["policy"]["local"]["enabled"] is False
        write(os.path.join(folder, "www"), "f.json", OPEN)
        sign(payload, key, 2)
        assert show(folder, *flags)["policy"]["total_ms"] == 50999
    finally:
        nginx.terminate()
        nginx.wait(30)
    with open(log, encoding="utf-8") as file:
        lines = [" ".join(line.split('"')[1].split()[1:2] + line.split('"')[2].split()[:1])
                 for line in file if "GET" in line]
    assert lines[:2] == ["/f.json.jws 200", "/f.json 200"], lines
    assert "/f.json.jws 304" in lines, lines
    assert lines.count("/f.json 200") == 2, lines


# ---- what the features steer ----

ENDPOINTS = ["--endpoint", "a=https://127.0.0.1:9/v1,model=m",
             "--endpoint", "b=https://127.0.0.1:9/v1,model=m"]


@promise
def endpoints__are_switched_off_by_name(folder):
    payload = write(folder, "p.json", {"features": {"amphi.endpoints": {"defaultValue": {
        "a": {"enabled": False}, "b": {"weight": 7}, "local": {"enabled": False},
        "nobody": {"enabled": False}}}}})
    routes = parsed(amphi("route", *data(folder), *ENDPOINTS, "--mode", "prefer_cloud",
                          "--rollout", payload, "--json", "Hi"))["routes"]
    by_name = {route["route"]: route for route in routes}
    assert by_name["a"]["kept"] is False and by_name["a"]["reason"] == "kill_switch", by_name
    assert by_name["b"]["kept"] is True and by_name["local"]["reason"] != "kill_switch", by_name
    assert set(by_name) == {"a", "b", "local"}


@promise
def attributes__of_the_app_choose_a_rule(folder):
    payload = write(folder, "p.json", {"features": {"amphi.policy": {"rules": [
        {"condition": {"tier": "free", "appVersion": {"$vgte": "2.0.0"}},
         "force": {"total_ms": 50999}}]}}})
    tier = write(folder, "attributes.json", {"tier": "free", "appVersion": "2.1.0"})
    assert show(folder, "--rollout", payload)["policy"]["total_ms"] != 50999
    shown = show(folder, "--rollout", payload, "--rollout-set", f"attributes={tier}")
    assert shown["policy"]["total_ms"] == 50999 and shown["attributes"]["tier"] == "free"


@promise
def model__is_chosen_among_the_apps(folder):
    payload = write(folder, "p.json", {"features": {"amphi.model": {"defaultValue": "other"}}})
    flags = ["--rollout", payload, "--rollout-set"]

    def local(*more):
        mode = ["--mode", "only_local"]
        routes = parsed(amphi("route", *data(folder), *more, *mode, "--json", "Hi"))["routes"]
        return [route for route in routes if route["route"] == "local"][0]
    assert local(*flags, f"model=small={folder}/nowhere.gguf")["kept"] is True
    assert local(*flags, f"model=other={folder}/nowhere.gguf")["kept"] is False


@promise
def cache__is_emptied_once_for_a_number(folder):
    def cached(question="What is Amphi?"):
        words = ["--mode", "only_local", "--temperature", "0"]
        return parsed(amphi("ask", *data(folder), *words, "--json", question))["cache"]
    assert cached() == "miss" and cached() == "hit"
    payload = write(folder, "p.json", {"features": {"amphi.cache": {"defaultValue": {"flush": 3}}}})
    show(folder, "--rollout", payload)
    assert cached() == "miss" and cached() == "hit"
    show(folder, "--rollout", payload)
    assert cached() == "hit"


@promise
def bootstrap__steers_a_first_start(folder):
    boot = write(folder, "boot.json", KILL)
    missing = os.path.join(folder, "nowhere.json")
    flags = ["--rollout", missing, "--rollout-set", f"bootstrap={boot}"]
    shown = show(folder, *flags)
    assert shown["payload"] == "bootstrap" and shown["policy"]["local"]["enabled"] is False


if __name__ == "__main__":
    faces.main()
