#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A chat cloud that misbehaves on command, for tests. Python's standard library and openssl only.

    badcloud.py    prints one JSON line when ready: {"port", "ca", "ports", "pins", "folder"}

The first part of a URL's path chooses the scenario: https://localhost:PORT/slow:50/v1 is a base URL
whose answers come with 50 ms between two tokens; badcloud_scenarios.py has all of them. Each
listener in "ports" has another certificate or another habit; they all know all scenarios.

Commands on standard input, one JSON line in reply to each; the program ends with its input:

    attempts PATHNAME      {"value": requests that came for it}       "*" for all of them
    set NAME SCENARIO      the path NAME behaves as SCENARIO from now on
    gone PATHNAME          {"value": requests for it whose client went away in mid-answer}
    bytes LISTENER         {"value": bytes of requests seen}, after TLS where there is TLS
    connections LISTENER   {"value": accepted connections}
    last PATHNAME          {"body", "headers", "method"} of the last request for it
    answer TEXT            what the answers say from now on
    reset                  all counts to zero
"""
import json
import os
import shutil
import signal
import socket
import ssl
import sys
import tempfile
import threading
import time
import warnings

sys.dont_write_bytecode = True
import badcloud_certs  # noqa: E402
import badcloud_h2  # noqa: E402
from badcloud_exchange import PORTS, Exchange, Gone, state  # noqa: E402
from badcloud_scenarios import SCENARIOS  # noqa: E402

lock = threading.Lock()
attempts, aliases, last, seen, connections, gone = {}, {}, {}, {}, {}, {}


def read_request(connection, listener):
    data = b""

    def more():
        nonlocal data
        try:
            piece = connection.recv(65536)
        except (OSError, ValueError):
            raise Gone()
        if not piece:
            raise Gone()
        with lock:
            seen[listener] = seen.get(listener, 0) + len(piece)
        data += piece

    while b"\r\n\r\n" not in data:
        more()
    head, data = data.split(b"\r\n\r\n", 1)
    lines = head.decode("latin-1").split("\r\n")
    method, path, _ = lines[0].split(" ", 2)
    headers = {n.strip().lower(): v.strip() for n, v in (l.split(":", 1) for l in lines[1:])}
    length = int(headers.get("content-length", 0))
    while len(data) < length:
        more()
    return method, path, headers, data[:length]


def count(name):
    with lock:
        attempts[name] = attempts.get(name, 0) + 1
        return attempts[name]


def answer_one(connection, listener):
    method, path, headers, body = read_request(connection, listener)
    name = path.split("/")[1]
    exchange = Exchange(connection, method, path, headers, body)
    with lock:
        if method != "HEAD":
            attempts[name] = attempts.get(name, 0) + 1
            last[name] = {"body": body.decode("utf-8", "replace"), "headers": headers,
                          "method": method}
        attempt = attempts.get(name, 0)
        meant = aliases.get(name, name)
    if method == "HEAD":
        exchange.send(b"HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n")
        return
    scenario_name, _, argument = meant.partition(":")
    function = SCENARIOS.get(scenario_name)
    if function is None or not path.endswith(("/chat/completions", "/responses")):
        exchange.error(404, None, "No such URL.")
        return
    try:
        function(exchange, argument or None, attempt)
    except Gone:
        with lock:
            gone[name] = gone.get(name, 0) + exchange.was_left
        raise
    if not exchange.chunked and headers.get("connection", "") == "close":
        raise Gone()


def serve(raw, listener, context):
    connection = raw
    try:
        raw.settimeout(120)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if listener == "closer":
            return
        if listener == "mute":
            time.sleep(60)
            return
        if listener == "proxy":  # demands a password
            raw.recv(65536)
            raw.sendall(b"HTTP/1.1 407 Who?\r\nProxy-Authenticate: Basic\r\n"
                        b"Content-Length: 0\r\n\r\n")
            return
        if context is not None:
            connection = context.wrap_socket(raw, server_side=True)
        if listener == "h2-refuser":
            badcloud_h2.refuse_streams(connection, lambda: count("h2-refuser"))
            return
        while True:
            answer_one(connection, listener)
    except (Gone, OSError, ValueError):
        pass
    finally:
        connection.close()


def context_of(pair, maximum=None, minimum=ssl.TLSVersion.TLSv1_2, protocol="http/1.1"):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = minimum
    if maximum is not None:
        context.maximum_version = maximum
    context.load_cert_chain(*pair)
    context.set_alpn_protocols([protocol])
    return context


def listen(name, context):
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", 0))
    server.listen(64)

    def accept():
        while True:
            raw, _ = server.accept()
            with lock:
                connections[name] = connections.get(name, 0) + 1
            threading.Thread(target=serve, args=(raw, name, context), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return server.getsockname()[1]


def command(words, text):
    kind, argument = words[0], words[1] if len(words) > 1 else ""
    if kind == "attempts":
        return {"value": sum(attempts.values()) if argument == "*" else attempts.get(argument, 0)}
    if kind == "set":
        aliases[argument] = words[2]
        return {}
    if kind == "gone":
        return {"value": gone.get(argument, 0)}
    if kind == "bytes":
        return {"value": seen.get(argument, 0)}
    if kind == "connections":
        return {"value": connections.get(argument, 0)}
    if kind == "last":
        return last.get(argument, {})
    if kind == "answer":
        state["answer"] = text.partition(" ")[2].strip()
        return {}
    if kind == "reset":
        for counts in (attempts, seen, connections, last, gone):
            counts.clear()
        return {}
    return {"error": "unknown command"}


def main():
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    warnings.simplefilter("ignore")  # of course TLS 1.1 is deprecated
    folder = tempfile.mkdtemp(prefix="badcloud-")
    try:
        made = badcloud_certs.make(folder)
        contexts = {name: context_of(pair) for name, pair in made.items()}
        contexts["main"] = contexts["good"]
        contexts["tls12"] = context_of(made["good"], ssl.TLSVersion.TLSv1_2)
        contexts["tls11"] = context_of(made["good"], ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1)
        contexts["tls13"] = context_of(made["good"], minimum=ssl.TLSVersion.TLSv1_3)
        contexts["h2-refuser"] = context_of(made["good"], protocol="h2")
        for name in ("plain", "closer", "mute", "proxy"):
            contexts[name] = None
        for name, context in contexts.items():
            PORTS[name] = listen(name, context)
        pins = {name: badcloud_certs.pin(pair[1]) for name, pair in made.items()}
        pins["main"] = pins["good"]
        print(json.dumps({"port": PORTS["main"], "ca": os.path.join(folder, "ca.pem"),
                          "ports": PORTS, "pins": pins, "folder": folder}), flush=True)
        for line in sys.stdin:
            words = line.split()
            if words:
                with lock:
                    reply = command(words, line.rstrip("\n"))
                print(json.dumps(reply), flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
    os._exit(0)  # does not wait for scenarios that still sleep
