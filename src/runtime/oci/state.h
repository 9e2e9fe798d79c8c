#pragma once
/*
 * A container's directory below --root: DIR/ID/ with
 *   state.json   who it is, replaced atomically
 *   config.json  what it was created from: changes to the bundle's come too late
 *   start        socket that the container's process listens on until `start` connects
 *   lock         held by whoever changes something
 * A directory is claimed by mkdir(2).  What runs is read from the kernel: pid, start time and boot
 * id must all fit, so that a recycled pid is never taken for ours.
 */
#include "base/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum state_status { STATE_CREATING, STATE_CREATED, STATE_RUNNING, STATE_PAUSED, STATE_STOPPED };
const char *state_word(enum state_status);

struct state {
	int root, dir, lock; /* fds; -1 */
	char *id, *version, *bundle, *rootfs;
	char *cgroup; /* as src/runtime/cgroup.h has it; "" for none */
	char *scope;  /* systemd's unit that has this group, or NULL */
	json_t *annotations;
	pid_t pid; /* 0 until there is one */
	uint64_t start;
	char boot[37];
	int64_t created;
	uid_t owner;
};
#define STATE_INIT                                                                                 \
	{                                                                                          \
		.root = -1, .dir = -1, .lock = -1                                                  \
	}
void state_release(struct state *);
#define auto_state __attribute__((cleanup(state_release))) struct state

/* -EINVAL for what could not be a name of a directory of ours. */
int state_check_id(const char *id, struct err *e);
/* Claims a new one, and holds its lock. -EEXIST. */
int state_make(const char *root, const char *id, struct state *ret, struct err *e);
/* An existing one; -ENOENT. With `lock` nobody else changes it until it is released. */
int state_open(const char *root, const char *id, bool lock, struct state *ret, struct err *e);
int state_write(const struct state *, struct err *e);
/* Removes the directory: nothing is left to be found. */
int state_erase(struct state *, struct err *e);

/* A pidfd of the container's first process, or -ESRCH. */
int state_pidfd(const struct state *);
enum state_status state_status(const struct state *);
/* runtime.md, "State", on one line; the caller frees. `extra`: with what `state` adds to it. */
char *state_text(const struct state *, enum state_status, bool extra);
