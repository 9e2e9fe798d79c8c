#pragma once
/*
 * The conversation between client.c and the helper program redock-registry, over these descriptors.
 * The request is one JSON object:
 *   {"op": "pull",   "ref": NAME, "platform": TEXT, "all": BOOL}
 *   {"op": "push",   "ref": NAME, "all": BOOL}
 *   {"op": "login",  "host": HOST, "user": TEXT, "password": TEXT}
 *   {"op": "logout", "host": HOST}
 *   {"op": "fetch",  "url": URL, "checksum": "sha256:...", "max": BYTES}   into REGISTRY_FILE
 * The answer is one JSON object a line, see events.h, the last of which is
 *   {"ok": {...}}    or    {"error": TEXT, "code": errno, "hint": TEXT}
 */
enum registry_fd { REGISTRY_OUT = 1, REGISTRY_REQUEST = 3, REGISTRY_ROOT = 4, REGISTRY_FILE = 4 };
#define REGISTRY_REQUEST_MAX ((size_t)1 << 20)
