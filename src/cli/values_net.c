/* Ports, addresses, names of hosts and networks. */
#include "base/mem.h"
#include "base/str.h"
#include "cli/values.h"
#include "engine/engine.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#define PORTS_MAX 16384 /* of one container */

struct range {
	uint16_t first, last;
};

static int parse_range(const char *text, bool zero, struct range *ret)
{
	const char *dash = strchr(text, '-');
	auto_free char *from = dash ? xstrndup(text, (size_t)(dash - text)) : xstrdup(text);
	uint64_t first, last;

	if (str_to_u64(from, zero ? 0 : 1, UINT16_MAX, &first) < 0)
		return -EINVAL;
	last = first;
	if (dash && str_to_u64(dash + 1, first, UINT16_MAX, &last) < 0)
		return -EINVAL;
	*ret = (struct range){ (uint16_t)first, (uint16_t)last };
	return 0;
}

/* Cuts "/udp" off `text`; "tcp" when there is none. */
static const char *take_protocol(char *text, struct err *e)
{
	static const char *const known[] = { "tcp", "udp", "sctp" };
	char *slash = strchr(text, '/');

	if (!slash)
		return known[0];
	*slash = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strcasecmp(slash + 1, known[i]) == 0)
			return known[i];
	err_set(e, EINVAL, "'%s' is no protocol", slash + 1);
	err_hint(e, "tcp or udp");
	return NULL;
}

static int bad_port(const char *text, struct err *e)
{
	err_set(e, EINVAL, "'%s' is no port", text);
	return err_hint(e, "[ADDRESS:][HOST_PORT:]PORT[/udp], each from 1 to 65535, or a range");
}

/* Cuts the address off *text: "1.2.3.4:rest", "[::1]:rest", ":rest" (all addresses). */
static int take_address(char **text, char **ret, struct err *e)
{
	char *p = *text, *end, *address = p;
	unsigned char binary[16];
	int family = AF_INET;

	if (*p == '[') {
		address = p + 1;
		end = strchr(p, ']');
		family = AF_INET6;
		if (!end || end[1] != ':')
			return err_set(e, EINVAL, "'%s' has no ']:' after the address", p);
		*end++ = '\0';
	} else {
		end = strchr(p, ':');
	}
	*end = '\0';
	*text = end + 1;
	if (!*address)
		return 0;
	if (inet_pton(family, address, binary) != 1) {
		err_set(e, EINVAL, "'%s' is no address", address);
		return err_hint(e, "an IPv4 address of this host, such as 127.0.0.1");
	}
	*ret = xstrdup(address);
	return 0;
}

static int add_ports(struct container_config *config, const struct range *container,
	const struct range *host, const char *protocol, const char *address, struct err *e)
{
	unsigned inside = container->last - container->first;
	unsigned outside = host->last - host->first;
	bool any_of = inside == 0 && outside > 0;

	if (inside != outside && !any_of && host->first)
		return err_set(e, EINVAL, "the two ranges differ in length: %u and %u ports",
			outside + 1, inside + 1);
	if (config->n_ports + inside + 1 > PORTS_MAX)
		return err_set(e, E2BIG, "more than %d published ports", PORTS_MAX);
	for (unsigned i = 0; i <= inside; i++) {
		struct port_config *p = container_config_add_port(config);

		p->protocol = xstrdup(protocol);
		p->host_address = address ? xstrdup(address) : NULL;
		p->container_port = (uint16_t)(container->first + i);
		p->host_port = host->first ? (uint16_t)(host->first + i) : 0;
		p->host_port_end = any_of ? host->last : 0;
	}
	return 0;
}

int value_publish(const char *text, void *config, struct err *e)
{
	auto_free char *copy = xstrdup(text), *address = NULL;
	struct range inside, outside = { 0 };
	const char *protocol = take_protocol(copy, e);
	char *rest = copy, *last;

	if (!protocol)
		return -EINVAL;
	last = strrchr(copy, ':');
	if (last) {
		bool with_address = *copy == '[' || memchr(copy, ':', (size_t)(last - copy));

		if (with_address && take_address(&rest, &address, e) < 0)
			return -EINVAL;
		last = strrchr(rest, ':');
		if (last)
			*last++ = '\0';
		if (last && *rest && parse_range(rest, true, &outside) < 0)
			return bad_port(rest, e);
		rest = last ? last : rest;
	}
	if (parse_range(rest, false, &inside) < 0)
		return bad_port(rest, e);
	return add_ports(config, &inside, &outside, protocol, address, e);
}

int value_expose(const char *text, void *config, struct err *e)
{
	auto_free char *copy = xstrdup(text);
	struct container_config *c = config;
	const char *protocol = take_protocol(copy, e);
	struct range range;

	if (!protocol)
		return -EINVAL;
	if (parse_range(copy, false, &range) < 0) {
		err_set(e, EINVAL, "'%s' is no port", text);
		return err_hint(e, "PORT[/udp] or FIRST-LAST, from 1 to 65535");
	}
	if (c->exposed.n + range.last - range.first > PORTS_MAX)
		return err_set(e, E2BIG, "more than %d exposed ports", PORTS_MAX);
	for (unsigned port = range.first; port <= range.last; port++) {
		auto_free char *entry = xasprintf("%u/%s", port, protocol);
		if (!strv_has(&c->exposed, entry))
			strv_push(&c->exposed, entry);
	}
	return 0;
}

int value_address(const char *text, void *ret_text, struct err *e)
{
	struct in_addr binary;

	if (inet_pton(AF_INET, text, &binary) != 1) {
		err_set(e, EINVAL, "'%s' is no IPv4 address", text);
		return err_hint(e, "four numbers, such as 172.20.0.5");
	}
	*(const char **)ret_text = text;
	return 0;
}

int value_mac(const char *text, void *ret_text, struct err *e)
{
	bool good = strlen(text) == 17;

	for (size_t i = 0; good && i < 17; i++)
		good = i % 3 == 2 ? text[i] == ':' : text[i] && strchr("0123456789abcdef", text[i]);
	if (!good) {
		err_set(e, EINVAL, "'%s' is no hardware address", text);
		return err_hint(e, "six bytes, such as 02:42:ac:11:00:02");
	}
	*(const char **)ret_text = text;
	return 0;
}

int value_address_push(const char *text, void *ret_strv, struct err *e)
{
	unsigned char binary[16];

	if (inet_pton(AF_INET, text, binary) != 1 && inet_pton(AF_INET6, text, binary) != 1)
		return err_set(e, EINVAL, "'%s' is no IP address", text);
	strv_push(ret_strv, text);
	return 0;
}

/* Letters, digits, dashes, dots and the underscores that people use. */
static bool is_name(const char *text, size_t len)
{
	return len > 0 && len < 254 && text[0] != '-' && text[0] != '.' &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			    "0123456789_.-") >= len;
}

int value_name_push(const char *text, void *ret_strv, struct err *e)
{
	if (!is_name(text, strlen(text)) && !str_eq(text, ".")) {
		err_set(e, EINVAL, "'%s' is no name of a host or domain", text);
		return err_hint(e, "letters, digits, - _ and dots");
	}
	strv_push(ret_strv, text);
	return 0;
}

int value_host_push(const char *text, void *ret_strv, struct err *e)
{
	size_t name = strcspn(text, ":=");
	const char *address = text[name] ? text + name + 1 : "";
	size_t len = strlen(address);
	auto_free char *bare = *address == '[' && address[len - 1] == ']'
				       ? xstrndup(address + 1, len - 2)
				       : xstrdup(address);
	unsigned char binary[16];

	if (!is_name(text, name) ||
		(!str_eq(bare, "host-gateway") && inet_pton(AF_INET, bare, binary) != 1 &&
			inet_pton(AF_INET6, bare, binary) != 1)) {
		err_set(e, EINVAL, "'%s' is no host and address", text);
		return err_hint(e, "NAME:ADDRESS; the address may be host-gateway");
	}
	strv_pushf(ret_strv, "%.*s:%s", (int)name, text, bare);
	return 0;
}

int value_link_push(const char *text, void *ret_strv, struct err *e)
{
	size_t name = strcspn(text, ":");
	const char *alias = text[name] ? text + name + 1 : NULL;

	if (!is_name(text, name) || (alias && !is_name(alias, strlen(alias)))) {
		err_set(e, EINVAL, "'%s' is no link", text);
		return err_hint(e, "CONTAINER or CONTAINER:ALIAS");
	}
	strv_push(ret_strv, text);
	return 0;
}

/* ---- --network ---- */

static int set_network(struct container_config *c, const char *name, struct err *e)
{
	struct endpoint_config *endpoint;
	bool container = str_starts(name, "container:");

	if (str_eq(name, "default"))
		name = "bridge";
	if (container ? !name[strlen("container:")] : !is_name(name, strlen(name))) {
		err_set(e, EINVAL, "'%s' is no network", name);
		return err_hint(
			e, "bridge, none, host, container:NAME, or one of: redock network ls");
	}
	for (size_t i = 0; i < c->n_endpoints; i++)
		if (str_eq(c->endpoints[i].network, name))
			return err_set(e, EINVAL, "network '%s' is given twice", name);
	endpoint = container_config_add_endpoint(c);
	endpoint->network = xstrdup(name);
	if (!c->network)
		c->network = xstrdup(name);
	return 0;
}

static int network_field(struct endpoint_config *endpoint, const char *field, struct err *e)
{
	const char *address;

	if (str_starts(field, "alias="))
		return value_name_push(field + strlen("alias="), &endpoint->aliases, e);
	if (str_starts(field, "ip=")) {
		if (value_address(field + strlen("ip="), &address, e) < 0)
			return -EINVAL;
		free(endpoint->address);
		endpoint->address = xstrdup(address);
		return 0;
	}
	if (str_starts(field, "name="))
		return 0;
	err_set(e, EINVAL, "'%s' is no field of a network", field);
	return err_hint(e, "name=NETWORK,alias=NAME,ip=ADDRESS");
}

int value_attach_network(const char *text, void *config, struct err *e)
{
	struct container_config *c = config;
	auto_strv fields = { 0 };
	const char *name = NULL;
	int r;

	if (!str_starts(text, "name=") && !strstr(text, ",name="))
		return set_network(c, text, e);
	for (const char *p = text; *p;) {
		size_t len = strcspn(p, ",");

		strv_push_take(&fields, xstrndup(p, len));
		p += len + (p[len] == ',');
	}
	for (size_t i = 0; i < fields.n; i++)
		if (str_starts(fields.v[i], "name="))
			name = fields.v[i] + strlen("name=");
	r = set_network(c, name, e);
	for (size_t i = 0; i < fields.n && r == 0; i++)
		r = network_field(&c->endpoints[c->n_endpoints - 1], fields.v[i], e);
	return r;
}
