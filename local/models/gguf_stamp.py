#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes amphi.scope = help into a model file that has no such key: the engine reads from it that
the model is for one subject only. train.py writes the key itself; this is for files from before it.
The tensors stay as they are, byte for byte: only the header grows, and what follows moves to the
next aligned offset. No packages are needed.

    python3 local/models/gguf_stamp.py local/models/amphi-help.gguf
"""
import struct
import sys

MAGIC, VERSION, ALIGNMENT = 0x46554747, 3, 32
STRING, ARRAY = 8, 9
SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
KEY, VALUE = b"amphi.scope", b"help"


def string(text):
    return struct.pack("<Q", len(text)) + text


def skip_string(data, at):
    return at + 8 + struct.unpack_from("<Q", data, at)[0]


def skip_value(data, at, kind):
    if kind == STRING:
        return skip_string(data, at)
    if kind == ARRAY:
        element, count = struct.unpack_from("<IQ", data, at)
        at += 12
        for _ in range(count):
            at = skip_value(data, at, element)
        return at
    return at + SIZES[kind]


def find_parts(data):
    """The keys, where the metadata end, and where the header does."""
    magic, version, tensors, count = struct.unpack_from("<IIQQ", data)
    if (magic, version) != (MAGIC, VERSION):
        raise SystemExit("not a GGUF v3 file")
    at, keys = 24, []
    for _ in range(count):
        end = skip_string(data, at)
        keys.append(data[at + 8:end])
        at = skip_value(data, end + 4, struct.unpack_from("<I", data, end)[0])
    metadata_end = at
    for _ in range(tensors):
        at = skip_string(data, at)
        at += 4 + 8 * struct.unpack_from("<I", data, at)[0] + 12
    return keys, metadata_end, at


def aligned(offset):
    return offset + -offset % ALIGNMENT


def stamp(data):
    keys, metadata_end, header_end = find_parts(data)
    if KEY in keys:
        return data
    head = data[:16] + struct.pack("<Q", len(keys) + 1) + data[24:metadata_end]
    head += string(KEY) + struct.pack("<I", STRING) + string(VALUE) + data[metadata_end:header_end]
    return head + b"\0" * (-len(head) % ALIGNMENT) + data[aligned(header_end):]


def main():
    with open(sys.argv[1], "rb") as file:
        data = file.read()
    with open(sys.argv[1], "wb") as file:
        file.write(stamp(data))


if __name__ == "__main__":
    main()
