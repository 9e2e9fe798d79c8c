#pragma once
/* Links, their addresses and the routes, as rtnetlink(7) messages. No policy. */
#include "base/err.h"
#include "net/nl.h"
#include "net/subnet.h"

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>

#define LINK_MAC_SIZE 6

struct link_info {
	int index;
	bool up, bridge;
	bool operational; /* it carries packets: RFC 2863's ifOperStatus is up */
	unsigned char mac[LINK_MAC_SIZE];
	char name[IFNAMSIZ];
	char alias[64]; /* cut to fit */
};
/* -ENODEV (no error set) when there is none. */
int link_find(struct nl *, const char *name, struct link_info *ret, struct err *e);
/* Calls `each` for every link. */
int link_list(
	struct nl *, void (*each)(void *arg, const struct link_info *), void *arg, struct err *e);

/* Makes a bridge (STP off, no forward delay), down. */
int link_make_bridge(struct nl *, const char *name, const char *alias,
	const unsigned char mac[LINK_MAC_SIZE], struct err *e);
int link_set_up(struct nl *, int index, struct err *e);
/* -ENODEV when one of them is not there, with no error set. */
int link_set_master(struct nl *, const char *name, int master, struct err *e);
/* A missing link is success. */
int link_delete(struct nl *, const char *name, struct err *e);
/* An address that is there already is success. */
int link_add_address(struct nl *, int index, const struct subnet *, struct in_addr, struct err *e);

/* Makes veth pair `name` - eth0: `name` here, up, a port of the link `master`; eth0 with `mac` in
 * the network namespace `netns_fd`, down. Returns 0 or -errno, and sets no error. */
int link_make_veth(struct nl *, const char *name, int master, int netns_fd,
	const unsigned char mac[LINK_MAC_SIZE]);
/* Waits until link `name` carries packets, 2 s at most: then it goes on without a word. */
int link_wait_operational(struct nl *, const char *name, struct err *e);
/* In the network namespace `netns_fd`: lo up; if `address` is not NULL, eth0 up with it and
 * the default route over `gateway`. */
int link_configure(int netns_fd, const struct subnet *, const struct in_addr *address,
	struct in_addr gateway, struct err *e);

/* Calls `each` for every IPv4 route of every table, local addresses among them, but not for
 * default routes. `index` is its outgoing link, 0 if it has none of its own. */
int link_routes(struct nl *, void (*each)(void *arg, const struct subnet *, int index), void *arg,
	struct err *e);
