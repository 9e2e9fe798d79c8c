#pragma once
/*
 * What the monitor of a container and its clients say to each other over a stream socket: frames of
 * a fixed header and at most FRAME_MAX bytes.  One that starts a container sends GO, with the
 * network namespace as SCM_RIGHTS; one that comes later says ATTACH or WATCH first.
 */
#include <stdint.h>

enum frame_type {
	/* to the monitor */
	FRAME_GO = 1,
	FRAME_ATTACH,
	FRAME_WATCH, /* tell me about READY and EXIT */
	FRAME_STDIN,
	FRAME_STDIN_END,
	FRAME_RESIZE,        /* struct frame_resize */
	FRAME_ATTACH_OUTPUT, /* as ATTACH, without being the container's input */
	FRAME_STOP,          /* a person ends its restart policy: look at `stopped` */
	/* from the monitor */
	FRAME_STARTED,
	FRAME_FAILED, /* struct frame_failed: it could not be started */
	FRAME_STDOUT,
	FRAME_STDERR,
	FRAME_READY,
	FRAME_EXIT,    /* struct frame_exit */
	FRAME_WAITING, /* it has ended, and is going to be started again by its policy */
	/* to the monitor: name, limits and policy in the file `spec` are others now */
	FRAME_UPDATE,
	/* from the monitor, before STARTED or FAILED: a text, something is not as it was asked for
	 */
	FRAME_WARNING,
	FRAME_ATTACHED, /* from the monitor: what the container prints from now on comes to you */
	/* to the monitor: execute something in the container. With SCM_RIGHTS: a socket, which is
	 * the exec's own session, and a file with an encoded struct spec */
	FRAME_EXEC,
};

#define FRAME_MAX 32768u
struct frame {
	uint32_t type;
	uint32_t len; /* of what follows */
};
struct frame_resize {
	uint16_t rows, columns;
};
struct frame_exit {
	int32_t code;
	uint32_t oom_kills;   /* processes killed for want of memory */
	int64_t memory_limit; /* bytes, 0: none */
};
struct frame_failed {
	int32_t exec_status, code;
	char text[768], hint[384];
};
#define FRAME_TEXT_MAX sizeof((struct frame_failed *)0)->text

/* fds of the monitor program when it begins; its arguments are a mode ("start", "adopt") and the
 * container's name. */
enum monitor_fd {
	MONITOR_FD_CLIENT =
		3, /* socket to the starter; closed when it can be connected to, when adopting */
	MONITOR_FD_SPEC,  /* encoded struct spec */
	MONITOR_FD_ALIVE, /* locked for as long as the monitor lives */
	MONITOR_FD_END,   /* from here on: a socket for each of the spec's `ports` */
};
