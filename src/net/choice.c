#include "base/mem.h"
#include "net/bridge.h"

static void compare_route(void *arg, const struct subnet *route, int index)
{
	struct conflict *c = arg;

	if ((c->own && index == c->own) || !subnet_overlaps(route, c->candidate))
		return;
	if (!c->found || route->prefix < c->with.prefix)
		c->with = *route;
	c->found = true;
}

int choice_find_conflict(
	struct net *net, const struct subnet *s, int own, struct conflict *ret, struct err *e)
{
	*ret = (struct conflict){ .candidate = s, .own = own };
	return link_routes(&net->route, compare_route, ret, e);
}

struct search {
	uint32_t seed;
	bool taken[1024];
};

static void mark_candidates(void *arg, const struct subnet *route, int index)
{
	struct search *search = arg;
	struct subnet s;

	for (unsigned n = 0; n < ARRAY_SIZE(search->taken); n++) {
		if (!subnet_candidate(search->seed, n, &s))
			break;
		search->taken[n] |= subnet_overlaps(route, &s);
	}
}

static void mark_network(void *arg, const char *name, const struct subnet *s)
{
	mark_candidates(arg, s, 0);
}

int choice_search(struct net *net, struct subnet *ret, struct err *e)
{
	struct search search = { .seed = (uint32_t)subnet_hash(net->bridge) };
	int r = link_routes(&net->route, mark_candidates, &search, e);

	if (r == 0)
		r = networks_each(net, net->name, mark_network, &search, e);
	if (r < 0)
		return r;
	for (unsigned n = 0; n < ARRAY_SIZE(search.taken); n++)
		if (subnet_candidate(search.seed, n, ret) && !search.taken[n])
			return 0;
	err_set(e, EADDRNOTAVAIL, "no network is left that the host has no route to");
	return err_hint(e, "choose one with --subnet, like --subnet 10.200.4.0/22");
}

int choice_make(struct net *net, struct subnet *ret, struct err *e)
{
	char asked[SUBNET_TEXT_SIZE], with[SUBNET_TEXT_SIZE];
	struct conflict c = { .found = true };
	struct subnet s = net->asked;
	int r = 0;

	if (!s.prefix)
		state_recorded_subnet(net, &s);
	if (s.prefix)
		r = choice_find_conflict(net, &s, 0, &c, e);
	if (r < 0)
		return r;
	if (c.found && net->asked.prefix) {
		subnet_format(&s, asked);
		subnet_format(&c.with, with);
		err_set(e, EADDRINUSE, "network '%s' overlaps '%s', to which the host has a route",
			asked, with);
		if (net->user)
			return err_hint(
				e, "remove that route, or make network '%s' anew", net->name);
		return err_hint(e, "another --subnet, or none: then a free one is chosen");
	}
	if (c.found)
		r = choice_search(net, &s, e);
	if (r < 0)
		return r;
	*ret = s;
	return net->user ? 0 : state_record_subnet(net, ret, e);
}
