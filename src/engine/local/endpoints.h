#pragma once
/*
 * A container's part in networks: what it claims before it is started, what is made once its
 * network namespace is there, and what is given back.
 *
 * What a running container has beyond one address on the default network is in the file `network`
 * of its run directory; the program that takes it all back at its end removes that file last.
 */
#include "engine/local/local.h"
#include "runtime/spec.h"

struct endpoint {
	struct net *net; /* owned, but the default network's, which is the engine's */
	bool borrowed;
	struct net_network network;
	struct net_address address;
	struct strv aliases;
	bool claimed;
};

struct container_net {
	struct endpoint *v; /* in the order of eth0, eth1, ... */
	size_t n;
	struct net_port *ports;
	size_t n_ports;
	struct reserved_ports reserved;
	int shared_netns; /* container:NAME's; else -1 */
	char shared[ENGINE_ID_SIZE];
};
#define CONTAINER_NET_INIT                                                                         \
	{                                                                                          \
		.shared_netns = -1                                                                 \
	}
/* Reserves the ports, then claims addresses; puts into `spec` what the monitor has to know of it.
 * After a failure container_net_release() gives everything back. */
int container_net_claim(struct local *, const struct container *, struct spec *spec, int run_dir,
	struct container_net *ret, struct err *e);
/* Makes the links in `netns` (a new one), publishes the ports, tells the name servers. */
int container_net_attach(
	struct local *, const struct container *, struct container_net *, int netns, struct err *e);
/* One on several user networks has a name server of its own, which knows them all, and so has one
 * with --dns, as the networks' servers ask the host's; others do not need one. The nets are open.
 * With `keep` one that runs is left as it is. */
int container_net_names(const struct container *, const struct container_net *, int netns,
	bool keep, struct err *e);
bool container_net_own_server(const struct container *, const struct container_net *);
/* How many of its networks have a name server. */
size_t container_net_named(const struct container_net *);
/* `failed`: with the claims; else they are the monitor's to give back. */
void container_net_release(
	struct local *, const struct container *, struct container_net *, bool failed);

/* The network that ports are published on, and whose gateway is the way out; NULL: none is. */
struct endpoint *container_net_way_out(struct container_net *);
/* What a container that has ended still has, if its monitor could not see to it. */
void container_net_end(struct local *, const char *id);

/* endpoint_file.c: <run>/containers/<id>/network */
int endpoint_file_write(int run_dir, const struct container_net *, struct err *e);
/* The nets are not opened. -ENOENT sets no error: it has but the default network, or does not run.
 */
int endpoint_file_read(struct local *, const char *id, struct container_net *ret, struct err *e);
/* Opens v[i].net of what was read. -ENOENT: the network is no more. */
int endpoint_open(struct local *, struct endpoint *, struct err *e);
void endpoint_release(struct endpoint *);
/* The hardware address that was chosen for `network`, if one was. */
void endpoint_choose_mac(
	const struct container_config *, const char *network, struct net_address *);
/* The networks that a container wants: its `endpoints`, or its `network` alone. The array is freed
 * by the caller, the strings are the configuration's. */
size_t endpoints_wanted(const struct container_config *, struct endpoint_config **ret);
/* Names that it has on a user network. */
void endpoint_names(const struct container *, const struct endpoint *, struct strv *ret);
/* What a running container is on; the nets are not opened. */
int endpoints_running(struct local *, const struct container *, const struct run_state *,
	struct container_net *ret, struct err *e);
/* reload.c: container `c` was called `from`: its networks, and who names it, learn its name. */
int local_network_renamed(
	struct local *, const struct container *c, const char *from, struct err *e);
/* Container `id` has been started: those that are linked to it learn its address. Costs next to
 * nothing where nobody was ever linked to it (its file `linked` says so). */
void local_tell_linked(struct local *, const char *id);
/* The namespace of a running container: of the process that it was, not of another with its number.
 */
int container_netns(const struct run_state *, struct err *e);

/* ports.c */
/* The ports that a container is to have, reserved; of its configuration and `exposed`. */
int ports_reserve(
	struct local *, const struct container *, struct container_net *ret, struct err *e);

void ports_describe(
	const struct container *, const struct container_net *, struct container_info *ret);

/* etc.c */
int etc_write(struct local *, const struct container *, struct container_net *, struct spec *,
	struct err *e);
/* The texts of the two files as a start writes them. `live`: the container runs, and a link that
 * leads nowhere now is left out. */
int etc_hosts(struct local *, const struct container *, struct container_net *, bool live,
	struct str *out, struct strv *env, struct err *e);
int etc_resolv(
	const struct container *, const struct container_net *, struct str *out, struct err *e);

/* etc_update.c */
/* For one that runs and was connected to a network, or disconnected from one (`gone`, else NULL):
 * its hosts and resolv.conf. */
int etc_update(struct local *, const struct container *, struct container_net *,
	const struct net_address *gone, struct err *e);
/* For one that runs and is linked to container `linked`, which has been started again: its hosts.
 */
int etc_update_link(struct local *, const struct container *, struct container_net *,
	const char *linked, struct err *e);
