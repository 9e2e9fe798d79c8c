#pragma once
/*
 * The person on whose behalf we act, and acting as that person.
 *
 * Everything in a person's home is read and written by a child process that has become that person
 * for good (all uids and gids, supplementary groups, umask 077), so that whatever their links
 * and mounts lead to, it happens with their own rights and never with root's.
 */
#include "base/err.h"
#include "base/str.h"

#include <sys/types.h>

struct person {
	uid_t uid;
	gid_t gid;
	char *name;
	char *home; /* from the passwd database, as ssh(1) does; not $HOME */
	char *shell;
	char *data_dir; /* "…/redock": $XDG_DATA_HOME only when the environment is this person's */
};
void person_release(struct person *);
#define auto_person __attribute__((cleanup(person_release))) struct person

/* The calling person: SUDO_UID's for root behind sudo, else the real uid's. */
int person_caller(struct person *ret, struct err *e);
/* The person with this uid (data_dir is the default one). -ENOENT when there is none any more. */
int person_by_uid(uid_t uid, struct person *ret, struct err *e);
/* A path that may stand in an SSH configuration file: absolute, and without bytes that mean
 * something there (blanks are fine, quotes, globs and tokens are not). */
int person_check_path(const char *path, struct err *e);

#define PERSON_OUT_MAX 8192
/* What a job does as the person; it may write text to `out` (limit PERSON_OUT_MAX - 1). */
typedef int person_job(void *arg, struct str *out, struct err *e);
/* Runs job(arg) in a child that has become `p`, and returns what it returned, with its error. What
 * it wrote to `out` is appended to *ret_out (may be NULL) on success. Changes to `arg` are lost. */
int person_run(
	const struct person *p, person_job *job, void *arg, struct str *ret_out, struct err *e);
/* In a forked child: becomes the person for good. -errno with the error set. */
int person_become(const struct person *p, struct err *e);
