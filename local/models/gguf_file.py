"""Writing the help model as GGUF v3 with Q8_0 matrices, and reading it back as float32.

Q8_0 stores a row in blocks of 32 weights: one float16 scale and 32 signed bytes (34 bytes). Norm
weights stay F32. Tensor names and metadata keys are those of the llama family; Q and K need no
permutation, because training already rotates the pairs (2i, 2i+1) that GGUF's llama expects.
Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""
import struct

import numpy as np

MAGIC, VERSION, ALIGNMENT = 0x46554747, 3, 32
U32, I32, FLOAT32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
SCALAR = {U32: "<I", I32: "<i", FLOAT32: "<f", BOOL: "<?"}
TYPE_F32, TYPE_Q8_0 = 0, 8
FILE_TYPE_Q8_0 = 7


def quantize_q8_0(matrix):
    """float32 [rows, n] with n a multiple of 32 -> bytes."""
    blocks = matrix.astype(np.float32).reshape(-1, 32)
    scale = (np.abs(blocks).max(axis=1, keepdims=True) / 127).astype(np.float16)
    inverse = np.divide(1, scale.astype(np.float32), out=np.zeros(scale.shape, np.float32),
                        where=scale != 0)
    quants = np.clip(np.rint(blocks * inverse), -127, 127).astype(np.int8)
    return np.concatenate([scale.view(np.uint8), quants.view(np.uint8)], axis=1).tobytes()


def dequantize_q8_0(data, shape):
    blocks = np.frombuffer(data, np.uint8).reshape(-1, 34)
    scale = blocks[:, :2].copy().view(np.float16).astype(np.float32)
    return (blocks[:, 2:].view(np.int8) * scale).astype(np.float32).reshape(shape)


def _string(text):
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _value(kind, value):
    if kind == STRING:
        return _string(value)
    if kind == ARRAY:
        element, items = value
        return struct.pack("<IQ", element, len(items)) + b"".join(_value(element, x) for x in items)
    return struct.pack(SCALAR[kind], value)


def write(path, metadata, tensors):
    """metadata: {key: (kind, value)}; tensors: {name: float32 array}. Matrices become Q8_0."""
    infos, payloads, offset = b"", [], 0
    for name, array in tensors.items():
        if array.ndim == 2:
            kind, data = TYPE_Q8_0, quantize_q8_0(array)
        else:
            kind, data = TYPE_F32, array.astype(np.float32).tobytes()
        infos += _string(name) + struct.pack("<I", array.ndim)
        infos += struct.pack("<%dQ" % array.ndim, *array.shape[::-1])
        infos += struct.pack("<IQ", kind, offset)
        data += b"\0" * (-len(data) % ALIGNMENT)
        payloads.append(data)
        offset += len(data)
    with open(path, "wb") as out:
        out.write(struct.pack("<IIQQ", MAGIC, VERSION, len(tensors), len(metadata)))
        for key, (kind, value) in metadata.items():
            out.write(_string(key) + struct.pack("<I", kind) + _value(kind, value))
        out.write(infos)
        out.write(b"\0" * (-out.tell() % ALIGNMENT))
        out.writelines(payloads)


def read(path):
    """-> ({key: value}, {name: float32 array}). Only for files that write() made."""
    data = open(path, "rb").read()
    magic, version, tensor_count, key_count = struct.unpack_from("<IIQQ", data)
    if (magic, version) != (MAGIC, VERSION):
        raise ValueError("not a GGUF v3 file: " + path)
    position = 24

    def take(form):
        nonlocal position
        values = struct.unpack_from(form, data, position)
        position += struct.calcsize(form)
        return values if len(values) > 1 else values[0]

    def take_string():
        nonlocal position
        size = take("<Q")
        position += size
        return data[position - size:position].decode()

    def take_value(kind):
        if kind == STRING:
            return take_string()
        if kind == ARRAY:
            element, count = take("<IQ")
            return [take_value(element) for _ in range(count)]
        return take(SCALAR[kind])

    metadata, infos, tensors = {}, [], {}
    for _ in range(key_count):
        key = take_string()
        metadata[key] = take_value(take("<I"))
    for _ in range(tensor_count):
        name = take_string()
        shape = [take("<Q") for _ in range(take("<I"))][::-1]
        infos.append((name, shape) + take("<IQ"))
    start = position + (-position % ALIGNMENT)
    for name, shape, kind, offset in infos:
        count, begin = int(np.prod(shape)), start + offset
        if kind == TYPE_Q8_0:
            tensors[name] = dequantize_q8_0(data[begin:begin + count // 32 * 34], shape)
        else:
            tensors[name] = np.frombuffer(data, np.float32, count, begin).reshape(shape)
    return metadata, tensors
