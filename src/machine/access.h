#pragma once
/*
 * SSH access to a machine, from the engine's side: below "<engine state>/machines/<key>"
 *
 *   ssh/ssh_host_ed25519_key   the machine's own host key    } mounted read-only at
 *   ssh/authorized_keys        a key for each caller of start } /run/redock/ssh
 *   host_key.pub               its public half, for known_hosts
 *   homes.json                 in whose homes there is an entry, and by which alias
 *   committed                  when the last commit began, in nanoseconds since 1970
 *
 * so that neither a commit nor a push can carry a key.  All of these are called with the machine's
 * engine_lock() held.
 */
#include "machine/machine.h"
#include "machine/person.h"

#define ACCESS_TARGET "/run/redock/ssh"

/* A new machine: nothing of an earlier one of this name is left, and it has a host key. */
int access_make(struct engine *, const struct machine_name *, struct err *e);
/* Absolute path of the folder for ACCESS_TARGET; the caller frees it. */
char *access_mount_source(struct engine *, const struct machine_name *);
/* The person can have an entry by `alias`: their folders, key pair and Include are there, nobody
 * else's machine has the alias in their configuration (EEXIST, naming it), and their key may log
 * in. */
int access_prepare(struct engine *, const struct machine_name *, const char *alias,
	const struct person *, struct err *e);
/* The same, as far as it can be seen before there is a machine: nothing of it is made. */
int access_check(struct engine *, const struct machine_name *, const char *alias,
	const struct person *, struct err *e);
/* Writes the entry with the machine's present address, in every home that is recorded. An error is
 * only what went wrong with `person`'s. */
int access_publish(struct engine *, const struct machine_name *, const char *alias,
	const char *address, const struct person *, struct err *e);
/* Removes all entries, and the folder. */
int access_forget(struct engine *, const struct machine_name *, struct err *e);
/* The same for every machine that has a folder. */
int access_forget_all(struct engine *, struct err *e);

void access_set_committed(struct engine *, const struct machine_name *, int64_t when);
/* What was set, 0 when nothing was. */
int64_t access_committed(struct engine *, const struct machine_name *);
