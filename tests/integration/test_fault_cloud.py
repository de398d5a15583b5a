#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The scripted cloud of the fault tests (tests/fault/cloud.py): it counts what was delivered, so a
request that was cut at any byte is none.

Usage: test_fault_cloud.py BUILD_FOLDER"""
import os
import socket
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "support"), os.path.join(HERE, "..", "fault")]
sys.dont_write_bytecode = True
import cloud  # noqa: E402
from faces import main, promise  # noqa: E402

BODY = b'{"messages":[{"role":"user","content":"Hi"}]}'
REQUEST = (b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: 42\r\n"
           b"Content-Length: %d\r\n\r\n%s" % (len(BODY), BODY))


class Counting(cloud.Cloud):
    def __init__(self):
        self.replies = []
        super().__init__()

    def reply(self, connection, headers, body):
        self.replies.append((headers.get("idempotency-key"), body))
        super().reply(connection, headers, body)


def send(at, data):
    """All that comes back."""
    port = int(at.url.split(":")[2].split("/")[0])
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        answer = b""
        while more := client.recv(65536):
            answer += more
        return answer


@promise
def cloud__a_request_that_was_cut_is_no_delivery(_):
    at = Counting()
    try:
        for size in range(len(REQUEST)):
            assert send(at, REQUEST[:size]) == b"", size
            assert not at.replies and not at.received, (size, at.replies)
        assert send(at, REQUEST) == cloud.REPLY
        assert at.replies == [("42", BODY)] and at.received == [BODY], at.replies
    finally:
        at.close()


if __name__ == "__main__":
    main()
