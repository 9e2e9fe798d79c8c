/* Networks as things of their own: create, list, inspect, remove; and whose they are. */
#include "base/mem.h"
#include "engine/local/endpoints.h"
#include "engine/local/journal.h"

#include <arpa/inet.h>
#include <string.h>

static bool is_word(const char *name)
{
	return str_eq(name, "host") || str_eq(name, "none");
}

/* Networks that are only a way of speaking. */
static void describe_word(const char *name, struct network_info *ret)
{
	memset(ret, 0, sizeof *ret);
	for (size_t i = 0; i + 1 < sizeof ret->id; i++)
		ret->id[i] = str_eq(name, "host") ? '1' : '0';
	ret->name = xstrdup(name);
	ret->driver = xstrdup(str_eq(name, "host") ? "host" : "null");
	ret->subnet = xstrdup("");
	ret->gateway = xstrdup("");
	ret->bridge = xstrdup("");
	ret->predefined = true;
}

struct members {
	struct local *l;
	struct network_info *info;
	unsigned prefix;
};

static void add_member(void *arg, const char *id, struct in_addr address)
{
	const struct members *m = arg;
	struct network_info *info = m->info;
	struct net_address a = { .address = address };
	auto_container c = { 0 };
	struct err ignored = { 0 };
	struct network_member *member;
	char text[INET_ADDRSTRLEN];

	if (container_load(m->l, id, &c, &ignored) < 0)
		return;
	net_address_set_mac(&a);
	endpoint_choose_mac(&c.config, info->name, &a);
	inet_ntop(AF_INET, &address, text, sizeof text);
	info->members = xrealloc_array(info->members, info->n_members + 1, sizeof *info->members);
	member = &info->members[info->n_members++];
	memset(member, 0, sizeof *member);
	memcpy(member->id, c.id, sizeof member->id);
	member->name = xstrdup(c.config.name);
	member->address = xstrdup(text);
	member->mac = xasprintf("%02x:%02x:%02x:%02x:%02x:%02x", a.mac[0], a.mac[1], a.mac[2],
		a.mac[3], a.mac[4], a.mac[5]);
	member->prefix = m->prefix;
}

static int by_member_name(const void *a, const void *b)
{
	const struct network_member *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int describe(struct local *l, struct net *base, const struct net_network *n,
	struct network_info *ret, struct err *e)
{
	struct members m = { l, ret, n->prefix };
	char subnet[INET_ADDRSTRLEN], gateway[INET_ADDRSTRLEN];
	struct net *net = NULL;
	int r = net_open_network(base, n, &net, e);

	if (r < 0)
		return r;
	memset(ret, 0, sizeof *ret);
	memcpy(ret->id, n->id, sizeof ret->id);
	ret->name = xstrdup(n->name);
	ret->driver = xstrdup("bridge");
	inet_ntop(AF_INET, &n->subnet, subnet, sizeof subnet);
	inet_ntop(AF_INET, &n->gateway, gateway, sizeof gateway);
	ret->subnet = n->prefix ? xasprintf("%s/%u", subnet, n->prefix) : xstrdup("");
	ret->gateway = xstrdup(n->prefix ? gateway : "");
	ret->bridge = xstrdup(n->bridge);
	ret->internal = n->internal;
	ret->predefined = str_eq(n->name, "bridge");
	ret->created = n->created;
	strv_extend(&ret->labels, n->labels.v);
	strv_extend(&ret->options, n->options.v);
	r = net_each_claim(net, add_member, &m, e);
	net_close(net);
	if (ret->n_members)
		qsort(ret->members, ret->n_members, sizeof *ret->members, by_member_name);
	if (r < 0)
		network_info_release(ret);
	return r;
}

static int check_driver(const char *driver, struct err *e)
{
	if (!driver || str_eq(driver, "bridge"))
		return 0;
	err_set(e, ENOTSUP, "there is no network driver '%.40s'", driver);
	return err_hint(e, "--driver bridge, or none: it is the only one");
}

int local_network_create(
	struct engine *en, const struct network_config *c, char *ret_id, struct err *e)
{
	struct local *l = local_of(en);
	struct net_network_options o = { c->name, c->subnet, c->gateway, c->internal, c->labels,
		c->options };
	auto_net_network n = { 0 };
	auto_free char *name = NULL;
	struct net *base;
	int r = check_driver(c->driver, e);

	if (r == 0)
		r = local_net(l, &base, e);
	if (r == 0)
		r = net_network_create(base, &o, &n, e);
	if (r < 0)
		return r;
	memcpy(ret_id, n.id, sizeof n.id);
	name = xasprintf("name=%s", n.name);
	journal_add(
		l->run, "network", "create", n.id, (char *[]){ name, (char *)"type=bridge", NULL });
	return 0;
}

int local_network_inspect(
	struct engine *en, const char *name, struct network_info *ret, struct err *e)
{
	struct local *l = local_of(en);
	auto_net_network n = { 0 };
	struct net *base;
	int r;

	if (is_word(name)) {
		describe_word(name, ret);
		return 0;
	}
	r = local_net(l, &base, e);
	if (r == 0)
		r = net_network_load(base, name, &n, e);
	return r < 0 ? r : describe(l, base, &n, ret, e);
}

int local_network_list(struct engine *en, struct network_list *ret, struct err *e)
{
	static const char *const words[] = { "host", "none" };
	struct local *l = local_of(en);
	auto_network_list list = { 0 };
	auto_strv damaged = { 0 };
	struct net_network *all = NULL;
	struct net *base;
	size_t n = 0;
	int r = local_net(l, &base, e);

	if (r == 0)
		r = net_network_list(base, &all, &n, &damaged, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < damaged.n; i++)
		engine_say_to(en, ENGINE_WARNING,
			"the record of network '%s' is damaged; to remove it: redock network rm %s",
			damaged.v[i], damaged.v[i]);
	list.v = xcalloc(n + ARRAY_SIZE(words), sizeof *list.v);
	for (size_t i = 0; i < n; i++) {
		if (r == 0 && (r = describe(l, base, &all[i], &list.v[list.n], e)) == 0)
			list.n++;
		net_network_release(&all[i]);
	}
	free(all);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		describe_word(words[i], &list.v[list.n++]);
	*ret = list;
	list = (struct network_list){ 0 };
	return 0;
}

/* The name of a container, running or not, that is to be on the network; NULL: there is none. */
static char *find_user(struct local *l, const struct net_network *n)
{
	auto_strv ids = { 0 };
	struct err ignored = { 0 };

	if (local_ids(l, &ids, &ignored) < 0)
		return NULL;
	for (size_t i = 0; i < ids.n; i++) {
		auto_container c = { 0 };
		auto_free struct endpoint_config *wanted = NULL;
		size_t count;
		if (container_load(l, ids.v[i], &c, &ignored) < 0)
			continue;
		count = endpoints_wanted(&c.config, &wanted);
		for (size_t k = 0; k < count; k++)
			if (str_eq(wanted[k].network, n->name) || str_eq(wanted[k].network, n->id))
				return xstrdup(c.config.name);
	}
	return NULL;
}

int local_network_remove(struct engine *en, const char *name, struct err *e)
{
	struct local *l = local_of(en);
	auto_net_network n = { 0 };
	auto_free char *user = NULL, *attribute = NULL;
	struct net *base;
	int r = local_net(l, &base, e);

	if (r < 0)
		return r;
	if (is_word(name) || str_eq(name, "bridge") || str_eq(name, "default"))
		return err_set(
			e, EPERM, "network '%s' is always there and cannot be removed", name);
	r = net_network_load(base, name, &n, e);
	if (r == -EBADMSG) {
		err_clear(e);
		return net_network_forget(base, name, e);
	}
	if (r < 0)
		return r;
	if (str_eq(n.name, "bridge"))
		return err_set(e, EPERM, "network 'bridge' is always there and cannot be removed");
	user = find_user(l, &n);
	if (user) {
		err_set(e, EBUSY, "network '%s' is in use by container '%s'", n.name, user);
		return err_hint(e, "redock network disconnect %s %s", n.name, user);
	}
	if ((r = net_network_remove(base, &n, e)) < 0)
		return r;
	attribute = xasprintf("name=%s", n.name);
	journal_add(l->run, "network", "destroy", n.id,
		(char *[]){ attribute, (char *)"type=bridge", NULL });
	return 0;
}

int local_network_check(struct local *l, const struct container_config *c, struct err *e)
{
	auto_free struct endpoint_config *wanted = NULL;
	size_t n = endpoints_wanted(c, &wanted);
	struct net *base;
	int r = 0;

	if (str_starts(c->network, "container:")) {
		char id[ENGINE_ID_SIZE];
		return local_resolve(l, c->network + strlen("container:"), id, e);
	}
	if (n == 0 || (n == 1 && str_eq(wanted[0].network, "bridge")))
		return 0;
	r = local_net(l, &base, e);
	for (size_t i = 0; r == 0 && i < n; i++) {
		auto_net_network network = { 0 };
		if (is_word(wanted[i].network))
			r = err_set(e, EINVAL, "network '%s' cannot be one of several",
				wanted[i].network);
		else
			r = net_network_load(base, wanted[i].network, &network, e);
	}
	return r;
}
