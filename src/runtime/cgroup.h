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
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A rule of the device list: cgroups(7) version 1's "devices", eBPF on version 2. */
struct cgroup_device {
	bool allow;
	char type;            /* 'a', 'b', 'c' */
	int64_t major, minor; /* -1: any */
	char access[4];       /* of "rwm" */
};

/* Limits, as the OCI runtime specification has them (config-linux.md, "Control groups"). Zero and
 * NULL: not set. */
struct cgroup_resources {
	int64_t memory;      /* bytes, -1: none at all */
	int64_t memory_swap; /* bytes, memory and swap together; -1: none at all */
	int64_t memory_reservation;
	int64_t memory_swappiness; /* -1: not set, since 0 means something */
	bool oom_kill_disable;
	int64_t nano_cpus; /* 1e-9 CPUs; excludes quota and period */
	int64_t cpu_shares;
	int64_t cpu_quota, cpu_period, cpu_burst; /* microseconds; quota -1: none at all */
	int64_t cpu_rt_runtime, cpu_rt_period;
	int64_t cpu_idle;
	char *cpuset_cpus, *cpuset_mems;
	int64_t pids; /* -1: none at all */
	int64_t blkio_weight;
	struct strv blkio_throttle; /* "read_bps 8:0 1048576", write_bps, read_iops, write_iops */
	struct strv hugetlb;        /* "2MB 1048576" */
	struct strv unified;        /* "memory.high=1000000", version 2 only */
	struct cgroup_device *devices; /* in order, after "deny all" if `deny_devices` */
	size_t n_devices;
	bool deny_devices;
};
#define CGROUP_RESOURCES_INIT                                                                      \
	{                                                                                          \
		.memory_swappiness = -1                                                            \
	}
void cgroup_resources_release(struct cgroup_resources *);

struct cgroup_stats {
	uint64_t cpu_ns, cpu_user_ns, cpu_system_ns, throttled_periods, throttled_ns;
	uint64_t memory, memory_cache, memory_max, memory_limit; /* bytes; limit 0: none */
	uint64_t swap, oom_kills;
	uint64_t block_read, block_written; /* bytes */
	uint64_t pids, pids_limit;          /* limit 0: none */
};

enum cgroup_layout { CGROUP_NONE, CGROUP_V1, CGROUP_V2 };
/* What is mounted at /sys/fs/cgroup; hybrid counts as version 1. */
enum cgroup_layout cgroup_layout(void);

/* Makes the group and sets its limits. A limit that cannot be set is an error, never left out. */
int cgroup_create(const char *path, const struct cgroup_resources *, struct err *e);
/* Changes the limits that are set; all of them or, on an error, none. */
int cgroup_update(const char *path, const struct cgroup_resources *, struct err *e);
/* What cannot be read stays zero. -ENOENT: no such group. */
int cgroup_stats(const char *path, struct cgroup_stats *ret, struct err *e);
/* Processes in the group and below; the caller frees. */
int cgroup_pids(const char *path, pid_t **ret, size_t *ret_n, struct err *e);
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
/* Becomes readable (POLLIN or POLLPRI, poll(2)) when the kernel has killed for want of memory: an
 * eventfd on version 1, memory.events on version 2. -1 where that cannot be. */
int cgroup_oom_fd(const char *path, short *ret_events);
/* Mounts /sys/fs/cgroup read-only in the container whose root is `rootfd`; the caller has entered a
 * cgroup namespace of its own, and asked for the host's layout while it could see it. */
int cgroup_mount(enum cgroup_layout, int rootfd, struct err *e);
