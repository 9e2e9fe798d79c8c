#!/usr/bin/env python3
"""The fuzzer's first inputs: small archives of each kind, the same each time.

seed_layer.py OUT   writes OUT/<name>; tests/fuzz/corpus/layer holds what it wrote.
"""
import bz2
import gzip
import io
import lzma
import os
import subprocess
import sys
import tarfile
import tempfile

OUT = sys.argv[1]
HERE = os.path.dirname(os.path.abspath(__file__))


def ordinary(kind):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=kind) as t:
        def add(name, what, data=b"", **more):
            info = tarfile.TarInfo(name)
            info.type, info.size = what, len(data)
            for key, value in more.items():
                setattr(info, key, value)
            t.addfile(info, io.BytesIO(data))
        add("./", tarfile.DIRTYPE, mode=0o755)
        add("d/" + "n" * 120, tarfile.REGTYPE, b"data", mode=0o4755, uid=3, mtime=1)
        add("d/h", tarfile.LNKTYPE, linkname="d/" + "n" * 120)
        add("s", tarfile.SYMTYPE, linkname="/d")
        add("s/x", tarfile.REGTYPE, b"y")
        add("f", tarfile.FIFOTYPE)
        add("c", tarfile.CHRTYPE, devmajor=1, devminor=3)
        add("d/.wh.gone", tarfile.REGTYPE)
        add("d/.wh..wh..opq", tarfile.REGTYPE)
        more = {"SCHILY.xattr.user.k": "v"} if kind == tarfile.PAX_FORMAT else {}
        add("\u00e9", tarfile.REGTYPE, bytes(5000), pax_headers=more)
    return out.getvalue().rstrip(b"\0") + bytes(1024)


os.makedirs(OUT, exist_ok=True)
plain = ordinary(tarfile.PAX_FORMAT)
seeds = {"pax.tar": plain, "gnu.tar": ordinary(tarfile.GNU_FORMAT),
         "pax.tar.gz": gzip.compress(plain, mtime=0), "pax.tar.bz2": bz2.compress(plain),
         "pax.tar.xz": lzma.compress(plain)}
with tempfile.TemporaryDirectory() as hostile:
    subprocess.run([sys.executable, os.path.join(HERE, "../fixtures/evil_tar.py"), hostile,
                    "/nonexistent/canary"], check=True)
    for name in sorted(os.listdir(hostile)):
        path = os.path.join(hostile, name)
        if os.path.getsize(path) <= 8192:
            with open(path, "rb") as f:
                seeds[name] = f.read()
for name, data in seeds.items():
    with open(os.path.join(OUT, name), "wb") as f:
        f.write(data)
