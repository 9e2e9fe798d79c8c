#include "net/bridge.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "net/claims.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <fcntl.h>
#include <string.h>

#define ALIAS         "redock"
#define ALIAS_RESTORE "redock: ip_forward was 0"
#define FORWARDING    "/proc/sys/net/ipv4/ip_forward"

/* Locally administered, and of another prefix than containers have, whose last bytes are theirs. */
static void bridge_mac(const char *name, unsigned char mac[LINK_MAC_SIZE])
{
	uint64_t h = subnet_hash(name);

	mac[0] = 0x06;
	mac[1] = 0x52;
	for (int i = 2; i < LINK_MAC_SIZE; i++, h >>= 8)
		mac[i] = (unsigned char)h;
}

int bridge_veth_name(const struct net *net, const char *id, char ret[VETH_NAME_SIZE], struct err *e)
{
	for (int i = 0; i < 12; i++)
		if (!isxdigit((unsigned char)id[i]))
			return err_set(e, EINVAL, "'%.64s' is not a container id", id);
	if (net->user) { /* a container has a port on each of its networks */
		auto_free char *both = xasprintf("%.64s %s", id, net->bridge);
		snprintf(ret, VETH_NAME_SIZE, "rv%012llx",
			(unsigned long long)subnet_hash(both) & 0xffffffffffff);
	} else {
		snprintf(ret, VETH_NAME_SIZE, "rv%.12s", id);
	}
	return 0;
}

struct in_addr bridge_gateway(const struct net *net, const struct subnet *s)
{
	return net->gateway.s_addr ? net->gateway : subnet_gateway(s);
}

/* Finds our bridge. -ENODEV (no error set): none; EEXIST: the name is somebody else's. */
static int find_ours(struct net *net, struct link_info *ret, struct err *e)
{
	unsigned char mac[LINK_MAC_SIZE];
	int r = link_find(&net->route, net->bridge, ret, e);

	if (r < 0)
		return r;
	bridge_mac(net->bridge, mac);
	if (!ret->bridge || memcmp(ret->mac, mac, sizeof mac) != 0) {
		err_set(e, EEXIST, "link '%s' exists and was not made by redock", net->bridge);
		return err_hint(e, "choose another name with --bridge");
	}
	return 0;
}

static int read_forwarding(void)
{
	auto_close int fd = open(FORWARDING, O_RDONLY | O_CLOEXEC);
	char c;

	return fd >= 0 && read(fd, &c, 1) == 1 ? c - '0' : -1;
}

static int write_sysctl(const char *path, const char *value)
{
	auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fs_write_all(fd, value, strlen(value));
}

/* The other bridges of this host. Those made after ours (a larger index) may rely on forwarding, as
 * do other instances'; the older ones did without it. */
struct others {
	const char *name;
	int index;
	bool relying, restore;
};

static void look_at_link(void *arg, const struct link_info *l)
{
	struct others *o = arg;

	if (!l->bridge || str_eq(l->name, o->name))
		return;
	o->relying |= l->up && (l->index > o->index || str_starts(l->alias, ALIAS));
	o->restore |= str_eq(l->alias, ALIAS_RESTORE);
}

/* Whether forwarding was off before redock came: before this bridge, or before another instance's,
 * whose duty to restore it passes on to the last that goes. */
static int find_forwarding(struct net *net, struct bridge_state *s, struct err *e)
{
	struct others o = { .name = net->bridge };
	int now = read_forwarding(), r;

	if (now < 0)
		return err_set(e, EIO, "cannot read '%s'", FORWARDING);
	r = link_list(&net->route, look_at_link, &o, e);
	if (r < 0)
		return r;
	s->restore_forwarding |= now == 0 || o.restore;
	return 0;
}

static int set_forwarding(struct err *e)
{
	int r = read_forwarding() == 1 ? 0 : write_sysctl(FORWARDING, "1\n");

	if (r < 0)
		return nl_err(e, r, "cannot let the host forward packets ('%s')", FORWARDING);
	return 0;
}

struct reconnect {
	struct net *net;
	int index, r;
	struct err *e;
};

static bool reconnect_one(void *arg, const char *id, struct in_addr address)
{
	struct reconnect *c = arg;
	char name[VETH_NAME_SIZE];
	struct err ignored = { 0 };

	if (c->r >= 0 && bridge_veth_name(c->net, id, name, &ignored) == 0) {
		c->r = link_set_master(&c->net->route, name, c->index, c->e);
		if (c->r == -ENODEV)
			c->r = 0;
	}
	return true;
}

/* Makes the bridge, or finishes one whose maker was killed. It comes up last: up means complete. */
static int make_bridge(
	struct net *net, const struct bridge_state *s, bool exists, int *ret_index, struct err *e)
{
	unsigned char mac[LINK_MAC_SIZE];
	struct reconnect again = { .net = net, .e = e };
	struct link_info l;
	char path[80];
	int r;

	bridge_mac(net->bridge, mac);
	if (!exists)
		r = link_make_bridge(&net->route, net->bridge,
			s->restore_forwarding ? ALIAS_RESTORE : ALIAS, mac, e);
	else
		r = 0;
	if (r < 0)
		return r;
	r = find_ours(net, &l, e);
	if (r == -ENODEV)
		return err_set(e, ENODEV, "bridge '%s' has just been removed", net->bridge);
	if (r < 0)
		return r;
	r = link_add_address(&net->route, l.index, &s->subnet, bridge_gateway(net, &s->subnet), e);
	if (r < 0)
		return r;
	/* a container must not make the host its IPv6 client; without IPv6 there is no such file */
	snprintf(path, sizeof path, "/proc/sys/net/ipv6/conf/%s/accept_ra", net->bridge);
	r = write_sysctl(path, "0\n");
	if (r < 0 && r != -ENOENT)
		return nl_err(e, r, "cannot write '%s'", path);
	again.index = l.index;
	r = claim_each(net->claims_fd, reconnect_one, &again, e);
	if (r < 0 || again.r < 0)
		return r < 0 ? r : again.r;
	*ret_index = l.index;
	return link_set_up(&net->route, l.index, e);
}

/* Runs the helper `verb`; what it prints goes to *ret. */
static int run_helper(const struct net *net, char *const *words, struct str *ret, struct err *e)
{
	auto_free char *path = proc_helper_path("redock-net");
	char *argv[8] = { path };
	int r;

	for (size_t i = 0; words[i] && i + 2 < ARRAY_SIZE(argv); i++)
		argv[i + 1] = words[i];
	r = proc_run(argv, ret, e);
	if (r == 0)
		return 0;
	if (r > 0)
		r = -EIO;
	err_wrap(e, "cannot change the firewall rules of bridge '%s'", net->bridge);
	return r;
}

static int sync_rules(struct net *net, struct bridge_state *s, struct err *e)
{
	char subnet[SUBNET_TEXT_SIZE], known[20], gateway[INET_ADDRSTRLEN];
	struct in_addr address = bridge_gateway(net, &s->subnet);
	char *words[] = { "sync", net->bridge, subnet, gateway, known, NULL };
	auto_str out = STR_INIT(256);
	unsigned generation, legacy;
	unsigned long long rules;
	int made, r;

	if (net->user)
		words[0] = net->internal ? "sync-internal" : "sync-user";
	inet_ntop(AF_INET, &address, gateway, sizeof gateway);
	subnet_format(&s->subnet, subnet);
	snprintf(known, sizeof known, "%016llx", (unsigned long long)s->rules);
	r = run_helper(net, words, &out, e);
	if (r < 0)
		return r;
	if (sscanf(str_text(&out), "%u %u %llx %d", &generation, &legacy, &rules, &made) != 4)
		return err_set(
			e, EPROTO, "the helper 'redock-net' is of another version of redock");
	s->firewall = (struct firewall_state){ generation, legacy };
	s->rules = rules;
	if (made && (r = publish_restore(net, e)) != 0) {
		/* our own change: who made another one meanwhile is noticed by the next command */
		if (r < 0 || (r = firewall_state_read(&s->firewall, e)) < 0)
			return r;
	}
	return 0;
}

static bool is_asked_for(const struct net *net, const struct subnet *s)
{
	return !net->asked.prefix ||
	       (net->asked.prefix == s->prefix && net->asked.first == s->first);
}

static bool keep(void *arg, const char *id, struct in_addr address)
{
	return true;
}

static bool drop(void *arg, const char *id, struct in_addr address)
{
	return false;
}

/* Decides the subnet in *s. A bridge that has to have another one is removed, if nobody uses it. */
static int settle_subnet(
	struct net *net, struct bridge_state *s, struct link_info *l, bool *exists, struct err *e)
{
	char text[SUBNET_TEXT_SIZE];
	struct conflict c = { 0 };
	int claims = claim_each(net->claims_fd, keep, NULL, e), r = 0;

	if (claims < 0)
		return claims;
	if (s->subnet.prefix && claims > 0) {
		if (is_asked_for(net, &s->subnet))
			return 0;
		subnet_format(&s->subnet, text);
		err_set(e, EBUSY, "bridge '%s' has network '%s' and is in use", net->bridge, text);
		return err_hint(e, "stop its containers first, or leave out --subnet");
	}
	if (*exists && s->subnet.prefix && is_asked_for(net, &s->subnet)) {
		r = choice_find_conflict(net, &s->subnet, l->index, &c, e);
		if (r < 0 || !c.found)
			return r;
	}
	if (*exists)
		r = link_delete(&net->route, net->bridge, e);
	*exists = false;
	return r < 0 ? r : choice_make(net, &s->subnet, e);
}

int bridge_ensure(struct net *net, struct bridge_state *ret, int *ret_index, struct err *e)
{
	struct bridge_state s = { 0 };
	struct link_info l;
	bool exists;
	int r;

	if (state_is_stale(net)) { /* a reboot has taken everything that it tells of */
		r = claim_each(net->claims_fd, drop, NULL, e);
		if (r < 0 || (r = state_remove(net, e)) < 0)
			return r;
		publish_forget(net);
	}
	r = find_ours(net, &l, e);
	if (r < 0 && r != -ENODEV)
		return r;
	exists = r == 0;
	if ((r = state_load(net, &s, e)) < 0 || (r = settle_subnet(net, &s, &l, &exists, e)) < 0 ||
		(r = find_forwarding(net, &s, e)) < 0)
		return r;
	/* what will have to be undone is written down before it is done */
	if ((r = state_save(net, &s, e)) < 0 || (r = set_forwarding(e)) < 0)
		return r;
	if (exists && l.up)
		*ret_index = l.index;
	else if ((r = make_bridge(net, &s, exists, ret_index, e)) < 0)
		return r;
	if ((r = sync_rules(net, &s, e)) < 0)
		return r;
	*ret = s;
	return state_save(net, &s, e);
}

int bridge_check(struct net *net, struct bridge_state *ret, int *ret_index, struct err *e)
{
	struct firewall_state now;
	struct bridge_state s;
	struct link_info l;
	int r;

	if ((r = state_load(net, &s, e)) < 0)
		return r;
	if (!s.subnet.prefix || !s.rules || !is_asked_for(net, &s.subnet))
		return 0;
	r = find_ours(net, &l, e);
	if (r == -ENODEV)
		return 0;
	if (r < 0)
		return r;
	if (!l.up || read_forwarding() != 1)
		return 0;
	if ((r = firewall_state_read(&now, e)) < 0)
		return r;
	if (now.generation != s.firewall.generation || now.legacy != s.firewall.legacy)
		return 0;
	*ret = s;
	*ret_index = l.index;
	return 1;
}

/* Off again, unless another bridge has come to rely on it. */
static int restore_forwarding(struct net *net, int index, struct err *e)
{
	struct others o = { .name = net->bridge, .index = index };
	int r = link_list(&net->route, look_at_link, &o, e);

	if (r < 0 || o.relying || read_forwarding() != 1)
		return r;
	r = write_sysctl(FORWARDING, "0\n");
	if (r < 0)
		return nl_err(e, r, "cannot restore '%s'", FORWARDING);
	return 0;
}

int bridge_remove(struct net *net, struct err *e)
{
	char *words[] = { "remove", net->bridge, NULL };
	bool exists, stale = state_is_stale(net);
	struct bridge_state s = { 0 };
	struct link_info l;
	int r = find_ours(net, &l, e);

	if (r < 0 && r != -ENODEV)
		return r;
	exists = r == 0;
	if (!stale && (r = state_load(net, &s, e)) < 0)
		return r;
	names_stop(net);
	if (!exists && !s.subnet.prefix)
		return state_remove(net, e);
	if ((r = run_helper(net, words, NULL, e)) < 0)
		return r;
	if (exists && (r = link_delete(&net->route, net->bridge, e)) < 0)
		return r;
	if (s.restore_forwarding && (r = restore_forwarding(net, exists ? l.index : 0, e)) < 0)
		return r;
	return state_remove(net, e);
}
