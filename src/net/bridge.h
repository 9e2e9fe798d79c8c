#pragma once
/* The bridge and what belongs to it on the host: subnet, forwarding, firewall rules. */
#include "base/err.h"
#include "base/str.h"
#include "net/generation.h"
#include "net/link.h"
#include "net/subnet.h"

#include <stdbool.h>
#include <stdint.h>

#define VETH_NAME_SIZE  15
#define NETWORK_ID_SIZE 65

struct net {
	int root_fd, run_fd, claims_fd;
	int base_fd; /* the run directory of the default network, in which the others' are */
	char bridge[IFNAMSIZ];
	char name[129]; /* of the network */
	bool user;      /* not the default one: it has a name server and a subnet that stays */
	bool internal;
	struct in_addr gateway; /* 0: the first address */
	struct subnet asked;    /* prefix 0: nobody said which */
	struct nl route;
	struct strv leaving; /* containers whose links go when this is closed */
	int index;           /* of the bridge, as the last claim found it; 0: not known */
};

/* bridge.json in the run directory: what we did to the host, so that it can be checked and undone
 */
struct bridge_state {
	struct subnet subnet;    /* prefix 0: there is no bridge */
	bool restore_forwarding; /* ip_forward was 0 before */
	struct firewall_state firewall;
	uint64_t rules; /* of our table, as redock-net reported it; 0: not made yet */
};

#define DEFAULT_NETWORK "bridge"
#define LOCK_NAME       "lock" /* shared: an address is claimed; exclusive: the host is changed */

/* net_open() in two steps, for whoever fills in more. `r` is what went wrong in between. */
struct net *net_new(int root_fd, int base_fd, int run_fd, const char *bridge, const char *name);
int net_finish(struct net *, int r, struct net **ret, struct err *e);

/* The quick look, under a shared lock: 1 and *ret_index if the bridge and rules are as we left
 * them, 0 if bridge_ensure() has to see to them. */
int bridge_check(struct net *, struct bridge_state *ret, int *ret_index, struct err *e);
/* Makes what is missing; needs the exclusive lock. */
int bridge_ensure(struct net *, struct bridge_state *ret, int *ret_index, struct err *e);
/* Undoes all of it; needs the exclusive lock, and that nobody has an address. */
int bridge_remove(struct net *, struct err *e);
/* The host's end of a container's veth pair. */
int bridge_veth_name(const struct net *, const char *id, char ret[VETH_NAME_SIZE], struct err *e);
struct in_addr bridge_gateway(const struct net *, const struct subnet *);

/* network.c: calls `each` with the subnet of every network on record but `except`. */
int networks_each(const struct net *, const char *except,
	void (*each)(void *arg, const char *name, const struct subnet *), void *arg, struct err *e);

/* publish.c: the elements of all containers on this bridge, after its table was made anew. With the
 * exclusive lock. */
int publish_restore(struct net *, struct err *e);
/* Forgets all ports: they are of an earlier boot. */
void publish_forget(struct net *);
/* names.c */
#define NAMES_HOSTS    "hosts"   /* in its run directory: a file a container, by its id */
#define NAMES_PID_FILE "dns.pid" /* the server's own */
void names_stop(struct net *);
/* Of the server whose pid file this is. */
bool names_run(int dir, const char *pid_file);
void names_end(int dir, const char *pid_file);
/* `name` in the directory `dir`, as another program can open it. */
char *names_path(int dir, const char *name);
/* names_inside.c: the container's own server is stopped; none is success. */
void names_inside_stop(int base_fd, const char *id);
int names_start(struct net *, struct in_addr gateway, struct err *e);

/* choice.c */
struct conflict {
	const struct subnet *candidate;
	int own; /* index of the link whose routes do not count, or 0 */
	bool found;
	struct subnet with; /* the widest route that overlaps */
};
int choice_find_conflict(
	struct net *, const struct subnet *, int own, struct conflict *ret, struct err *e);
/* Marks nothing: finds the first candidate that overlaps neither a route nor a network. */
int choice_search(struct net *, struct subnet *ret, struct err *e);
/* The subnet asked for, else the recorded one, else a free one; and records it. */
int choice_make(struct net *, struct subnet *ret, struct err *e);

/* state.c */
int state_load(const struct net *, struct bridge_state *ret, struct err *e);
int state_save(const struct net *, const struct bridge_state *, struct err *e);
int state_remove(const struct net *, struct err *e);
/* True if the run directory's content is of an earlier boot of the kernel. */
bool state_is_stale(const struct net *);
/* The subnet kept over reboots; prefix 0 if there is none. */
void state_recorded_subnet(const struct net *, struct subnet *ret);
int state_record_subnet(const struct net *, const struct subnet *, struct err *e);
