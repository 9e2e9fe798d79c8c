#pragma once
/*
 * What ADD and the build's context may be, other than files that are here: an address of a file, or
 * of a git repository with what is wanted of it ("URL#REF:SUBDIR": the Dockerfile reference, "ADD",
 * and Docker's manual, "Build context").
 */
#include "base/err.h"

#include <stdbool.h>

enum source_kind { SOURCE_LOCAL, SOURCE_URL, SOURCE_GIT };
/* http:// and https:// are files, unless their path ends with ".git"; git://, ssh:// and git@ are
 * repositories. */
enum source_kind source_kind(const char *text);

struct git_source {
	char *url;
	char *ref; /* branch, tag, commit, or "refs/..."; NULL: what the repository has as HEAD */
	char *subdir; /* relative, without ".." parts; NULL: all of it */
};
/* EINVAL: something that git(1) could take for an option or another repository, a password, a
 * directory outside. */
int git_source_parse(const char *text, struct git_source *ret, struct err *e);
void git_source_release(struct git_source *);
#define auto_git_source __attribute__((cleanup(git_source_release))) struct git_source

/* The name that a file from `url` gets: the last part of its path, without %-escapes. EINVAL when
 * it has none. The caller frees. */
int source_url_name(const char *url, char **ret, struct err *e);
