#pragma once
/* From a bundle to a container that waits to be started. */
#include "runtime/oci/container.h"
#include "runtime/process.h"

/* Everything of `create`; on an error nothing is left. The caller holds the lock that `s` has. */
int create_container(struct invocation *, struct state *s, struct oci_config *c, struct process *p,
	struct err *e);
/* The pid into a file, whole or not at all. */
int write_pid_file(const char *path, pid_t pid, struct err *e);
/* How many descriptors from 3 on are the container's: --preserve-fds, and those of LISTEN_FDS
 * (sd_listen_fds(3)), which its environment then tells of. */
int64_t preserved_fds(const struct options *, struct strv *env);
