#!/usr/bin/python3
"""notify-wait.py SECONDS COMMAND...: starts a daemon and ends when it has said READY=1
(sd_notify(3)); prints its pid. The daemon's output goes to stderr."""
import os
import socket
import subprocess
import sys
import tempfile

with tempfile.TemporaryDirectory() as directory:
    path = os.path.join(directory, "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(path)
        listener.settimeout(float(sys.argv[1]))
        child = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL, stdout=sys.stderr,
                                 env={**os.environ, "NOTIFY_SOCKET": path}, start_new_session=True)
        while b"READY=1" not in listener.recv(4096):
            pass
print(child.pid)
