#pragma once
/* The file system that a container sees, made by its first process from the inside. */
#include "base/err.h"
#include "runtime/cgroup.h"
#include "runtime/spec.h"

struct root {
	int fd;      /* "/" of the container (O_PATH) */
	int proc_fd; /* its procfs, from the mount itself and not from a path (R3) */
	int pty;     /* master of the container's terminal, -1 without one */
	int pty_slave;
	int notify;                 /* bound datagram socket, -1 without one */
	enum cgroup_layout cgroups; /* of the host */
};
#define ROOT_INIT                                                                                  \
	{                                                                                          \
		-1, -1, -1, -1, -1, CGROUP_NONE                                                    \
	}

/* In a new mount namespace: the overlay becomes "/", the host's tree is gone, /proc and /dev and
 * the person's mounts are there. */
int root_enter(const struct spec *, struct root *ret, struct err *e);
/* What has to wait for the network and cgroup namespaces: /sys, sysctls, masked paths. */
int root_finish(const struct spec *, struct root *, struct err *e);
/* Makes what is missing of `path` inside the root (once it is "/": its links lead nowhere but
 * inside). Returns an O_PATH fd of the last part, a directory or a file. */
int root_make_path(int rootfd, const char *path, bool dir, struct err *e);
