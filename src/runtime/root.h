#pragma once
/* The file system that a container sees, made by its first process from the inside. */
#include "base/err.h"
#include "runtime/cgroup.h"
#include "runtime/spec.h"

struct root {
	int fd;       /* "/" of the container (O_PATH) */
	int proc_fd;  /* its procfs, from the mount itself and not from a path (R3); -1 without one
		       */
	int own_proc; /* one that nobody but us has, for a root without; see root_proc() */
	int pty;      /* master of the container's terminal, -1 without one */
	int pty_slave;
	int notify;                 /* bound datagram socket, -1 without one */
	enum cgroup_layout cgroups; /* of the host */
	int filter;                 /* file of a seccomp filter of the specification's, or -1; see
				       root_open_filter() */
	int report; /* socket (init.h) for warnings and the listener of a filter, or -1; not ours */
	/* Detached mounts: [0] the root directory, then one a mount, one a device, the host's
	 * /sys/fs/cgroup (no mount) and /sys; -1 where none is needed. NULL until root_sources().
	 */
	int *sources;
	size_t n_sources;
};
#define ROOT_INIT                                                                                  \
	{                                                                                          \
		-1, -1, -1, -1, -1, -1, CGROUP_NONE, -1, -1, NULL, 0                               \
	}
void root_release(struct root *);

/* Takes from the host, while its tree is there, what root_enter() puts into the container. The
 * container's process does it by itself; only for one in a user namespace, which may not, somebody
 * else does. `userns_fd` is that namespace, or -1. */
int root_sources(const struct spec *, int userns_fd, struct root *, struct err *e);
/* In a new mount namespace: the root is mounted, with /proc, /dev and the person's mounts in it. An
 * overlay is "/" from here on; a directory becomes that in root_finish(). */
int root_enter(const struct spec *, struct root *, struct err *e);
/* What has to wait for the network namespace and for hooks: the directory becomes "/", /sys,
 * sysctls, masked paths. */
int root_finish(const struct spec *, struct root *, struct err *e);
/* A procfs of our pid namespace that no path leads to: everything in /proc that we read or write
 * goes through it (T06). The fd stays the root's. */
int root_proc(struct root *, struct err *e);
/* Opens the file of the filter, while the host's tree is there; root_enter() does it by itself. */
int root_open_filter(const struct spec *, struct root *, struct err *e);
/* Makes what is missing of `path` inside the root. Returns an O_PATH fd of the last part, a
 * directory or a file. */
int root_make_path(int rootfd, const char *path, bool dir, struct err *e);
/* A terminal of the devpts in the container, of the size that the specification asks for. */
int root_terminal(const struct spec *, int rootfd, int *ret_master, int *ret_slave, struct err *e);
