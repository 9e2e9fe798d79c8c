/* Which ports of the host a container gets. */
#include "base/conf.h"
#include "base/mem.h"
#include "engine/local/endpoints.h"
#include "net/port.h"

#include <arpa/inet.h>
#include <string.h>

struct wanted_port {
	struct net_port port;
	uint16_t end; /* of the range that the host's is in, 0: none */
};
struct wanted_ports {
	struct wanted_port v[NET_PORTS_MAX];
	size_t n;
};

static int add(struct wanted_ports *w, const struct wanted_port *p, struct err *e)
{
	if (w->n == NET_PORTS_MAX)
		return err_set(
			e, E2BIG, "a container can publish %d ports, not more", NET_PORTS_MAX);
	w->v[w->n++] = *p;
	return 0;
}

/* What -p without an address means: every one, or what the person has configured. */
static int default_address(struct in_addr *ret, struct err *e)
{
	auto_free char *text = NULL;
	int r = conf_get("publish_address", &text, e);

	ret->s_addr = INADDR_ANY;
	if (r <= 0)
		return r;
	if (inet_pton(AF_INET, text, ret) == 1)
		return 0;
	err_set(e, EINVAL, "publish_address '%.60s' of redock.conf is not an IPv4 address", text);
	return err_hint(e, "publish_address = 127.0.0.1");
}

static int add_configured(const struct port_config *c, struct in_addr otherwise,
	struct wanted_ports *w, struct err *e)
{
	struct wanted_port p = { .port = { .host_address = otherwise,
					 .host_port = c->host_port,
					 .container_port = c->container_port },
		.end = c->host_port_end };
	int protocol = net_protocol_parse(c->protocol ? c->protocol : "tcp");

	if (protocol < 0)
		return err_set(e, EINVAL, "'%.20s' is not a protocol that has ports", c->protocol);
	p.port.protocol = (uint8_t)protocol;
	if (c->host_address && *c->host_address &&
		inet_pton(AF_INET, c->host_address, &p.port.host_address) != 1) {
		err_set(e, ENOTSUP, "'%.60s' is not an IPv4 address, and containers have no other",
			c->host_address);
		return err_hint(e, "an address of this host that 'ip -4 address' shows");
	}
	return add(w, &p, e);
}

/* "80", "80/udp", "7000-7010/tcp" */
static int parse_exposed(const char *text, uint64_t *from, uint64_t *to, uint8_t *ret_protocol)
{
	auto_free char *copy = xstrdup(text);
	char *slash = strchr(copy, '/'), *dash;
	int protocol;

	if (slash)
		*slash++ = '\0';
	protocol = net_protocol_parse(slash ? slash : "tcp");
	dash = strchr(copy, '-');
	if (dash)
		*dash++ = '\0';
	if (protocol < 0 || str_to_u64(copy, 1, UINT16_MAX, from) < 0 ||
		str_to_u64(dash ? dash : copy, *from, UINT16_MAX, to) < 0)
		return -EINVAL;
	*ret_protocol = (uint8_t)protocol;
	return 0;
}

static bool has(const struct wanted_ports *w, uint8_t protocol, uint64_t port)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->v[i].port.protocol == protocol && w->v[i].port.container_port == port)
			return true;
	return false;
}

static int add_exposed(
	const char *text, struct in_addr address, struct wanted_ports *w, struct err *e)
{
	uint64_t from, to;
	uint8_t protocol;
	int r = 0;

	if (parse_exposed(text, &from, &to, &protocol) < 0)
		return err_set(e, EINVAL, "'%.40s' is not a port", text);
	for (; r == 0 && from <= to; from++) {
		struct wanted_port p = { .port = { protocol, address, 0, (uint16_t)from } };
		if (!has(w, protocol, from))
			r = add(w, &p, e);
	}
	return r;
}

/* One port, or the first of a range that is free. */
static int reserve_one(struct wanted_port *p, struct err *e)
{
	struct err first = { 0 };
	int fd = net_port_reserve(&p->port, e);

	while (fd == -EADDRINUSE && p->port.host_port < p->end) {
		if (!first.code)
			first = *e;
		p->port.host_port++;
		fd = net_port_reserve(&p->port, e);
	}
	if (fd == -EADDRINUSE && first.code)
		err_wrap(e, "no port up to %u is free", p->end);
	return fd;
}

int ports_reserve(
	struct local *l, const struct container *c, struct container_net *cn, struct err *e)
{
	auto_free struct wanted_ports *w = NULL;
	struct in_addr address;
	int r;

	if (!c->config.n_ports && !c->config.publish_all)
		return 0;
	w = xcalloc(1, sizeof *w);
	r = default_address(&address, e);
	for (size_t i = 0; r == 0 && i < c->config.n_ports; i++)
		r = add_configured(&c->config.ports[i], address, w, e);
	for (size_t i = 0; r == 0 && c->config.publish_all && i < c->config.exposed.n; i++)
		r = add_exposed(c->config.exposed.v[i], address, w, e);
	cn->ports = xcalloc(w->n, sizeof *cn->ports);
	cn->reserved.fds = xcalloc(w->n, sizeof *cn->reserved.fds);
	for (size_t i = 0; r == 0 && i < w->n; i++) {
		int fd = reserve_one(&w->v[i], e);
		if (fd < 0)
			return err_wrap(e, "cannot publish port %u/%s", w->v[i].port.container_port,
				net_protocol_text(w->v[i].port.protocol));
		cn->reserved.fds[cn->reserved.n++] = fd;
		cn->ports[cn->n_ports++] = w->v[i].port;
	}
	return r;
}

static void add_binding(struct container_info *ret, const struct net_port *p)
{
	char address[INET_ADDRSTRLEN];
	struct port_binding *b;

	ret->ports = xrealloc_array(ret->ports, ret->n_ports + 1, sizeof *ret->ports);
	b = &ret->ports[ret->n_ports++];
	inet_ntop(AF_INET, &p->host_address, address, sizeof address);
	*b = (struct port_binding){ .protocol = xstrdup(net_protocol_text(p->protocol)),
		.container_port = p->container_port,
		.host_port = p->host_port,
		.host_address = xstrdup(p->host_port ? address : "") };
}

void ports_describe(
	const struct container *c, const struct container_net *cn, struct container_info *ret)
{
	for (size_t i = 0; i < cn->n_ports; i++)
		add_binding(ret, &cn->ports[i]);
	for (size_t i = 0; i < c->config.exposed.n; i++) {
		uint64_t from, to;
		uint8_t protocol;
		if (parse_exposed(c->config.exposed.v[i], &from, &to, &protocol) < 0 ||
			to - from > NET_PORTS_MAX)
			continue;
		for (; from <= to; from++) {
			bool published = false;
			for (size_t k = 0; k < cn->n_ports; k++)
				published |= cn->ports[k].protocol == protocol &&
					     cn->ports[k].container_port == from;
			if (!published)
				add_binding(ret, &(struct net_port){ .protocol = protocol,
							 .container_port = (uint16_t)from });
		}
	}
}

int local_check_ports(struct engine *en, const struct container_config *config, struct err *e)
{
	struct local *l = local_of(en);
	struct container c = { .config = *config }; /* borrowed */
	struct container_net cn = CONTAINER_NET_INIT;
	int r = ports_reserve(l, &c, &cn, e);

	container_net_release(l, &c, &cn, false);
	return r;
}
