/* What networks and others know of running containers, said again: after somebody has removed it,
 * and after a container has been given another name or another address. */
#include "base/mem.h"
#include "engine/local/endpoints.h"

#include <fcntl.h>
#include <string.h>

static int reload_one(void *arg, struct net *net)
{
	struct err *first = arg, e = { 0 };

	if (net_reload(net, &e) < 0 && !first->code)
		*first = e;
	return 0;
}

/* Its names, on every user network that it is on; `cn`'s nets are opened. */
static int tell_names(
	struct local *l, const struct container *c, struct container_net *cn, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < cn->n; i++) {
		struct endpoint *p = &cn->v[i];
		auto_strv names = { 0 };
		if (str_eq(p->network.name, "bridge"))
			continue;
		if (!p->net && (r = endpoint_open(l, p, e)) < 0)
			return r;
		endpoint_names(c, p, &names);
		r = net_names_add(p->net, c->id, p->address.address, names.v, e);
	}
	return r;
}

/* Each network as it is on record; those that are not are what is left of removed ones. */
static int reload_networks(struct net *base, struct err *first, struct err *e)
{
	struct net_network *all = NULL;
	size_t n = 0;
	int r = net_network_list(base, &all, &n, NULL, e);

	for (size_t i = 0; i < n; i++) {
		struct net *net = NULL;
		if (r == 0)
			r = net_open_network(base, &all[i], &net, e);
		if (r == 0)
			reload_one(first, net);
		net_close(net);
		net_network_release(&all[i]);
	}
	free(all);
	return r;
}

static int reload_container(struct local *l, const char *id, struct err *e)
{
	auto_close int run_dir = local_run_dir(l, id, e), lock = -1, netns = -1;
	struct container_net cn = CONTAINER_NET_INIT;
	struct local_status status;
	auto_container c = { 0 };
	int r;

	if (run_dir < 0 || (lock = fs_lock(run_dir, "lock", -1, e)) < 0)
		return -e->code;
	if ((r = container_load(l, id, &c, e)) < 0 || (r = local_status(l, &c, &status, e)) < 0)
		return r;
	if (status.state != CONTAINER_RUNNING && status.state != CONTAINER_PAUSED)
		return 0;
	if ((r = netns = container_netns(&status.run, e)) < 0)
		return r;
	r = endpoints_running(l, &c, &status.run, &cn, e);
	for (size_t i = 0; r >= 0 && i < cn.n; i++) {
		struct endpoint *p = &cn.v[i];
		r = endpoint_open(l, p, e);
		if (r == 0 && !net_is_attached(p->net, id)) {
			r = net_attach(p->net, id, &p->address, netns, e);
			if (r == 0)
				r = net_reload(p->net, e); /* its port, for hairpins */
		}
	}
	if (r >= 0)
		r = tell_names(l, &c, &cn, e);
	if (r >= 0)
		r = container_net_names(&c, &cn, netns, true, e);
	container_net_release(l, &c, &cn, false);
	return r < 0 ? err_wrap(e, "container '%s'", c.config.name) : 0;
}

int local_network_reload(struct engine *en, struct err *e)
{
	struct local *l = local_of(en);
	struct err first = { 0 }, one;
	auto_strv ids = { 0 };
	struct net *base;
	int r = local_net(l, &base, e);

	if (r == 0)
		r = reload_networks(base, &first, e);
	if (r == 0)
		r = local_ids(l, &ids, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ids.n; i++) {
		one = (struct err){ 0 };
		r = reload_container(l, ids.v[i], &one);
		if (r < 0 && r != -ENOENT && r != -ESRCH && !first.code)
			first = one;
	}
	*e = first;
	return first.code ? -first.code : 0;
}

/* ---- rename ---- */

/* "OLD" or "OLD:ALIAS" is to say NEW, under the same alias; "container:OLD", too. */
static bool rename_in(struct container_config *c, const char *from, const char *to)
{
	size_t len = strlen(from);
	bool changed = false;

	for (size_t i = 0; i < c->links.n; i++) {
		char *link = c->links.v[i];
		if (strncmp(link, from, len) != 0 || (link[len] && link[len] != ':'))
			continue;
		c->links.v[i] = xasprintf("%s:%s", to, link[len] ? link + len + 1 : from);
		free(link);
		changed = true;
	}
	if (str_starts(c->network, "container:") &&
		str_eq(c->network + strlen("container:"), from)) {
		free(c->network);
		c->network = xasprintf("container:%s", to);
		changed = true;
	}
	return changed;
}

/* Another container may be linked to it, or have its network. Most are not: they are not locked. */
static int rename_elsewhere(
	struct local *l, const char *id, const char *from, const char *to, struct err *e)
{
	auto_close int run_dir = -1, lock = -1, dir = -1;
	auto_container seen = { 0 }, c = { 0 };

	if (container_load(l, id, &seen, e) < 0)
		return -e->code;
	if (!rename_in(&seen.config, from, to))
		return 0;
	if ((run_dir = local_run_dir(l, id, e)) < 0 ||
		(lock = fs_lock(run_dir, "lock", -1, e)) < 0 || container_load(l, id, &c, e) < 0 ||
		(dir = fs_open_dir(l->dirs.containers, id, e)) < 0)
		return -e->code;
	rename_in(&c.config, from, to);
	return container_save(&c, dir, c.config.auto_remove ? FS_VOLATILE : FS_DURABLE, e);
}

int local_network_renamed(
	struct local *l, const struct container *c, const char *from, struct err *e)
{
	auto_close int run_dir = local_run_dir(l, c->id, e), lock = -1;
	struct container_net cn = CONTAINER_NET_INIT;
	struct local_status status;
	auto_strv ids = { 0 };
	int r;

	if (run_dir < 0 || (lock = fs_lock(run_dir, "lock", -1, e)) < 0 ||
		local_status(l, c, &status, e) < 0)
		return -e->code;
	if (status.state == CONTAINER_RUNNING || status.state == CONTAINER_PAUSED) {
		r = endpoints_running(l, c, &status.run, &cn, e);
		if (r >= 0)
			r = tell_names(l, c, &cn, e);
		container_net_release(l, c, &cn, false);
		if (r < 0)
			return r;
	}
	close_fd(&lock);
	r = local_ids(l, &ids, e);
	for (size_t i = 0; r >= 0 && i < ids.n; i++) {
		struct err gone = { 0 };
		if (!str_eq(ids.v[i], c->id))
			rename_elsewhere(l, ids.v[i], from, c->config.name, &gone);
	}
	return r < 0 ? r : 0;
}

/* ---- links ---- */

/* Links are kept by id: "ID:ALIAS". */
static bool is_linked_to(const struct container *c, const char *id)
{
	for (size_t i = 0; i < c->config.links.n; i++)
		if (str_starts(c->config.links.v[i], id))
			return true;
	return false;
}

static int tell_linked(struct local *l, const char *id, const struct container *to, struct err *e)
{
	auto_close int run_dir = -1, lock = -1;
	struct container_net cn = CONTAINER_NET_INIT;
	struct local_status status;
	auto_container c = { 0 };
	int r;

	if (container_load(l, id, &c, e) < 0 || !is_linked_to(&c, to->id))
		return 0; /* damaged, or gone: another command's business */
	if ((run_dir = local_run_dir(l, id, e)) < 0 ||
		(lock = fs_lock(run_dir, "lock", -1, e)) < 0 || local_status(l, &c, &status, e) < 0)
		return -e->code;
	if (status.state != CONTAINER_RUNNING && status.state != CONTAINER_PAUSED)
		return 0; /* its own start reads the address */
	r = endpoints_running(l, &c, &status.run, &cn, e);
	if (r >= 0)
		r = etc_update_link(l, &c, &cn, to->id, e);
	container_net_release(l, &c, &cn, false);
	return r < 0 ? err_wrap(e, "container '%s' does not learn the new address of '%s'",
			       c.config.name, to->config.name)
		     : 0;
}

void local_tell_linked(struct local *l, const char *id)
{
	auto_free char *mark = xasprintf("%s/linked", id);
	struct err e = { 0 };
	auto_container c = { 0 };
	auto_strv ids = { 0 };

	if (faccessat(l->dirs.containers, mark, F_OK, AT_SYMLINK_NOFOLLOW) < 0 ||
		container_load(l, id, &c, &e) < 0 || local_ids(l, &ids, &e) < 0)
		return;
	for (size_t i = 0; i < ids.n; i++) {
		struct err why = { 0 };
		if (!str_eq(ids.v[i], id) && tell_linked(l, ids.v[i], &c, &why) < 0 &&
			why.code != ENOENT)
			engine_say_to(&l->engine, ENGINE_WARNING, "%s", why.text);
	}
}
