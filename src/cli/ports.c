#include "cli/ports.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"

#include <string.h>
#include <unistd.h>

/* Whether `b` is the next port after `a` in all respects. */
static bool follows(const struct port_binding *a, const struct port_binding *b)
{
	return str_eq(a->protocol, b->protocol) && b->container_port == a->container_port + 1 &&
	       !a->host_port == !b->host_port &&
	       (!a->host_port || (b->host_port == a->host_port + 1 &&
					 str_eq(a->host_address, b->host_address)));
}

static void add_range(struct str *s, unsigned first, unsigned last)
{
	str_addf(s, "%u", first);
	if (last != first)
		str_addf(s, "-%u", last);
}

static void add_address(struct str *s, const char *address)
{
	str_addf(s, strchr(address, ':') ? "[%s]:" : "%s:", address);
}

char *ports_text(const struct container_info *info)
{
	struct str s = STR_INIT(1 << 20);

	for (size_t i = 0; i < info->n_ports;) {
		const struct port_binding *first = &info->ports[i], *last = first;

		while (++i < info->n_ports && follows(last, &info->ports[i]))
			last = &info->ports[i];
		str_add(&s, s.len ? ", " : "");
		if (first->host_port) {
			add_address(&s, first->host_address);
			add_range(&s, first->host_port, last->host_port);
			str_add(&s, "->");
		}
		add_range(&s, first->container_port, last->container_port);
		str_addf(&s, "/%s", first->protocol);
	}
	return str_take(&s);
}

static bool is_local(const char *address)
{
	return str_starts(address, "127.") || str_eq(address, "::1");
}

void ports_announce(const struct cli *c, const struct container_info *info)
{
	auto_str s = STR_INIT(4096);

	if (!isatty(2))
		return;
	for (size_t i = 0; i < info->n_ports; i++) {
		const struct port_binding *p = &info->ports[i];

		if (!p->host_port || is_local(p->host_address))
			continue;
		str_addf(&s, "%s%u/%s", s.len ? ", " : "", p->host_port, p->protocol);
		if (!str_eq(p->host_address, "0.0.0.0") && !str_eq(p->host_address, "::"))
			str_addf(&s, " of %s", p->host_address);
	}
	if (s.len)
		cli_note(c,
			"reachable from other hosts: %s%s (127.0.0.1:PORT:PORT is for this one "
			"alone)",
			strchr(str_text(&s), ',') ? "ports " : "port ", str_text(&s));
}

void ports_announce_started(const struct cli *c, struct engine *engine, const char *id)
{
	auto_container_info info = { 0 };
	struct err ignored = { 0 };

	if (isatty(2) && !c->quiet && engine_inspect(engine, id, &info, &ignored) >= 0)
		ports_announce(c, &info);
}
