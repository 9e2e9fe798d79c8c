#pragma once
/*
 * The sockets that reserve a container's published ports.  The firewall's rules take every packet
 * before it gets here; what comes all the same (somebody has flushed the rules) is turned away.
 */
#include "base/str.h"

#include <stddef.h>

struct ports {
	int epoll; /* readable when somebody has come; -1: no ports */
	int *fds;
	size_t n;
};
#define PORTS_INIT                                                                                 \
	{                                                                                          \
		.epoll = -1                                                                        \
	}
/* Takes the `n` sockets that the monitor was started with, from MONITOR_FD_END on. */
void ports_take(struct ports *, size_t n);
/* Opens them anew: `texts` as struct spec's `ports`. One that is taken meanwhile is left out: the
 * rules work without. */
void ports_bind(struct ports *, const struct strv *texts);
void ports_turn_away(struct ports *);
/* Gives them up: the container has ended, and the ports are free for the next. */
void ports_close(struct ports *);
