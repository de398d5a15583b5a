# SPDX-License-Identifier: Apache-2.0
"""What stands in an encrypted store's files, page by page: also in free pages, in the unused parts
of pages, and in the log. SQLCipher encrypts each page on its own with AES-256-CBC under the raw
key; the page's last bytes hold its IV (version 3: 48 bytes, 4: 80)."""
import ctypes
import ctypes.util
import os

PAGE = 4096
crypto = ctypes.CDLL(ctypes.util.find_library("crypto") or "libcrypto.so.3")
crypto.EVP_CIPHER_CTX_new.restype = ctypes.c_void_p
crypto.EVP_aes_256_cbc.restype = ctypes.c_void_p
for name in ("EVP_CIPHER_CTX_free", "EVP_CIPHER_CTX_set_padding", "EVP_DecryptInit_ex",
             "EVP_DecryptUpdate"):
    getattr(crypto, name).argtypes = None


def decrypt(context, key, iv, data):
    out = ctypes.create_string_buffer(len(data) + 16)
    size = ctypes.c_int(0)
    crypto.EVP_DecryptInit_ex(ctypes.c_void_p(context), ctypes.c_void_p(crypto.EVP_aes_256_cbc()),
                              None, key, iv)
    crypto.EVP_CIPHER_CTX_set_padding(ctypes.c_void_p(context), 0)
    crypto.EVP_DecryptUpdate(ctypes.c_void_p(context), out, ctypes.byref(size), data, len(data))
    return out.raw[:size.value]


def raw_pages(path):
    """(page, whether it is the file's first) of a database or a log."""
    with open(path, "rb") as file:
        data = file.read()
    if path.endswith("-wal"):
        for at in range(32, len(data) - 24 - PAGE + 1, 24 + PAGE):
            number = int.from_bytes(data[at:at + 4], "big")
            yield data[at + 24:at + 24 + PAGE], number == 1
    else:
        for at in range(0, len(data), PAGE):
            yield data[at:at + PAGE], at == 0


def dump(folder):
    """Every byte of the store in `folder`, decrypted; and the other files as they are."""
    with open(os.path.join(folder, "store.key"), encoding="ascii") as file:
        key = bytes.fromhex(file.read().strip())
    context = crypto.EVP_CIPHER_CTX_new()
    out = []
    understood = 0
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if not os.path.isfile(path):
            continue
        if not name.startswith("amphi.db") or name.endswith("-shm"):
            with open(path, "rb") as file:
                out.append(file.read())
            continue
        for page, is_first in raw_pages(path):
            for reserve in (48, 80):
                iv = page[-reserve:-reserve + 16]
                body = page[16 if is_first else 0:-reserve]
                clear = decrypt(context, key, iv, body)
                out.append(clear)
                understood += is_first and clear[0:2] == b"\x10\x00"  # the page size
    crypto.EVP_CIPHER_CTX_free(ctypes.c_void_p(context))
    assert understood > 0, "the pages could not be decrypted"
    return b"\0".join(out)
