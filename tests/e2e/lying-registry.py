#!/usr/bin/env python3
"""A registry that lies. Repository NAME has an image whose lie NAME says; each is one of the methods
manifest_NAME, config_NAME and blob_NAME below, and nothing else about it is untrue.

usage: lying-registry.py LOG OTHER

Listens on a free port of 127.0.0.1, which is the first line of LOG; then a line for each request: method,
path, Authorization and Range, or "-". OTHER is the HOST:PORT of a second one, for lies that lead there.
"""
import base64
import gzip
import hashlib
import io
import json
import sys
import tarfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

OCI = "application/vnd.oci.image."
DOCKER = "application/vnd.docker.distribution."
MIB = 1 << 20


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def layer_tar(content):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in content.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            entry.mode = 0o755
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def noise(seed, size):
    """Bytes that do not compress, the same ones each time."""
    out, block = bytearray(), seed.encode()
    while len(out) < size:
        block = hashlib.sha256(block).digest()
        out += block
    return bytes(out[:size])


class Image:
    """What a repository has, honest until its lie changes it."""

    def __init__(self, name):
        with open("/bin/busybox", "rb") as f:
            busybox = f.read()
        tars = [layer_tar({"bin/sh": busybox, "bin/busybox": busybox}),
                layer_tar({"who": name.encode() + b"\n", "noise": noise(name, 3 * MIB)})]
        self.name = name
        self.blobs = {}
        self.layers = [gzip.compress(tar, 1, mtime=0) for tar in tars]
        self.diff_ids = [digest(tar) for tar in tars]
        self.platform = {"architecture": "amd64", "os": "linux"}
        if hasattr(self, "layers_" + name):
            getattr(self, "layers_" + name)()
        self.config = json.dumps({
            **self.platform, "config": {"Cmd": ["/bin/sh"]},
            "rootfs": {"type": "layers", "diff_ids": self.diff_ids}}).encode()
        document = {
            "schemaVersion": 2, "mediaType": OCI + "manifest.v1+json",
            "config": self.describe("config.v1+json", self.config),
            "layers": [self.describe("layer.v1.tar+gzip", layer) for layer in self.layers]}
        self.type = document["mediaType"]
        self.answer_digest = None
        self.extra = {}
        self.change = getattr(self, "manifest_" + name, lambda d: None)
        text = self.change(document)
        self.manifest = text if text is not None else json.dumps(document).encode()

    def describe(self, kind, data):
        self.blobs[digest(data)] = data
        return {"mediaType": OCI + kind, "digest": digest(data), "size": len(data)}

    # ---- what the layers really are ----

    def layers_truncated_gzip(self):
        self.layers[1] = self.layers[1][:-100000]

    def layers_no_gzip(self):
        self.layers[1] = b"this is no gzip at all" * 1000

    def layers_bad_diff_id(self):
        self.diff_ids[1] = "sha256:" + "0" * 64

    def layers_bomb(self):
        # members of gzip one after the other are one stream: ten gigabytes of zeros in ten megabytes
        head = tarfile.TarInfo("zeros")
        head.size = 10 << 30
        zeros = gzip.compress(bytes(64 * MIB), 9, mtime=0)
        header = head.tobuf(tarfile.GNU_FORMAT)
        self.layers[1] = gzip.compress(header, mtime=0) + zeros * 160

    def layers_other_platform(self):
        self.platform = {"architecture": "s390x", "os": "linux"}

    # ---- what the manifest says ----

    def manifest_index(self, document):
        """Not a lie: an image for two platforms."""
        return self.make_index(document, {})

    def make_index(self, document, changes):
        inner = json.dumps(document).encode()
        self.extra[digest(inner)] = (inner, self.type)
        here = {"mediaType": self.type, "digest": digest(inner), "size": len(inner),
                "platform": {"architecture": "amd64", "os": "linux"}, **changes}
        there = {**here, "digest": digest(b"no such"), "platform": {"architecture": "arm64", "os": "linux"}}
        self.type = OCI + "index.v1+json"
        return json.dumps({"schemaVersion": 2, "mediaType": self.type, "manifests": [there, here]}).encode()

    def manifest_index_size(self, document):
        return self.make_index(document, {"size": 17})

    def manifest_index_kind(self, document):
        return self.make_index(document, {"mediaType": DOCKER + "manifest.v2+json"})

    def manifest_index_nothing(self, document):
        return self.make_index(document, {"platform": {"architecture": "mips", "os": "plan9"}})

    def manifest_digest_header(self, document):
        self.answer_digest = "sha256:" + "1" * 64

    def manifest_digest_grammar(self, document):
        self.answer_digest = "sha256:../../../../etc/passwd"

    def manifest_digest_path(self, document):
        document["layers"][1]["digest"] = "sha256:../../x"

    def manifest_digest_upper(self, document):
        document["layers"][1]["digest"] = document["layers"][1]["digest"].upper().replace("SHA", "sha")

    def manifest_digest_other(self, document):
        document["layers"][1]["digest"] = "md5:" + "0" * 32

    def manifest_both(self, document):
        document["manifests"] = []

    def manifest_twice(self, document):
        text = json.dumps(document)
        return text.replace('"schemaVersion": 2', '"schemaVersion": 2, "layers": []').encode()

    def manifest_kind(self, document):
        self.type = OCI + "index.v1+json"

    def manifest_huge(self, document):
        document["annotations"] = {"x": "y" * (5 * MIB)}

    def manifest_size(self, document):
        document["layers"][1]["size"] += 1

    def manifest_size_less(self, document):
        document["layers"][1]["size"] -= 1

    def manifest_size_negative(self, document):
        document["layers"][1]["size"] = -5

    def manifest_foreign(self, document):
        other = document["layers"][1]
        other["mediaType"] = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
        other["urls"] = ["http://%s/v2/honest/blobs/%s" % (OTHER, other["digest"])]

    def manifest_urls(self, document):
        """A layer that is here, and is said to be elsewhere, too."""
        document["layers"][1]["urls"] = ["http://%s/evil" % OTHER]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    images, seen = {}, {}
    lock = threading.Lock()

    def log_message(self, *args):
        pass

    def answer(self, status, body=b"", headers=None, length=None):
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def hang_up(self):
        self.wfile.flush()
        self.connection.shutdown(2)
        self.close_connection = True

    def count(self):
        """How often exactly this has been asked for, this time included."""
        with self.lock:
            self.seen[self.path] = self.seen.get(self.path, 0) + 1
            return self.seen[self.path]

    def do_GET(self):
        self.note()
        parts = self.path.split("?")[0].strip("/").split("/")
        if parts == ["v2"]:
            return self.answer(200, b"{}")
        if parts[0] == "token":
            return self.answer(200, b'{"token": "stolen"}')
        if len(parts) < 4 or parts[0] != "v2":
            return self.answer(404)
        if parts[1].startswith("upload-"):
            return self.upload_status(parts)
        name, kind, reference = parts[1].replace("-", "_"), parts[2], parts[3]
        if name.startswith("auth_") and not self.allowed(name):
            return None
        given = name.startswith("given_")
        name = name.removeprefix("given_")
        with self.lock:
            if name not in self.images:
                self.images[name] = Image(name)
            image = self.images[name]
        if kind == "tags":
            return self.tags(name)
        if kind == "manifests":
            return self.manifest(image, reference)
        if given:
            return self.honest(image.blobs[reference])
        return self.blob(image, reference)

    do_HEAD = do_GET

    # ---- it takes images, too: uploads that go wrong once, and what they ask for ----

    uploads, taken = {}, {}

    def body(self, limit=None):
        left = int(self.headers.get("Content-Length", 0))
        if limit is not None:
            left = min(left, limit)
        return self.rfile.read(left)

    def do_POST(self):
        self.note()
        name = self.path.split("/")[2]
        self.body()
        if name == "upload-elsewhere" and not self.allowed(name):
            return None
        with self.lock:
            key = str(len(self.uploads))
            self.uploads[key] = b""
        where = "/v2/%s/blobs/uploads/%s" % (name, key)
        if name == "upload-elsewhere":
            where = "http://%s%s" % (OTHER, where)
        return self.answer(202, b"", {"Location": where, "Range": "0-0"})

    def do_PATCH(self):
        self.note()
        name, key = self.path.split("/")[2], self.path.split("/")[-1]
        first = self.count() == 1
        if name == "upload-reset" and first and int(self.headers["Content-Length"]) > 2 * MIB:
            self.uploads[key] = self.body(MIB)
            return self.hang_up()
        if name == "upload-busy" and first:
            self.body()
            return self.answer(503, b"{}", {"Retry-After": "1"})
        self.uploads[key] = self.uploads.get(key, b"") + self.body()
        return self.answer(202, b"", {"Location": self.path})

    def do_PUT(self):
        self.note()
        parts = self.path.split("?")[0].strip("/").split("/")
        data = self.body()
        if parts[2] == "manifests":
            said = digest(data if parts[1] != "upload-lie" else b"another")
            return self.answer(201, b"", {"Docker-Content-Digest": said})
        wanted = self.path.split("digest=")[1].replace("%3A", ":")
        if digest(self.uploads.get(parts[-1], b"")) != wanted:
            return self.answer(400, b'{"errors": [{"code": "DIGEST_INVALID", "message": "not so"}]}')
        self.taken[wanted] = True
        return self.answer(201, b"", {"Docker-Content-Digest": wanted})

    def upload_status(self, parts):
        if parts[3] != "uploads":
            return self.answer(200 if parts[3] in self.taken else 404)
        have = len(self.uploads.get(parts[4], b""))
        return self.answer(204, b"", {"Location": self.path, "Range": "0-%d" % (have - 1)} if have else {})

    def note(self):
        with self.lock:
            LOG.write("%s %s %s %s\n" % (self.command, self.path, self.headers.get("Authorization", "-"),
                                         self.headers.get("Range", "-")))
            LOG.flush()

    # ---- who are you? ----

    def allowed(self, name):
        if self.headers.get("Authorization") == "Basic " + base64.b64encode(b"me:secret").decode():
            return True
        if self.headers.get("Authorization") == "Bearer stolen":
            return True
        challenge = 'Basic realm="here"'
        if name == "auth_realm":
            challenge = 'Bearer realm="http://%s/token",service="x"' % OTHER
        if name == "auth_realm_https":
            challenge = 'Bearer realm="https://%s/token",service="x"' % OTHER
        if name == "auth_realm_file":
            challenge = 'Bearer realm="file:///etc/passwd",service="x"'
        if name == "auth_scheme":
            challenge = 'Negotiate'
        if name == "auth_garbage":
            challenge = 'Bearer realm="http://%s/token' % OTHER
        self.answer(401, b"{}", {"WWW-Authenticate": challenge})
        return False

    # ---- lies about documents ----

    def manifest(self, image, reference):
        name, data, kind = image.name, image.manifest, image.type
        if reference in image.extra:
            data, kind = image.extra[reference]
        if name == "busy" and self.count() <= 2:
            return self.answer(429, b"{}", {"Retry-After": "1"})
        if name == "busy_long":
            return self.answer(503, b"{}", {"Retry-After": "100000"})
        if name == "busy_always":
            return self.answer(503, b"{}")
        if name == "loop":
            return self.answer(307, b"", {"Location": self.path + "?again"})
        if name == "to_plain_file":
            return self.answer(307, b"", {"Location": "file:///etc/passwd"})
        if name == "headers":
            return self.answer(200, b"{}", {"X-%d" % i: "x" * 8000 for i in range(90)})
        if name == "slow_manifest":
            return self.trickle(data, kind)
        headers = {"Content-Type": kind, "Docker-Content-Digest": image.answer_digest or digest(data)}
        return self.answer(200, data, headers)

    def trickle(self, data, kind):
        self.answer(200, b"", {"Content-Type": kind}, len(data))
        try:
            for i in range(len(data)):
                self.wfile.write(data[i:i + 1])
                self.wfile.flush()
                time.sleep(0.05)
        except OSError:
            self.close_connection = True

    def tags(self, name):
        if name == "tags_endless":
            return self.answer(200, b'{"tags": []}', {"Link": '<%s>; rel="next"' % self.path})
        return self.answer(200, json.dumps({"tags": ["one", "two"]}).encode())

    # ---- lies about blobs ----

    def blob(self, image, reference):
        if reference not in image.blobs:
            return self.answer(404, b'{"errors": [{"code": "BLOB_UNKNOWN", "message": "no\\u001b[2Jthing"}]}')
        data = image.blobs[reference]
        lie = getattr(self, "blob_" + image.name, None)
        about = image.config if image.name.startswith("config") else image.layers[1]
        return lie(data) if lie and data == about else self.honest(data)

    def honest(self, data, honours_range=True):
        asked = self.headers.get("Range")
        if not asked or not honours_range:
            return self.answer(200, data)
        start = int(asked.split("=")[1].split("-")[0])
        if start >= len(data):
            return self.answer(416)
        return self.answer(206, data[start:],
                           {"Content-Range": "bytes %d-%d/%d" % (start, len(data) - 1, len(data))})

    def part(self, data, n):
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[:n])
        self.wfile.flush()

    def blob_wrong_byte(self, data):
        self.honest(data[:1000] + bytes([data[1000] ^ 1]) + data[1001:])

    def blob_config_wrong_byte(self, data):
        self.honest(data[:20] + b" " + data[21:])

    def blob_short(self, data):
        self.honest(data[:-1000])

    def blob_long(self, data):
        self.honest(data + b"more")

    def blob_reset(self, data):
        if self.count() > 1:
            return self.honest(data)
        self.part(data, 2 * MIB)
        return self.hang_up()

    def blob_reset_no_range(self, data):
        if self.count() > 1:
            return self.honest(data, False)
        self.part(data, 2 * MIB)
        return self.hang_up()

    def blob_reset_always(self, data):
        if self.headers.get("Range"):
            return self.hang_up()
        self.part(data, 2 * MIB)
        return self.hang_up()

    def blob_wrong_range(self, data):
        if not self.headers.get("Range"):
            self.part(data, 2 * MIB)
            return self.hang_up()
        return self.answer(206, data[:MIB], {"Content-Range": "bytes 0-%d/%d" % (MIB - 1, len(data))})

    def blob_stall(self, data):
        if self.count() > 1:
            return self.honest(data)
        self.part(data, 2 * MIB)
        RELEASE.wait(60)
        return self.hang_up()

    def blob_slow(self, data):
        if self.count() > 1:
            return self.honest(data)
        self.part(data, 2 * MIB)
        try:
            for i in range(2 * MIB, len(data)):
                self.wfile.write(data[i:i + 1])
                self.wfile.flush()
                time.sleep(0.05)
        except OSError:
            pass
        return self.hang_up()

    def blob_busy_blob(self, data):
        if self.count() > 2:
            return self.honest(data)
        return self.answer(503, b"{}", {"Retry-After": "1"})

    def blob_gone(self, data):
        return self.answer(404)

    # what a killed client has begun, and the next one goes on with
    def blob_waits(self, data):
        if self.count() > 1:
            return self.honest(data)
        self.part(data, 2 * MIB)
        with self.lock:
            LOG.write("half of %s is sent\n" % digest(data))
            LOG.flush()
        RELEASE.wait(60)
        return self.hang_up()

    def blob_auth_redirect(self, data):
        # the other one gives the same to everybody
        where = "http://%s/v2/given-auth-redirect/blobs/%s" % (OTHER, digest(data))
        self.answer(307, b"", {"Location": where})


if __name__ == "__main__":
    LOG = open(sys.argv[1], "a")
    OTHER = sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1:1"
    RELEASE = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    LOG.write("listening on %d\n" % server.server_address[1])
    LOG.flush()
    server.serve_forever()
