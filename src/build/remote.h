#pragma once
/*
 * Files for a build that are not in a directory of the caller's: what ADD takes from an address,
 * and contexts that come through a pipe, from a URL or a git repository. All of it lies in a
 * private directory until remote_close(), so that it is read like any other context.
 */
#include "build/scratch.h"

#define REMOTE_FILE                                                                                \
	"download" /* the one file of a URL that is no archive's and no repository's               \
		    */

struct remote {
	struct scratch scratch;
	int dir_fd;   /* what came */
	char *digest; /* of what came: "sha256:...", "git:COMMIT"; NULL: of a pipe, nobody knows */
	bool bare_file; /* of a context: it was no archive but a Dockerfile, which has that name */
};
void remote_close(struct remote *);
#define REMOTE_INIT                                                                                \
	{                                                                                          \
		.scratch = SCRATCH_INIT, .dir_fd = -1                                              \
	}
#define auto_remote __attribute__((cleanup(remote_close))) struct remote

struct remote_options {
	const char *checksum; /* of ADD; NULL: none */
	bool keep_git_dir;
	engine_transfer_each *each; /* may be NULL */
	void *arg;
};

/* The source of an ADD: SOURCE_URL gives REMOTE_FILE, as it came, with mode 0600 and the server's
 * time (without one: 1970); SOURCE_GIT gives a tree. */
int remote_add(struct engine *, const char *source, const struct remote_options *,
	struct remote *ret, struct err *e);

/* A build's context: "-" is `input`, a tar archive (also compressed) or a Dockerfile; a URL is one
 * of either; a git repository is its tree. ENOEXEC: there is no git(1). */
int remote_context(struct engine *, const char *source, int input, const struct remote_options *,
	struct remote *ret, struct err *e);
