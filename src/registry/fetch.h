#pragma once
/*
 * One file by its address, for builds: an http or https URL that anybody may read. No credentials
 * go anywhere, not even those that a registry of that host has.
 */
#include "base/json.h"
#include "registry/http.h"

/* The request as protocol.h has it; the file's content goes to REGISTRY_FILE. *ret is
 *   {"url": where it was at last, "size": BYTES, "digest": "sha256:...", "modified": SECONDS}
 * without the last member if the server does not say. ENOENT: it is not there; EACCES: not for
 * everybody; EBADMSG: another checksum; EFBIG: longer than "max". */
int fetch_run(struct http *, const json_t *request, json_t **ret, struct err *e);
