#pragma once
/*
 * One more process in a running container.
 *
 * The caller is the static monitor, executed from a read-only mount of itself, or redock-runtime
 * from a copy of itself that nobody can write: what enters shows the container no writable file of
 * the host (T02). What others inside can see of it holds no more than the program will (T03).
 */
#include "base/err.h"
#include "runtime/process.h"
#include "runtime/spec.h"

#include <stdbool.h>

/* Executes s->args in all namespaces of `init` that are not the caller's, in control group
 * s->cgroup (NULL: the caller's), with s's own cwd, user, groups, capabilities, filter, limits,
 * labels and terminal; its root, mounts, devices, hooks and sysctls are not looked at. `init_pidfd`
 * is a pidfd of `init`: the pid alone may be somebody else's by now. With `inherit` fds 0 to 2 are
 * the caller's own, in place of pipes (not with a terminal).
 *
 * ret->on_listener is taken from *ret as it is when this is called; all else in it is set.
 * *ret is a child of the caller; its control socket is closed. Returns when the program has been
 * executed; else nothing is left of it, and *ret_exec_status is 125, 126 or 127. */
int process_exec(const struct spec *s, pid_t init, int init_pidfd, bool inherit,
	struct process *ret, int *ret_exec_status, struct err *e);

/* The same in steps, for a caller that has other things to do: each takes as long as the container
 * is frozen. */
struct exec_attempt {
	struct process process;
	pid_t stage; /* enters the container and makes the process; 0 when it has */
	int stage_pidfd;
	struct exec_report *report; /* shared with that */
	bool ready;                 /* the process has said that it is there */
	int exec_status;
	struct err failure; /* why the process is being killed */
};
#define EXEC_ATTEMPT_INIT                                                                          \
	{                                                                                          \
		.process = PROCESS_INIT, .stage_pidfd = -1, .exec_status = 125                     \
	}
/* Never waits. A failure leaves nothing behind. */
int process_exec_begin(const struct spec *, pid_t init, int init_pidfd, bool inherit,
	struct exec_attempt *ret, struct err *e);
/* Becomes readable (POLLIN) when process_exec_step() has something to do. */
int process_exec_fd(const struct exec_attempt *);
/* 0: there is more to wait for. 1: the program has been executed, and is *ret. Less: it could not
 * be; nothing is left of it, and *ret_exec_status is set. */
int process_exec_step(
	struct exec_attempt *, struct process *ret, int *ret_exec_status, struct err *e);
