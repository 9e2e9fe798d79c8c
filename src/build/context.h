#pragma once
/*
 * What a build is made from: the Dockerfile, and the files that COPY and ADD may take, however both
 * came. `docker build` calls it the build context.
 */
#include "build/tree.h"

struct context {
	int fd; /* of its top */
	struct ignore ignore;
	char *file_name; /* of the Dockerfile, for messages */
	char *file;      /* its content */
	size_t file_len;
};
#define CONTEXT_INIT                                                                               \
	{                                                                                          \
		.fd = -1                                                                           \
	}
void context_release(struct context *);
#define auto_context __attribute__((cleanup(context_release))) struct context
/* Valid while the context is. */
struct tree context_tree(const struct context *);

/* `where`: a directory. `file`: the Dockerfile, as `build -f` has it: below the working directory,
 * else below the context; "-": standard input; NULL: "Dockerfile" (or "dockerfile") in the context.
 */
int context_open(const char *where, const char *file, struct context *ret, struct err *e);

/* For a context that is a directory by now, `ret->fd`: reads .dockerignore and the Dockerfile.
 * `local`: `file` may lie below the working directory, outside the context; otherwise what it names
 * is in the context, whose links do not lead out of it. */
int context_read(struct context *ret, const char *file, bool local, struct err *e);
