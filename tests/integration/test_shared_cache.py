#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Gateways of one team that share a response cache in a real Redis server."""
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import faces  # noqa: E402
from faces import amphi, gateway, promise, refused, skip, write  # noqa: E402
from gateway_client import chat  # noqa: E402

SECRET = "0123456789abcdef" * 4


@contextlib.contextmanager
def redis(folder, *words):
    """A server on a socket in the folder, without a port; yields (path of the socket, process)."""
    if shutil.which("redis-server") is None:
        skip("no redis-server: apt install redis-server")
    path = os.path.join(folder, "redis.sock")
    process = subprocess.Popen(
        ["redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--dir", folder,
         *words], stdout=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 30
        while redis_says(path, "PING") not in ("PONG", "NOAUTH Authentication required."):
            assert time.monotonic() < until, "redis-server did not start"
            time.sleep(0.02)
        yield path, process
    finally:
        process.kill()
        process.wait()


def redis_says(path, *words):
    return subprocess.run(["redis-cli", "-s", path, *words], capture_output=True,
                          text=True).stdout.strip()


def team(folder, path, secret=SECRET, suffix=""):
    key = write(folder, f"team-{secret[:4]}", secret + "\n")
    os.chmod(key, 0o600)
    return ["--shared-cache", f"redis+unix://{path}{suffix}", "--shared-cache-key", key]


def route(url, words, **amphi_member):
    body = {"messages": [{"role": "user", "content": words}], "temperature": 0,
            "amphi": amphi_member}
    status, answer = chat(url, body)
    assert status == 200, (status, answer)
    return answer["amphi"]["route"]


@promise
def team__one_gateways_answer_serves_the_other(folder):
    with redis(folder) as (path, _):
        flags = team(folder, path)
        with gateway(folder, *flags, name="a") as (a, _), \
                gateway(folder, *flags, name="b") as (b, _):
            assert route(a, "Who are you?") == "local"
            assert route(b, "Who are you?") == "cache"
            assert route(b, " who are you ") == "cache"
            # Without asking for it, only what is greedy is cached.
            hot = {"messages": [{"role": "user", "content": "Hi"}], "temperature": 1}
            assert [chat(a, hot)[1]["amphi"]["route"] for _ in range(2)] == ["local"] * 2
            # What is private, or to stay here, is not shared.
            for own in ({"private": True}, {"mode": "only_local"}):
                assert route(a, "My secret is 4711.", **own) == "local"
                assert route(b, "My secret is 4711.", **own) == "local"
            keys = redis_says(path, "KEYS", "*").split()
            assert keys and all(key.startswith("amphi:1:") for key in keys), keys
            with open(os.path.join(folder, "dump"), "wb") as dump:
                for key in keys:
                    dump.write(subprocess.run(["redis-cli", "-s", path, "--raw", "GET", key],
                                              capture_output=True).stdout)
            with open(os.path.join(folder, "dump"), "rb") as dump:
                values = dump.read()
            assert len(values) > 50 and b"you" not in values and b"local" not in values, values
            # Another secret, or another prefix, is another team.
            for other in (team(folder, path, "f" * 64), team(folder, path, suffix="?prefix=x")):
                with gateway(folder, *other, name="c" + other[1][-1]) as (c, _):
                    assert route(c, "Who are you?") == "local"
            done = amphi("cache", "clear", "--data", os.path.join(folder, "d"), *flags)
            assert done.returncode == 0, done.stderr
            left = redis_says(path, "KEYS", "*").split()
            assert left and all(key.startswith("x:1:") for key in left), left


@promise
def team__gateways_answer_without_their_cache(folder):
    with redis(folder) as (path, process):
        flags = team(folder, path)
        with gateway(folder, *flags, name="a") as (a, _):
            assert route(a, "Who are you?") == "local"
            process.kill()
            process.wait()
            assert route(a, "What is your name?") == "local"
            assert route(a, "Who are you?") in ("cache", "local")
    with redis(folder) as (path, process):  # one that hangs costs no more than its time limit
        with gateway(folder, *team(folder, path), name="b") as (b, _):
            process.send_signal(signal.SIGSTOP)
            assert route(b, "What is your name?") == "local"
            process.send_signal(signal.SIGCONT)


def answers_in(path):
    return redis_says(path, "KEYS", "*").split()


@promise
def team__deleting_reaches_the_shared_cache(folder):
    with redis(folder) as (path, process):
        flags = team(folder, path)
        data = ["--data", os.path.join(folder, "a"), *flags]
        with gateway(folder, *flags, name="a") as (a, _):
            for name, words in (("c", "Who are you?"), ("d", "What is the outbox?"),
                                ("e", "What is your name?"), ("f", "What is a model?")):
                assert route(a, words, conversation_id=name) == "local"
            assert route(a, "Who are you?", conversation_id="hit") == "cache"
        assert len(answers_in(path)) == 4, answers_in(path)
        # The answer is that of two conversations: it goes with the first that goes.
        done = amphi("history", "delete", "hit", *data, "--json")
        assert done.returncode == 0, done.stderr
        receipt = json.loads(done.stdout)
        assert (receipt["shared"], receipt["shared_left"]) == (1, 0), receipt
        assert len(answers_in(path)) == 3
        done = amphi("history", "delete", "d", *data)
        assert done.returncode == 0 and "1 answers of the shared cache" in done.stdout, done
        assert len(answers_in(path)) == 2
        process.send_signal(signal.SIGSTOP)  # it does not answer
        done = amphi("history", "delete", "e", *data)
        process.send_signal(signal.SIGCONT)
        assert done.returncode == 0 and "1 answers stay there" in done.stderr, done
        done = amphi("history", "erase-all", "--yes", *data, "--json")
        assert done.returncode == 0 and json.loads(done.stdout)["shared"] == 1, done
        assert answers_in(path) == [], answers_in(path)  # e's as well


@promise
def team__a_deletion_without_the_shared_cache_says_so_and_is_made_good(folder):
    with redis(folder) as (path, process):
        flags = team(folder, path)
        data = ["--data", os.path.join(folder, "a")]
        texts = ["Who are you?", "What is the outbox?", "What is your name?", "What is a model?",
                 "What is a gateway?", "What is a cache?"]

        def ask_all():
            with gateway(folder, *flags, name="a") as (a, _):
                for i, words in enumerate(texts):
                    assert route(a, words, conversation_id=f"k{i}") == "local", words
                private = {"conversation_id": "own", "private": True}
                assert route(a, "Who are you?", **private) == "local"
            assert len(answers_in(path)) == len(texts), answers_in(path)

        def deleted(*words):
            done = amphi("history", *words, "--json")
            assert done.returncode == 0, done
            receipt = json.loads(done.stdout)
            assert ("--shared-cache URL" in done.stderr) == (receipt["shared_left"] > 0), done
            return receipt["shared"], receipt["shared_left"]

        ask_all()
        assert deleted("delete", "own", *data) == (0, 0)  # its answer was never there
        assert deleted("delete", "k0", *data) == (0, 1)
        done = amphi("history", "k1", *data, "--json")
        message = json.loads(done.stdout)["messages"][0]["id"]
        assert deleted("delete", "k1", "--message", str(message), *data) == (0, 1)
        done = amphi("history", "delete", "k2", *data)
        assert "1 answers stay there" in done.stderr and "--shared-cache URL" in done.stderr, done
        assert len(answers_in(path)) == len(texts)
        assert deleted("delete", "k3", *data, *flags) == (1, 0)
        assert len(answers_in(path)) == 2, answers_in(path)  # those of k4 and k5
        # k1's other message still remembers an answer; that it is gone is not to be known here.
        assert deleted("erase-all", "--yes", *data) == (0, 3)
        assert len(answers_in(path)) == 2
        with gateway(folder, *flags, name="a"):
            pass
        assert answers_in(path) == []
        ask_all()
        process.send_signal(signal.SIGSTOP)
        assert deleted("erase-all", "--yes", *data, *flags) == (0, len(texts))
        process.send_signal(signal.SIGCONT)
        until = time.monotonic() + 60
        while answers_in(path) != [] and time.monotonic() < until:  # it answers within its time
            done = amphi("history", "delete", "k0", *data, *flags)  # there is none any more
            assert done.returncode == 1, done
        assert answers_in(path) == []
        ask_all()
        assert deleted("erase-all", "--yes", *data) == (0, len(texts))
        done = amphi("cache", "clear", *data, *flags)
        assert done.returncode == 0 and answers_in(path) == [], done


@promise
def team__a_password_is_asked_for_and_given(folder):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with redis(folder, "--requirepass", "p:ss", "--port", str(port)) as (path, _):
        flags = team(folder, path)
        login = ["-a", "p:ss", "--no-auth-warning"]
        for name, url in (("wrong", f"redis://:pass@127.0.0.1:{port}"),
                          ("none", f"redis://127.0.0.1:{port}")):
            with gateway(folder, "--shared-cache", url, *flags[2:], name=name) as (a, _):
                assert route(a, "Who are you?") == "local"  # works, without the cache
        assert redis_says(path, *login, "DBSIZE") == "0"
        for name, user in (("one", ""), ("two", "default")):
            url = f"redis://{user}:p:ss@127.0.0.1:{port}/3"
            with gateway(folder, "--shared-cache", url, *flags[2:], name=name) as (a, _):
                assert route(a, "Who are you?") == ("cache" if name == "two" else "local")
        assert redis_says(path, *login, "-n", "3", "DBSIZE") != "0"


@promise
def single_flight__equal_questions_at_once_are_asked_once(folder):
    with gateway(folder, name="a") as (a, _):
        answers = []
        body = {"messages": [{"role": "user", "content": "What happens when the battery is low?"}],
                "temperature": 0}

        def one():
            answers.append(chat(a, body))

        threads = [threading.Thread(target=one) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert all(status == 200 for status, _ in answers), answers
        routes = sorted(answer["amphi"]["route"] for _, answer in answers)
        assert routes == ["cache"] * 11 + ["local"], routes
        assert len({answer["choices"][0]["message"]["content"] for _, answer in answers}) == 1


@promise
def flags__of_the_shared_cache_are_checked(folder):
    key = write(folder, "key", SECRET)
    bad = write(folder, "bad", "abc\n")
    os.chmod(bad, 0o600)
    data = ["--data", os.path.join(folder, "x")]
    os.chmod(key, 0o644)
    refused(amphi("serve", *data, "--shared-cache", "redis://h", "--shared-cache-key", key))
    os.chmod(key, 0o600)
    refused(amphi("serve", *data, "--shared-cache", "redis://h"))
    refused(amphi("serve", *data, "--shared-cache-key", key))
    refused(amphi("serve", *data, "--shared-cache", "redis://h", "--shared-cache-key", bad))
    for url in ("rediss://h", "h:6379", "redis://", "redis://h:0", "redis://h:65536",
                "redis://h:x", "redis://h/x", "redis://h?prefix=a*", "redis://h?x=1",
                "redis://u@h", "redis+unix://x", "redis://[::1", "redis://h:6379/1/2"):
        refused(amphi("cache", "clear", *data, "--shared-cache", url, "--shared-cache-key", key),
                "redis")


if __name__ == "__main__":
    faces.main()
