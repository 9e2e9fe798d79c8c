#pragma once
/*
 * Makes and starts the process of one container: clone3(2) into new namespaces, the root from the
 * inside, then a "go" from the caller, who meanwhile has put it into its control group and made its
 * network.
 */
#include "base/err.h"
#include "runtime/init.h"
#include "runtime/spec.h"

struct process {
	pid_t pid; /* of the container's first process, in the caller's pid namespace */
	int pidfd;
	int control;
	int std_in, std_out, std_err; /* our ends of its pipes, -1 where there is none */
	int pty;                      /* master of its terminal, or -1 */
	int notify;                   /* socket that gets READY=1, or -1 */
	int seccomp;                  /* of a filter that notifies: its listener, or -1 */
	struct strv warnings;         /* what could not be done and is no error */
	/* NULL, or takes the listener at once: the process may already wait for its answer. The fd
	 * stays ours. */
	int (*on_listener)(void *data, pid_t pid, int listener, struct err *e);
	void *on_listener_data;
};
#define PROCESS_INIT                                                                               \
	{                                                                                          \
		.pidfd = -1, .control = -1, .std_in = -1, .std_out = -1, .std_err = -1, .pty = -1, \
		.notify = -1, .seccomp = -1                                                        \
	}
void process_release(struct process *); /* closes the fds; the process goes on */
/* The next message on its control socket that is not a warning or a listener, which go into `p`. A
 * failure that it tells is ours, and *m the message; -ECONNRESET is the end; -EAGAIN, without an
 * error, that a socket which does not block has no more yet. */
int process_hear(struct process *, struct init_message *ret, int fds[2], struct err *e);

/* The process exists and makes its root, meanwhile; the caller kills and reaps it if it gives up.
 * `exit_fd` is a file that init writes the exit status to. */
int process_create(const struct spec *, int exit_fd, struct process *ret, struct err *e);
/* Lets it go, into network namespace `netns_fd` (-1: stay in the host's). Returns when the
 * container's program has been executed; else *ret_exec_status is 125, 126 or 127. */
int process_start(
	const struct spec *, struct process *, int netns_fd, int *ret_exec_status, struct err *e);
