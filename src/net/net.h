#pragma once
/*
 * The bridge network: bridge, veth pairs, addresses, NAT to the outside.
 *
 * State that a reboot erases is below the run directory: `addresses/<IPv4>` claims one address for
 * a container id by an exclusive create.  The bridge and the rules are made when first needed and
 * removed by net_teardown_if_idle(); the kernel removes a veth pair with its network namespace.
 * Netlink messages are libmnl's; firewall rules are made by the helper program redock-net
 * (libnftables), which runs only when the ruleset's generation has changed since it last did.
 */
#include "base/err.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct net;

struct net_options {
	int root_fd;        /* keeps networks/bridge.json, the chosen subnet */
	int run_fd;         /* keeps the address claims, the rules' generation, old sysctls */
	const char *bridge; /* link name, at most 15 bytes; also names the nft table */
	const char *subnet; /* "a.b.c.d/len", or NULL: the recorded one, else a free one */
};
int net_open(const struct net_options *, struct net **ret, struct err *e);
void net_close(struct net *);

struct net_address {
	struct in_addr address, gateway;
	unsigned prefix; /* length */
};

/* Makes the bridge and rules if they are missing, and claims an address for container `id`
 * (`wanted`, if it is free and of this network; may be 0). After this, the bridge stays until the
 * claim is released. */
int net_claim(struct net *, const char *id, struct in_addr wanted, struct net_address *ret,
	struct err *e);
/* Gives the address of container `id` back (0: all that it has); a missing claim is success. */
int net_release(struct net *, const char *id, struct in_addr address, struct err *e);
/* Makes a veth pair between the bridge and network namespace `netns_fd`, where it is called eth0
 * and gets the address and default route; brings lo up there. `id` (12 hexadecimal digits and more)
 * names the host's end. When it returns, packets pass. */
int net_attach(
	struct net *, const char *id, const struct net_address *, int netns_fd, struct err *e);
/* Brings lo up in `netns_fd` (network "none"). */
int net_loopback(int netns_fd, struct err *e);
/* Removes the host's end, and with it the pair, now; a missing one is success. The kernel takes
 * some 30 ms for it, and does it by itself, later, when the namespace goes: not for the hot path.
 */
int net_detach(struct net *, const char *id, struct err *e);
/* Removes bridge, rules and sysctl changes if no address is claimed. Claims of containers for which
 * `alive(arg, id)` is false are released first: it has to be true from before net_claim() on. */
int net_teardown_if_idle(
	struct net *, bool (*alive)(void *arg, const char *id), void *arg, struct err *e);
/* The resolv.conf text for a container on this host: the host's name servers, those on loopback
 * replaced by the ones behind a local stub (systemd-resolved's upstream file) where there are any.
 */
int net_resolv_conf(char **ret, struct err *e);
