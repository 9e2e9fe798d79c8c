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
	int64_t memory_kernel_tcp; /* of TCP buffers, version 1 only; -1: none at all */
	int64_t nano_cpus;         /* 1e-9 CPUs; excludes quota and period */
	int64_t cpu_shares;
	int64_t cpu_quota, cpu_period, cpu_burst; /* microseconds; quota -1: none at all */
	int64_t cpu_rt_runtime, cpu_rt_period;
	int64_t cpu_idle;
	char *cpuset_cpus, *cpuset_mems;
	int64_t pids; /* -1: none at all */
	int64_t blkio_weight;
	/* "read_bps 8:0 1048576", write_bps, read_iops, write_iops; "weight 8:0 500" */
	struct strv blkio_throttle;
	struct strv hugetlb;           /* "2MB 1048576" */
	struct strv unified;           /* "memory.high=1000000", version 2 only */
	struct cgroup_device *devices; /* in order, after "deny all" if `deny_devices` */
	size_t n_devices;
	bool deny_devices;
};
#define CGROUP_RESOURCES_INIT                                                                      \
	{                                                                                          \
		.memory_swappiness = -1                                                            \
	}
void cgroup_resources_release(struct cgroup_resources *);
/* Appends a rule in the notation of version 1, "c 1:3 rwm" or "b 8:* r". -EINVAL: it is none. */
int cgroup_allow_device(struct cgroup_resources *, const char *rule, struct err *e);
/* Denies all devices and allows those of posture_device_rules: the default of every container. */
void cgroup_default_devices(struct cgroup_resources *);

struct cgroup_stats {
	uint64_t cpu_ns, cpu_user_ns, cpu_system_ns, throttled_periods, throttled_ns;
	/* bytes; limit 0: none; the cache is what of it the kernel can drop at once, inactive pages
	 * of files: "docker stats" shows memory without it */
	uint64_t memory, memory_cache, memory_max, memory_limit;
	uint64_t swap, oom_kills;
	uint64_t block_read, block_written; /* bytes */
	uint64_t pids, pids_limit;          /* limit 0: none */
};

enum cgroup_layout { CGROUP_NONE, CGROUP_V1, CGROUP_V2 };
/* What is mounted at /sys/fs/cgroup; hybrid counts as version 1. */
enum cgroup_layout cgroup_layout(void);

/* What this host can limit: what info, doctor and a runtime's "features" tell. */
struct cgroup_support {
	bool memory, swap, oom_kill_disable, swappiness, pids, cpu_quota, cpu_shares, cpuset;
	bool blkio_weight, blkio_throttle, hugetlb, devices, freeze;
};
void cgroup_support(struct cgroup_support *ret);

/* Makes the group, those above it too, and sets its limits. A limit that cannot be set is an error
 * that names what the host lacks, never left out; then nothing is left behind. The list of devices
 * is not set yet: the container's first process has to make the nodes. */
int cgroup_create(const char *path, const struct cgroup_resources *, struct err *e);
/* Sets the list of devices, before anything of the container's own runs. Where there are no control
 * groups it is passed over: a missing CAP_MKNOD and "nodev" stand for it. */
int cgroup_set_devices(const char *path, const struct cgroup_resources *, struct err *e);
/* Changes the limits that are set; all of them or, on an error, none. A list of devices replaces
 * the one that was. -EBUSY: more memory is in use than the new limit. */
int cgroup_update(const char *path, const struct cgroup_resources *, struct err *e);
/* What cannot be read stays zero. -ENOENT: no such group. */
int cgroup_stats(const char *path, struct cgroup_stats *ret, struct err *e);
/* Processes in the group and below; the caller frees. */
int cgroup_pids(const char *path, pid_t **ret, size_t *ret_n, struct err *e);
/* Version 2: a directory fd for clone3(2)'s CLONE_INTO_CGROUP; -1 elsewhere. clone3 fails with
 * EBUSY where a container has made groups inside its own: cgroup_open_of() then has a place. */
int cgroup_open(const char *path);
/* The same for the group that process `pid` is in. */
int cgroup_open_of(pid_t pid);
/* Version 1: the calling process, which has one thread, moves itself. The kernel does that at once,
 * where moving another process by cgroup.procs waits for all CPUs (ten milliseconds, when they are
 * busy). Elsewhere there is nothing to do. */
int cgroup_enter(const char *path, struct err *e);
/* Removes it, with the groups that were made inside, after killing whatever is still there, frozen
 * or not; missing is success. */
int cgroup_remove(const char *path, struct err *e);
/* Removes the parent of containers' groups if it is empty; a parent in use is left alone. */
void cgroup_remove_parent(const char *parent);
/* Stops every task of the container whose init is `init`, and returns when all have stopped; or
 * lets them go on. Freezing what is frozen is success. */
int cgroup_freeze(const char *path, pid_t init, struct err *e);
int cgroup_thaw(const char *path, pid_t init, struct err *e);
/* `init` is looked at where there are no control groups. */
bool cgroup_is_frozen(const char *path, pid_t init);
/* The same for many groups below one: where the kernel says so, looked for once. Closed by
 * close_fd(&f.dir). A `parent` that is not there is fine: nothing is frozen. */
struct cgroup_freezer {
	enum cgroup_layout layout;
	int dir; /* of `parent`; -1: there is none */
};
void cgroup_freezer_open(const char *parent, struct cgroup_freezer *ret);
bool cgroup_freezer_is_on(const struct cgroup_freezer *, const char *name, pid_t init);
/* Sends `sig` to every process of the container, those that it is just making included. With
 * SIGKILL it is thawed, too: a frozen task would not die (F29). */
int cgroup_signal(const char *path, pid_t init, int sig, struct err *e);
/* How many of its tasks the kernel has killed for want of memory. */
uint64_t cgroup_oom_kills(const char *path);
bool cgroup_oom_killed(const char *path);
/* Becomes readable (POLLIN or POLLPRI, poll(2)) when the kernel has killed for want of memory: an
 * eventfd on version 1, memory.events on version 2. -1 where that cannot be. After each event call
 * cgroup_oom_seen(), then look at cgroup_oom_kills(): other things wake it, too. */
int cgroup_oom_fd(const char *path, short *ret_events);
void cgroup_oom_seen(int fd);

/*
 * Where systemd runs, version 2's tree is its, and it hands out a subtree as a scope unit with
 * Delegate=yes (systemd.resource-control(5)). The helper program redock-scope asks it by D-Bus.
 */
bool cgroup_is_systemds(void);
struct cgroup_scope {
	const char *slice, *unit; /* "redock.slice", "redock-1.scope" */
	const char *description;
	const char *leaf; /* a group inside for processes of ours, or NULL */
	const char
		*lock; /* a file: commands that make the same scope wait for each other; or NULL */
	const struct cgroup_resources *resources; /* become properties of the unit; or NULL */
};
/* A scope ends with its last process. This one holds it until it is released, when the first
 * process of one's own is inside. */
struct cgroup_hold {
	int fd, pid;
};
#define CGROUP_HOLD_INIT                                                                           \
	{                                                                                          \
		-1, -1                                                                             \
	}
void cgroup_hold_release(struct cgroup_hold *);
/* Makes the scope and waits until it is there. *ret_path is the path of its group, which the caller
 * frees. Without `leaf` a scope of this name must not exist yet. */
int cgroup_scope_start(
	const struct cgroup_scope *, char **ret_path, struct cgroup_hold *ret, struct err *e);
/* With `leaf`: a directory fd of that group, for CLONE_INTO_CGROUP (ENODEV: it has gone again). The
 * scope is made if it is not there; else this costs one open(2), and *ret holds nothing. */
int cgroup_scope_ensure(
	const struct cgroup_scope *, int *ret_leaf, struct cgroup_hold *ret, struct err *e);
/* The unit's properties follow new limits; cgroup_update() sets them. */
int cgroup_scope_update(const struct cgroup_scope *, struct err *e);

/* What the container sees at /sys/fs/cgroup. */
struct cgroup_view {
	enum cgroup_layout layout;                /* the host's: ask while it can be seen */
	const struct cgroup_resources *resources; /* with which the group was made */
	bool read_write;                          /* --privileged; else read-only */
	/* Version 1 without a cgroup namespace: the group's path, and an O_PATH fd of the host's
	 * /sys/fs/cgroup. Else NULL and -1: the caller has entered a namespace of its own. */
	const char *path;
	int host;
};
/* Mounts it in the container whose root is `rootfd`. */
int cgroup_mount(const struct cgroup_view *, int rootfd, struct err *e);
