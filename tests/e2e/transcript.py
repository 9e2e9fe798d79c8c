#!/usr/bin/python3
"""transcript.py FILE: runs the sessions that FILE shows, and prints them anew.

A session is a ```console block after a line `<!-- tested -->`; `$ ` begins a command, what follows
is its output, with `(exit status N)` as the last line when that is not 0. Prints a diff and ends
with 1 when what is shown is not what happens; times, addresses and sizes may differ."""
import difflib
import re
import subprocess
import sys

BLOCK = re.compile(r"<!-- tested -->\n+```console\n(.*?)```", re.S)
VARIES = [
    (re.compile(r"\b\d+\.\d+\.\d+\.\d+\b"), "ADDRESS"),
    (re.compile(r"\b((less than|about) )?(\d+|an?) (second|minute|hour)s?\b( ago)?", re.I), "TIME"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?\S*"), "TIME"),
    (re.compile(r"\b[0-9]+(\.[0-9]+)? ?[kMG]i?B\b"), "SIZE"),
    (re.compile(r"\b[0-9a-f]{12,64}\b"), "ID"),
    (re.compile(r" +"), " "),
]


def plain(text):
    for pattern, word in VARIES:
        text = pattern.sub(word, text)
    return [line.rstrip() for line in text.splitlines()]


def commands(block):
    command = None
    for line in block.splitlines():
        if line.startswith("$ "):
            command = line[2:]
            yield command


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        blocks = BLOCK.findall(file.read())
    if not blocks:
        sys.exit(f"{sys.argv[1]} shows no tested session")
    bad = False
    for block in blocks:
        anew = ""
        for command in commands(block):
            done = subprocess.run(["bash", "-c", command], stdin=subprocess.DEVNULL, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
            anew += f"$ {command}\n{done.stdout}"
            if done.returncode:
                anew += f"(exit status {done.returncode})\n"
        difference = list(difflib.unified_diff(plain(block), plain(anew), "shown", "happens",
                                               lineterm=""))
        if difference:
            bad = True
            print("\n".join(difference))
            print("what happens, in full:")
            print(anew)
    sys.exit(bad)


main()
