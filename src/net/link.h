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

/* Makes veth pair `name` - `peer`: `name` here, up, a port of the link `master`; `peer` with `mac`
 * in the network namespace `netns_fd`, down. Returns 0 or -errno, and sets no error. */
int link_make_veth(struct nl *, const char *name, int master, const char *peer, int netns_fd,
	const unsigned char mac[LINK_MAC_SIZE]);
/* Lets a port of a bridge send a packet back where it came from (hairpin). */
int link_set_hairpin(struct nl *, const char *name, struct err *e);
/* Waits until link `name` carries packets, 2 s at most: then it goes on without a word. */
int link_wait_operational(struct nl *, const char *name, struct err *e);
/* In the network namespace `netns_fd`: lo up; with an `interface`, that one up with `address` and,
 * unless `gateway` is 0, the default route over that. */
struct link_setup {
	const char *interface; /* or NULL */
	struct subnet subnet;
	struct in_addr address, gateway;
};
int link_configure(int netns_fd, const struct link_setup *, struct err *e);
/* Takes a link out of the network namespace, or (`gateway`) gives it a default route over it if it
 * has none. A missing link is success. */
int link_remove_inside(int netns_fd, const char *name, struct err *e);
int link_route_inside(int netns_fd, const char *name, struct in_addr gateway, struct err *e);

/* Calls `each` for every IPv4 route of every table, local addresses among them, but not for
 * default routes. `index` is its outgoing link, 0 if it has none of its own. */
int link_routes(struct nl *, void (*each)(void *arg, const struct subnet *, int index), void *arg,
	struct err *e);
