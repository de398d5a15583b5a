# SPDX-License-Identifier: Apache-2.0
"""What a disk may hold after the power went. A trace (preload/trace.c) says what a process did to
its data folder, in order. Only what was synced is certain: of the writes since, any sectors of 512
bytes may have arrived, in any order, whole or not at all; of the changes of names since the folder
was synced, any may be missing."""
import os
import shutil
import struct

SECTOR = 512
RECORD = struct.Struct("<2I3Q")
OPENED, WRITTEN, TRUNCATED, SYNCED, LINKED, UNLINKED, RENAMED = range(7)


class File:
    def __init__(self, content=b""):
        self.certain = bytearray(content)
        self.pending = []  # ("write", offset, bytes) or ("size", size)

    def sync(self):
        for change in self.pending:
            apply(self.certain, change)
        self.pending = []

    def lose(self, chance):
        """What may be left of it."""
        left = bytearray(self.certain)
        way = chance.choice(("none", "all", "first", "any", "any", "any"))
        pending = list(self.pending)
        if way == "none":
            return left
        if way == "first" and pending:  # in order, and the last one is torn
            pending = pending[:chance.randint(1, len(pending))]
            kind, at, *data = pending[-1]
            if kind == "write":
                sectors = chance.randint(0, len(data[0]) // SECTOR)
                pending[-1] = (kind, at, data[0][:sectors * SECTOR])
        for change in pending:
            if way != "any":
                apply(left, change)
            elif change[0] == "size":
                if chance.random() < 0.5:
                    apply(left, change)
            else:
                for piece in sectors_of(change):
                    if chance.random() < 0.5:
                        apply(left, piece)
        return left


def sectors_of(change):
    """A write as writes within one sector each."""
    _, at, data = change
    begin = 0
    while begin < len(data):
        size = min(SECTOR - (at + begin) % SECTOR, len(data) - begin)
        yield "write", at + begin, data[begin:begin + size]
        begin += size


def apply(content, change):
    if change[0] == "size":
        size = change[1]
        del content[size:]
        content.extend(bytes(size - len(content)))
        return
    _, at, data = change
    if not data:
        return
    content.extend(bytes(max(0, at + len(data) - len(content))))
    content[at:at + len(data)] = data


class Disk:
    """Begins with a folder whose files are certain."""

    def __init__(self, folder):
        self.files, self.names, self.changes = {}, {}, []
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    inode = os.fstat(file.fileno()).st_ino
                    self.files[inode] = File(file.read())
                self.names[name] = inode
        self.now = dict(self.names)  # as the process sees it

    def replay(self, path):
        with open(path, "rb") as file:
            data = file.read()
        at = 0
        while at + RECORD.size <= len(data):
            what, name_size, inode, offset, size = RECORD.unpack_from(data, at)
            at += RECORD.size
            name = data[at:at + name_size].decode()
            at += name_size
            self.step(what, name, inode, offset, data[at:at + size])
            at += size

    def step(self, what, name, inode, offset, data):
        if what == OPENED and name and inode not in self.files:
            self.files[inode] = File()
            self.change(name, inode)
        elif what == WRITTEN:
            self.files[inode].pending.append(("write", offset, data))
        elif what == TRUNCATED:
            self.files[inode].pending.append(("size", offset))
        elif what == SYNCED and name:
            self.files[inode].sync()
        elif what == SYNCED:
            for changed, of in self.changes:
                self.set(self.names, changed, of)
            self.changes = []
        elif what in (LINKED, RENAMED):
            old, new = name.split("\n")
            of = self.now.get(old)
            if of is not None and new:
                self.change(new, of)
            if what == RENAMED:
                self.change(old, None)
        elif what == UNLINKED:
            self.change(name.split("\n")[0], None)

    def change(self, name, inode):
        self.set(self.now, name, inode)
        self.changes.append((name, inode))

    @staticmethod
    def set(names, name, inode):
        if inode is None:
            names.pop(name, None)
        else:
            names[name] = inode

    def write(self, folder, chance):
        """One of the folders that may be found after the loss. Shared memory is never kept."""
        names = dict(self.names)
        kept = chance.randint(0, len(self.changes))
        in_order = chance.random() < 0.5
        for index, (name, inode) in enumerate(self.changes):
            if index < kept if in_order else chance.random() < 0.5:
                self.set(names, name, inode)
        left = {inode: bytes(self.files[inode].lose(chance)) for inode in sorted(names.values())}
        shutil.rmtree(folder)
        os.makedirs(folder, mode=0o700)
        for name, inode in names.items():
            if name.endswith("-shm"):
                continue
            path = os.path.join(folder, name)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
                file.write(left[inode])
