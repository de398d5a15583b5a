# SPDX-License-Identifier: Apache-2.0
"""Strangers at the gateway, by the hundred: connections that stay silent, send a byte a second or
large bodies, while /healthz is asked; and many streams at the same time. Figures, no verdicts."""
import asyncio
import contextlib
import json
import multiprocessing
import socket
import statistics
import time
from urllib.parse import urlparse

HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"


def resident_kib(process):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
        return int(next(line for line in file if line.startswith("VmHWM:")).split()[1])


def grown_kib(process, do):
    """What the process has in memory at most while `do` runs, less what it has before."""
    with open(f"/proc/{process.pid}/clear_refs", "w", encoding="ascii") as file:
        file.write("5")  # the peak starts again
    before = resident_kib(process)
    do()
    return resident_kib(process) - before


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


class Strangers:
    """Connections to one gateway, all from this process."""

    def __init__(self, url):
        parts = urlparse(url)
        self.host, self.port = parts.hostname, parts.port
        self.tasks = []
        self.refused = 0

    async def connect(self):
        for _ in range(50):
            try:
                return await asyncio.open_connection(self.host, self.port)
            except OSError:
                await asyncio.sleep(0.05)
        raise ConnectionError("no connection")

    async def drip(self, first, pause_s=1.0):
        """Sends `first`, then a byte a pause, until the gateway closes."""
        with contextlib.suppress(OSError):
            _, writer = await self.connect()
            writer.write(first)
            while not writer.is_closing():
                await asyncio.sleep(pause_s)
                writer.write(b"x")
                await writer.drain()

    async def stay(self):
        with contextlib.suppress(OSError):
            reader, _ = await self.connect()
            await reader.read()

    async def send_whole(self, body):
        """The status of one request with this body; 0: the line was cut."""
        with contextlib.suppress(OSError):
            reader, writer = await self.connect()
            writer.write(HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body))
            for at in range(0, len(body), 1 << 20):
                writer.write(body[at:at + (1 << 20)])
                await writer.drain()
            line = await reader.readline()
            writer.close()
            return int(line.split()[1]) if line else 0
        return 0

    def begin(self, coroutine):
        self.tasks.append(asyncio.ensure_future(coroutine))

    async def end(self):
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


def queued_ms():
    """How long this process has waited for a processor so far."""
    with contextlib.suppress(OSError):
        with open("/proc/self/schedstat", encoding="ascii") as file:
            return int(file.read().split()[1]) / 1e6
    return 0.0


def probe_health(host, port, stop, out):
    """In a process of its own, whose time is not the strangers': the milliseconds of one GET
    /healthz after the other, each over a connection of its own, without those in which this process
    itself waited for a processor."""
    health_ms = []
    while not stop.is_set():
        began, queued = time.monotonic(), queued_ms()
        with socket.create_connection((host, port), timeout=60) as line:
            line.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            text = b""
            while more := line.recv(4096):
                text += more
        assert text.startswith(b"HTTP/1.1 200"), text[:100]
        health_ms.append(1e3 * (time.monotonic() - began) - (queued_ms() - queued))
        time.sleep(0.02)
    out.put(health_ms)


async def besiege(url, process, idle=1000, headers=300, bodies=300, large=50, seconds=15,
                  body_bytes=15 << 20):
    """{"health_ms": [...], "large": {status: count}, "peak_kib", "grown_kib"}."""
    strangers = Strangers(url)
    before = resident_kib(process)
    stop, out = multiprocessing.Event(), multiprocessing.Queue()
    prober = multiprocessing.Process(
        target=probe_health, args=(strangers.host, strangers.port, stop, out), daemon=True)
    prober.start()
    for _ in range(idle):
        strangers.begin(strangers.stay())
    for _ in range(headers):
        strangers.begin(strangers.drip(HEAD + b"X: "))
    for _ in range(bodies):
        strangers.begin(strangers.drip(HEAD + b"Content-Length: 100000\r\n\r\n{"))
    body = b"[" + b"1," * ((body_bytes - 3) // 2) + b"1]"
    senders = [asyncio.ensure_future(strangers.send_whole(body)) for _ in range(large)]
    until = time.monotonic() + seconds
    while (time.monotonic() < until or not all(s.done() for s in senders)) and \
            time.monotonic() < until + 120:
        await asyncio.sleep(0.1)
    stop.set()
    health_ms = await asyncio.to_thread(out.get, timeout=90)
    prober.join()
    statuses = {}
    for sender in senders:
        status = sender.result() if sender.done() else None
        statuses[status] = statuses.get(status, 0) + 1
    await strangers.end()
    peak = resident_kib(process)
    return {"health_ms": health_ms, "large": statuses, "peak_kib": peak,
            "grown_kib": peak - before}


async def stream_once(strangers, body, first_ms):
    reader, writer = await strangers.connect()
    data = json.dumps(body).encode()
    began = time.monotonic()
    writer.write(HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(data) + data)
    text = b""
    while b"data: " not in text:
        more = await reader.read(65536)
        if not more:
            break
        text += more
    first_ms.append(1e3 * (time.monotonic() - began))
    while more := await reader.read(65536):
        text += more
    writer.close()
    return b"data: [DONE]" in text


async def streams_at_once(url, count, body):
    """(milliseconds to each stream's first chunk, how many ended whole)."""
    strangers, first_ms = Strangers(url), []
    whole = await asyncio.gather(
        *(stream_once(strangers, body, first_ms) for _ in range(count)))
    return first_ms, sum(whole)


def show(name, values):
    print(f"{name}: n={len(values)} median={statistics.median(values):.1f} ms "
          f"p99={percentile(values, 0.99):.1f} ms max={max(values):.1f} ms", flush=True)
