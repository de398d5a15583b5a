#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`amphi serve` itself: its flags, its end, TLS, and another amphi as the client."""
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from urllib.parse import urlparse

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import faces  # noqa: E402
from faces import (amphi, gateway, make_certificate, promise, refused, spki_pin,  # noqa: E402
                   survived, write)
from gateway_client import (CHAT, QUESTION, call, chat, connect, is_healthy,  # noqa: E402
                            slow_policy, streamed)


@promise
def gateway__a_key_is_asked_for_when_one_is_set(folder):
    key = write(folder, "key", "sk-test-4711\n")
    with gateway(folder, "--require-key-file", key) as (url, _):
        body = {"messages": QUESTION, "max_tokens": 2}
        for header in ({}, {"Authorization": "Bearer sk-test-471"},
                       {"Authorization": "Bearer sk-test-47111"},
                       {"Authorization": "sk-test-4711"}, {"Authorization": "Basic sk-test-4711"},
                       {"Authorization": "Bearer "}, {"Authorization": "Bearer sk-test-4712"}):
            status, headers, text = call(url, "POST", CHAT, body, header)
            assert status == 401 and headers["WWW-Authenticate"] == "Bearer", (header, status)
            assert "4711" not in text
            assert call(url, "GET", "/v1/models", None, header)[0] == 401
        good = {"Authorization": "Bearer sk-test-4711"}
        assert call(url, "POST", CHAT, body, good)[0] == 200
        assert call(url, "GET", "/v1/models", None, good)[0] == 200
        done = amphi("ask", "--data", os.path.join(folder, "asker"), "--allow-http-loopback",
                     "--mode",
                     "only_cloud", "--endpoint", f"g={url},key-file={key}", "--no-queue",
                     "Who are you?")
        assert done.returncode == 0, done.stderr
        done = amphi("ask", "--data", os.path.join(folder, "asker"), "--allow-http-loopback",
                     "--mode",
                     "only_cloud", "--endpoint", f"g={url}", "--no-queue", "Hello")
        refused(done)
    empty = write(folder, "empty", "\n")
    refused(amphi("serve", "--port", "0", "--data", os.path.join(folder, "x"), "--require-key-file",
                  empty))


@promise
def serve__private_holds_for_every_request_whatever_it_says(folder):
    with socket.create_server(("127.0.0.1", 0)) as cloud:
        cloud.setblocking(False)
        endpoint = f"c=http://127.0.0.1:{cloud.getsockname()[1]}/v1,model=m"
        flags = ["--private", "--no-cache", "--allow-http-loopback", "--endpoint", endpoint]
        with gateway(folder, *flags) as (url, _):
            for own in ({"mode": "only_cloud", "private": False}, {"mode": "prefer_cloud"}, {},
                        None):
                body = {"messages": QUESTION}
                if own is not None:
                    body["amphi"] = own
                status, answer = chat(url, body)
                if own and own["mode"] == "only_cloud":
                    assert status == 403, (status, answer)
                else:
                    assert status == 200 and answer["amphi"]["route"] == "local", (status, answer)
        try:
            cloud.accept()
            raise AssertionError("a private server opened a connection")
        except BlockingIOError:
            pass


@promise
def serve__mode_is_that_of_requests_that_name_none(folder):
    flags = ["--mode", "only_cloud", "--endpoint", "c=https://127.0.0.1:9/v1,model=m"]
    with gateway(folder, *flags) as (url, _):
        status, answer = chat(url, {"messages": QUESTION})
        assert status >= 500, (status, answer)
        status, answer = chat(url, {"messages": QUESTION, "amphi": {"mode": "only_local"}})
        assert status == 200 and answer["amphi"]["route"] == "local", (status, answer)


@promise
def gateway__a_polite_kill_ends_it_at_once_also_in_mid_answer(folder):
    for number in (signal.SIGTERM, signal.SIGINT):
        with gateway(folder, "--drain", "0", "--policy", slow_policy(folder, 2)) as (url, process):
            bodies = [{"messages": QUESTION, "stream": stream, "amphi": {"no_cache": True}}
                      for stream in (True, False)]
            connections = []
            for body in bodies:
                connection = connect(url)
                connection.request("POST", CHAT, json.dumps(body))
                connections.append(connection)
            time.sleep(1.5)
            began = time.monotonic()
            process.send_signal(number)
            assert process.wait(15) == 0
            assert time.monotonic() - began < 8, time.monotonic() - began
            for connection in connections:
                try:
                    text = connection.getresponse().read()
                    assert b"[DONE]" not in text and b'"finish_reason":"stop"' not in text, text
                except (http.client.HTTPException, OSError):
                    pass
                connection.close()
            process.poll = lambda: None  # it ended as it should; nothing is left to check
            process.returncode = 0


@promise
def serve__a_taken_port_and_a_bad_certificate_are_one_clear_line(folder):
    data = ["--data", os.path.join(folder, "other")]
    with gateway(folder) as (url, _):
        refused(amphi("serve", *data, "--port", str(urlparse(url).port)))
    junk = write(folder, "junk.pem", "no certificate")
    refused(amphi("serve", *data, "--port", "0", "--tls-cert", junk, "--tls-key", junk))
    refused(amphi("serve", *data, "--port", "0", "--tls-cert", junk, "--tls-key", folder + "/none"))
    refused(amphi("serve", *data, "--port", "0", "--host", "nowhere.example"))


@promise
def gateway__over_tls_serves_openai_clients_and_amphi(folder):
    cert, key = make_certificate(folder)
    other_cert, _ = make_certificate(folder, "other")
    with gateway(folder, "--tls-cert", cert, "--tls-key", key) as (url, _):
        context = ssl.create_default_context(cafile=cert)
        assert url.startswith("https://localhost:"), url
        is_healthy(url, context=context)
        chunks = streamed(call(url, "POST", CHAT, {"messages": QUESTION, "stream": True},
                               context=context)[2])
        assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
        with socket.create_connection(("localhost", urlparse(url).port)) as line:
            with context.wrap_socket(line, server_hostname="localhost") as tls:
                assert tls.version() == "TLSv1.3"

        def ask(extra, *flags):
            return amphi("ask", "--json", "--data", os.path.join(folder, "asker"), "--mode",
                         "only_cloud",
                         "--no-cache", "--no-queue", "--endpoint", f"cloud={url}{extra}", *flags,
                         "What happens when the battery is low?")
        good, wrong = spki_pin(cert), spki_pin(other_cert)
        for extra in (f",ca={cert}", f",ca={cert},pin={good}",
                      f",ca={cert},pin={wrong},pin={good}"):
            done = ask(extra)
            assert done.returncode == 0, (extra, done.stderr)
            result = json.loads(done.stdout)
            assert result["route"] == "cloud" and "cloud" in result["text"], result
            assert result["model"] == "Amphi Help", result["model"]
        for extra in ("", f",ca={other_cert}", f",ca={cert},pin={wrong}", f",ca={folder}/none.pem"):
            done = ask(extra)
            refused(done)
            assert json.loads(done.stdout)["text"] == "", extra
        refused(ask(f",ca={cert},pin=sha256//short"))
        plain = amphi("ask", "--data", os.path.join(folder, "asker"), "--mode", "only_cloud",
                      "--no-queue",
                      "--endpoint", f"cloud={url.replace('https', 'http')}", "Hello")
        refused(plain)  # http only when it was allowed for this machine
        survived(plain)


@promise
def gateway__a_gateway_that_dies_in_mid_answer_is_no_success(folder):
    endpoint_data = os.path.join(folder, "asker")
    with gateway(folder, "--policy", slow_policy(folder, 6)) as (url, process):
        asking = subprocess.Popen(
            [faces.AMPHI, "ask", "--json", "--data", endpoint_data, "--mode", "only_cloud",
             "--no-queue",
             "--allow-http-loopback", "--endpoint", f"g={url}",
             "What happens when the battery is low?"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=faces.environment())
        time.sleep(2.5)
        process.kill()
        process.wait()
        out, err = asking.communicate(timeout=60)
        assert asking.returncode == 1 and err, (asking.returncode, out)
        result = json.loads(out)
        assert result["error"] is not None and result["finish_reason"] != "stop", result
        process.poll = lambda: None
        process.terminate = lambda: None
        process.wait = lambda timeout=None: 0
        process.returncode = 0


if __name__ == "__main__":
    faces.main()
