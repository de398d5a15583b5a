# SPDX-License-Identifier: Apache-2.0
"""An HTTP/2 server that refuses every stream (RFC 9113: RST_STREAM with REFUSED_STREAM), which a
client may take as an invitation to ask again for ever. Frames by hand: the library has no
HTTP/2."""
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADERS, RST_STREAM, SETTINGS, PING = 1, 3, 4, 6
ACK, REFUSED_STREAM = 1, 7


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(
        ">I", stream) + payload


def refuse_streams(connection, count_request):
    """Until the client goes away; count_request() is called for each request."""
    data = b""

    def take(size):
        nonlocal data
        while len(data) < size:
            piece = connection.recv(65536)
            if not piece:
                raise EOFError()
            data += piece
        taken, data = data[:size], data[size:]
        return taken

    try:
        if take(len(PREFACE)) != PREFACE:
            return
        connection.sendall(frame(SETTINGS, 0, 0))
        while True:
            head = take(9)
            size, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
            stream = int.from_bytes(head[5:], "big") & 0x7FFFFFFF
            payload = take(size)
            if kind == SETTINGS and not flags & ACK:
                connection.sendall(frame(SETTINGS, ACK, 0))
            elif kind == PING and not flags & ACK:
                connection.sendall(frame(PING, ACK, 0, payload))
            elif kind == HEADERS:
                count_request()
                connection.sendall(frame(RST_STREAM, 0, stream, struct.pack(">I", REFUSED_STREAM)))
    except EOFError:
        pass
