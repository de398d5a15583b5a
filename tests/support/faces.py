# SPDX-License-Identifier: Apache-2.0
"""What the tests of the faces share: running `amphi` from a build folder, a gateway with or without
TLS, and a runner that names each test by its promise and ends with "N passed, N failed"."""
import contextlib
import json
import os
import random
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import traceback

BUILD = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "build/dev")
ONLY = sys.argv[2] if len(sys.argv) > 2 else ""
AMPHI = os.path.join(BUILD, "bin", "amphi")
SHARED = os.path.abspath("../shared")
MODEL = os.path.abspath("local/models/amphi-help.gguf")
SANITIZED = False  # set by start()
tests = []

# localhost is this machine (RFC 6761), also where no /etc/hosts says so, as in a bare root.
resolve = socket.getaddrinfo
socket.getaddrinfo = lambda host, *rest, **more: resolve(
    "127.0.0.1" if host == "localhost" else host, *rest, **more)


def promise(function):
    """Marks a test; its name says what is promised."""
    tests.append(function)
    return function


class Skipped(Exception):
    """Raised by a test that this machine can't run; its text is the reason."""


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(77)


def is_sanitized():
    with open(os.path.join(BUILD, "CMakeCache.txt"), encoding="utf-8") as file:
        return any(line.startswith("AMPHI_SANITIZE:") and not line.strip().endswith("=OFF")
                   for line in file)


shared = contextlib.ExitStack()
shared_url = None


def shared_gateway():
    """The URL of one gateway without flags, for tests that only ask it something and do not mind
    what was asked before. It is ended, and checked like any other, behind the last test."""
    global shared_url
    if shared_url is None:
        folder = tempfile.mkdtemp(prefix="amphi-test-")
        shared.callback(shutil.rmtree, folder, ignore_errors=True)
        shared_url, _ = shared.enter_context(gateway(folder, name="shared"))
    return shared_url


def main():
    """Runs the marked tests, each in a folder of its own."""
    global SANITIZED
    if not os.path.exists(AMPHI):
        sys.exit(f"{AMPHI} is not there: build it first")
    SANITIZED = is_sanitized()
    failed = passed = skipped = 0
    for test in tests:
        if ONLY not in test.__name__:
            continue
        folder = tempfile.mkdtemp(prefix="amphi-test-")
        started = time.monotonic()
        try:
            test(folder)
            passed += 1
            print(f"ok      {test.__name__} ({time.monotonic() - started:.1f} s)", flush=True)
        except Skipped as reason:
            skipped += 1
            print(f"skipped: {test.__name__}: {reason}", flush=True)
        except Exception:  # a test may fail in any way; the others still run
            failed += 1
            print(f"FAILED  {test.__name__}\n{traceback.format_exc()}", flush=True)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    try:
        shared.close()
    except Exception:
        failed += 1
        print(f"FAILED  the shared gateway's end\n{traceback.format_exc()}", flush=True)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed or not passed else 0)


def environment(**more):
    """Without what a person's shell may have set. The embedded model is named, so that it stands
    for a chat model; AMPHI_MODEL="" leaves it what it is."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("AMPHI_")}
    env["AMPHI_MODEL"] = MODEL
    env.update(more)
    return env


def amphi(*words, stdin=None, timeout=60, binary=False, env=None):
    """One run of amphi. stdin: text or bytes; without it there is none."""
    if isinstance(stdin, str):
        stdin = stdin.encode()
    done = subprocess.run([AMPHI, *words], input=stdin, capture_output=True, timeout=timeout,
                          env=environment(**(env or {})),
                          **({} if stdin is not None else {"stdin": subprocess.DEVNULL}))
    if not binary:
        done.stdout = done.stdout.decode("utf-8", "strict")
        done.stderr = done.stderr.decode("utf-8", "replace")
    survived(done)
    return done


def survived(done):
    """No signal, no sanitizer's report."""
    stderr = done.stderr if isinstance(done.stderr, str) else done.stderr.decode("utf-8", "replace")
    assert done.returncode >= 0, f"killed by signal {-done.returncode}: {stderr}"
    for sign in ("AddressSanitizer", "runtime error:", "LeakSanitizer"):
        assert sign not in stderr, stderr


def refused(done, *words):
    """One clear line on standard error, and a status that is not 0. A provider's own words may
    stand in one more."""
    survived(done)
    assert done.returncode not in (0, 3), (done.returncode, done.stdout)
    return complained(done, *words)


def complained(done, *words):
    """One clear line on standard error, whatever the status."""
    survived(done)
    said = "amphi: the provider said: "
    lines = [line for line in done.stderr.splitlines() if not line.startswith(said)]
    assert len(lines) == 1 and lines[0].startswith("amphi: ") and len(lines[0]) > 12, lines
    for word in words:
        assert word in lines[0], (word, lines[0])
    return lines[0]


def write(folder, name, content):
    path = os.path.join(folder, name)
    if not isinstance(content, (str, bytes)):
        content = json.dumps(content)
    with open(path, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
    return path


def bad_models(folder):
    """Files that must be refused; each with the model's bytes at hand, so that cuts are real."""
    with open(MODEL, "rb") as file:
        good = file.read()
    yield "missing", os.path.join(folder, "missing.gguf")
    yield "a folder", folder
    yield "empty", write(folder, "empty.gguf", b"")
    for size in (1, 4, 8, 23, 24, 100, 5000, len(good) // 4, len(good) // 2, len(good) - 1):
        yield f"cut at {size}", write(folder, f"cut{size}.gguf", good[:size])
    rng = random.Random(7)
    yield "random", write(folder, "random.gguf", rng.randbytes(100000))
    yield "random after the magic", write(folder, "magic.gguf", good[:8] + rng.randbytes(100000))
    yield "huge counts", write(folder, "counts.gguf", good[:8] + b"\xff" * 16 + good[24:9000])
    yield "a text", write(folder, "text.gguf", "This is no model.\n" * 100)
    unreadable = write(folder, "noperm.gguf", good[:5000])
    os.chmod(unreadable, 0)
    if os.geteuid() != 0:
        yield "unreadable", unreadable


def slow_policy(folder):
    return write(folder, "slow.json", {"local": {"tokens_per_second_max": 5}})


def read_until(stream, condition, seconds=30):
    """Bytes from a pipe until condition(text); None when it ended or took too long."""
    text = b""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if select.select([stream], [], [], 0.2)[0]:
            more = os.read(stream.fileno(), 4096)
            if not more:
                return None
            text += more
            if condition(text.decode("utf-8", "replace")):
                return text.decode("utf-8", "replace")
    return None


def make_certificate(folder, name="cert", host="localhost"):
    cert, key = os.path.join(folder, name + ".pem"), os.path.join(folder, name + "-key.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", f"/CN={host}", "-addext",
         f"subjectAltName=DNS:{host},IP:127.0.0.1", "-keyout", key, "-out", cert],
        check=True, capture_output=True)
    return cert, key


def spki_pin(cert):
    """curl's form of the certificate's key: sha256//BASE64."""
    der = subprocess.run(
        f"openssl x509 -in '{cert}' -pubkey -noout | openssl pkey -pubin -outform der |"
        " openssl dgst -sha256 -binary | openssl enc -base64",
        shell=True, check=True, capture_output=True, text=True)
    return "sha256//" + der.stdout.strip()


@contextlib.contextmanager
def gateway(folder, *flags, name="gateway", env=None):
    """A running `amphi serve`; yields (url, process). Ends it politely and expects exit code 0."""
    log = open(os.path.join(folder, name + ".log"), "wb+")
    process = subprocess.Popen(
        [AMPHI, "serve", "--port", "0", "--json", "--data", os.path.join(folder, name), *flags],
        stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL,
        env=environment(**(env or {})))
    try:
        line = process.stdout.readline()
        log.seek(0)
        assert line, log.read().decode()
        yield json.loads(line)["url"], process
        ended = process.poll()
        assert ended is None, f"the gateway ended early with {ended}"
        process.terminate()
        process.wait(20)
        log.seek(0)
        stderr = log.read().decode("utf-8", "replace")
        assert process.returncode == 0, (process.returncode, stderr)
        assert "Sanitizer" not in stderr and "runtime error" not in stderr, stderr
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stdout.close()
        log.close()
