#!/usr/bin/python3
"""A web server for builds: files below a directory, git repositories in it, and answers that are not well.

file-server.py LOG DIRECTORY [OTHER]: writes "listening on PORT", then a line for each request, to LOG. OTHER is
the address of a second one, to which it sends people on.
"""
import http.server
import os
import subprocess
import sys
import threading

LOG = open(sys.argv[1], "w", buffering=1)
TOP = sys.argv[2]
OTHER = sys.argv[3] if len(sys.argv) > 3 else ""
LOCK = threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def note(self):
        with LOCK:
            seen = " ".join(f"{key}={value}" for key, value in self.headers.items()
                            if key.lower() in ("authorization", "cookie"))
            LOG.write(f"{self.command} {self.path} {seen}\n")

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        self.note()
        path, _, query = self.path.partition("?")
        if path == "/to":  # /to?WHERE
            self.answer(302, Location=query.replace("OTHER", OTHER))
        elif path == "/status":  # /status?CODE
            self.answer(int(query), b"the server's own words\n")
        elif path == "/login":
            self.answer(401, WWW_Authenticate='Basic realm="x"')
        elif path == "/endless":
            self.endless()
        elif path == "/short":
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            self.wfile.write(b"x" * 1000)
            self.close_connection = True
        elif ".git/" in path:
            self.git(path, query)
        else:
            self.file(path)

    do_HEAD = do_GET

    def do_POST(self):
        self.note()
        path, _, query = self.path.partition("?")
        self.git(path, query)

    def endless(self):
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"\0" * 65536)
        except OSError:
            pass
        self.close_connection = True

    def file(self, path):
        try:
            with open(TOP + path, "rb") as f:
                body = f.read()
                modified = self.date_time_string(int(os.fstat(f.fileno()).st_mtime))
        except OSError:
            self.answer(404)
            return
        if path.startswith("/undated/"):
            self.answer(200, body)
        else:
            self.answer(200, body, Last_Modified=modified)

    def git(self, path, query):
        """git-http-backend(1), by CGI (RFC 3875)."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Transfer-Encoding", "") == "chunked":
            body = b"".join(iter(self.chunk, b""))
        env = {
            "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": TOP, "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "PATH_INFO": path, "QUERY_STRING": query, "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""), "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""), "REMOTE_ADDR": "127.0.0.1",
        }
        out = subprocess.run(["git", "http-backend"], input=body, env=env, stdout=subprocess.PIPE, check=False).stdout
        head, _, body = out.partition(b"\r\n\r\n")
        status, headers = 200, {}
        for line in head.decode().split("\r\n"):
            key, _, value = line.partition(": ")
            if key == "Status":
                status = int(value.split()[0])
            elif key:
                headers[key.replace("-", "_")] = value
        self.answer(status, body, **headers)

    def chunk(self):
        size = int(self.rfile.readline().split(b";")[0], 16)
        data = self.rfile.read(size)
        self.rfile.readline()
        return data


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
LOG.write(f"listening on {server.server_address[1]}\n")
server.serve_forever()
