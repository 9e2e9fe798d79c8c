#pragma once
/*
 * Elements of our tables' maps, by netlink: a transaction of a few messages takes half a
 * millisecond, where a program that loads libnftables takes ten times that.
 */
#include "base/err.h"
#include "net/net.h"

/* One published port of the container at `address`; `comment` says whose it is. */
struct element {
	const char *table;
	struct in_addr address;
	struct net_port port;
	const char *comment;
};
/* All or none. EEXIST: another container has one of them. */
int elements_add(const struct element *, size_t n, struct err *e);
/* All that are there. */
int elements_remove(const struct element *, size_t n, struct err *e);
