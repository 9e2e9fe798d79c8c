/* A container that changes its networks, running or not. */
#include "base/mem.h"
#include "engine/local/endpoints.h"
#include "engine/local/journal.h"
#include "engine/local/seen.h"

#include <arpa/inet.h>
#include <string.h>

#define DEFAULT_NETWORK "bridge"

/* A container that is being changed: its lock is held. */
struct net_change {
	struct local *l;
	struct container c;
	struct local_status status;
	struct net_network network;
	struct container_net cn;  /* while it runs */
	int run_dir, lock, netns; /* netns: -1 unless it runs */
};

static void change_release(struct net_change *ch)
{
	container_net_release(ch->l, &ch->c, &ch->cn, false);
	net_network_release(&ch->network);
	container_release(&ch->c);
	close_fd(&ch->netns);
	close_fd(&ch->lock);
	close_fd(&ch->run_dir);
}

/* What a container without a file has while it runs: an address on the default network. */
static int default_endpoint(struct local *l, const struct container *c, const struct run_state *run,
	struct container_net *cn, struct err *e)
{
	struct net *base;
	struct net_address a;
	struct endpoint *p;

	*cn = (struct container_net)CONTAINER_NET_INIT;
	if (!*run->address)
		return 0;
	if (!l->gateway.prefix &&
		(local_net(l, &base, e) < 0 || net_gateway(base, &l->gateway, e) < 0))
		return -e->code;
	a = l->gateway;
	inet_pton(AF_INET, run->address, &a.address);
	net_address_set_mac(&a);
	cn->v = xcalloc(1, sizeof *cn->v);
	p = &cn->v[cn->n++];
	p->network.name = xstrdup(DEFAULT_NETWORK);
	p->address = a;
	p->claimed = true;
	return 0;
}

int endpoints_running(struct local *l, const struct container *c, const struct run_state *run,
	struct container_net *cn, struct err *e)
{
	struct seen *seen = seen_is_at(l->seen, c->id) ? l->seen : NULL;
	struct err none = { 0 };
	int r = seen && seen_lacks(seen, "network") ? -ENOENT
						    : endpoint_file_read(l, c->id, cn, &none);

	if (r == -ENOENT && seen)
		seen_keep_lack(seen, "network");
	if (r < 0 && default_endpoint(l, c, run, cn, e) < 0)
		return -e->code;
	for (size_t i = 0; i < cn->n; i++)
		endpoint_choose_mac(&c->config, cn->v[i].network.name, &cn->v[i].address);
	return 0;
}

static int change_begin(
	struct local *l, const char *id, const char *network, struct net_change *ch, struct err *e)
{
	struct net *base;
	int r;

	*ch = (struct net_change){ .l = l, .cn = CONTAINER_NET_INIT, .lock = -1, .netns = -1 };
	ch->run_dir = local_run_dir(l, id, e);
	if (ch->run_dir < 0 || (ch->lock = fs_lock(ch->run_dir, "lock", -1, e)) < 0)
		return -e->code;
	if ((r = container_load(l, id, &ch->c, e)) < 0 ||
		(r = local_status(l, &ch->c, &ch->status, e)) < 0)
		return r;
	if (str_eq(network, "host") || str_eq(network, "none"))
		return err_set(
			e, EINVAL, "'%s' is no network that one can be connected to", network);
	if (str_eq(ch->c.config.network, "host") || str_starts(ch->c.config.network, "container:"))
		return err_set(e, EINVAL,
			"container '%s' has the network of %s, and cannot have another",
			ch->c.config.name,
			str_eq(ch->c.config.network, "host") ? "the host" : "another container");
	if ((r = local_net(l, &base, e)) < 0 ||
		(r = net_network_load(base, network, &ch->network, e)) < 0)
		return r;
	if (ch->status.state != CONTAINER_RUNNING && ch->status.state != CONTAINER_PAUSED)
		return 0;
	if ((r = ch->netns = container_netns(&ch->status.run, e)) < 0)
		return r;
	return endpoints_running(l, &ch->c, &ch->status.run, &ch->cn, e);
}

/* Writes the endpoints down for the next start. */
static int save(struct net_change *ch, struct err *e)
{
	auto_close int dir = fs_open_dir(ch->l->dirs.containers, ch->c.id, e);

	if (dir < 0)
		return dir;
	return container_save(&ch->c, dir, ch->c.config.auto_remove ? FS_VOLATILE : FS_DURABLE, e);
}

static struct endpoint_config *find_wanted(struct container_config *c, const struct net_network *n)
{
	for (size_t i = 0; i < c->n_endpoints; i++)
		if (str_eq(c->endpoints[i].network, n->name) ||
			str_eq(c->endpoints[i].network, n->id))
			return &c->endpoints[i];
	return NULL;
}

/* Makes every network of the configuration an endpoint of its own. */
static void spell_out(struct container_config *c)
{
	auto_free struct endpoint_config *wanted = NULL;
	size_t n = endpoints_wanted(c, &wanted);
	struct endpoint_config *v = xcalloc(n + 1, sizeof *v);

	for (size_t i = 0; i < n; i++) {
		v[i].network = xstrdup(wanted[i].network);
		v[i].address = wanted[i].address ? xstrdup(wanted[i].address) : NULL;
		strv_extend(&v[i].aliases, wanted[i].aliases.v);
	}
	for (size_t i = 0; i < c->n_endpoints; i++) {
		free(c->endpoints[i].network);
		free(c->endpoints[i].address);
		strv_release(&c->endpoints[i].aliases);
	}
	free(c->endpoints);
	c->endpoints = v;
	c->n_endpoints = n;
}

static unsigned free_interface(const struct container_net *cn)
{
	unsigned n = 0;

	for (size_t i = 0; i < cn->n; i++)
		if (cn->v[i].address.interface == n) {
			n++;
			i = (size_t)-1; /* from the beginning */
		}
	return n;
}

/* What it asks for names, after its networks have changed; `gone` is the address that it had. */
static int update_names(struct net_change *ch, const struct net_address *gone, struct err *e)
{
	struct container_net *cn = &ch->cn;
	int r = 0;

	for (size_t i = 0; r == 0 && i < cn->n; i++)
		if (!cn->v[i].net)
			r = endpoint_open(ch->l, &cn->v[i], e);
	if (r == 0)
		r = container_net_names(&ch->c, cn, ch->netns, false, e);
	return r == 0 ? etc_update(ch->l, &ch->c, cn, gone, e) : r;
}

/* The running container's side of it. */
static int join(struct net_change *ch, const struct endpoint_config *wanted, struct err *e)
{
	struct container_net *cn = &ch->cn;
	struct endpoint *p;
	struct in_addr address;
	auto_strv names = { 0 };
	bool routed = container_net_way_out(cn);
	int r;

	cn->v = xrealloc_array(cn->v, cn->n + 1, sizeof *cn->v);
	p = &cn->v[cn->n++];
	memset(p, 0, sizeof *p);
	p->network.name = xstrdup(ch->network.name);
	strv_extend(&p->aliases, wanted->aliases.v);
	if ((r = endpoint_open(ch->l, p, e)) < 0)
		return r;
	if (wanted->address && inet_pton(AF_INET, wanted->address, &address) == 1)
		r = net_claim_exactly(p->net, ch->c.id, address, &p->address, e);
	else
		r = net_claim(p->net, ch->c.id, (struct in_addr){ 0 }, &p->address, e);
	if (r < 0)
		return r;
	cn->n--;
	p->address.interface = free_interface(cn);
	cn->n++;
	p->address.no_route |= routed;
	/* before the link: whoever cleans up after us has to know of it */
	r = endpoint_file_write(ch->run_dir, cn, e);
	if (r == 0)
		r = net_attach(p->net, ch->c.id, &p->address, ch->netns, e);
	if (r == 0 && !str_eq(p->network.name, DEFAULT_NETWORK)) {
		endpoint_names(&ch->c, p, &names);
		r = net_names_add(p->net, ch->c.id, p->address.address, names.v, e);
	}
	return r == 0 ? update_names(ch, NULL, e) : r;
}

static void say(struct net_change *ch, const char *action)
{
	auto_free char *container = xasprintf("container=%s", ch->c.id);
	auto_free char *name = xasprintf("name=%s", ch->network.name);

	journal_add(ch->l->run, "network", action, ch->network.id,
		(char *[]){ container, name, (char *)"type=bridge", NULL });
}

static int leave(struct net_change *ch, size_t at, struct err *e);

static int connect_it(struct net_change *ch, const struct endpoint_config *wanted, struct err *e)
{
	struct container_config *c = &ch->c.config;
	struct endpoint_config *p;
	struct err ignored = { 0 };
	int r;

	if (str_eq(c->network, "none")) {
		free(c->network);
		c->network = xstrdup(ch->network.name);
		c->n_endpoints = 0;
	} else {
		spell_out(c);
		if (find_wanted(c, &ch->network))
			return err_set(e, EEXIST, "container '%s' is on network '%s' already",
				c->name, ch->network.name);
	}
	if (str_eq(ch->network.name, DEFAULT_NETWORK) && (wanted->address || wanted->aliases.n))
		return err_set(e, EINVAL,
			"aliases and addresses are for networks made with "
			"'network create'");
	p = container_config_add_endpoint(c);
	p->network = xstrdup(ch->network.name);
	p->address = wanted->address ? xstrdup(wanted->address) : NULL;
	strv_extend(&p->aliases, wanted->aliases.v);
	r = ch->netns < 0 ? 0 : join(ch, wanted, e);
	if (r == 0)
		r = save(ch, e);
	if (r < 0 && ch->netns >= 0 && ch->cn.n)
		leave(ch, ch->cn.n - 1, &ignored);
	return r;
}

int local_network_connect(
	struct engine *en, const char *name, const struct endpoint_config *wanted, struct err *e)
{
	struct local *l = local_of(en);
	char id[ENGINE_ID_SIZE];
	struct net_change ch;
	int r = local_resolve(l, name, id, e);

	if (r < 0)
		return r;
	r = change_begin(l, id, wanted->network, &ch, e);
	if (r == 0)
		r = connect_it(&ch, wanted, e);
	if (r == 0)
		say(&ch, "connect");
	change_release(&ch);
	return r;
}

/* Another network takes over what the one that went had: the way out, and the ports. */
static int take_over(struct net_change *ch, bool had_ports, struct err *e)
{
	struct container_net *cn = &ch->cn;
	struct endpoint *out = container_net_way_out(cn);
	int r = 0;

	for (size_t i = 0; !out && i < cn->n; i++)
		if (!cn->v[i].network.internal)
			out = &cn->v[i];
	if (!out)
		return 0;
	if (out->address.no_route) {
		out->address.no_route = false;
		r = net_default_route(&out->address, ch->netns, e);
	}
	if (r == 0 && had_ports && cn->n_ports)
		r = net_publish(
			out->net, ch->c.id, out->address.address, cn->ports, cn->n_ports, e);
	return r;
}

/* The running container's side: endpoint `at` goes. */
static int leave(struct net_change *ch, size_t at, struct err *e)
{
	struct container_net *cn = &ch->cn;
	bool was_out = container_net_way_out(cn) == &cn->v[at];
	struct endpoint gone = cn->v[at];
	const struct net_address gone_address = gone.address;
	struct err ignored = { 0 };
	int r = 0;

	if (was_out && cn->n_ports)
		net_unpublish(gone.net, ch->c.id, &ignored);
	memmove(&cn->v[at], &cn->v[at + 1], (cn->n - at - 1) * sizeof *cn->v);
	cn->n--;
	if (gone.net) {
		net_names_remove(gone.net, ch->c.id, &ignored);
		r = net_disconnect(gone.net, ch->c.id, &gone.address, ch->netns, e);
		if (r == 0)
			r = net_release(gone.net, ch->c.id, gone.address.address, e);
		net_teardown_if_unused(gone.net, &ignored);
	}
	endpoint_release(&gone);
	if (r == 0 && was_out)
		r = take_over(ch, true, e);
	if (r == 0)
		r = endpoint_file_write(ch->run_dir, cn, e);
	return r == 0 ? update_names(ch, &gone_address, e) : r;
}

static int disconnect_running(struct net_change *ch, struct err *e)
{
	struct container_net *cn = &ch->cn;
	int r = 0;

	for (size_t i = 0; r == 0 && i < cn->n; i++)
		r = endpoint_open(ch->l, &cn->v[i], e);
	for (size_t i = 0; r == 0 && i < cn->n; i++)
		if (str_eq(cn->v[i].network.id, ch->network.id))
			return leave(ch, i, e);
	return r;
}

static void forget(struct container_config *c, struct endpoint_config *p)
{
	size_t at = (size_t)(p - c->endpoints);
	bool was_first = str_eq(p->network, c->network);

	free(p->network);
	free(p->address);
	strv_release(&p->aliases);
	memmove(p, p + 1, (c->n_endpoints - at - 1) * sizeof *p);
	c->n_endpoints--;
	if (was_first) /* the address was for that network */
		free(take_ptr(&c->mac_address));
	free(c->network);
	c->network = xstrdup(c->n_endpoints ? c->endpoints[0].network : "none");
}

static int disconnect_it(struct net_change *ch, bool force, struct err *e)
{
	struct container_config *c = &ch->c.config;
	struct endpoint_config *p;
	int r;

	spell_out(c);
	p = find_wanted(c, &ch->network);
	if (!p && !force) {
		err_set(e, ENOENT, "container '%s' is not on network '%s'", c->name,
			ch->network.name);
		return err_hint(e, "redock inspect %s", c->name);
	}
	if (p)
		forget(c, p);
	r = ch->netns < 0 ? 0 : disconnect_running(ch, e);
	return r < 0 && !force ? r : save(ch, e);
}

int local_network_disconnect(
	struct engine *en, const char *name, const char *network, bool force, struct err *e)
{
	struct local *l = local_of(en);
	char id[ENGINE_ID_SIZE];
	struct net_change ch;
	int r = local_resolve(l, name, id, e);

	if (r < 0)
		return r;
	r = change_begin(l, id, network, &ch, e);
	if (r == 0)
		r = disconnect_it(&ch, force, e);
	if (r == 0)
		say(&ch, "disconnect");
	change_release(&ch);
	return r;
}

/* ---- what there is of a running container's networks ---- */

static void describe_endpoint(const struct endpoint *p, struct endpoint_info *ret)
{
	const struct net_address *a = &p->address;
	char text[INET_ADDRSTRLEN];

	ret->network = xstrdup(p->network.name);
	ret->network_id = xstrdup(p->network.id);
	inet_ntop(AF_INET, &a->address, text, sizeof text);
	ret->address = xstrdup(text);
	inet_ntop(AF_INET, &a->gateway, text, sizeof text);
	ret->gateway = xstrdup(a->gateway.s_addr ? text : "");
	ret->mac = xasprintf("%02x:%02x:%02x:%02x:%02x:%02x", a->mac[0], a->mac[1], a->mac[2],
		a->mac[3], a->mac[4], a->mac[5]);
	ret->prefix = a->prefix;
	strv_extend(&ret->aliases, p->aliases.v);
}

static void describe_wanted(const struct endpoint_config *w, struct endpoint_info *ret)
{
	ret->network = xstrdup(w->network);
	ret->network_id = xstrdup("");
	ret->address = xstrdup("");
	ret->gateway = xstrdup("");
	ret->mac = xstrdup("");
	strv_extend(&ret->aliases, w->aliases.v);
}

int local_network_info(struct local *l, const struct container *c, const struct run_state *run,
	struct container_info *ret, struct err *e)
{
	auto_free struct endpoint_config *wanted = NULL;
	struct container_net cn = CONTAINER_NET_INIT;
	size_t n = run ? 0 : endpoints_wanted(&c->config, &wanted);
	int r = run ? endpoints_running(l, c, run, &cn, e) : 0;

	if (r < 0)
		return r;
	ret->n_endpoints = run ? cn.n : n;
	ret->endpoints = xcalloc(ret->n_endpoints + 1, sizeof *ret->endpoints);
	for (size_t i = 0; i < cn.n; i++)
		describe_endpoint(&cn.v[i], &ret->endpoints[i]);
	for (size_t i = 0; i < n; i++)
		describe_wanted(&wanted[i], &ret->endpoints[i]);
	if (run)
		ports_describe(c, &cn, ret);
	container_net_release(l, c, &cn, false);
	return 0;
}
