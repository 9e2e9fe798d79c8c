#pragma once
/*
 * Control groups, version 1, hybrid and 2, or none at all (cgroups(7)).
 *
 * A group is named by its path below each hierarchy, "<parent>/<id>".  On version 1 it exists in
 * the hierarchies that a container needs (memory, pids, devices, freezer, and cpu with a limit); on
 * version 2 in the one tree.  Where there is no cgroup file system, limits are an error and the
 * rest works: freezing then stops every task by pidfd.
 */
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct cgroup_limits {
	int64_t memory, nano_cpus, pids; /* bytes, 1e-9 CPUs, tasks; 0: no limit */
};

enum cgroup_layout { CGROUP_NONE, CGROUP_V1, CGROUP_V2 };
/* What is mounted at /sys/fs/cgroup; hybrid counts as version 1. */
enum cgroup_layout cgroup_layout(void);

/* Makes the group and sets its limits. A limit that cannot be set is an error, never left out. */
int cgroup_create(const char *path, const struct cgroup_limits *, struct err *e);
/* Version 2: a directory fd for clone3(2)'s CLONE_INTO_CGROUP; -1 elsewhere. */
int cgroup_open(const char *path);
/* Version 1: the calling process, which has one thread, moves itself. The kernel does that at once,
 * where moving another process by cgroup.procs waits for all CPUs (ten milliseconds, when they are
 * busy). Elsewhere there is nothing to do. */
int cgroup_enter(const char *path, struct err *e);
/* Removes it after killing whatever is still inside; missing is success. */
int cgroup_remove(const char *path, struct err *e);
/* Removes the parent of containers' groups if it is empty; a parent in use is left alone. */
void cgroup_remove_parent(const char *parent);
/* Stops every task of the container whose init is `init`, and returns when all have stopped; or
 * lets them go on. Freezing what is frozen is success. */
int cgroup_freeze(const char *path, pid_t init, struct err *e);
int cgroup_thaw(const char *path, pid_t init, struct err *e);
bool cgroup_is_frozen(const char *path);
/* True if the kernel has killed one of its tasks for want of memory. */
bool cgroup_oom_killed(const char *path);
/* Mounts /sys/fs/cgroup read-only in the container whose root is `rootfd`; the caller has entered a
 * cgroup namespace of its own, and asked for the host's layout while it could see it. */
int cgroup_mount(enum cgroup_layout, int rootfd, struct err *e);
