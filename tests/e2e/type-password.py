#!/usr/bin/env python3
"""Runs a command on a terminal and types "me" and "secret" when it asks. Prints what it shows."""
import os
import pty
import sys

pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
shown, typed = b"", 0
answers = [(b"Username: ", b"me\r"), (b"Password: ", b"secret\r")]
while True:
    try:
        data = os.read(fd, 4096)
    except OSError:
        break
    if not data:
        break
    shown += data
    if typed < len(answers) and answers[typed][0] in shown:
        os.write(fd, answers[typed][1])
        typed += 1
sys.stdout.write(shown.decode(errors="replace"))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
