#include "base/mem.h"
#include "engine/local/endpoints.h"
#include "net/port.h"

#include <arpa/inet.h>
#include <string.h>

#define NAME          "network"
#define MAX_SIZE      (1 << 20)
#define MAX_ENDPOINTS 64

static json_t *endpoint_to_json(const struct endpoint *p)
{
	char address[INET_ADDRSTRLEN], gateway[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &p->address.address, address, sizeof address);
	inet_ntop(AF_INET, &p->address.gateway, gateway, sizeof gateway);
	return json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:b, s:o}", "network", p->network.name,
		"id", p->network.id, "address", address, "gateway", gateway, "prefix",
		(int)p->address.prefix, "interface", (int)p->address.interface, "no_route",
		(int)p->address.no_route, "aliases", json_from_strv(&p->aliases));
}

int endpoint_file_write(int run_dir, const struct container_net *cn, struct err *e)
{
	auto_json *j = json_object();
	json_t *endpoints = json_array(), *ports = json_array();

	for (size_t i = 0; i < cn->n; i++)
		json_array_append_new(endpoints, endpoint_to_json(&cn->v[i]));
	for (size_t i = 0; i < cn->n_ports; i++) {
		auto_free char *text = net_port_text(&cn->ports[i]);
		json_array_append_new(ports, json_string(text));
	}
	json_object_set_new(j, "version", json_integer(1));
	json_object_set_new(j, "endpoints", endpoints);
	json_object_set_new(j, "ports", ports);
	return json_write_file(run_dir, NAME, j, 0600, FS_VOLATILE, e);
}

static void endpoint_from_json(const json_t *j, struct endpoint *p)
{
	struct net_address *a = &p->address;

	memset(p, 0, sizeof *p);
	p->network.name = xstrdup(json_str(j, "network", ""));
	snprintf(p->network.id, sizeof p->network.id, "%s", json_str(j, "id", ""));
	inet_pton(AF_INET, json_str(j, "address", ""), &a->address);
	inet_pton(AF_INET, json_str(j, "gateway", ""), &a->gateway);
	a->prefix = (unsigned)json_int(j, "prefix", 0) & 31;
	a->interface = (unsigned)json_int(j, "interface", 0) % MAX_ENDPOINTS;
	a->no_route = json_bool(j, "no_route", false);
	net_address_set_mac(a);
	json_get_strv(j, "aliases", &p->aliases);
	p->claimed = true;
}

int endpoint_file_read(struct local *l, const char *id, struct container_net *ret, struct err *e)
{
	auto_free char *path = xasprintf("%s/" NAME, id);
	auto_json *j = NULL;
	const json_t *item;
	size_t i;
	int r = json_read_file(l->dirs.run, path, MAX_SIZE, &j, e);

	if (r == -ENOENT)
		err_clear(e);
	if (r < 0)
		return r;
	*ret = (struct container_net)CONTAINER_NET_INIT;
	json_array_foreach(json_object_get(j, "endpoints"), i, item)
	{
		if (i >= MAX_ENDPOINTS)
			break;
		ret->v = xrealloc_array(ret->v, ret->n + 1, sizeof *ret->v);
		endpoint_from_json(item, &ret->v[ret->n++]);
	}
	json_array_foreach(json_object_get(j, "ports"), i, item)
	{
		struct net_port port;
		const char *text = json_string_value(item);
		if (i >= NET_PORTS_MAX || !text || net_port_parse(text, &port) < 0)
			continue;
		ret->ports = xrealloc_array(ret->ports, ret->n_ports + 1, sizeof *ret->ports);
		ret->ports[ret->n_ports++] = port;
	}
	return 0;
}

int endpoint_open(struct local *l, struct endpoint *p, struct err *e)
{
	auto_net_network n = { 0 };
	struct net *base;
	int r = local_net(l, &base, e);

	if (r == 0)
		r = net_network_load(base, p->network.name, &n, e);
	if (r == 0 && *p->network.id && !str_eq(n.id, p->network.id))
		r = err_set(e, ENOENT, "network '%s' was made anew", p->network.name);
	p->borrowed = r == 0 && str_eq(n.name, "bridge");
	if (p->borrowed)
		p->net = base;
	else if (r < 0 || (r = net_open_network(base, &n, &p->net, e)) < 0)
		return r;
	net_network_release(&p->network);
	p->network = n;
	memset(&n, 0, sizeof n);
	return 0;
}

void endpoint_release(struct endpoint *p)
{
	if (!p->borrowed)
		net_close(p->net);
	net_network_release(&p->network);
	strv_release(&p->aliases);
	memset(p, 0, sizeof *p);
}

size_t endpoints_wanted(const struct container_config *c, struct endpoint_config **ret)
{
	size_t n = 0;
	bool own = str_eq(c->network, "host") || str_eq(c->network, "none") ||
		   str_starts(c->network, "container:");

	*ret = NULL;
	if (own)
		return 0;
	*ret = xcalloc(c->n_endpoints + 1, sizeof **ret);
	/* the first is the one that `network` names, with or without an endpoint of its own */
	if (!c->n_endpoints ||
		(c->endpoints[0].network && !str_eq(c->endpoints[0].network, c->network)))
		(*ret)[n++].network = c->network;
	for (size_t i = 0; i < c->n_endpoints; i++) {
		(*ret)[n] = c->endpoints[i];
		if (!(*ret)[n].network)
			(*ret)[n].network = c->network;
		n++;
	}
	return n;
}

void endpoint_names(const struct container *c, const struct endpoint *p, struct strv *ret)
{
	strv_push(ret, c->config.name);
	strv_pushf(ret, "%.12s", c->id);
	strv_extend(ret, p->aliases.v);
}
