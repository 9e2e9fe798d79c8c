#include "net/net.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "net/bridge.h"
#include "net/claims.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* A name that the kernel takes for a link and nft for a table. */
static int check_bridge_name(const char *name, struct err *e)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	static const char rest[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

	if (name && *name && strlen(name) < IFNAMSIZ && strchr(letters, *name) &&
		strspn(name, rest) == strlen(name))
		return 0;
	err_set(e, EINVAL, "'%.40s' cannot be a bridge's name", name ? name : "");
	return err_hint(e, "a letter, then letters, digits, '-', '_' or '.', 15 at most");
}

struct net *net_new(int root_fd, int base_fd, int run_fd, const char *bridge, const char *name)
{
	struct net *net = xcalloc(1, sizeof *net);

	snprintf(net->bridge, sizeof net->bridge, "%s", bridge);
	snprintf(net->name, sizeof net->name, "%s", name);
	net->claims_fd = -1;
	net->root_fd = fcntl(root_fd, F_DUPFD_CLOEXEC, 3);
	net->base_fd = fcntl(base_fd, F_DUPFD_CLOEXEC, 3);
	net->run_fd = fcntl(run_fd, F_DUPFD_CLOEXEC, 3);
	return net;
}

int net_finish(struct net *net, int r, struct net **ret, struct err *e)
{
	if (r == 0 && (net->root_fd < 0 || net->base_fd < 0 || net->run_fd < 0))
		r = err_errno(e, "cannot open the network's directories");
	if (r == 0)
		r = net->claims_fd = fs_open_dir_make(net->run_fd, "addresses", 0700, e);
	if (r >= 0)
		r = nl_open(&net->route, NETLINK_ROUTE, e);
	if (r < 0) {
		net_close(net);
		return r;
	}
	*ret = net;
	return 0;
}

int net_open(const struct net_options *o, struct net **ret, struct err *e)
{
	struct net *net;
	int r = check_bridge_name(o->bridge, e);

	if (r < 0)
		return r;
	net = net_new(o->root_fd, o->run_fd, o->run_fd, o->bridge, DEFAULT_NETWORK);
	if (o->subnet)
		r = subnet_parse(o->subnet, &net->asked, e);
	return net_finish(net, r, ret, e);
}

/* Each takes the kernel tens of milliseconds, mostly waiting for all processors. All descriptors
 * are closed first: who reads our output is not to wait for it, nor is one of our locks to last. */
static void detach_leaving(struct net *net)
{
	struct err ignored;
	pid_t pid;

	if (net->leaving.n == 0 || (pid = fork()) > 0)
		return;
	if (pid == 0) {
		int keep[] = { mnl_socket_get_fd(net->route.socket) };
		proc_close_others(0, keep, ARRAY_SIZE(keep));
	}
	for (size_t i = 0; i < net->leaving.n; i++)
		net_detach(net, net->leaving.v[i], &ignored);
	if (pid == 0)
		_exit(0);
}

void net_close(struct net *net)
{
	if (!net)
		return;
	detach_leaving(net);
	strv_release(&net->leaving);
	nl_close(&net->route);
	close_fd(&net->claims_fd);
	close_fd(&net->run_fd);
	close_fd(&net->base_fd);
	close_fd(&net->root_fd);
	free(net);
}

static int check_id(const char *id, struct err *e)
{
	if (!*id || strlen(id) > CLAIM_ID_MAX)
		return err_set(e, EINVAL, "'%.64s' is not a container id", id);
	return 0;
}

/* Sees to it that bridge and rules are as they should be; the lock that is held then, or an error.
 */
static int lock_ready(struct net *net, struct bridge_state *s, struct err *e)
{
	auto_close int lock = fs_lock_shared(net->run_fd, LOCK_NAME, -1, e);
	int r = lock < 0 ? lock : bridge_check(net, s, &net->index, e);

	if (r == 0) {
		/* flock(2) cannot upgrade without letting go: so let go, and look again */
		close_fd(&lock);
		lock = fs_lock(net->run_fd, LOCK_NAME, -1, e);
		if (lock < 0)
			return lock;
		r = bridge_check(net, s, &net->index, e);
		if (r == 0)
			r = bridge_ensure(net, s, &net->index, e);
	}
	return r < 0 ? r : take_fd(&lock);
}

void net_address_set_mac(struct net_address *a)
{
	a->mac[0] =
		0x02; /* locally administered, and of the address: an old ARP entry stays true */
	a->mac[1] = 0x52;
	memcpy(a->mac + 2, &a->address.s_addr, 4);
}

bool net_is_attached(struct net *net, const char *id)
{
	char name[VETH_NAME_SIZE];
	struct err ignored = { 0 };
	struct link_info l;

	return bridge_veth_name(net, id, name, &ignored) == 0 &&
	       link_find(&net->route, name, &l, &ignored) == 0;
}

static void set_address(const struct net *net, const struct subnet *s, struct in_addr address,
	struct net_address *ret)
{
	*ret = (struct net_address){ .address = address,
		.gateway = bridge_gateway(net, s),
		.prefix = s->prefix,
		.no_route = net->internal };
	net_address_set_mac(ret);
}

int net_claim(struct net *net, const char *id, struct in_addr wanted, struct net_address *ret,
	struct err *e)
{
	auto_close int lock = -1;
	struct bridge_state s;
	struct in_addr address;
	int r = check_id(id, e);

	if (r < 0 || (lock = lock_ready(net, &s, e)) < 0)
		return -e->code;
	r = claim_take(
		net->claims_fd, &s.subnet, bridge_gateway(net, &s.subnet), id, wanted, &address, e);
	if (r < 0)
		return r;
	set_address(net, &s.subnet, address, ret);
	return 0;
}

int net_claim_exactly(struct net *net, const char *id, struct in_addr address,
	struct net_address *ret, struct err *e)
{
	char text[INET_ADDRSTRLEN], subnet[SUBNET_TEXT_SIZE], owner[CLAIM_ID_MAX + 1];
	auto_close int lock = -1;
	struct bridge_state s;
	struct in_addr gateway;
	int r = check_id(id, e);

	if (r < 0 || (lock = lock_ready(net, &s, e)) < 0)
		return -e->code;
	inet_ntop(AF_INET, &address, text, sizeof text);
	gateway = bridge_gateway(net, &s.subnet);
	if (!subnet_is_usable(&s.subnet, address) || address.s_addr == gateway.s_addr) {
		subnet_format(&s.subnet, subnet);
		return err_set(e, EINVAL,
			"'%s' is not an address that a container can have on '%s'", text, subnet);
	}
	r = claim_exactly(net->claims_fd, address, id, owner, e);
	if (r < 0)
		return r;
	if (r == 0) {
		err_set(e, EADDRINUSE, "address '%s' is container '%.12s''s", text, owner);
		return err_hint(e, "another --ip, or none: then a free one is chosen");
	}
	set_address(net, &s.subnet, address, ret);
	return 0;
}

struct visit {
	void (*each)(void *arg, const char *id, struct in_addr);
	void *arg;
};

static bool visit_one(void *arg, const char *id, struct in_addr address)
{
	const struct visit *v = arg;

	if (*id)
		v->each(v->arg, id, address);
	return true;
}

int net_each_claim(struct net *net, void (*each)(void *arg, const char *id, struct in_addr),
	void *arg, struct err *e)
{
	struct visit v = { each, arg };
	int r = claim_each(net->claims_fd, visit_one, &v, e);

	return r < 0 ? r : 0;
}

int net_gateway(struct net *net, struct net_address *ret, struct err *e)
{
	struct bridge_state s;
	int r = state_load(net, &s, e);

	if (r < 0)
		return r;
	memset(ret, 0, sizeof *ret);
	if (s.subnet.prefix)
		set_address(net, &s.subnet, (struct in_addr){ 0 }, ret);
	return 0;
}

int net_release(struct net *net, const char *id, struct in_addr address, struct err *e)
{
	auto_close int lock = -1;
	int r = check_id(id, e);

	if (r < 0)
		return r;
	/* exclusive: whose claim it is must still be true when the file is removed */
	lock = fs_lock(net->run_fd, LOCK_NAME, -1, e);
	return lock < 0 ? lock : claim_give(net->claims_fd, id, address, e);
}

/* link_make_veth() on the bridge, whose index net_claim() has left here; the bridge that has been
 * made again since then has another one. */
static int make_port(
	struct net *net, const char *name, const struct net_address *a, int netns_fd, struct err *e)
{
	char peer[16];
	struct link_info l;
	int r = -EINVAL;

	snprintf(peer, sizeof peer, "eth%u", a->interface);
	if (net->index)
		r = link_make_veth(&net->route, name, net->index, peer, netns_fd, a->mac);
	if (r != -EINVAL && r != -ENODEV)
		return r;
	r = link_find(&net->route, net->bridge, &l, e);
	if (r < 0)
		return r;
	net->index = l.index;
	return link_make_veth(&net->route, name, l.index, peer, netns_fd, a->mac);
}

int net_attach(
	struct net *net, const char *id, const struct net_address *a, int netns_fd, struct err *e)
{
	char name[VETH_NAME_SIZE], inside[16];
	struct link_setup setup = { .interface = inside,
		.subnet = { ntohl(a->address.s_addr) & ~0U << (32 - a->prefix), a->prefix },
		.address = a->address,
		.gateway = { a->no_route ? 0 : a->gateway.s_addr } };
	int r = bridge_veth_name(net, id, name, e);

	if (r < 0)
		return r;
	snprintf(inside, sizeof inside, "eth%u", a->interface);
	r = make_port(net, name, a, netns_fd, e);
	if (r == -EEXIST) {
		/* of the same container's last run: the kernel is still clearing its namespace away
		 */
		r = link_delete(&net->route, name, e);
		if (r < 0)
			return r;
		r = make_port(net, name, a, netns_fd, e);
	}
	if (r < 0)
		return nl_err(
			e, r, "cannot connect container '%.12s' to bridge '%s'", id, net->bridge);
	r = link_configure(netns_fd, &setup, e);
	if (r >= 0)
		r = link_wait_operational(&net->route, name, e);
	if (r >= 0) /* which, without a port, carried nothing either */
		r = link_wait_operational(&net->route, net->bridge, e);
	if (r < 0)
		link_delete(&net->route, name, &(struct err){ 0 });
	return r;
}

int net_loopback(int netns_fd, struct err *e)
{
	return link_configure(netns_fd, &(struct link_setup){ 0 }, e);
}

int net_detach(struct net *net, const char *id, struct err *e)
{
	char name[VETH_NAME_SIZE];
	int r = bridge_veth_name(net, id, name, e);

	return r < 0 ? r : link_delete(&net->route, name, e);
}

void net_detach_at_close(struct net *net, const char *id)
{
	strv_push(&net->leaving, id);
}

int net_disconnect(
	struct net *net, const char *id, const struct net_address *a, int netns_fd, struct err *e)
{
	char inside[16];
	int r = net_detach(net, id, e);

	snprintf(inside, sizeof inside, "eth%u", a->interface);
	/* when the host's end was gone before, which took this one, there is nothing to do */
	return r < 0 ? r : link_remove_inside(netns_fd, inside, e);
}

int net_default_route(const struct net_address *a, int netns_fd, struct err *e)
{
	char inside[16];

	snprintf(inside, sizeof inside, "eth%u", a->interface);
	return link_route_inside(netns_fd, inside, a->gateway, e);
}

struct alive {
	bool (*alive)(void *arg, const char *id);
	void *arg;
};

static bool is_alive(void *arg, const char *id, struct in_addr address)
{
	const struct alive *a = arg;

	return *id && (!a->alive || a->alive(a->arg, id));
}

int net_teardown_if_idle(
	struct net *net, bool (*alive)(void *arg, const char *id), void *arg, struct err *e)
{
	struct alive a = { alive, arg };
	auto_close int lock = fs_lock(net->run_fd, LOCK_NAME, -1, e);
	int left;

	if (lock < 0)
		return lock;
	left = claim_each(net->claims_fd, is_alive, &a, e);
	if (left < 0)
		return left;
	return left > 0 ? 0 : bridge_remove(net, e);
}

int net_teardown_if_unused(struct net *net, struct err *e)
{
	return net->user ? net_teardown_if_idle(net, NULL, NULL, e) : 0;
}

int net_reload(struct net *net, struct err *e)
{
	auto_close int lock = fs_lock(net->run_fd, LOCK_NAME, -1, e);
	struct bridge_state s;
	int r = lock < 0 ? lock : claim_each(net->claims_fd, NULL, NULL, e);

	if (r <= 0)
		return r;
	if ((r = bridge_ensure(net, &s, &net->index, e)) < 0 || (r = publish_restore(net, e)) < 0)
		return r;
	if (net->user && !names_run(net->run_fd, NAMES_PID_FILE) &&
		(r = names_start(net, bridge_gateway(net, &s.subnet), e)) < 0)
		return r;
	if ((r = firewall_state_read(&s.firewall, e)) < 0)
		return r;
	return state_save(net, &s, e);
}
