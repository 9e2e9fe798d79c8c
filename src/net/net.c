#include "net/net.h"
#include "base/fs.h"
#include "base/mem.h"
#include "net/bridge.h"
#include "net/claims.h"

#include <fcntl.h>
#include <string.h>

#define LOCK_NAME "lock" /* shared: an address is being claimed; exclusive: the host is changed */

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

int net_open(const struct net_options *o, struct net **ret, struct err *e)
{
	struct net *net;
	int r = check_bridge_name(o->bridge, e);

	if (r < 0)
		return r;
	net = xcalloc(1, sizeof *net);
	snprintf(net->bridge, sizeof net->bridge, "%s", o->bridge);
	net->claims_fd = -1;
	net->root_fd = fcntl(o->root_fd, F_DUPFD_CLOEXEC, 3);
	net->run_fd = fcntl(o->run_fd, F_DUPFD_CLOEXEC, 3);
	if (net->root_fd < 0 || net->run_fd < 0)
		r = err_errno(e, "cannot open the network's directories");
	if (r == 0 && o->subnet)
		r = subnet_parse(o->subnet, &net->asked, e);
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

void net_close(struct net *net)
{
	if (!net)
		return;
	nl_close(&net->route);
	close_fd(&net->claims_fd);
	close_fd(&net->run_fd);
	close_fd(&net->root_fd);
	free(net);
}

static int check_id(const char *id, struct err *e)
{
	if (!*id || strlen(id) > CLAIM_ID_MAX)
		return err_set(e, EINVAL, "'%.64s' is not a container id", id);
	return 0;
}

int net_claim(struct net *net, const char *id, struct in_addr wanted, struct net_address *ret,
	struct err *e)
{
	auto_close int lock = -1;
	struct bridge_state s;
	struct in_addr address;
	int r = check_id(id, e);

	if (r < 0)
		return r;
	lock = fs_lock_shared(net->run_fd, LOCK_NAME, -1, e);
	if (lock < 0)
		return lock;
	r = bridge_check(net, &s, &net->index, e);
	if (r < 0)
		return r;
	if (r == 0) {
		/* flock(2) cannot upgrade without letting go: so let go, and look again */
		close_fd(&lock);
		lock = fs_lock(net->run_fd, LOCK_NAME, -1, e);
		if (lock < 0)
			return lock;
		r = bridge_check(net, &s, &net->index, e);
		if (r == 0)
			r = bridge_ensure(net, &s, &net->index, e);
		if (r < 0)
			return r;
	}
	r = claim_take(net->claims_fd, &s.subnet, id, wanted, &address, e);
	if (r < 0)
		return r;
	ret->address = address;
	ret->gateway = subnet_gateway(&s.subnet);
	ret->prefix = s.subnet.prefix;
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

static void container_mac(struct in_addr address, unsigned char mac[LINK_MAC_SIZE])
{
	mac[0] = 0x02; /* locally administered, and of the address: an old ARP entry stays true */
	mac[1] = 0x52;
	memcpy(mac + 2, &address.s_addr, 4);
}

/* link_make_veth() on the bridge, whose index net_claim() has left here; the bridge that has been
 * made again since then has another one. */
static int make_port(
	struct net *net, const char *name, int netns_fd, const unsigned char *mac, struct err *e)
{
	struct link_info l;
	int r = -EINVAL;

	if (net->index)
		r = link_make_veth(&net->route, name, net->index, netns_fd, mac);
	if (r != -EINVAL && r != -ENODEV)
		return r;
	r = link_find(&net->route, net->bridge, &l, e);
	if (r < 0)
		return r;
	net->index = l.index;
	return link_make_veth(&net->route, name, l.index, netns_fd, mac);
}

int net_attach(
	struct net *net, const char *id, const struct net_address *a, int netns_fd, struct err *e)
{
	struct subnet s = { ntohl(a->gateway.s_addr) - 1, a->prefix };
	unsigned char mac[LINK_MAC_SIZE];
	char name[VETH_NAME_SIZE];
	int r = bridge_veth_name(id, name, e);

	if (r < 0)
		return r;
	container_mac(a->address, mac);
	r = make_port(net, name, netns_fd, mac, e);
	if (r == -EEXIST) {
		/* of the same container's last run: the kernel is still clearing its namespace away
		 */
		r = link_delete(&net->route, name, e);
		if (r < 0)
			return r;
		r = make_port(net, name, netns_fd, mac, e);
	}
	if (r < 0)
		return nl_err(
			e, r, "cannot connect container '%.12s' to bridge '%s'", id, net->bridge);
	r = link_configure(netns_fd, &s, &a->address, a->gateway, e);
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
	return link_configure(netns_fd, NULL, NULL, (struct in_addr){ 0 }, e);
}

int net_detach(struct net *net, const char *id, struct err *e)
{
	char name[VETH_NAME_SIZE];
	int r = bridge_veth_name(id, name, e);

	return r < 0 ? r : link_delete(&net->route, name, e);
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
