/* What of a configuration's network is refused: conflicts, and what would end up in a file with
 * lines (T21). */
#include "base/mem.h"
#include "engine/local/options.h"

#include <arpa/inet.h>
#include <string.h>

static bool is_protocol(const char *text)
{
	return str_eq(text, "tcp") || str_eq(text, "udp") || str_eq(text, "sctp");
}

static const char *protocol_of(const struct port_config *p)
{
	return p->protocol ? p->protocol : "tcp";
}

static bool same_port(const struct port_config *a, const struct port_config *b)
{
	const char *from = a->host_address ? a->host_address : "0.0.0.0";
	const char *to = b->host_address ? b->host_address : "0.0.0.0";

	return a->host_port && !a->host_port_end && !b->host_port_end &&
	       a->host_port == b->host_port && str_eq(protocol_of(a), protocol_of(b)) &&
	       (str_eq(from, to) || str_eq(from, "0.0.0.0") || str_eq(to, "0.0.0.0")) &&
	       (a->container_port != b->container_port || !str_eq(from, to));
}

static int check_ports(const struct container_config *c, struct err *e)
{
	struct in6_addr address;

	if (c->n_ports > 65536)
		return err_set(e, E2BIG, "%zu published ports are too many", c->n_ports);
	for (size_t i = 0; i < c->n_ports; i++) {
		const struct port_config *p = &c->ports[i];
		if (!is_protocol(protocol_of(p)))
			return err_set(e, EINVAL,
				"'%.20s' is no protocol of a port: tcp, udp or sctp",
				protocol_of(p));
		if (!p->container_port)
			return err_set(e, EINVAL, "port 0 of a container cannot be published");
		if (p->host_port_end && p->host_port_end < p->host_port)
			return err_set(e, EINVAL, "'%u-%u' is no range of ports", p->host_port,
				p->host_port_end);
		if (p->host_address && inet_pton(AF_INET, p->host_address, &address) != 1 &&
			inet_pton(AF_INET6, p->host_address, &address) != 1)
			return err_set(
				e, EINVAL, "'%.60s' is no address of this host", p->host_address);
		for (size_t k = 0; c->n_ports < 1024 && k < i; k++)
			if (same_port(&c->ports[k], p))
				return err_set(
					e, EINVAL, "host port %u is published twice", p->host_port);
	}
	return 0;
}

static int conflict(const char *what, const char *network, struct err *e)
{
	return err_set(e, EINVAL, "network '%.80s' leaves no room for %s", network, what);
}

/* A container on the host's network, on another container's, or on none. */
static int check_foreign(const struct container_config *c, struct err *e)
{
	const bool shared = str_starts(c->network, "container:");
	const char *short_network = shared ? "container" : c->network;

	if (c->n_ports || c->publish_all) {
		conflict("published ports", short_network, e);
		return str_eq(c->network, "host")
			       ? err_hint(e, "leave out -p: its ports are the host's already")
		       : shared ? err_hint(e, "publish them on the container that is joined")
				: err_hint(e, "leave out -p, or choose another network");
	}
	if (c->links.n)
		return conflict("links", short_network, e);
	if (c->mac_address)
		return conflict("a hardware address", short_network, e);
	for (size_t i = 0; i < c->n_endpoints; i++)
		if (c->endpoints[i].address || c->endpoints[i].aliases.n)
			return conflict("addresses and aliases", short_network, e);
	if (shared && (c->dns.n || c->dns_search.n || c->dns_options.n))
		return conflict("name servers of its own", short_network, e);
	if (shared && c->extra_hosts.n)
		return conflict("names of hosts", short_network, e);
	return 0;
}

static bool is_name(const char *text)
{
	size_t n = strlen(text);

	return n >= 1 && n <= 253 &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
		       n;
}

static int check_host(const char *entry, struct err *e)
{
	struct in6_addr parsed;
	size_t n = strcspn(entry, ":");
	auto_free char *name = xstrndup(entry, n);
	const char *address = entry[n] ? entry + n + 1 : "";

	if (is_name(name) &&
		(str_eq(address, "host-gateway") || inet_pton(AF_INET, address, &parsed) == 1 ||
			inet_pton(AF_INET6, address, &parsed) == 1))
		return 0;
	err_set(e, EINVAL, "'%.80s' is no name and address of a host", entry);
	return err_hint(e, "NAME:ADDRESS, or NAME:host-gateway");
}

static int check_names_in_files(const struct container_config *c, struct err *e)
{
	struct in6_addr parsed;

	for (size_t i = 0; i < c->extra_hosts.n; i++)
		if (check_host(c->extra_hosts.v[i], e) < 0)
			return -e->code;
	for (size_t i = 0; i < c->dns.n; i++)
		if (inet_pton(AF_INET, c->dns.v[i], &parsed) != 1 &&
			inet_pton(AF_INET6, c->dns.v[i], &parsed) != 1)
			return err_set(
				e, EINVAL, "'%.60s' is no address of a name server", c->dns.v[i]);
	for (size_t i = 0; i < c->dns_search.n; i++)
		if (!is_name(c->dns_search.v[i]))
			return err_set(
				e, EINVAL, "'%.60s' is no domain to search", c->dns_search.v[i]);
	for (size_t i = 0; i < c->dns_options.n; i++)
		if (!*c->dns_options.v[i] || strlen(c->dns_options.v[i]) > 100 ||
			!str_is_one_line(c->dns_options.v[i]) || strchr(c->dns_options.v[i], ' '))
			return err_set(e, EINVAL, "'%.60s' is no option of resolv.conf(5)",
				c->dns_options.v[i]);
	return 0;
}

static int check_endpoints(const struct container_config *c, struct err *e)
{
	const bool predefined = str_eq(c->network, "bridge") || str_eq(c->network, "default");
	struct in_addr address;

	for (size_t i = 0; i < c->n_endpoints; i++) {
		const struct endpoint_config *p = &c->endpoints[i];
		if (p->address && inet_pton(AF_INET, p->address, &address) != 1)
			return err_set(e, EINVAL, "'%.60s' is no IPv4 address", p->address);
		if (predefined && i == 0 && (p->address || p->aliases.n)) {
			err_set(e, EINVAL, "%s are for networks that you have created",
				p->address ? "chosen addresses" : "aliases");
			return err_hint(e, "redock network create NAME, and --network NAME");
		}
		for (size_t k = 0; k < p->aliases.n; k++)
			if (!is_name(p->aliases.v[k]))
				return err_set(e, EINVAL, "'%.60s' cannot be a network alias",
					p->aliases.v[k]);
	}
	return 0;
}

/* Six bytes; one of a group or of nobody is no interface's (IEEE 802, section 8.2). */
static int check_mac(const char *text, struct err *e)
{
	unsigned mac[6], all = 0;
	int end = 0;

	if (!text)
		return 0;
	if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4],
		    &mac[5], &end) != 6 ||
		text[end] || end != 17 || strspn(text, "0123456789abcdef:") != 17)
		return err_set(e, EINVAL, "'%.40s' is no hardware address", text);
	for (size_t i = 0; i < ARRAY_SIZE(mac); i++)
		all |= mac[i];
	return all && !(mac[0] & 1)
		       ? 0
		       : err_set(e, EINVAL, "'%s' cannot be the address of an interface", text);
}

int options_check_net(const struct container_config *c, struct err *e)
{
	int r = 0;

	if (str_eq(c->network, "host") || str_eq(c->network, "none") ||
		str_starts(c->network, "container:"))
		r = check_foreign(c, e);
	if (r == 0)
		r = check_ports(c, e);
	if (r == 0)
		r = check_names_in_files(c, e);
	if (r == 0)
		r = check_mac(c->mac_address, e);
	return r == 0 ? check_endpoints(c, e) : r;
}
