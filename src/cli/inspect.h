#pragma once
/* What `inspect`, `network inspect` and `volume inspect` have in common. */
#include "base/json.h"
#include "cli/cli.h"

/* `type` NULL: whatever has that name. A new reference; ENOENT with what to try. */
int inspect_one(struct engine *, const char *type, const char *name, bool size, json_t **ret,
	struct err *e);
/* Prints them all, as an array or by the template; returns the exit status or -errno. */
int inspect_all(struct cli *, const char *type, const char *format, bool size, char **names,
	size_t n, struct err *e);
