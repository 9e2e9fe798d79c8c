#pragma once
/* The namespaces of a specification: new ones, existing ones by path, maps of ids. */
#include "base/err.h"
#include "runtime/spec.h"

#include <stdbool.h>

/* Flags for clone3(2): the new ones, but for cgroup (made when the group has been entered) and time
 * (see namespace_prepare()). */
uint64_t namespace_flags(const struct spec *);
/* True if somebody in between has to go there first, so that the process can be born inside: a pid
 * or user namespace that exists, new time and user namespaces. */
bool namespace_needs_stage(const struct spec *);
/* A namespace by its path; `pid` and `start` as in struct spec_namespace. Returns its fd. */
int namespace_open(const char *path, int64_t pid, int64_t start, struct err *e);
/* Enters those that exist, and makes a time namespace for the processes to come. */
int namespace_prepare(const struct spec *, struct err *e);
/* Gives process `pid`, in its new user namespace, its ids. */
int namespace_write_maps(const struct spec *, pid_t pid, struct err *e);
/* Makes the caller user and group 0 of the user namespace that it is in. */
int namespace_become_root(struct err *e);
/* A user namespace with these maps and nobody in it. Returns its fd. */
int namespace_with_maps(const struct spec_id_map *uids, size_t n_uids,
	const struct spec_id_map *gids, size_t n_gids, struct err *e);
/* Which of the namespaces of process `pid` (CLONE_NEW*) are not the caller's. -errno. */
int namespace_differences(pid_t pid, struct err *e);
