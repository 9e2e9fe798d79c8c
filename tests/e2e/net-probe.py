#!/usr/bin/env python3
"""The ends of connections for attacks-net.bats; whoever calls it chooses the network namespace.

serve NAME ADDRESS:PORT…    answers each connection with "NAME from CLIENT"; prints "ready" when it does
probe [+]ADDRESS:PORT…      asks all at once; a line for each: the target, and what was answered or "-".
                            One with a "+" is expected to answer, and has half a minute for it.
hammer ADDRESS:PORT…        asks all again and again until standard input ends; prints each that has
                            answered, and "rounds N"
"""
import errno
import os
import selectors
import socket
import sys
import time

REQUEST = b"GET /cgi-bin/who HTTP/1.0\r\n\r\n"
SILENCE = 3  # seconds: time for a SYN and its first repetition
PATIENCE = 30
ROUND = 0.05


class Ask:
    """One connection: `answer` is None until it has one, or has failed."""

    def __init__(self, target, selector, patience):
        self.target, self.answer, self.done, self.got = target, "-", False, b""
        self.end = time.monotonic() + patience
        self.selector = selector
        self.sock = socket.socket()
        self.sock.setblocking(False)
        address, port = target.rsplit(":", 1)
        error = self.sock.connect_ex((address, int(port)))
        if error and error != errno.EINPROGRESS:
            self.finish()
        else:
            selector.register(self.sock, selectors.EVENT_WRITE, self)

    def finish(self):
        if not self.done and self.sock in self.selector.get_map():
            self.selector.unregister(self.sock)
        self.done = True
        self.sock.close()

    def event(self, events):
        try:
            if events & selectors.EVENT_WRITE:
                self.sock.send(REQUEST)
                self.selector.modify(self.sock, selectors.EVENT_READ, self)
                return
            data = self.sock.recv(4096)
        except OSError:
            data = b""
        self.got += data
        if not data or len(self.got) > 65536:
            for line in self.got.decode("ascii", "replace").splitlines():
                if " from " in line:
                    # httpd writes an IPv4 client as [::ffff:1.2.3.4]
                    self.answer = line.replace("[::ffff:", "").replace("]", "")
            self.finish()


def turn(selector, asks, timeout):
    for key, events in selector.select(max(0, timeout)):
        if key.data:
            key.data.event(events)
    now = time.monotonic()
    for ask in asks:
        if not ask.done and ask.end <= now:
            ask.finish()


def probe(targets):
    selector = selectors.DefaultSelector()
    asks = [Ask(t.lstrip("+"), selector, PATIENCE if t[0] == "+" else SILENCE) for t in targets]
    while waiting := [a for a in asks if not a.done]:
        turn(selector, waiting, min(a.end for a in waiting) - time.monotonic())
    for ask in asks:
        print(ask.target, ask.answer)


def hammer(targets):
    selector = selectors.DefaultSelector()
    selector.register(sys.stdin, selectors.EVENT_READ)
    asks, answered, rounds, ending = [], set(), 0, False
    while asks or not ending:
        if not ending:
            asks += [Ask(t, selector, SILENCE) for t in targets]
            rounds += 1
        end = time.monotonic() + ROUND
        while (left := end - time.monotonic()) > 0:
            if not ending and any(key.data is None for key, _ in selector.select(0)):
                ending = not os.read(0, 4096)
                if ending:
                    selector.unregister(sys.stdin)
            turn(selector, asks, left)
        answered |= {f"{a.target} {a.answer}" for a in asks if a.done and a.answer != "-"}
        asks = [a for a in asks if not a.done]
    for line in sorted(answered):
        print(line)
    print("rounds", rounds)


def serve(name, addresses):
    selector = selectors.DefaultSelector()
    for text in addresses:
        address, port = text.rsplit(":", 1)
        listener = socket.create_server((address, int(port)), backlog=1024)
        selector.register(listener, selectors.EVENT_READ)
    print("ready", flush=True)
    while True:
        for key, _ in selector.select():
            connection, client = key.fileobj.accept()
            with connection:
                try:
                    connection.sendall(f"{name} from {client[0]}\n".encode())
                    connection.shutdown(socket.SHUT_WR)
                    connection.settimeout(PATIENCE)
                    while connection.recv(4096):
                        pass
                except OSError:
                    pass


mode, words = sys.argv[1], sys.argv[2:]
if mode == "serve":
    serve(words[0], words[1:])
else:
    {"probe": probe, "hammer": hammer}[mode](words)
