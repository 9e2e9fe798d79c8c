#pragma once
/*
 * What a git repository has, through git(1), which obeys nobody but us: no configuration of the
 * host's or a person's, no hooks, no questions, no credentials, no transport but http(s), ssh and
 * git. Submodules come along, by the same ones.
 */
#include "build/source.h"

struct git_options {
	bool keep_git_dir;    /* ".git" stays */
	const char *checksum; /* of the commit (or the tag that names it), whole; NULL: any */
};
/* Checks it out into the empty directory `dir_fd`. *ret_commit, the caller's to free, is the
 * commit's name. ENOENT: there is no such reference; EBADMSG: another commit; ENOEXEC: no git(1)
 * here. */
int git_checkout(const struct git_source *, const struct git_options *, int dir_fd,
	char **ret_commit, struct err *e);
