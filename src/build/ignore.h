#pragma once
/*
 * .dockerignore: which files of a build context are left out. Patterns are those of the Dockerfile
 * reference (".dockerignore file"): '*', '?' and "[...]" within one part of a path, "**" for any
 * number of parts, a '!' in front to take files back in; the last one that matches decides. What
 * lies in a directory that is left out is left out, too, unless a later pattern takes it back in.
 */
#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

#define IGNORE_MAX ((size_t)1 << 20) /* bytes of such a file */

struct ignore_pattern {
	char *text; /* relative, no "." or ".." parts, no slash at either end */
	bool back;  /* it began with '!' */
};
struct ignore {
	struct ignore_pattern *v;
	size_t n;
};
void ignore_release(struct ignore *);
#define auto_ignore __attribute__((cleanup(ignore_release))) struct ignore

/* Parses a file's content. EINVAL: a pattern that is not well formed; *ret_line says where. */
int ignore_parse(
	const char *data, size_t len, struct ignore *ret, unsigned *ret_line, struct err *e);
/* Adds one pattern, as --exclude has it. */
int ignore_add(struct ignore *, const char *pattern, struct err *e);

/* `path`: relative, without "." and "..". */
bool ignore_matches(const struct ignore *, const char *path);
/* True if something below the directory `path`, itself left out, may be taken back in: only then
 * it has to be looked into. */
bool ignore_may_take_back(const struct ignore *, const char *path);

/* Go's filepath.Match for one part of a path, without the '.' of shells being anything special. */
bool ignore_glob(const char *pattern, const char *name);
/* Brackets are closed, and no backslash stands at the end. */
bool ignore_is_pattern(const char *pattern);
