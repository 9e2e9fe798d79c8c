#!/usr/bin/python3
"""kill-during.py ROOT N COMMAND...

Starts COMMAND and kills it and everything it started with SIGKILL at the Nth change of a file
below ROOT (the names in ROOT and the directories that appear there, by inotify). A command that
ends before is left alone. Nothing is timed: the Nth change is where the axe falls.

With $AXE=alone only COMMAND's own process is killed, with $AXE=interrupt its process group gets
SIGINT, as by Ctrl-C, and is waited for. With $AXE=stop COMMAND's own process is stopped (SIGSTOP),
left so, and its pid printed."""
import ctypes
import os
import select
import signal
import struct
import subprocess
import sys

IN_CREATE, IN_MOVED_TO, IN_DELETE, IN_CLOSE_WRITE, IN_ISDIR = 0x100, 0x80, 0x200, 0x8, 0x40000000
MASK = IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_CLOSE_WRITE


def children(pid):
    """All descendants, by their parents."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as stat:
                    parents.setdefault(int(stat.read().rsplit(")", 1)[1].split()[1]), []).append(int(entry))
            except OSError:
                pass
    found, todo = [], [pid]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += parents.get(pid, [])
    return found


def main():
    root, left, command = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    libc = ctypes.CDLL(None, use_errno=True)
    queue = libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
    watched = {}

    def watch(path):
        number = libc.inotify_add_watch(queue, path.encode(), MASK)
        if number >= 0:
            watched[number] = path

    os.makedirs(root, exist_ok=True)
    for path, names, _ in os.walk(root):
        watch(path)
        # A layer's inside is the image's; changes there are many and alike.
        names[:] = [n for n in names if n not in ("fs", "upper", "merged")]
    # A shell's background job, such as a test, ignores it, and so would what we start.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, start_new_session=True)
    end = os.pidfd_open(child.pid)
    while left > 0:
        ready, _, _ = select.select([queue, end], [], [])
        if queue not in ready:
            break
        data = os.read(queue, 65536)
        while data:
            number, mask, _, size = struct.unpack_from("iIII", data)
            name = data[16:16 + size].split(b"\0")[0].decode(errors="replace")
            data = data[16 + size:]
            left -= 1
            if mask & IN_ISDIR and mask & (IN_CREATE | IN_MOVED_TO) and number in watched:
                watch(f"{watched[number]}/{name}")
    axe = os.environ.get("AXE")
    if left <= 0 and child.poll() is None and axe == "interrupt":
        os.killpg(child.pid, signal.SIGINT)
    elif left <= 0 and child.poll() is None and axe == "stop":
        os.kill(child.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, child.pid, os.WSTOPPED)
        print(child.pid)
        return
    elif left <= 0 and child.poll() is None:
        for pid in [child.pid] if axe == "alone" else children(child.pid):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
    child.wait()


main()
