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
#include "base/str.h"

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

/* A network: a bridge with a subnet of its own. The one called "bridge" is always there (its subnet
 * is chosen when it is first needed); "host" and "none" are the engine's words, not ours. */
struct net_network {
	char id[65]; /* 64 hexadecimal digits */
	char *name;
	char bridge[16]; /* link name */
	struct in_addr subnet, gateway;
	unsigned prefix; /* 0: not chosen yet */
	bool internal;   /* no way out, and none in from the host's other networks */
	int64_t created;
	struct strv labels, options; /* KEY=value */
};
void net_network_release(struct net_network *);
#define auto_net_network __attribute__((cleanup(net_network_release))) struct net_network

struct net_network_options {
	const char *name;
	const char *subnet, *gateway; /* NULL: chosen against the live routes; the first address */
	bool internal;
	char *const *labels, *const *options;
};
/* Records the network, durably; its bridge is made with the first container. EEXIST: the name is
 * taken; EADDRINUSE: the subnet overlaps a route of this host or another network. */
int net_network_create(
	struct net *, const struct net_network_options *, struct net_network *ret, struct err *e);
/* By exact name or unique id prefix (4 digits and more). ENOENT. */
int net_network_load(struct net *, const char *name, struct net_network *ret, struct err *e);
/* All of them, "bridge" first; the caller releases each and frees the array. Of those whose record
 * is damaged, *ret_damaged (may be NULL) gets the names. */
int net_network_list(struct net *, struct net_network **ret, size_t *ret_n,
	struct strv *ret_damaged, struct err *e);
/* Erases the record `name`, which net_network_load() has found damaged, with whatever is left of
 * networks without a record that nobody is on. */
int net_network_forget(struct net *, const char *name, struct err *e);
/* EBUSY while an address is claimed on it. */
int net_network_remove(struct net *, const struct net_network *, struct err *e);

/* The network that `net_network` describes, to be used as the default one is; NULL for the default.
 * The handle keeps nothing of the two arguments. */
int net_open_network(struct net *, const struct net_network *, struct net **ret, struct err *e);
/* The same for every user network that has state in the run directory, known or not. */
int net_each_active(struct net *, int (*each)(void *arg, struct net *), void *arg, struct err *e);

/* A published port. */
struct net_port {
	uint8_t protocol;            /* IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP */
	struct in_addr host_address; /* INADDR_ANY: all */
	uint16_t host_port, container_port;
};
#define NET_PORTS_MAX 512 /* of a container: each is a file descriptor of its monitor */
/* Opens and binds the socket that reserves a port on the host (listening, for TCP, so that ss(8)
 * shows it); with host_port 0 the kernel chooses, and *port learns. Nobody ever reads from it: the
 * rules take the packets. Returns the fd. EADDRINUSE: the message names who has it. */
int net_port_reserve(struct net_port *port, struct err *e);
/* Rules for all ports of container `id`, which has `address` on this network and is attached:
 * elements of a map, never a rule each. */
int net_publish(struct net *, const char *id, struct in_addr address, const struct net_port *,
	size_t n, struct err *e);
/* Takes them back, from whatever network; none is success. */
int net_unpublish(struct net *, const char *id, struct err *e);

/* Makes container `id` known on a user network by `names` (its own name, its short id, its
 * aliases); starts the network's name server if it does not run. */
int net_names_add(
	struct net *, const char *id, struct in_addr address, char *const *names, struct err *e);
int net_names_remove(struct net *, const char *id, struct err *e);
/* A name server of container `id`'s own, in its network namespace at NET_NAMES_INSIDE, which knows
 * the names of all `nets`: for one on several user networks, of which each one's server knows its
 * own; or for one that wants others (`dns`) to be asked for what the networks do not know. One that
 * runs is replaced, or with `keep` left as it is. */
#define NET_NAMES_INSIDE "127.0.0.11"
int net_names_inside(struct net *const *nets, size_t n, char *const *dns, const char *id,
	int netns_fd, bool keep, struct err *e);
/* It is not needed any more; none is success. */
void net_names_inside_stop(struct net *, const char *id);
/* Ports, names and addresses of container `id` on every network below `run_root`; then user
 * networks that nobody is left on. For whoever has no engine. */
int net_release_all(const char *run_root, const char *id, struct err *e);
/* Makes bridge, rules, ports, names as they should be, where somebody has removed them. Nothing
 * happens to a network without containers. */
int net_reload(struct net *, struct err *e);

struct net_address {
	struct in_addr address, gateway;
	unsigned prefix;      /* length */
	unsigned interface;   /* 0 is eth0 */
	bool no_route;        /* no default route: another network has it */
	unsigned char mac[6]; /* that it gets */
};
/* Sets `mac` as it follows from the address. */
void net_address_set_mac(struct net_address *);
/* True if the container's port on the bridge is there. */
bool net_is_attached(struct net *, const char *id);
/* The bridge's address, subnet and link as they are now; prefix 0 while there is no bridge. */
int net_gateway(struct net *, struct net_address *ret, struct err *e);

/* Makes the bridge and rules if they are missing, and claims an address for container `id`
 * (`wanted`, if it is free and of this network; may be 0). After this, the bridge stays until the
 * claim is released. */
int net_claim(struct net *, const char *id, struct in_addr wanted, struct net_address *ret,
	struct err *e);
/* Exactly `address`. EINVAL: not one of this network; EADDRINUSE: the message names who has it. */
int net_claim_exactly(struct net *, const char *id, struct in_addr address, struct net_address *ret,
	struct err *e);
/* Calls `each` for every address in use. */
int net_each_claim(struct net *, void (*each)(void *arg, const char *id, struct in_addr), void *arg,
	struct err *e);
/* Gives the address of container `id` back (0: all that it has); a missing claim is success. */
int net_release(struct net *, const char *id, struct in_addr address, struct err *e);
/* Makes a veth pair between the bridge and network namespace `netns_fd`, where it is called eth0
 * (or as `interface` says) and gets the address and default route; brings lo up there. `id` (12
 * hexadecimal digits and more) names the host's end. When it returns, packets pass. */
int net_attach(
	struct net *, const char *id, const struct net_address *, int netns_fd, struct err *e);
/* Brings lo up in `netns_fd` (network "none"). */
int net_loopback(int netns_fd, struct err *e);
/* Removes the host's end, and with it the pair, now; a missing one is success. The kernel takes
 * some 30 ms for it, and does it by itself, later, when the namespace goes: not for the hot path.
 */
int net_detach(struct net *, const char *id, struct err *e);
/* Removes it when the net is closed, in a process that nobody waits for. */
void net_detach_at_close(struct net *, const char *id);
/* As net_detach(), with what the container's namespace has of it, at once: for one that goes on
 * running.
 */
int net_disconnect(
	struct net *, const char *id, const struct net_address *, int netns_fd, struct err *e);
/* Gives the namespace a default route by this address, if it has none. */
int net_default_route(const struct net_address *, int netns_fd, struct err *e);
/* Removes bridge, rules and sysctl changes if no address is claimed. Claims of containers for which
 * `alive(arg, id)` is false are released first: it has to be true from before net_claim() on. */
int net_teardown_if_idle(
	struct net *, bool (*alive)(void *arg, const char *id), void *arg, struct err *e);
/* The same for a network that nobody but the living has a claim on. Nothing happens to the default
 * one, which the next container may need at once. */
int net_teardown_if_unused(struct net *, struct err *e);
/* The resolv.conf text for a container on this host: the host's name servers, those on loopback
 * replaced by the ones behind a local stub (systemd-resolved's upstream file) where there are any.
 */
int net_resolv_conf(char **ret, struct err *e);
