#pragma once
/*
 * Redock's machines: a container with a person's name `repository:tag`, an SSH server and an alias
 * in the person's SSH configuration.  Written against engine.h alone, so that a machine works the
 * same on every engine.
 */
#include "base/err.h"
#include "base/str.h"
#include "engine/engine.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* "repository:tag" of a machine; `text` is both. */
struct machine_name {
	char repository[129], tag[129], text[260];
};
/* Parses "tag" or "repository:tag"; without a colon the repository is machine_default_repository().
 * The error shows the expected form. */
int machine_name_parse(const char *text, struct machine_name *ret, struct err *e);
/* $SUDO_USER for root behind sudo, else $USER, else the passwd name. Caller frees. */
char *machine_default_repository(void);

/* Lower-case letters, digits and single dashes: "Some Random Text!" is "some-random-text".
 * -EINVAL when nothing is left or it is longer than 63. */
int machine_slug(const char *text, char ret[64], struct err *e);

struct machine_start {
	const char *hostname; /* NULL: the tag */
	const char *from;     /* image for a machine that does not exist yet, or NULL */
	const char *mirror;   /* package source for the base image, or NULL: the host's */
	int timeout_ms;       /* until the SSH server answers */
};
struct machine_started {
	char alias[80];          /* "demo-container" */
	bool created, restarted; /* neither: it ran already */
};
/* Makes sure that it exists, runs and is reachable by its alias for the calling person. */
int machine_start(struct engine *, const struct machine_name *, const struct machine_start *,
	struct machine_started *ret, struct err *e);
/* Opens a session as the calling person (argv NULL: a login shell). Returns the exit status of
 * ssh(1), or -errno. */
int machine_ssh(struct engine *, const struct machine_name *, char *const *argv, struct err *e);
int machine_commit(
	struct engine *, const struct machine_name *, const struct commit_options *, struct err *e);
/* *ret_absent: there was none, which is fine; *ret_lost: changed files that are gone now. */
int machine_kill(struct engine *, const struct machine_name *, bool *ret_absent, uint64_t *ret_lost,
	struct err *e);
int machine_delete(struct engine *, const struct machine_name *, bool force, struct err *e);

struct machine_info {
	char *name, *image, *address, *alias;
	enum container_state state;
	bool ready;
	int64_t since; /* start of a running one, end of an exited one */
};
struct machine_list {
	struct machine_info *v;
	size_t n;
};
void machine_list_release(struct machine_list *);
#define auto_machine_list __attribute__((cleanup(machine_list_release))) struct machine_list
int machine_list(struct engine *, struct machine_list *ret, struct err *e);
/* Removes every person's SSH entries for this engine's machines (system reset). */
int machine_forget_all(struct engine *, struct err *e);
