"""A file system that answers badly, straight on /dev/fuse: stuck.py MOUNTPOINT TYPE HANGS [mute].

HANGS files whose content never comes, five whose content fails behind 128 KiB, a folder that can't be listed, and good ones.
With `mute` nothing at all is answered once it is mounted. Prints `ready` and serves until it is killed; the kernel then fails
what waits.
"""

import ctypes
import errno
import os
import struct
import sys

point, kind, hangs, mute = sys.argv[1], sys.argv[2], int(sys.argv[3]), "mute" in sys.argv[4:]
names = [f"hang-{n:02}.bin" for n in range(hangs)] + [f"eio-{n}.bin" for n in range(5)] + [f"good-{n}.txt" for n in range(5)]
names += ["shut"]
SIZE, GOOD, ROOT = 1 << 20, 128 << 10, 1


def attributes(node):
    folder = node == ROOT or names[node - 2] == "shut"
    mode, size = (0o40755, 0) if folder else (0o100644, SIZE)
    return struct.pack("<6Q10I", node, size, size // 512, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def answer(fuse, unique, body=b"", error=0):
    try:
        os.write(fuse, struct.pack("<IiQ", 16 + len(body), -error, unique) + body)
    except OSError as e:
        # Who asked is gone.
        if e.errno != errno.ENOENT:
            raise


def entries():
    out, offset = b"", 0
    for node, name in [(ROOT, "."), (ROOT, "..")] + [(n + 2, name) for n, name in enumerate(names)]:
        offset += 1
        raw = name.encode()
        entry = struct.pack("<QQII", node, offset, len(raw), 0) + raw
        out += entry + b"\0" * (-len(entry) % 8)
    return out


def serve(fuse, operation, unique, node, body):
    if operation == 26:  # INIT
        major, minor, ahead, _ = struct.unpack_from("<IIII", body)
        answer(fuse, unique, struct.pack("<IIIIHHIIHH8I", 7, min(minor, 31), ahead, 0, 12, 9, 1 << 17, 1, 0, 0, *[0] * 8))
    elif operation in (2, 36, 42):  # FORGET, INTERRUPT, BATCH_FORGET: nobody waits
        pass
    elif mute:
        pass
    elif operation == 1:  # LOOKUP
        name = body.split(b"\0")[0].decode(errors="replace")
        if name not in names:
            return answer(fuse, unique, error=errno.ENOENT)
        found = names.index(name) + 2
        answer(fuse, unique, struct.pack("<QQQQII", found, 0, 60, 60, 0, 0) + attributes(found))
    elif operation == 3:  # GETATTR
        answer(fuse, unique, struct.pack("<QII", 60, 0, 0) + attributes(node))
    elif operation in (14, 27):  # OPEN, OPENDIR; every second hanging file past the page cache
        direct = operation == 14 and node % 2
        answer(fuse, unique, struct.pack("<QII", node, int(direct), 0))
    elif operation == 15:  # READ
        _, offset, size = struct.unpack_from("<QQI", body)
        name = names[node - 2]
        if name.startswith("hang"):
            return
        if name.startswith("eio") and offset + size > GOOD:
            return answer(fuse, unique, error=errno.EIO)
        answer(fuse, unique, b"a" * max(0, min(size, SIZE - offset)))
    elif operation == 28:  # READDIR
        _, offset, _ = struct.unpack_from("<QQI", body)
        if node != ROOT:
            return answer(fuse, unique, error=errno.EIO)
        answer(fuse, unique, entries() if offset == 0 else b"")
    elif operation == 17:  # STATFS
        answer(fuse, unique, struct.pack("<5Q4I6I", 1000, 0, 0, 1000, 0, 4096, 255, 4096, 0, *[0] * 6))
    elif operation in (18, 25, 29, 34):  # RELEASE, FLUSH, RELEASEDIR, ACCESS
        answer(fuse, unique)
    else:
        answer(fuse, unique, error=errno.ENOSYS)


fuse = os.open("/dev/fuse", os.O_RDWR)
libc = ctypes.CDLL(None, use_errno=True)
options = f"fd={fuse},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
if libc.mount(b"stuck", point.encode(), kind.encode(), 6, options):
    sys.exit(f"mount: {os.strerror(ctypes.get_errno())}")
print("ready", flush=True)
while True:
    try:
        request = os.read(fuse, 1 << 20)
    except OSError as e:
        if e.errno in (errno.EINTR, errno.EAGAIN, errno.ENOENT):
            continue
        break
    _, operation, unique, node = struct.unpack_from("<IIQQ", request)
    serve(fuse, operation, unique, node, request[40:])
