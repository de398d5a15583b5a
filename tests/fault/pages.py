# SPDX-License-Identifier: Apache-2.0
"""The store's file read without SQLCipher: each page's HMAC is recomputed and the page decrypted,
by the format's description alone (https://www.zetetic.net/sqlcipher/design/). A page of 4,096 bytes
ends in a reserve: IV, HMAC over ciphertext, IV and page number, padding. The key is raw, the file
begins with its salt. What comes out is a plain SQLite image that Python's own SQLite opens in
memory.

Format 3: reserve 48, SHA-1. Format 4: reserve 80, SHA-512. The other direction, plain to encrypted,
makes stores of older schemas."""
import ctypes
import ctypes.util
import hashlib
import hmac
import os
import sqlite3
import struct

PAGE, SALT = 4096, 16
FORMATS = {3: (48, "sha1", 20), 4: (80, "sha512", 64)}
PLAIN_HEADER = b"SQLite format 3\0"
JOURNAL_MAGIC = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"
WAL_HEADER, FRAME_HEADER = 32, 24

crypto = ctypes.CDLL(ctypes.util.find_library("crypto") or "libcrypto.so.3")
for name in ("EVP_CIPHER_CTX_new", "EVP_aes_256_cbc", "EVP_aes_256_gcm"):
    getattr(crypto, name).restype = ctypes.c_void_p
CONTEXT = ctypes.c_void_p(crypto.EVP_CIPHER_CTX_new())
AES_256_CBC = ctypes.c_void_p(crypto.EVP_aes_256_cbc())
AES_256_GCM = ctypes.c_void_p(crypto.EVP_aes_256_gcm())
GET_TAG = 0x10
WRAP_MAGIC, WRAP_BOUND = b"amphi wrapped key 1\n", b"amphi/store/wrapped key/1"


def aes(data, key, iv, encrypt):
    """AES-256-CBC without padding; data is whole blocks."""
    out = ctypes.create_string_buffer(len(data) + 16)
    size = ctypes.c_int(0)
    done = crypto.EVP_CipherInit_ex(CONTEXT, AES_256_CBC, None, key, iv, int(encrypt))
    crypto.EVP_CIPHER_CTX_set_padding(CONTEXT, 0)
    done = done and crypto.EVP_CipherUpdate(CONTEXT, out, ctypes.byref(size), data, len(data))
    assert done and size.value == len(data), "libcrypto refuses"
    return out.raw[:len(data)]


def open_sealed(sealed, key, bound):
    """AES-256-GCM: nonce (12 bytes), ciphertext, tag (16 bytes). None when it is not authentic."""
    nonce, data = sealed[:12], sealed[12:-16]
    context = ctypes.c_void_p(crypto.EVP_CIPHER_CTX_new())
    out, made = ctypes.create_string_buffer(len(data) + 16), ctypes.create_string_buffer(16)
    size = ctypes.c_int(0)
    # encrypted once more: the stream is the same in both directions, and the tag is the plain's
    crypto.EVP_CipherInit_ex(context, AES_256_GCM, None, key, nonce, 1)
    crypto.EVP_CipherUpdate(context, out, ctypes.byref(size), data, len(data))
    plain = out.raw[:len(data)]
    crypto.EVP_CipherInit_ex(context, AES_256_GCM, None, key, nonce, 1)
    crypto.EVP_CipherUpdate(context, None, ctypes.byref(size), bound, len(bound))
    crypto.EVP_CipherUpdate(context, out, ctypes.byref(size), plain, len(plain))
    crypto.EVP_CipherFinal_ex(context, out, ctypes.byref(size))
    crypto.EVP_CIPHER_CTX_ctrl(context, GET_TAG, 16, made)
    crypto.EVP_CIPHER_CTX_free(context)
    return plain if hmac.compare_digest(made.raw, sealed[-16:]) else None


def unwrap(text, provider):
    """The key in a file like store.wrap (storage/wrapped_key.c), or None."""
    lines = text.split(b"\n")
    if not text.startswith(WRAP_MAGIC) or len(lines) != 4:
        return None
    body = text[:len(WRAP_MAGIC) + len(lines[1]) + 1]
    if hashlib.sha256(body).hexdigest()[:len(lines[2])].encode() != lines[2]:
        return None
    return open_sealed(bytes.fromhex(lines[1].decode()), hkdf(provider, WRAP_BOUND), WRAP_BOUND)


def hkdf(key, purpose):
    """HKDF-SHA256 (RFC 5869) without a salt, 32 bytes."""
    pseudorandom = hmac.new(bytes(32), key, "sha256").digest()
    return hmac.new(pseudorandom, purpose + b"\x01", "sha256").digest()


class Key:
    """What the data folder's key file gives."""

    def __init__(self, raw):
        self.raw = raw
        self.salt = hkdf(raw, b"amphi/store/salt/1")[:SALT]
        mask = bytes(b ^ 0x3a for b in self.salt)
        self.hmac = {v: hashlib.pbkdf2_hmac(f[1], raw, mask, 2, 32) for v, f in FORMATS.items()}

    @classmethod
    def of(cls, folder, name="amphi.db"):
        """The key file's own, or after a rekey the one that it wraps: the store's salt says."""
        with open(os.path.join(folder, "store.key"), encoding="ascii") as file:
            text = file.read().strip()
        provider = bytes.fromhex(text)
        if len(provider) != 32:
            raise ValueError("the key file holds no key")
        salt = read(os.path.join(folder, name))[:SALT]
        wrapped = [unwrap(read(os.path.join(folder, wrap)), provider)
                   for wrap in ("store.wrap", "store.wrap.new")]
        keys = [cls(provider)] + [cls(raw) for raw in wrapped if raw is not None]
        return next((key for key in keys if key.salt == salt), keys[0])


def tag(page, number, key, version):
    reserve, digest, size = FORMATS[version]
    begin = SALT if number == 1 else 0
    signed = page[begin:PAGE - reserve + 16] + struct.pack("<I", number)
    return hmac.new(key.hmac[version], signed, digest).digest()[:size]


def version_of(page, number, key):
    """The format by which this page is authentic, or None."""
    for version, (reserve, _, size) in FORMATS.items():
        at = PAGE - reserve + 16
        if hmac.compare_digest(tag(page, number, key, version), page[at:at + size]):
            return version
    return None


def decrypt(page, number, key):
    """The plain page, or None when it is not authentic."""
    version = version_of(page, number, key)
    if version is None:
        return None
    reserve = FORMATS[version][0]
    begin = SALT if number == 1 else 0
    iv = page[PAGE - reserve:PAGE - reserve + 16]
    plain = aes(page[begin:PAGE - reserve], key.raw, iv, False)
    return (PLAIN_HEADER if number == 1 else b"") + plain + bytes(reserve)


def encrypt(plain, number, key, version=3):
    reserve, _, size = FORMATS[version]
    begin = SALT if number == 1 else 0
    iv = os.urandom(16)
    page = (key.salt if number == 1 else b"") + aes(plain[begin:PAGE - reserve], key.raw, iv, True)
    page += iv + bytes(reserve - 16)
    mac = tag(page, number, key, version)
    at = PAGE - reserve + 16
    return page[:at] + mac + page[at + size:]


def checksum(data, order, a, b):
    """SQLite's: pairs of 32-bit words, in the byte order that the log's magic number names."""
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for i in range(0, len(words), 2):
        a = (a + words[i] + b) & 0xffffffff
        b = (b + words[i + 1] + a) & 0xffffffff
    return a, b


def frames(wal):
    """(page number, pages after the commit or 0, page) of each frame that belongs to the log."""
    if len(wal) < WAL_HEADER:
        return
    magic, _, size, _, salt1, salt2, a, b = struct.unpack(">8I", wal[:WAL_HEADER])
    order = {0x377f0682: "<", 0x377f0683: ">"}.get(magic)
    if order is None or size != PAGE or checksum(wal[:24], order, 0, 0) != (a, b):
        return
    at = WAL_HEADER
    while at + FRAME_HEADER + PAGE <= len(wal):
        number, after, one, two, check1, check2 = struct.unpack(">6I", wal[at:at + FRAME_HEADER])
        page = wal[at + FRAME_HEADER:at + FRAME_HEADER + PAGE]
        a, b = checksum(wal[at:at + 8] + page, order, a, b)
        if (one, two) != (salt1, salt2) or (a, b) != (check1, check2):
            return
        yield number, after, page
        at += FRAME_HEADER + PAGE


def rolled_back(data, journal):
    """The file as the next opening makes it of a rollback journal, which a store has until it has a
    log: the journal's pages go back, and the file to its size. As SQLite does it: each header says
    how many records follow, a torn one ends it, and beside an empty file it counts for nothing."""
    old = bytearray(data)
    begin, size_before = 0, None
    while data and journal.startswith(JOURNAL_MAGIC, begin) and begin + 28 <= len(journal):
        count, nonce, size, sector, page_size = struct.unpack(">5I", journal[begin + 8:begin + 28])
        if page_size != PAGE or sector < 32:
            break
        if size_before is None:
            size_before = size
            del old[size * PAGE:]
            old.extend(bytes(size * PAGE - len(old)))
        at = begin + sector
        for _ in range(min(count, (len(journal) - at) // (PAGE + 8))):
            number, = struct.unpack(">I", journal[at:at + 4])
            page = journal[at + 4:at + 4 + PAGE]
            check, = struct.unpack(">I", journal[at + 4 + PAGE:at + 8 + PAGE])
            if (nonce + sum(page[PAGE - 200:0:-200])) & 0xffffffff != check:
                return bytes(old)
            if 0 < number <= size_before:
                old[(number - 1) * PAGE:number * PAGE] = page
            at += PAGE + 8
        begin = -(-at // sector) * sector
    return bytes(old)


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""


class Store:
    """What a data folder's files hold; .broken lists what is wrong with them."""

    def __init__(self, folder, name="amphi.db"):
        self.broken, self.pages, self.size = [], {}, 0
        self.key = Key.of(folder, name)
        path = os.path.join(folder, name)
        self.read_file(rolled_back(read(path), read(path + "-journal")))
        self.read_log(read(path + "-wal"))
        self.connection = None

    def read_file(self, data):
        self.size = (len(data) + PAGE - 1) // PAGE
        self.raw = {}
        for number in range(1, self.size + 1):
            page = data[(number - 1) * PAGE:number * PAGE]
            self.raw[number] = ("file", page)

    def read_log(self, wal):
        """A page of the file that the log has a newer version of is not read by SQLite: it may be
        half written by a checkpoint that was cut off, and is then no damage."""
        pending = {}
        for index, (number, after, page) in enumerate(frames(wal)):
            pending[number] = ("log", page)
            if decrypt(page, number, self.key) is None:
                self.broken.append(f"frame {index} of the log (page {number}) is not authentic")
            if after:
                self.raw.update(pending)
                self.size = after
                pending = {}
        for number in range(1, self.size + 1):
            place, page = self.raw.get(number, ("file", b""))
            plain = decrypt(page, number, self.key) if len(page) == PAGE else None
            if plain is None:
                if place == "file":
                    self.broken.append(f"page {number} is not authentic")
                plain = bytes(PAGE)
            self.pages[number] = plain

    def open(self):
        """Python's SQLite on the decrypted image, in memory."""
        if self.connection is None:
            image = bytearray(b"".join(self.pages[n] for n in range(1, self.size + 1)))
            if image:
                image[18:20] = b"\x01\x01"  # no write-ahead log: there is no file
            self.connection = sqlite3.connect(":memory:")
            self.connection.deserialize(bytes(image))
        return self.connection

    def rows(self, sql):
        return self.open().execute(sql).fetchall()

    def is_empty(self):
        return self.size == 0

    def check(self):
        """integrity_check's complaints are added to .broken."""
        if self.is_empty() or self.broken:
            return
        try:
            answer = [row[0] for row in self.rows("PRAGMA integrity_check")]
        except sqlite3.Error as error:
            answer = [str(error)]
        if answer != ["ok"]:
            self.broken.append("integrity_check: " + "; ".join(answer[:3]))


def raw_pages(path):
    """(page, whether it is the file's first) of a database or a log: every frame,
    also those that the log no longer counts."""
    data = read(path)
    if path.endswith("-wal"):
        for at in range(WAL_HEADER, len(data) - FRAME_HEADER - PAGE + 1, FRAME_HEADER + PAGE):
            number = int.from_bytes(data[at:at + 4], "big")
            yield data[at + FRAME_HEADER:at + FRAME_HEADER + PAGE], number == 1
    else:
        for at in range(0, len(data), PAGE):
            yield data[at:at + PAGE], at == 0


def dump(folder):
    """Every byte of the store in `folder`, decrypted: also free pages, and the unused parts of
    pages; and the other files as they are."""
    key = Key.of(folder)
    out = []
    understood = 0
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if not os.path.isfile(path):
            continue
        if not name.startswith("amphi.db") or name.endswith("-shm"):
            out.append(read(path))
            continue
        for page, is_first in raw_pages(path):
            for reserve, _, _ in FORMATS.values():
                iv = page[-reserve:-reserve + 16]
                clear = aes(page[SALT if is_first else 0:-reserve], key.raw, iv, False)
                out.append(clear)
                understood += is_first and clear[0:2] == b"\x10\x00"  # the page size
    assert understood > 0, "the pages could not be decrypted"
    return b"\0".join(out)


def write_store(folder, statements, version=3):
    """An encrypted store made of SQL, and its key. Returns nothing."""
    reserve = FORMATS[version][0]
    connection = sqlite3.connect(":memory:")
    connection.execute(f"PRAGMA page_size = {PAGE}")
    connection.execute("CREATE TABLE t (a)")
    connection.execute("DROP TABLE t")
    connection.execute("VACUUM")
    image = bytearray(connection.serialize())
    assert len(image) == PAGE, len(image)
    image[20] = reserve  # an empty page 1 with room for the reserve
    image[105:107] = struct.pack(">H", PAGE - reserve)
    connection = sqlite3.connect(":memory:")
    connection.deserialize(bytes(image))
    connection.executescript(statements)
    image = connection.serialize()
    key = Key(os.urandom(32))
    os.makedirs(folder, mode=0o700, exist_ok=True)
    for name, data in (("store.key", key.raw.hex().encode() + b"\n"),
                       ("amphi.db", b"".join(encrypt(image[i:i + PAGE], i // PAGE + 1, key)
                                             for i in range(0, len(image), PAGE)))):
        path = os.path.join(folder, name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)
