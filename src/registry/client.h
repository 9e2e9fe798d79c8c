#pragma once
/* The engine's side of registry/: one conversation with the helper program redock-registry, which
 * does the work. Linked into every command, so it knows neither libcurl nor TLS. */
#include "base/err.h"
#include "base/json.h"

#include <stdint.h>

struct registry_event {
	const char *layer; /* 12 digits of its digest; NULL: a note */
	const char *text;  /* its status, or the note */
	uint64_t current, total;
};
typedef void registry_each(void *arg, const struct registry_event *);

/* `request` as protocol.h has it; `root_fd` is the store's, or the file of a fetch; -1: none. *ret
 * (may be NULL) is the answer's content, the caller's to release. */
int registry_call(int root_fd, const json_t *request, registry_each *each, void *arg, json_t **ret,
	struct err *e);
