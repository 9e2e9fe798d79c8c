#!/usr/bin/python3
"""state.py DIR: prints what the kernel and the persons' homes hold of redock, one thing a line.
state.py DIR --compare FILE: waits for what is on its way out, then prints what is different.

DIR has the tests' instances in r/NAME/lib and their homes in home/. What belongs to the host's
own instance, or to other people's private ones, is left out; how a private instance's things are
called (FNV-1a of its root) is known here, and instances.bats fails when that changes."""
import difflib
import glob
import json
import os
import re
import select
import subprocess
import sys
import time

PRIVATE = re.compile(r"\b(?:rd|redock-)([0-9a-f]{8})\b")
# The host's own instance, and benchmarks that measure the kernel.
FOREIGN = re.compile(r"[ /](redock0|redock)(?=[ /]|$)|^(link|address) (v?floor|fl)[0-9.]")
PATIENCE = 10


def out(*argv):
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          check=False).stdout


def name_hash(root):
    value = 2166136261
    for byte in root.encode():
        value = (value ^ byte) * 16777619 & 0xFFFFFFFF
    return f"{value:08x}"


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def processes():
    """Ours by their names, and whatever lives in a pid namespace below this one."""
    own = os.readlink("/proc/self/ns/pid")
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            space = os.readlink(f"/proc/{entry}/ns/pid")
        except OSError:
            space = own
        name = read(f"/proc/{entry}/comm").strip()
        if name.startswith("redock") or space != own:
            command = read(f"/proc/{entry}/cmdline").replace("\0", " ")
            yield f"process {entry} {name} {command}"


def links():
    for link in json.loads(out("ip", "-j", "link") or "[]"):
        # With the bridge that a veth is on: that tells whose it is.
        yield f"link {link['ifname']} {link.get('master', '')}"
    for link in json.loads(out("ip", "-4", "-j", "addr") or "[]"):
        for address in link["addr_info"]:
            yield f"address {link['ifname']} {address['local']}/{address['prefixlen']}"


def state(directory):
    roots = set(glob.glob(f"{directory}/r/*/lib")) | {os.environ.get("REDOCK_ROOT", "")}
    roots.discard("")
    hashes = {name_hash(root) for root in roots}

    def ours(line):
        found = PRIVATE.search(line)
        return not FOREIGN.search(line) and (not found or found.group(1) in hashes)

    lines = list(links())
    lines += out("nft", "list", "tables").splitlines()
    # Of these the tests make more: they have the name of this run's directory in theirs.
    groups = ["cgroup " + line for line in
              out("find", "/sys/fs/cgroup", "-type", "d", "-name", "*redock*").splitlines()]
    lines += [line for line in groups if PRIVATE.search(line) or FOREIGN.search(line)]
    others = any(not ours(line) for line in lines)
    lines = [line for line in lines if ours(line)]
    lines += [line for line in groups if os.path.basename(directory) in line]
    if not others:
        lines.append("ip_forward " + read("/proc/sys/net/ipv4/ip_forward").strip())
    lines += ["mount {4} {3}".format(*line.split()) for line in read("/proc/self/mountinfo").splitlines()]
    lines += [line for line in out("losetup", "--list", "--noheadings", "--output",
                                   "NAME,BACK-FILE").splitlines() if directory in line]
    lines += ["netns " + path for path in glob.glob("/run/netns/*")]
    lines += processes()
    for home in glob.glob(f"{directory}/home/*"):
        for path, _, files in os.walk(home):
            lines += [f"file {path}/{name}" for name in files if "-container" in name]
    for root in roots:
        lines += ["container " + path for path in glob.glob(f"{root}/containers/*")]
        lines += ["temporary " + path for path in glob.glob(f"{root}/tmp/*")]
    return sorted(lines)


def wait(directory, before):
    """Processes that have been told to end, and the kernel's removal of a veth with its namespace,
    are waited for by their events."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        new = [line for line in state(directory) if line not in before]
        pids = [int(line.split()[1]) for line in new if line.startswith("process")]
        if pids:
            try:
                fd = os.pidfd_open(pids[0])
            except ProcessLookupError:
                continue
            select.select([fd], [], [], max(0, end - time.monotonic()))
            os.close(fd)
        elif any(line.startswith("link") for line in new):
            with subprocess.Popen(["ip", "monitor", "link"], stdout=subprocess.PIPE) as events:
                if any(line.startswith("link") and line not in before for line in state(directory)):
                    select.select([events.stdout], [], [], max(0, end - time.monotonic()))
                events.kill()
        else:
            return


def main():
    directory = sys.argv[1]
    if len(sys.argv) == 2:
        print("\n".join(state(directory)))
        return
    with open(sys.argv[3], encoding="utf-8") as file:
        before = file.read().splitlines()
    wait(directory, before)
    after = state(directory)
    # Somebody else's bridge has come or gone, which says nothing about us.
    if sum("ip_forward" in "\n".join(lines) for lines in (before, after)) == 1:
        before = [line for line in before if not line.startswith("ip_forward")]
        after = [line for line in after if not line.startswith("ip_forward")]
    different = [line for line in difflib.ndiff(before, after) if line[0] in "+-"]
    if different:
        sys.exit("left behind (+) or gone (-):\n" + "\n".join(different))


main()
