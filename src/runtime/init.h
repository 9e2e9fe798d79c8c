#pragma once
/*
 * PID 1 of a container: ours.  It starts the container's process, passes every signal on to it,
 * reaps whatever is left behind, and holds the other ends of the container's pipes, so that a
 * monitor that dies takes nothing with it.
 */
#include "base/err.h"
#include "runtime/root.h"
#include "runtime/spec.h"
#include "runtime/user.h"

/* Where init holds what a new monitor takes over with pidfd_getfd(2); -1 in the process that has
 * none of it. The numbers are fixed for that reason. */
enum init_fd {
	INIT_FD_STDOUT = 3, /* read ends; not stdin, whose end the process must be able to see */
	INIT_FD_STDERR,
	INIT_FD_PTY,
	INIT_FD_NOTIFY,
	INIT_FD_EXIT,    /* file that gets the exit status */
	INIT_FD_CONTROL, /* socket to the monitor, until the process has been started */
	INIT_FD_END,
};

/* What a container's first process says to the monitor over the control socket. */
enum init_message_type {
	INIT_FDS,
	INIT_STARTED,
	INIT_FAILED,
	INIT_WARNING, /* `err` is something that could not be done, and it goes on without */
	INIT_SECCOMP, /* the listener of a filter that notifies follows as SCM_RIGHTS */
};
struct init_message {
	enum init_message_type type;
	int exec_status; /* INIT_FAILED: 125, 126 or 127 */
	struct err err;
	int n_fds; /* INIT_FDS: pty and/or notify follow as SCM_RIGHTS, in this order */
	bool has_pty, has_notify;
};

/* Runs as PID 1, with fds 0-2 the container's own and INIT_FD_* in place; does not return. */
__attribute__((noreturn)) void init_main(const struct spec *, struct root *);
/* Becomes the container's process in place of the caller; returns only when it failed, with the
 * exit status that Docker gives to that (125, 126 or 127). */
int init_exec(const struct spec *, struct root *, struct err *e);
/* Its parts, for exec.c, where two processes share them. */
struct init_program {
	struct strv env;
	struct user user;
};
/* Inside the root, with the streams in place: user, environment, working directory, signals. */
int init_prepare(const struct spec *, struct root *, struct init_program *ret, struct err *e);
/* A session of its own, with the terminal if there is one. */
int init_take_terminal(const struct spec *, struct err *e);
int init_execute(const struct spec *, const struct init_program *, struct err *e);
/* The same; what `last` does is done by the process when it is confined and has all but executed
 * its program. */
int init_exec_after(const struct spec *, struct root *, int (*last)(void *data, struct err *e),
	void *data, struct err *e);
/* Sends or receives a message; fds may be NULL. 0 or -errno (-ECONNRESET at the end). */
int init_send(int socket, const struct init_message *, const int *fds);
int init_receive(int socket, struct init_message *ret, int fds[2]);
